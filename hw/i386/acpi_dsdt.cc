#include "hw/i386/acpi_dsdt.h"

#include "hw/acpi/aml.h"
#include "hw/acpi/aml_resource.h"
#include "hw/acpi/fadt.h"
#include "hw/i386/acpi_dsdt_priv.h"
#include "util/align.h"
#include "util/check.h"
#include "util/text.h"

namespace vmm {

using namespace aml;

namespace {

Term debug_method(uint16_t port) {
    // Writes Arg0 as hexadecimal text and a newline.
    return scope("\\",
                 {
                     operation_region("DBG", Space::SystemIo, port, 1),
                     field("DBG", FieldAccess::Byte, FieldLock::NoLock, FieldUpdate::Preserve, {{"DBGB", 8}}),
                     method("DBUG", 1, Serialization::NotSerialized,
                            {
                                to_hex_string(arg(0), local(0)),
                                to_buffer(local(0), local(0)),
                                subtract(size_of(local(0)), integer(1), local(1)),
                                store(integer(0), local(2)),
                                while_loop(less(local(2), local(1)),
                                           {
                                               store(deref_of(index(local(0), local(2))), path("DBGB")),
                                               increment(local(2)),
                                           }),
                                store(integer('\n'), path("DBGB")),
                            }),
                 });
}

Term ecam_device(const DsdtConfig& c) {
    const uint64_t last = c.ecam_base + c.ecam_size - 1;
    const Descriptor range =
        last >> 32 == 0
            ? memory32_fixed(static_cast<uint32_t>(c.ecam_base), static_cast<uint32_t>(c.ecam_size))
            : memory_window(Width::QWord, c.ecam_base, last, Caching::NonCacheable);
    return device("DRAC", {name("_HID", eisa_id("PNP0C01")), name("_CRS", resource_template({range}))});
}

Term hpet_device(uint64_t base) {
    return device("HPET",
                  {
                      name("_HID", eisa_id("PNP0103")),
                      name("_UID", integer(0)),
                      name("_CRS", resource_template({memory32_fixed(static_cast<uint32_t>(base), 0x400)})),
                  });
}

Term fw_cfg_device() {
    return device("FWCF", {
                              name("_HID", string("QEMU0002")),
                              name("_STA", integer(0x0b)),  // present, decoding, working, not shown
                              name("_CRS", resource_template({io_ports(0x510, 1, 0x0c)})),
                          });
}

Term keyboard_and_mouse() {
    return block({
        device(
            "KBD",
            {
                name("_HID", eisa_id("PNP0303")),
                name("_STA", integer(0x0f)),
                name("_CRS", resource_template({io_ports(0x60, 1, 1), io_ports(0x64, 1, 1), irq_lines({1})})),
            }),
        device("MOU",
               {
                   name("_HID", eisa_id("PNP0F13")),
                   name("_STA", integer(0x0f)),
                   name("_CRS", resource_template({irq_lines({12})})),
               }),
    });
}

Term serial_device(unsigned number, const DsdtSerial& serial) {
    return device(strf("COM%u", number),
                  {
                      name("_HID", eisa_id("PNP0501")),
                      name("_UID", integer(number)),
                      name("_STA", integer(0x0f)),
                      name("_CRS", resource_template({io_ports(serial.port, 0, 8), irq_lines({serial.irq})})),
                  });
}

// Where a guest kernel tells that it panicked; its driver takes the port from the resources.
Term panic_device(uint16_t port) {
    return device("PEVT", {
                              name("_HID", string("QEMU0001")),
                              name("_STA", integer(0x0f)),
                              name("_CRS", resource_template({io_ports(port, 1, 1)})),
                          });
}

// The LPC bridge: route registers as fields, the legacy devices, the ports that ACPI hardware takes.
Term lpc_device(const DsdtConfig& c) {
    Terms body = {
        name("_ADR", integer(0x001f0000)),
        operation_region("PIRQ", Space::PciConfig, 0x60, 0x0c),
        field("PIRQ", FieldAccess::Byte, FieldLock::NoLock, FieldUpdate::Preserve,
              {{"PRQA", 8},
               {"PRQB", 8},
               {"PRQC", 8},
               {"PRQD", 8},
               {"", 32},
               {"PRQE", 8},
               {"PRQF", 8},
               {"PRQG", 8},
               {"PRQH", 8}}),
        device("RTC",
               {
                   name("_HID", eisa_id("PNP0B00")),
                   name("_CRS", resource_template({io_ports(0x70, 1, 8), irq_lines({8})})),
               }),
        device("SYSR",
               {
                   name("_HID", eisa_id("PNP0C02")),
                   name("_UID", integer(1)),
                   name("_CRS", resource_template({io_ports(c.pm_base, 1, 0x80)})),
               }),
    };
    if (c.has_i8042) body.push_back(keyboard_and_mouse());
    for (size_t i = 0; i < c.serials.size(); ++i)
        body.push_back(serial_device(static_cast<unsigned>(i + 1), c.serials[i]));
    if (c.panic_port) body.push_back(panic_device(*c.panic_port));
    return device("LPC", body);
}

Term soft_off() {
    const Term type = integer(acpi::kSoftOffSleepType);
    return name("\\_S5", package({type, type, integer(0), integer(0)}));
}

}  // namespace

acpi::Table build_dsdt(const DsdtConfig& c, const acpi::TableIds& ids) {
    Terms terms;
    if (c.debug_port) terms.push_back(debug_method(*c.debug_port));
    terms.push_back(interrupt_model());
    Terms bus = {ecam_device(c), interrupt_links(), host_bridge(c)};
    if (c.has_hpet) bus.push_back(hpet_device(c.hpet_base));
    if (!c.cpu_hotplug) bus.push_back(processors(c.cpus));
    terms.push_back(scope("\\_SB", bus));
    Terms behind = {lpc_device(c)};
    if (c.has_fw_cfg) behind.push_back(fw_cfg_device());
    terms.push_back(scope("\\_SB.PCI0", behind));
    if (!c.hotplug_bridges.empty()) terms.push_back(pci_hotplug(c.hotplug_bridges));
    if (c.cpu_hotplug) terms.push_back(pluggable_processors(c.cpus));
    if (c.memory_slots != 0) terms.push_back(memory_hotplug(c.memory_slots));
    terms.push_back(soft_off());
    return acpi::TableBuilder("DSDT", 2, ids).raw(block(terms).bytes).finish();
}

}  // namespace vmm
