// -device, -global, -serial and -debugcon: devices and the character devices they are connected to.
#include <algorithm>
#include <map>

#include "qapi/convert.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

constexpr size_t kSerialPorts = 4;
constexpr uint32_t kIoPorts = 0x10000;

// Defaults of -global that the option itself does not set.
void apply_globals(Builder& builder, qapi::Dict& dict) {
    const qapi::Value* driver = dict.find("driver");
    const std::string* name = driver != nullptr ? driver->if_string() : nullptr;
    if (name == nullptr) return;
    std::string copy = *name;
    for (size_t i = builder.globals.size(); i-- > 0;) {
        Builder::Global& global = builder.globals[i];
        if (global.driver != copy) continue;
        global.used = true;
        if (!dict.contains(global.property)) dict.append(global.property, global.value);
    }
}

Status check_ports(uint64_t first, uint64_t count) {
    if (count == 0) return Error::make("Parameter 'iosize' expects more than 0");
    if (first + count > kIoPorts)
        return Error::make("Parameter 'iobase' expects ports up to 0xffff, not 0x%llx to 0x%llx",
                           static_cast<unsigned long long>(first),
                           static_cast<unsigned long long>(first + count - 1));
    return {};
}

Result<DeviceConfig> config_of(const qapi::DeviceOptions& device) {
    std::string id = device.id.value_or("");
    if (auto* console = std::get_if<qapi::IsaDebugconProperties>(&device.u)) {
        uint32_t iobase = console->iobase.value_or(DebugConConfig().iobase);
        TRY(check_ports(iobase, 1));
        return DeviceConfig(DebugConConfig{id, console->chardev, static_cast<uint16_t>(iobase),
                                           console->readback.value_or(DebugConConfig().readback)});
    }
    if (auto* exit = std::get_if<qapi::IsaDebugExitProperties>(&device.u)) {
        uint32_t iobase = exit->iobase.value_or(DebugExitConfig().iobase);
        uint32_t iosize = exit->iosize.value_or(DebugExitConfig().iosize);
        TRY(check_ports(iobase, iosize));
        return DeviceConfig(
            DebugExitConfig{id, static_cast<uint16_t>(iobase), static_cast<uint16_t>(iosize)});
    }
    const qapi::IsaSerialProperties& port = *std::get_if<qapi::IsaSerialProperties>(&device.u);
    IsaSerialConfig serial{id, port.chardev, port.index, {}, {}};
    if (port.index && *port.index >= kSerialPorts)
        return Error::make("Parameter 'index' expects 0 to 3, not %u", *port.index);
    if (port.iobase) {
        TRY(check_ports(*port.iobase, 8));
        serial.iobase = static_cast<uint16_t>(*port.iobase);
    }
    if (port.irq && *port.irq > 15) return Error::make("Parameter 'irq' expects 0 to 15, not %u", *port.irq);
    if (port.irq) serial.irq = static_cast<uint8_t>(*port.irq);
    return DeviceConfig(serial);
}

const std::string* chardev_of(const DeviceConfig& device) {
    if (auto* console = std::get_if<DebugConConfig>(&device)) return &console->chardev;
    if (auto* serial = std::get_if<IsaSerialConfig>(&device)) return &serial->chardev;
    return nullptr;
}

Status add_chardev(Builder& builder, ChardevOptions chardev) {
    for (const ChardevOptions& other : builder.chardevs)
        if (other.id == chardev.id)
            return Error::make("the chardev id '%s' is already in use", chardev.id.c_str());
    builder.chardevs.push_back(std::move(chardev));
    return {};
}

// The chardev behind a short spelling; its id, empty for "none".
Result<std::string> short_chardev(Builder& builder, const std::string& text, const std::string& id) {
    LegacyChardev made = TRY(parse_legacy_chardev(text, id));
    if (made.chardev) TRY(add_chardev(builder, std::move(*made.chardev)));
    return made.id;
}

Status finish_serials(Builder& builder) {
    std::vector<std::string> serials = builder.serials;
    if (serials.size() > kSerialPorts)
        return Error::make("-serial: there are %zu of them, the machine has 4 ports", serials.size());
    if (serials.empty() && builder.nographic)
        serials.push_back("mon:stdio");
    else if (serials.empty() && !builder.no_defaults)
        serials.push_back("null");
    for (size_t i = 0; i < serials.size(); ++i) {
        auto id = short_chardev(builder, serials[i], "serial" + std::to_string(i));
        if (!id) return std::move(id).take_error().while_doing("-serial %s", serials[i].c_str());
        builder.line.configuration.machine.serials.push_back({*id});
    }
    return {};
}

Status finish_debug_consoles(Builder& builder) {
    for (size_t i = 0; i < builder.debug_consoles.size(); ++i) {
        const std::string& text = builder.debug_consoles[i];
        auto id = short_chardev(builder, text, i == 0 ? "debugcon" : "debugcon" + std::to_string(i));
        if (!id) return std::move(id).take_error().while_doing("-debugcon %s", text.c_str());
        if (id->empty()) continue;
        DebugConConfig console;
        console.chardev = *id;
        builder.line.configuration.machine.devices.push_back(console);
    }
    return {};
}

// Each chardev that is named exists, and only a mux has several users.
Status check_chardev_users(const Builder& builder) {
    std::map<std::string, std::string> users;
    auto use = [&](const std::string& id, const std::string& user) -> Status {
        auto chardev = std::find_if(builder.chardevs.begin(), builder.chardevs.end(),
                                    [&](const ChardevOptions& other) { return other.id == id; });
        if (chardev == builder.chardevs.end())
            return Error::make("%s: there is no chardev '%s'", user.c_str(), id.c_str())
                .with_hint("add -chardev BACKEND,id=%s", id.c_str());
        auto [at, first] = users.emplace(id, user);
        if (!first && !chardev->mux)
            return Error::make("%s: chardev '%s' is already used by %s", user.c_str(), id.c_str(),
                               at->second.c_str())
                .with_hint("a chardev with mux=on can be shared");
        return {};
    };
    const MachineConfig& machine = builder.line.configuration.machine;
    for (size_t i = 0; i < machine.serials.size(); ++i)
        if (!machine.serials[i].chardev.empty())
            TRY(use(machine.serials[i].chardev,
                    strf("-serial %s", builder.serials.empty() ? "(default)" : builder.serials[i].c_str())));
    for (const DeviceConfig& device : machine.devices) {
        const char* name = std::holds_alternative<DebugConConfig>(device) ? "isa-debugcon" : "isa-serial";
        if (const std::string* id = chardev_of(device)) TRY(use(*id, strf("-device %s", name)));
    }
    return {};
}

Status check_stdio_users(const Builder& builder) {
    const std::string* first = nullptr;
    for (const ChardevOptions& chardev : builder.chardevs) {
        if (!std::holds_alternative<ChardevStdio>(chardev.backend)) continue;
        if (builder.line.configuration.process.daemonize)
            return Error::make("-daemonize contradicts chardev '%s', which is stdio", chardev.id.c_str())
                .with_hint("use -serial none, file:PATH or unix:PATH,server=on");
        if (first != nullptr)
            return Error::make("-chardev stdio: chardevs '%s' and '%s' both are stdio", first->c_str(),
                               chardev.id.c_str())
                .with_hint("one chardev with mux=on can serve several devices");
        first = &chardev.id;
    }
    return {};
}

}  // namespace

Status take_device(Builder& builder, const std::string& value) {
    bool json = false;
    qapi::Keyval parsed =
        TRY(qapi::parse_keyval_or_json(value, {.implied_key = "driver", .flat = true}, &json));
    if (parsed.help) {
        const qapi::Value* driver = parsed.dict.find("driver");
        builder.print(driver == nullptr
                          ? branches_help("Devices", qapi::kDeviceOptionsInfo)
                          : branch_members_help(*driver->if_string(), qapi::kDeviceOptionsInfo));
        return {};
    }
    if (!json) apply_globals(builder, parsed.dict);
    auto device = TRY(json ? qapi::from_value<qapi::DeviceOptions>(parsed.dict)
                           : qapi::from_keyval<qapi::DeviceOptions>(parsed.dict));
    if (device.id) TRY(check_id(*device.id));
    for (const qapi::DeviceOptions& other : builder.devices)
        if (device.id && other.id == device.id)
            return Error::make("the id '%s' is already in use", device.id->c_str());
    if (device.bus && *device.bus != "isa.0")
        return Error::make("Parameter 'bus' expects isa.0, not '%s'", device.bus->c_str());
    builder.line.configuration.machine.devices.push_back(TRY(config_of(device)));
    builder.devices.push_back(std::move(device));
    return {};
}

// "-global DRIVER.PROPERTY=VALUE" or "-global driver=D,property=P,value=V"; for devices that come after it.
Status take_global(Builder& builder, const std::string& value) {
    Builder::Global global;
    size_t dot = value.find('.');
    size_t equals = value.find('=');
    if (dot != std::string::npos && equals != std::string::npos && dot < equals) {
        global = {value.substr(0, dot), value.substr(dot + 1, equals - dot - 1), value.substr(equals + 1)};
    } else {
        qapi::Keyval parsed = TRY(qapi::parse_keyval(value));
        for (auto [key, to] : {std::pair("driver", &global.driver), std::pair("property", &global.property),
                               std::pair("value", &global.value)}) {
            const qapi::Value* given = parsed.dict.find(key);
            if (given == nullptr || given->if_string() == nullptr)
                return Error::make("expected DRIVER.PROPERTY=VALUE");
            *to = *given->if_string();
        }
    }
    for (const qapi::BranchInfo& branch : qapi::kDeviceOptionsInfo.branches) {
        if (branch.value != global.driver) continue;
        for (const qapi::MemberInfo& member : branch.members->members) {
            if (member.name != global.property) continue;
            builder.globals.push_back(std::move(global));
            return {};
        }
        return Error::make("'%s' has no property '%s'", global.driver.c_str(), global.property.c_str())
            .with_hint("-device %s,help lists them", global.driver.c_str());
    }
    return Error::make("there is no device '%s'", global.driver.c_str()).with_hint("-device help lists them");
}

Status take_serial(Builder& builder, const std::string& value) {
    TRY(parse_legacy_chardev(value, "serial"));
    builder.serials.push_back(value);
    return {};
}

Status take_debugcon(Builder& builder, const std::string& value) {
    TRY(parse_legacy_chardev(value, "debugcon"));
    builder.debug_consoles.push_back(value);
    return {};
}

Status finish_devices(Builder& builder) {
    for (size_t i = 0; i < builder.chardevs.size(); ++i)
        for (size_t j = 0; j < i; ++j)
            if (builder.chardevs[i].id == builder.chardevs[j].id)
                return Error::make("-chardev: the id '%s' is used twice", builder.chardevs[i].id.c_str());
    TRY(finish_serials(builder));
    TRY(finish_debug_consoles(builder));
    TRY(check_chardev_users(builder));
    TRY(check_stdio_users(builder));
    builder.line.configuration.chardevs = builder.chardevs;
    return {};
}

}  // namespace vmm::cli
