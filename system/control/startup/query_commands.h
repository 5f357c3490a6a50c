// The registration of the commands that look at the machine. Called once, at start; what they are given
// outlives the table.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hw/core/device_type.h"
#include "qapi/command_table.h"
#include "qapi/event_sink.h"
#include "qom/node.h"
#include "qom/type_registry.h"

namespace vmm {

class ChardevSet;
class ConfidentialGuest;
class EventLoop;
class FdStore;
class GuestConversions;
struct SlotReport;
class HmpTable;
class IoctlDoor;
class MachineView;
class Storage;
namespace net {
class Client;
}

// Every type there is: devices, objects, machines, processors and what they derive from.
TypeRegistry make_type_registry(const DeviceTypes& devices);

// The root of the object tree, as it is now.
QomNode object_tree(MachineView& view);

void register_machine_commands(qapi::CommandTable& table, MachineView& view);
void register_cpu_commands(qapi::CommandTable& table, MachineView& view);
void register_memory_commands(qapi::CommandTable& table, MachineView& view);
void register_chardev_commands(qapi::CommandTable& table, ChardevSet& set, FdStore& fds);
void register_hmp_chardev_commands(HmpTable& table, ChardevSet& set);
// balloon, query-balloon.
void register_balloon_commands(qapi::CommandTable& table, MachineView& view);
// query-sev and its company, penumbra-query-launch. What the host has is asked through the door.
void register_confidential_commands(qapi::CommandTable& table, MachineView& view, IoctlDoor& host);
// Why the guest cannot leave this host, apart from what this program lacks; empty: nothing of its own.
std::optional<std::string> migration_blocker(MachineView& view);
// A launch that goes on becomes events. The sink outlives the guest.
void watch_launch(ConfidentialGuest& guest, qapi::EventSink& events);
// device_add, device_del.
void register_device_commands(qapi::CommandTable& table, MachineView& view, const DeviceTypes& types);
// What the guest says of slots for processors and memory: ACPI_DEVICE_OST, query-acpi-ospm-status.
void tell_slot_report(qapi::EventSink& events, const SlotReport& report);
void register_hotplug_commands(qapi::CommandTable& table, MachineView& view);
// What drives and images report, as events. `stop`: the machine stops for an error; `deliver`: events go out
// before the command is answered that caused them.
void tell_storage_events(Storage& storage, qapi::EventSink& events, std::function<void()> stop,
                         std::function<void()> deliver);
// Drives and block nodes.
void register_block_commands(qapi::CommandTable& table, MachineView& view);
// drive_add, drive_del, info block.
void register_hmp_block_commands(HmpTable& table, MachineView& view);
// netdev_add, netdev_del, set_link, announce-self, query-rx-filter.
void register_net_commands(qapi::CommandTable& table, MachineView& view, FdStore& fds);
// hostfwd_add, hostfwd_remove, info usernet.
void register_hmp_net_commands(HmpTable& table, MachineView& view);
// NIC_RX_FILTER_CHANGED, for the card on that back end.
void tell_filter_changed(MachineView& view, qapi::EventSink& events, const net::Client& client);
// query-cpu-model-expansion; and what query-cpu-definitions adds to each model.
void register_cpu_model_commands(qapi::CommandTable& table, MachineView& view);
std::optional<std::vector<std::string>> unavailable_features_of(MachineView& view, const std::string& model);
// penumbra-query-memory-visibility, penumbra-query-conversions, penumbra-set-conversion-limit.
void register_conversion_commands(qapi::CommandTable& table, MachineView& view);
// Conversions that fail or wait become events. Null: there are none. The sink outlives them.
void watch_conversions(GuestConversions* conversions, qapi::EventSink& events);
// query-stats, query-stats-schemas; info stats.
void register_stats_commands(qapi::CommandTable& table, HmpTable& human, MachineView& view);
void register_pci_commands(qapi::CommandTable& table, MachineView& view);
// info lapic, pic, irq, roms.
void register_hmp_interrupt_commands(HmpTable& table, MachineView& view);
void register_hmp_pci_commands(HmpTable& table);
// send-key, and sendkey of the monitor for people.
void register_key_commands(qapi::CommandTable& table, HmpTable& human, EventLoop& loop, MachineView& view);
// job-*, snapshots, blockdev-create, jobs on block nodes.
void register_job_commands(qapi::CommandTable& table, MachineView& view);
void register_option_commands(qapi::CommandTable& table);

}  // namespace vmm
