// CpuDevice (MODEL-x86_64-cpu): a processor that the user plugs in, at start (-device) or later (device_add),
// by its place in the topology of -smp. The model is the machine's (-cpu), which this device cannot differ
// from. What makes it run is its socket, hw/i386/cpu_sockets.h.
//
// Missing: features of its own; they are those of -cpu.
// Thread: main.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "hw/core/device_type.h"

namespace vmm {

class CpuDevice final : public Device {
    struct Token {};

  public:
    struct Config {
        std::optional<int32_t> socket_id, die_id, core_id, thread_id, node_id;
        std::optional<uint32_t> apic_id;
    };
    static constexpr std::string_view kBus = "CPU", kMaxType = "max-x86_64-cpu";
    static constexpr std::array kProps = {
        prop<Config, &Config::socket_id>("socket-id", "its socket"),
        prop<Config, &Config::die_id>("die-id", "its die in the socket"),
        prop<Config, &Config::core_id>("core-id", "its core in the die"),
        prop<Config, &Config::thread_id>("thread-id", "its thread in the core"),
        prop<Config, &Config::node_id>("node-id", "its NUMA node, as -numa has it"),
        prop<Config, &Config::apic_id>("apic-id", "instead of the place: the APIC id that follows from it")};
    static constexpr DeviceInfo kInfo = {
        .name = "x86_64-cpu", .parent = "x86_64-cpu", .bus = kBus, .category = DeviceCategory::Cpu};

    static Result<std::unique_ptr<CpuDevice>> create(const Config& values, DeviceEnv&,
                                                     const std::string& id) {
        return std::make_unique<CpuDevice>(Token{}, values, id);
    }
    CpuDevice(Token, const Config& values, const std::string& id) : Device(id), config_(values) {}

    std::string_view type() const override { return kInfo.name; }
    CpuDevice* as_cpu() override { return this; }
    const Config& config() const { return config_; }

  private:
    const Config config_;
};

}  // namespace vmm
