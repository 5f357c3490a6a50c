// Memory hot-plug in the DSDT: a device a slot, whose address and state are asked of the registers of
// hw/acpi/memory_hotplug, and the event that tells of news. See acpi_dsdt_priv.h.
#include <string>

#include "hw/acpi/aml_resource.h"
#include "hw/i386/acpi_dsdt_priv.h"
#include "util/check.h"
#include "util/text.h"

namespace vmm {

using namespace aml;

namespace {

constexpr uint16_t kPort = 0xa00, kPorts = 24;
constexpr unsigned kCame = 1, kWanted = 3;  // of Notify
constexpr unsigned kWorking = 0x0f;

Term reg(const char* name) {
    return path(std::string("\\_SB.PCI0.MHPD.") + name);
}

std::string name_of(unsigned slot) {
    CHECK(slot < 0x100, "memory slot %u", slot);
    return strf("MP%02X", slot);
}

Term registers() {
    return device("MHPD", {
                              name("_HID", eisa_id("PNP0A06")),
                              name("_UID", string("Memory hotplug resources")),
                              name("_STA", integer(0x0b)),
                              name("_CRS", resource_template({io_ports(kPort, 1, kPorts)})),
                              mutex("MLCK", 0),
                              operation_region("HPMR", Space::SystemIo, kPort, kPorts),
                              field("HPMR", FieldAccess::DWord, FieldLock::NoLock, FieldUpdate::Preserve,
                                    {{"MRBL", 32}, {"MRBH", 32}, {"MRLL", 32}, {"MRLH", 32}, {"MPX", 32}}),
                              field("HPMR", FieldAccess::Byte, FieldLock::NoLock, FieldUpdate::WriteAsZeros,
                                    {{"", 160}, {"MES", 1}, {"MINS", 1}, {"MRMV", 1}, {"MEJ", 1}}),
                              field("HPMR", FieldAccess::DWord, FieldLock::NoLock, FieldUpdate::Preserve,
                                    {{"MSEL", 32}, {"MOEV", 32}, {"MOSC", 32}}),
                          });
}

// A method that has the registers for itself; may end with a value.
Term locked_method(std::string_view name, unsigned arguments, const Terms& inside, const Terms& after = {}) {
    Terms body = {acquire("\\_SB.PCI0.MHPD.MLCK")};
    body.insert(body.end(), inside.begin(), inside.end());
    body.push_back(release("\\_SB.PCI0.MHPD.MLCK"));
    body.insert(body.end(), after.begin(), after.end());
    return method(name, arguments, Serialization::Serialized, body);
}

Term select() {
    return store(arg(0), reg("MSEL"));
}

Term wide(const char* low, const char* high) {
    return bit_or(shift_left(reg(high), integer(32)), reg(low));
}

// A template that the method fills in, and of which it gives a copy.
Term resources_method() {
    return block({
        name("MR64", resource_template({memory_taken(0, 0, Caching::Cacheable)})),
        create_field(8, path("MR64"), integer(kTakenFirst), "MIN"),
        create_field(8, path("MR64"), integer(kTakenLast), "MAX"),
        create_field(8, path("MR64"), integer(kTakenLength), "LEN"),
        locked_method("MCRS", 1,
                      {
                          select(),
                          store(wide("MRBL", "MRBH"), path("MIN")),
                          store(wide("MRLL", "MRLH"), path("LEN")),
                          add(path("MIN"), path("LEN"), local(0)),
                          subtract(local(0), integer(1), path("MAX")),
                          store(path("MR64"), local(1)),
                      },
                      {return_value(local(1))}),
    });
}

Term scan_method(unsigned slots) {
    const auto told = [](const char* flag, unsigned event) {
        return Terms{call("MTFY", {local(0), integer(event)}), store(integer(1), reg(flag))};
    };
    return locked_method(
        "MSCN", 0,
        {store(integer(0), local(0)),
         while_loop(
             less(local(0), integer(slots)),
             {store(local(0), reg("MSEL")), if_then(equal(reg("MINS"), integer(1)), told("MINS", kCame)),
              otherwise({if_then(equal(reg("MRMV"), integer(1)), told("MRMV", kWanted))}),
              increment(local(0))})});
}

Term methods(unsigned slots) {
    Terms tell;
    for (unsigned slot = 0; slot < slots; ++slot)
        tell.push_back(if_then(equal(arg(0), integer(slot)), {notify(path(name_of(slot)), arg(1))}));
    return block({
        method("MTFY", 2, Serialization::NotSerialized, tell),
        scan_method(slots),
        locked_method("MRST", 1,
                      {select(), store(integer(0), local(0)),
                       if_then(equal(reg("MES"), integer(1)), {store(integer(kWorking), local(0))})},
                      {return_value(local(0))}),
        resources_method(),
        locked_method("MPXM", 1, {select(), store(reg("MPX"), local(0))}, {return_value(local(0))}),
        locked_method("MOST", 3, {select(), store(arg(1), reg("MOEV")), store(arg(2), reg("MOSC"))}),
        locked_method("MEJ0", 1, {select(), store(integer(1), reg("MEJ"))}),
    });
}

Term slot_device(unsigned number) {
    const Term slot = integer(number);
    const auto asked = [&](const char* name, const char* of) {
        return method(name, 0, Serialization::NotSerialized, {return_value(call(of, {slot}))});
    };
    return device(name_of(number),
                  {
                      name("_UID", string(strf("0x%02X", number))),
                      name("_HID", eisa_id("PNP0C80")),
                      asked("_CRS", "MCRS"),
                      asked("_STA", "MRST"),
                      asked("_PXM", "MPXM"),
                      method("_OST", 3, Serialization::NotSerialized, {call("MOST", {slot, arg(0), arg(1)})}),
                      method("_EJ0", 1, Serialization::NotSerialized, {call("MEJ0", {slot})}),
                  });
}

}  // namespace

Term memory_hotplug(unsigned slots) {
    Terms body = {name("_HID", eisa_id("PNP0A06")), name("_UID", string("DIMM devices")), methods(slots)};
    for (unsigned slot = 0; slot < slots; ++slot)
        body.push_back(slot_device(slot));
    return block({
        scope("\\_SB.PCI0", {registers()}),
        scope("\\_SB", {device("MHPC", body)}),
        scope("\\_GPE", {method("_E03", 0, Serialization::NotSerialized, {call("\\_SB.MHPC.MSCN", {})})}),
    });
}

}  // namespace vmm
