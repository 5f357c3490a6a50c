// Builder: what the options have said so far, as the schema's types; the option handlers fill it from left to
// right, finish() checks it as a whole and makes the Configuration. Private to the command line.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/block/options/drive_config.h"
#include "qapi/keyval.h"
#include "qapi/types_chardev.h"
#include "qapi/types_machine.h"
#include "qapi/types_qom.h"
#include "qapi/value.h"
#include "qom/id.h"
#include "system/control/cli/command_line.h"

namespace vmm::cli {

struct Builder {
    explicit Builder(const DeviceTypes& types) : device_types(types) {}

    const DeviceTypes& device_types;
    CommandLine line;

    // -machine and everything that is short for a part of it, merged as strings and as the schema's type.
    qapi::Dict machine_dict;
    qapi::MachineOptions machine;
    std::vector<qapi::AccelOptions> accels;
    std::optional<std::string> cpu;
    std::vector<qapi::NumaOptions> numa;
    std::vector<qapi::ObjectOptions> objects;
    std::vector<ChardevOptions> chardevs;
    // As written: what -global says of them may come later.
    struct WrittenDevice {
        std::string text;
        qapi::Dict options;
        Spelling spelling;
    };
    std::vector<WrittenDevice> devices;
    std::vector<block::DriveConfig> drives;  // in the order written
    // -net: cards and back ends on the cable that they share.
    std::vector<qapi::Dict> shared_nics;
    std::vector<std::string> shared_netdevs;
    unsigned unnamed_netdevs = 0;
    bool snapshot = false;
    std::vector<std::string> serials;  // as written
    std::vector<std::string> debug_consoles;
    std::vector<std::string> audiodevs;     // ids
    unsigned short_monitors = 0;            // -qmp and -monitor so far
    std::set<uint8_t> smbios_types;         // that -smbios type= described
    std::vector<std::string> data_folders;  // -L
    bool nographic = false;
    bool no_defaults = false;

    void print(std::string text);
};

// An option's handler; the value is empty for options without one.
using Handler = Status (*)(Builder& builder, const std::string& value);

// machine.cc
Status take_machine(Builder& builder, const std::string& value);
Status take_accel(Builder& builder, const std::string& value);
Status take_enable_kvm(Builder& builder, const std::string& value);
Status take_cpu(Builder& builder, const std::string& value);
Status take_smp(Builder& builder, const std::string& value);
Status take_memory(Builder& builder, const std::string& value);
Status take_boot(Builder& builder, const std::string& value);
Status take_no_floppy_check(Builder& builder, const std::string& value);
Status finish_boot(Builder& builder);
Status take_rtc(Builder& builder, const std::string& value);
// Merges into the machine's options and checks their types.
Status set_machine(Builder& builder, const qapi::Dict& options);

// smbios.cc
Status take_smbios(Builder& builder, const std::string& value);
Status finish_smbios(Builder& builder);

// firmware.cc
Status take_fw_cfg(Builder& builder, const std::string& value);
Status take_acpitable(Builder& builder, const std::string& value);
Status take_option_rom(Builder& builder, const std::string& value);
Status take_data_folder(Builder& builder, const std::string& value);
Status finish_firmware(Builder& builder);
// -machine firmware-descriptor=: the firmware as -bios or as flash drives; before those are looked at.
Status finish_described_firmware(Builder& builder);
// Where firmware and its company lie, the first to look into first.
std::vector<std::string> data_folders(const Builder& builder);
// The file, or the one of this name in one of those folders.
std::string find_data_file(const Builder& builder, const std::string& name);

// objects.cc, numa.cc
Status take_object(Builder& builder, const std::string& value);
Status take_numa(Builder& builder, const std::string& value);
Status finish_memory(Builder& builder);

// block.cc
Status take_blockdev(Builder& builder, const std::string& value);
Status take_drive(Builder& builder, const std::string& value);
Status take_hda(Builder& builder, const std::string& value);
Status take_hdb(Builder& builder, const std::string& value);
Status take_hdc(Builder& builder, const std::string& value);
Status take_hdd(Builder& builder, const std::string& value);
Status take_cdrom(Builder& builder, const std::string& value);
Status take_pflash(Builder& builder, const std::string& value);
Status take_snapshot(Builder& builder, const std::string& value);
// Places the drives and asks for their devices.
Status finish_drives(Builder& builder);
// An iothread or a throttle-group.
Status take_storage_object(Builder& builder, const qapi::ObjectOptions& object);

// net.cc
Status take_netdev(Builder& builder, const std::string& value);
Status take_nic(Builder& builder, const std::string& value);
Status take_net(Builder& builder, const std::string& value);
// Asks for the cards of -net, and makes the chardevs that forwarded ports lead to.
Status finish_networks(Builder& builder);

// chardev.cc, legacy_chardev.cc
Status take_chardev(Builder& builder, const std::string& value);
// "stdio", "file:x", "mon:stdio", "unix:/x,server=on": nothing for "none", a name for "chardev:NAME".
struct LegacyChardev {
    std::string id;                         // empty: none
    std::optional<ChardevOptions> chardev;  // absent: the id is of an existing one
    bool with_monitor = false;              // "mon:": a monitor for people shares it
};
Result<LegacyChardev> parse_legacy_chardev(const std::string& text, const std::string& id);

// devices.cc
Status take_device(Builder& builder, const std::string& value);
Status take_global(Builder& builder, const std::string& value);
Status take_serial(Builder& builder, const std::string& value);
Status take_debugcon(Builder& builder, const std::string& value);
Status finish_devices(Builder& builder);

// monitor.cc
Status take_mon(Builder& builder, const std::string& value);
Status take_qmp(Builder& builder, const std::string& value);
Status take_qmp_pretty(Builder& builder, const std::string& value);
Status take_monitor(Builder& builder, const std::string& value);
Status take_action(Builder& builder, const std::string& value);
Status take_watchdog_action(Builder& builder, const std::string& value);
Status take_no_reboot(Builder& builder, const std::string& value);
Status take_no_shutdown(Builder& builder, const std::string& value);
Status take_preconfig(Builder& builder, const std::string& value);

// launch.cc
Status take_launch_plan(Builder& builder, const std::string& value);
Status take_expect_measurement(Builder& builder, const std::string& value);

// qtest.cc
Status take_qtest(Builder& builder, const std::string& value);
Status take_qtest_log(Builder& builder, const std::string& value);

// readconfig.cc
Status take_readconfig(Builder& builder, const std::string& value);

// process.cc
Status take_name(Builder& builder, const std::string& value);
Status take_uuid(Builder& builder, const std::string& value);
Status take_pidfile(Builder& builder, const std::string& value);
Status take_log_file(Builder& builder, const std::string& value);
Status take_log_items(Builder& builder, const std::string& value);
Status take_trace(Builder& builder, const std::string& value);
Status take_message(Builder& builder, const std::string& value);
Status finish_process(Builder& builder);

// host.cc
Status take_overcommit(Builder& builder, const std::string& value);
Status take_sandbox(Builder& builder, const std::string& value);
Status take_run_with(Builder& builder, const std::string& value);
Status take_runas(Builder& builder, const std::string& value);
Status take_chroot(Builder& builder, const std::string& value);
Status take_add_fd(Builder& builder, const std::string& value);
Status take_audiodev(Builder& builder, const std::string& value);

// finish.cc: the checks that need the whole command line.
Status finish(Builder& builder);

}  // namespace vmm::cli
