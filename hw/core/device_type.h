// DeviceType: one row a kind of device that users can name: what it is called, where it fits, its properties
// and how it is made. A device class gives
//
//     struct Config { ... };                              // plain data, its defaults
//     static constexpr std::array kProps = {prop<Config, &Config::x>("x", "what it is"), ...};
//     static constexpr DeviceInfo kInfo = {.name = "isa-debugcon", .bus = "ISA", .category = ...};
//     static Result<std::unique_ptr<X>> create(const Config&, DeviceEnv&, const std::string& id);
//     static Status check(const Config&);                 // optional: what can be said without a machine
//
// and its folder's register_*_types() adds device_type<X>() to DeviceTypes.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>

#include "hw/core/device.h"
#include "hw/core/device_env.h"
#include "qom/property_table.h"

namespace vmm {

enum class DeviceCategory { Bridge, Usb, Storage, Network, Input, Display, Sound, Misc, Cpu, Watchdog };
std::string_view to_text(DeviceCategory category);

struct DeviceInfo {
    std::string_view name;
    std::string_view parent = "device";  // the type it derives from
    std::string_view bus = {};           // the type of bus it plugs into
    std::string_view description = {};
    DeviceCategory category = DeviceCategory::Misc;
    std::string_view alias = {};  // a second name
    bool hotpluggable = true;
    bool user_creatable = true;
};

// A Config of any device.
class AnyConfig {
  public:
    virtual ~AnyConfig() = default;
    virtual void* data() = 0;
    const void* data() const { return const_cast<AnyConfig*>(this)->data(); }
};

template <typename C>
class ConfigOf final : public AnyConfig {
  public:
    void* data() override { return &value; }
    C value;
};

struct DeviceType {
    DeviceInfo info;
    PropertyTable properties;
    std::unique_ptr<AnyConfig> (*make_config)();
    Status (*check)(const void* config);
    Result<std::unique_ptr<Device>> (*create)(const void* config, DeviceEnv& env, const std::string& id);
};

template <typename D>
concept CheckedDevice = requires(const typename D::Config& config) {
    { D::check(config) } -> std::same_as<Status>;
};

template <typename D>
constexpr DeviceType device_type() {
    using Config = typename D::Config;
    return {
        .info = D::kInfo,
        .properties = D::kProps,
        .make_config = []() -> std::unique_ptr<AnyConfig> { return std::make_unique<ConfigOf<Config>>(); },
        .check = [](const void* config) -> Status {
            if constexpr (CheckedDevice<D>) {
                return D::check(*static_cast<const Config*>(config));
            } else {
                (void)config;
                return {};
            }
        },
        .create = [](const void* config, DeviceEnv& env,
                     const std::string& id) -> Result<std::unique_ptr<Device>> {
            return D::create(*static_cast<const Config*>(config), env, id);
        }};
}

// A device that the board makes and users only set defaults of (-global): its class has Config, kProps and
// kInfo.
template <typename D>
constexpr DeviceType board_device_type() {
    using Config = typename D::Config;
    return {
        .info = D::kInfo,
        .properties = D::kProps,
        .make_config = []() -> std::unique_ptr<AnyConfig> { return std::make_unique<ConfigOf<Config>>(); },
        .check = [](const void*) -> Status { return {}; },
        .create = [](const void*, DeviceEnv&, const std::string&) -> Result<std::unique_ptr<Device>> {
            return Error::make("'%s' is the board's own", D::kInfo.name.data());
        }};
}

// All kinds of device, by name. Filled at start, constant afterwards.
class DeviceTypes {
  public:
    void add(const DeviceType& type);
    // Under a name that is made at run time; the table keeps it.
    void add_named(std::string name, DeviceType type);
    // By name or alias.
    const DeviceType* find(std::string_view name) const;
    // In the order of names.
    const std::vector<DeviceType>& all() const { return types_; }

  private:
    std::vector<DeviceType> types_;
    std::vector<std::shared_ptr<const std::string>> names_;  // of add_named()
};

}  // namespace vmm
