// -device, -global, -serial and -debugcon: devices and the character devices they are connected to.
#include <algorithm>
#include <map>

#include "hw/char/serial_isa.h"
#include "hw/core/device_request.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

constexpr size_t kSerialPorts = 4;
// The chardev that a device names; empty when it has none.
std::string chardev_of(const DeviceRequest& device) {
    const Property* property = find_property(device.type->properties, "chardev");
    if (property == nullptr) return {};
    const qapi::Value value = write_property(*property, device.config->data());
    const std::string* id = value.if_string();
    return id != nullptr ? *id : std::string();
}

Result<DeviceRequest> parse(const Builder& builder, const qapi::Dict& options, Spelling spelling) {
    return parse_device(builder.device_types, options, spelling, builder.line.configuration.machine.globals);
}

// A device that the machine brings along.
Status add_board_device(Builder& builder, const qapi::Dict& options) {
    DeviceRequest request = TRY(parse(builder, options, Spelling::Text));
    request.board = true;
    builder.line.configuration.machine.devices.push_back(std::move(request));
    return {};
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
    if (made.with_monitor)
        builder.line.configuration.monitors.push_back(
            {.chardev = made.id, .control = false, .pretty = false});
    return made.id;
}

Status finish_serials(Builder& builder) {
    std::vector<std::string> serials = builder.serials;
    if (serials.size() > kSerialPorts)
        return Error::make("-serial: there are %zu of them, the machine has 4 ports", serials.size());
    if (serials.empty() && builder.nographic && !builder.no_defaults)
        serials.push_back("mon:stdio");
    else if (serials.empty() && !builder.no_defaults)
        serials.push_back("null");
    for (size_t i = 0; i < serials.size(); ++i) {
        auto id = short_chardev(builder, serials[i], "serial" + std::to_string(i));
        if (!id) return std::move(id).take_error().while_doing("-serial %s", serials[i].c_str());
        if (id->empty()) continue;
        TRY(add_board_device(builder,
                             {{"driver", "isa-serial"}, {"index", std::to_string(i)}, {"chardev", *id}}));
    }
    return {};
}

Status finish_debug_consoles(Builder& builder) {
    for (size_t i = 0; i < builder.debug_consoles.size(); ++i) {
        const std::string& text = builder.debug_consoles[i];
        auto id = short_chardev(builder, text, i == 0 ? "debugcon" : "debugcon" + std::to_string(i));
        if (!id) return std::move(id).take_error().while_doing("-debugcon %s", text.c_str());
        if (id->empty()) continue;
        TRY(add_board_device(builder, {{"driver", "isa-debugcon"}, {"chardev", *id}}));
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
    for (const DeviceRequest& device : builder.line.configuration.machine.devices) {
        const std::string id = chardev_of(device);
        if (id.empty()) continue;
        const char* name = device.type->info.name.data();
        const char* option = name == SerialIsa::kInfo.name ? "-serial" : "-debugcon";
        TRY(use(id, device.board ? strf("%s chardev:%s", option, id.c_str()) : strf("-device %s", name)));
    }
    for (const MonitorConfig& monitor : builder.line.configuration.monitors)
        TRY(use(monitor.chardev, "-mon chardev=" + monitor.chardev));
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

// The driver is a type, or what types derive from; one of those has the property, and takes the value.
Status check_global(const DeviceTypes& types, const PropertyDefault& global) {
    bool known = false;
    for (const DeviceType& type : types.all()) {
        if (global.driver != type.info.name && global.driver != type.info.parent &&
            global.driver != type.info.alias)
            continue;
        known = true;
        if (find_property(type.properties, global.property) == nullptr) continue;
        return read_property(type.properties, type.info.name, global.property, global.value, Spelling::Text,
                             type.make_config()->data());
    }
    if (!known)
        return Error::make("there is no device '%s'", global.driver.c_str())
            .with_hint("-device help lists them");
    return Error::make("'%s' has no property '%s'", global.driver.c_str(), global.property.c_str())
        .with_hint("-device %s,help lists them", global.driver.c_str());
}

Status finish_written_devices(Builder& builder) {
    std::vector<DeviceRequest>& devices = builder.line.configuration.machine.devices;
    for (const Builder::WrittenDevice& written : builder.devices) {
        Result<DeviceRequest> device = parse(builder, written.options, written.spelling);
        if (!device) return std::move(device).take_error().while_doing("-device %s", written.text.c_str());
        for (const DeviceRequest& other : devices)
            if (!device->id.empty() && other.id == device->id)
                return Error::make("-device %s: the id '%s' is already in use", written.text.c_str(),
                                   device->id.c_str());
        devices.push_back(std::move(*device));
    }
    return {};
}

}  // namespace

Status take_device(Builder& builder, const std::string& value) {
    bool json = false;
    qapi::Keyval parsed =
        TRY(qapi::parse_keyval_or_json(value, {.implied_key = "driver", .flat = true}, &json));
    const qapi::Value* driver = parsed.dict.find("driver");
    const std::string* name = driver != nullptr ? driver->if_string() : nullptr;
    if (parsed.help) {
        builder.print(name == nullptr ? devices_help(builder.device_types)
                                      : device_help(*name, builder.device_types));
        return {};
    }
    builder.devices.push_back({value, std::move(parsed.dict), json ? Spelling::Json : Spelling::Text});
    return {};
}

// "-global DRIVER.PROPERTY=VALUE" or "-global driver=D,property=P,value=V".
Status take_global(Builder& builder, const std::string& value) {
    PropertyDefault global;
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
    TRY(check_global(builder.device_types, global));
    builder.line.configuration.machine.globals.push_back(std::move(global));
    return {};
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
    TRY(finish_written_devices(builder));
    TRY(check_chardev_users(builder));
    TRY(check_stdio_users(builder));
    builder.line.configuration.chardevs = builder.chardevs;
    return {};
}

}  // namespace vmm::cli
