// The processors in the DSDT: as devices that are simply there, or with the registers, methods and event by
// which they come and go. The registers are those of hw/acpi/cpu_hotplug. See acpi_dsdt_priv.h.
#include <string>

#include "hw/acpi/aml_resource.h"
#include "hw/acpi/madt.h"
#include "hw/i386/acpi_dsdt_priv.h"
#include "util/check.h"
#include "util/text.h"

namespace vmm {

using namespace aml;

namespace {

constexpr uint16_t kPort = 0xcd8, kPorts = 12;
constexpr unsigned kCame = 1, kWanted = 3;  // of Notify
constexpr unsigned kNextWithNews = 0, kOstEvent = 1, kOstStatus = 2;
constexpr unsigned kWorking = 0x0f;

// Where the registers' names live.
Term reg(const char* name) {
    return path(std::string("\\_SB.PCI0.PRES.") + name);
}

std::string name_of(size_t index) {
    CHECK(index < 0x1000, "processor %zu", index);
    return strf("C%03X", static_cast<unsigned>(index));
}

Term registers() {
    return device(
        "PRES",
        {
            name("_HID", eisa_id("PNP0A06")),
            name("_UID", string("CPU Hotplug resources")),
            name("_STA", integer(0x0b)),
            name("_CRS", resource_template({io_ports(kPort, 1, kPorts)})),
            mutex("CPLK", 0),
            operation_region("PRST", Space::SystemIo, kPort, kPorts),
            field("PRST", FieldAccess::Byte, FieldLock::NoLock, FieldUpdate::WriteAsZeros,
                  {{"", 32}, {"CPEN", 1}, {"CINS", 1}, {"CRMV", 1}, {"CEJ0", 1}, {"", 4}, {"CCMD", 8}}),
            field("PRST", FieldAccess::DWord, FieldLock::NoLock, FieldUpdate::Preserve,
                  {{"CSEL", 32}, {"", 32}, {"CDAT", 32}}),
            // From the bitmap of old to the registers.
            method("_INI", 0, Serialization::NotSerialized, {store(integer(0), path("CSEL"))}),
        });
}

// A method's body that has the registers for itself.
Terms locked(const Terms& inside) {
    Terms body = {acquire("\\_SB.PCI0.PRES.CPLK")};
    body.insert(body.end(), inside.begin(), inside.end());
    body.push_back(release("\\_SB.PCI0.PRES.CPLK"));
    return body;
}

Term state_method() {
    Terms body = locked({store(arg(0), reg("CSEL")), store(integer(0), local(0)),
                         if_then(equal(reg("CPEN"), integer(1)), {store(integer(kWorking), local(0))})});
    body.push_back(return_value(local(0)));
    return method("CSTA", 1, Serialization::Serialized, body);
}

Term scan_method() {
    const auto told = [](const char* flag, unsigned event) {
        return Terms{call("CTFY", {reg("CDAT"), integer(event)}), store(integer(1), reg(flag)),
                     store(integer(1), local(0))};
    };
    return method(
        "CSCN", 0, Serialization::Serialized,
        locked({store(integer(1), local(0)),
                while_loop(equal(local(0), integer(1)),
                           {store(integer(0), local(0)), store(integer(kNextWithNews), reg("CCMD")),
                            if_then(equal(reg("CINS"), integer(1)), told("CINS", kCame)),
                            otherwise({if_then(equal(reg("CRMV"), integer(1)), told("CRMV", kWanted))})})}));
}

Term methods() {
    return block({
        state_method(),
        method("CEJ0", 1, Serialization::Serialized,
               locked({store(arg(0), reg("CSEL")), store(integer(1), reg("CEJ0"))})),
        method("COST", 3, Serialization::Serialized,
               locked({store(arg(0), reg("CSEL")), store(integer(kOstEvent), reg("CCMD")),
                       store(arg(1), reg("CDAT")), store(integer(kOstStatus), reg("CCMD")),
                       store(arg(2), reg("CDAT"))})),
    });
}

Terms plain_cpu(const DsdtCpu& cpu) {
    Terms body = {name("_HID", string("ACPI0007")), name("_UID", integer(cpu.uid))};
    if (cpu.node) body.push_back(name("_PXM", integer(*cpu.node)));
    return body;
}

Term pluggable_cpu(size_t index, const DsdtCpu& cpu) {
    Terms body = plain_cpu(cpu);
    const Term slot = integer(cpu.uid);
    body.push_back(method("_STA", 0, Serialization::Serialized, {return_value(call("CSTA", {slot}))}));
    body.push_back(name("_MAT", buffer(acpi::madt_entry({cpu.uid, cpu.apic_id, true}))));
    // The boot processor stays.
    if (index != 0) body.push_back(method("_EJ0", 1, Serialization::NotSerialized, {call("CEJ0", {slot})}));
    body.push_back(method("_OST", 3, Serialization::Serialized, {call("COST", {slot, arg(0), arg(1)})}));
    return device(name_of(index), body);
}

Terms container() {
    return {name("_HID", string("ACPI0010")), name("_CID", eisa_id("PNP0A05"))};
}

}  // namespace

Term processors(const std::vector<DsdtCpu>& cpus) {
    Terms body = container();
    for (size_t i = 0; i < cpus.size(); ++i)
        body.push_back(device(name_of(i), plain_cpu(cpus[i])));
    return device("CPUS", body);
}

Term pluggable_processors(const std::vector<DsdtCpu>& cpus) {
    Terms body = container();
    body.push_back(methods());
    Terms tell;
    for (size_t i = 0; i < cpus.size(); ++i)
        tell.push_back(if_then(equal(arg(0), integer(cpus[i].uid)), {notify(path(name_of(i)), arg(1))}));
    body.push_back(method("CTFY", 2, Serialization::NotSerialized, tell));
    body.push_back(scan_method());
    for (size_t i = 0; i < cpus.size(); ++i)
        body.push_back(pluggable_cpu(i, cpus[i]));
    return block({
        scope("\\_SB.PCI0", {registers()}),
        scope("\\_SB", {device("CPUS", body)}),
        scope("\\_GPE", {method("_E02", 0, Serialization::NotSerialized, {call("\\_SB.CPUS.CSCN", {})})}),
    });
}

}  // namespace vmm
