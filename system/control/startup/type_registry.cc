// All types in one table; see query_commands.h.
#include "hw/i386/cpu_device.h"
#include "qapi/types_machine.h"
#include "qapi/types_qom.h"
#include "system/control/startup/cpu_list.h"
#include "system/control/startup/machine_list.h"
#include "system/control/startup/query_commands.h"
#include "target/i386/cpu/model.h"

namespace vmm {

namespace {

// What others derive from. A name without parent is a root.
struct BaseType {
    const char* name;
    const char* parent;
};
constexpr BaseType kBaseTypes[] = {
    {"object", ""},
    {"interface", ""},
    {"user-creatable", "interface"},
    {"hotplug-handler", "interface"},
    {"nmi", "interface"},
    {"accel", "object"},
    {"machine", "object"},
    {"x86-machine", "machine"},
    {"generic-pc-machine", "x86-machine"},
    {"memory-backend", "object"},
    {"confidential-guest-support", "object"},
    {"bus", "object"},
    {"device", "object"},
    {"sys-bus-device", "device"},
    {"cpu", "device"},
    {"x86_64-cpu", "cpu"},
};

void add_objects(TypeRegistry& types) {
    for (const qapi::BranchInfo& branch : qapi::kObjectOptionsInfo.branches) {
        const bool memory = branch.value.starts_with("memory-backend-");
        const bool guest = branch.value.ends_with("-vm") || branch.value.ends_with("-guest");
        types.add({.name = std::string(branch.value),
                   .parent = memory  ? "memory-backend"
                             : guest ? "confidential-guest-support"
                                     : "object",
                   .members = branch.members == nullptr ? std::span<const qapi::MemberInfo>()
                                                        : branch.members->members,
                   .interfaces = {"user-creatable"}});
    }
}

void add_machines(TypeRegistry& types) {
    for (const MachineKind& kind : machine_kinds())
        types.add({.name = kind.name + "-machine",
                   .parent = kind.bare ? "machine" : "generic-pc-machine",
                   .members = qapi::kMachineOptionsInfo.members});
}

// What qom-get tells of a processor and management programs look for in its type.
constexpr qapi::MemberInfo kCpuMembers[] = {
    {"unavailable-features", "strList", true, "features of the model that the host lacks", {}, nullptr},
    {"migratable", "bool", true, "without features that no other host may have", {}, nullptr}};

std::span<const qapi::MemberInfo> more_of(const DeviceType& type) {
    if (type.info.parent == CpuDevice::kMaxType || type.info.name == CpuDevice::kMaxType) return kCpuMembers;
    if (type.info.parent == CpuDevice::kInfo.parent) return std::span(kCpuMembers).first(1);
    return {};
}

void add_devices(TypeRegistry& types, const DeviceTypes& devices) {
    for (const DeviceType& type : devices.all()) {
        // A parent that is no kind of device itself is an abstract one.
        const std::string parent(type.info.parent);
        if (types.find(parent) == nullptr && devices.find(parent) == nullptr)
            types.add({.name = parent, .parent = "device", .abstract = true});
        std::shared_ptr<AnyConfig> config = type.make_config();
        types.add({.name = std::string(type.info.name),
                   .parent = parent,
                   .properties = type.properties,
                   .members = more_of(type),
                   .defaults = std::shared_ptr<const void>(config, config->data())});
    }
}

}  // namespace

TypeRegistry make_type_registry(const DeviceTypes& devices) {
    TypeRegistry types;
    for (const BaseType& base : kBaseTypes)
        types.add({.name = base.name, .parent = base.parent, .abstract = true});
    types.add({.name = "container", .parent = "object"});
    types.add({.name = "kvm-accel", .parent = "accel"});
    types.add({.name = "qtest-accel", .parent = "accel"});
    for (const char* bus : {"PCI", "PCIE", "ISA", "SCSI", "IDE", "virtio-serial-bus", "i2c-bus"})
        types.add({.name = bus, .parent = bus == std::string_view("PCIE") ? "PCI" : "bus"});
    add_objects(types);
    add_machines(types);
    add_devices(types, devices);
    // Management programs take this type to say that -machine has vmport=.
    types.add({.name = "vmport", .parent = "isa-device"});
    return types;
}

}  // namespace vmm
