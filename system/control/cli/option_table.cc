// All options, in the order of -help; see option_table_priv.h.
#include "system/control/cli/help_priv.h"
#include "system/control/cli/option_table_priv.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

// "-kernel X" is short for "-machine kernel=X".
template <const char* const& key>
Status take_machine_text(Builder& builder, const std::string& value) {
    if (value.empty()) return Error::make("expected a value");
    return set_machine(builder, qapi::Dict{{key, value}});
}
template <const char* const& key>
Status take_machine_off(Builder& builder, const std::string&) {
    return set_machine(builder, qapi::Dict{{key, "off"}});
}
constexpr const char* kHpet = "hpet";
constexpr const char* kAcpi = "acpi";
constexpr const char* kFirmware = "firmware";
constexpr const char* kKernel = "kernel";
constexpr const char* kInitrd = "initrd";
constexpr const char* kAppend = "append";
constexpr const char* kDtb = "dtb";

Status take_append(Builder& builder, const std::string& value) {
    return set_machine(builder, qapi::Dict{{kAppend, value}});
}

// Options of which one value is true: there is no display.
Status only_none(const std::string& value, const char* what) {
    if (value == "none") return {};
    return Error::make("there is no %s in this version", what).with_hint("the only value is none");
}
Status take_display(Builder&, const std::string& value) {
    return only_none(value, "display");
}
Status take_vga(Builder&, const std::string& value) {
    return only_none(value, "display adapter");
}
Status take_parallel(Builder&, const std::string& value) {
    return only_none(value, "parallel port");
}

Status take_nographic(Builder& builder, const std::string&) {
    builder.nographic = true;
    return {};
}
Status take_nodefaults(Builder& builder, const std::string&) {
    builder.no_defaults = true;
    return {};
}
Status take_nothing(Builder&, const std::string&) {
    return {};
}
Status take_no_hpet(Builder& builder, const std::string&) {
    return set_machine(builder, qapi::Dict{{"hpet", "off"}});
}
Status take_no_acpi(Builder& builder, const std::string&) {
    return set_machine(builder, qapi::Dict{{"acpi", "off"}});
}
Status take_daemonize(Builder& builder, const std::string&) {
    builder.line.configuration.process.daemonize = true;
    return {};
}
Status take_paused(Builder& builder, const std::string&) {
    builder.line.configuration.start_paused = true;
    return {};
}
Status take_doctor(Builder& builder, const std::string& value) {
    if (!value.empty() && value != "text" && value != "json")
        return Error::make("expected text or json, not '%s'", value.c_str());
    builder.line.action = CommandLine::Action::Examine;
    builder.line.as_json = value == "json";
    return {};
}
Status take_help(Builder& builder, const std::string&) {
    builder.print(option_help());
    return {};
}
Status take_version(Builder& builder, const std::string&) {
    builder.print(version_text());
    return {};
}

constexpr std::string_view kMachine = "Machine";
constexpr std::string_view kBoot = "Boot";
constexpr std::string_view kObjects = "Objects and devices";
constexpr std::string_view kMonitors = "Monitors";
constexpr std::string_view kRun = "Running";
constexpr std::string_view kMessages = "Messages";
constexpr std::string_view kTests = "Tests";
constexpr std::string_view kAbout = "About";

constexpr Option kOptions[] = {
    {"machine", "[type=]q35|none[,KEY=VALUE...]", kMachine, "the machine and its properties; -machine help",
     take_machine},
    {"M", "MACHINE", "", "", take_machine},
    {"no-hpet", "", "", "", take_machine_off<kHpet>},
    {"no-acpi", "", "", "", take_machine_off<kAcpi>},
    {"accel", "[accel=]kvm|qtest[,KEY=VALUE...]", kMachine, "what runs the processors; -accel help",
     take_accel},
    {"enable-kvm", "", kMachine, "the same as -machine accel=kvm", take_enable_kvm},
    {"cpu", "MODEL[,+FEATURE,-FEATURE,KEY=VALUE...]", kMachine, "the processors' model; -cpu help", take_cpu},
    {"smp", "[cpus=]N[,sockets=,dies=,cores=,threads=,maxcpus=]", kMachine, "processors and their topology",
     take_smp},
    {"m", "[size=]SIZE", kMachine, "RAM, in MiB without a suffix (default: 128)", take_memory},
    {"numa", "node|dist|cpu,KEY=VALUE...", kMachine, "NUMA nodes, distances, places of processors",
     take_numa},
    {"rtc", "base=utc|localtime|DATE", kMachine, "the real-time clock", take_rtc},
    {"uuid", "UUID", kMachine, "the machine's UUID", take_uuid},
    {"name", "NAME[,process=,debug-threads=]", kMachine, "the guest's name", take_name},

    {"no-acpi", "", kMachine, "the same as -machine acpi=off", take_no_acpi},
    {"no-hpet", "", kMachine, "the same as -machine hpet=off", take_no_hpet},
    {"smbios", "file=FILE|type=N[,KEY=VALUE...]", kMachine, "SMBIOS structures; -smbios help", take_smbios},
    {"acpitable", "sig=SIGNATURE,data=FILE|file=FILE[,KEY=VALUE...]", kMachine,
     "a further ACPI table; -acpitable help", take_acpitable},

    {"bios", "FILE", kBoot, "the firmware", take_machine_text<kFirmware>},
    {"kernel", "FILE", kBoot, "start this kernel (bzImage, multiboot, or ELF with a PVH note)",
     take_machine_text<kKernel>},
    {"initrd", "FILE", kBoot, "its initial RAM disk, or a multiboot kernel's modules (FILE WORDS,FILE WORDS)",
     take_machine_text<kInitrd>},
    {"append", "TEXT", kBoot, "its command line", take_append},
    {"dtb", "FILE", kBoot, "a device tree for it", take_machine_text<kDtb>},

    {"L", "FOLDER", kBoot, "where to look for -bios and -option-rom; -L help", take_data_folder},
    {"fw_cfg", "[name=]NAME,file=FILE|string=TEXT", kBoot, "a file that the guest finds in fw_cfg",
     take_fw_cfg},
    {"option-rom", "FILE[,bootindex=N]", kBoot, "an option ROM for the firmware", take_option_rom},

    {"boot", "[order=]LETTERS[,once=,menu=,splash=,splash-time=,reboot-timeout=,strict=]", kBoot,
     "what the firmware boots from: a, b floppy, c disk, d CD-ROM, n network", take_boot},
    {"no-fd-bootchk", "", kBoot, "the firmware does not look for a floppy's signature", take_no_floppy_check},

    {"launch-plan", "[file=]FILE|-[,mrtd-order=interleaved|two-pass]", kObjects,
     "write what the launch of a protected guest would measure, start nothing", take_launch_plan},
    {"expect-measurement", "HEX", kObjects, "do not start a protected guest whose measurement is another",
     take_expect_measurement},
    {"object", "TYPE,id=ID[,KEY=VALUE...]", kObjects,
     "memory backends and protection; also as JSON; -object help", take_object},
    {"device", "TYPE[,KEY=VALUE...]", kObjects, "add a device; also as JSON; -device help", take_device},
    {"global", "TYPE.KEY=VALUE", kObjects, "a default for the devices that follow", take_global},
    {"set", "GROUP.ID.KEY=VALUE", kObjects, "adds to an option before it, such as device.net0.mac=MAC",
     take_nothing},
    {"blockdev", "DRIVER,node-name=NAME[,KEY=VALUE...]", kObjects,
     "a block node; also as JSON; -blockdev help", take_blockdev},
    {"drive", "[file=FILE][,if=IF][,id=ID][,format=FORMAT][,KEY=VALUE...]", kObjects,
     "a drive, and its device unless if=none", take_drive},
    {"hda", "FILE", kObjects, "the first disk; -hdb, -hdc and -hdd are the next", take_hda},
    {"hdb", "FILE", "", "", take_hdb},
    {"hdc", "FILE", "", "", take_hdc},
    {"hdd", "FILE", "", "", take_hdd},
    {"cdrom", "FILE", kObjects, "a CD in the third drive", take_cdrom},
    {"pflash", "FILE", kObjects, "a flash image", take_pflash},
    {"snapshot", "", kObjects, "disks forget what was written when the process ends", take_snapshot},
    {"chardev", "BACKEND,id=ID[,KEY=VALUE...]", kObjects, "a character device; -chardev help", take_chardev},
    {"add-fd", "fd=NUMBER,set=NUMBER[,opaque=TEXT]", kObjects,
     "an inherited descriptor, to be named as the file /dev/fdset/NUMBER", take_add_fd},
    {"serial", "DEV", kObjects,
     "a serial port: none, null, stdio, mon:stdio, pty, file:PATH, pipe:PATH, unix:PATH, tcp:HOST:PORT, "
     "chardev:ID",
     take_serial},
    {"debugcon", "DEV", kObjects, "the debug port 0xe9, written to DEV as for -serial", take_debugcon},
    {"nographic", "", kObjects, "no display, the first serial port on the terminal (Ctrl-A x quits)",
     take_nographic},
    {"display", "none", kObjects, "there is no display", take_display},
    {"vnc", "none", kObjects, "there is no display", take_display},
    {"vga", "none", kObjects, "there is no display adapter", take_vga},
    {"audiodev", "none,id=ID", kObjects, "accepted; there is no device that makes sound", take_audiodev},
    {"parallel", "none", kObjects, "there is no parallel port", take_parallel},
    {"netdev", "user|tap|socket|stream|dgram,id=ID[,KEY=VALUE...]", kObjects,
     "a network back end; also as JSON; -netdev help", take_netdev},
    {"nic", "BACKEND|none[,model=][,mac=][,KEY=VALUE...]", kObjects, "a network back end and a card on it",
     take_nic},
    {"net", "nic|BACKEND|none[,KEY=VALUE...]", kObjects, "the same, each with an option of its own",
     take_net},
    {"nodefaults", "", kObjects, "no devices but those of the machine and the command line", take_nodefaults},

    {"mon", "[chardev=]ID[,mode=control|readline][,pretty=on|off]", kMonitors, "a monitor on a chardev",
     take_mon},
    {"qmp", "DEV", kMonitors, "a QMP monitor on DEV, which is written as for -serial", take_qmp},
    {"qmp-pretty", "DEV", kMonitors, "the same with indented replies", take_qmp_pretty},
    {"monitor", "DEV", kMonitors, "a monitor for people on DEV, or none", take_monitor},
    {"preconfig", "", kMonitors, "make the machine when the monitor says x-exit-preconfig", take_preconfig},

    {"S", "", kRun, "do not start the processors", take_paused},
    {"no-reboot", "", kRun, "end when the guest resets", take_no_reboot},
    {"no-shutdown", "", kRun, "stop, but do not end, when the guest powers off", take_no_shutdown},
    {"action", "reboot=|shutdown=|panic=|watchdog=ACTION", kRun, "what these events do", take_action},
    {"watchdog-action", "ACTION", "", "", take_watchdog_action},
    {"daemonize", "", kRun, "run in the background once the machine is ready", take_daemonize},
    {"pidfile", "FILE", kRun, "write the process's number there", take_pidfile},
    {"readconfig", "FILE", kRun, "more options, from a file of sections", take_readconfig},
    {"overcommit", "[mem-lock=on|off|on-fault]", kRun, "keep the guest's memory in RAM", take_overcommit},
    {"sandbox", "on|off[,obsolete=,elevateprivileges=,spawn=,resourcecontrol=allow|deny]", kRun,
     "end the process when it makes a system call that it has no need of", take_sandbox},
    {"run-with", "[chroot=DIR][,user=NAME|UID:GID]", kRun, "whom to act for once the machine is made",
     take_run_with},
    {"runas", "USER", "", "", take_runas},
    {"chroot", "DIR", "", "", take_chroot},
    {"no-user-config", "", kRun, "accepted; there are no configuration files", take_nothing},

    {"D", "FILE", kMessages, "where -d and -trace write (default: standard error)", take_log_file},
    {"d", "ITEM[,ITEM...]", kMessages, "log these; -d help", take_log_items},
    {"trace", "[enable=]PATTERN[,events=FILE][,file=FILE]", kMessages, "trace events; -trace help",
     take_trace},
    {"msg", "[timestamp=on|off][,guest-name=on|off]", kMessages, "the form of messages", take_message},

    {"qtest", "DEV", kTests, "where a test client speaks qtest's protocol, as for -serial", take_qtest},
    {"qtest-log", "FILE|none", kTests, "what the test client and penumbra say (default: standard error)",
     take_qtest_log},

    {"doctor", "[text|json]", kAbout, "what this host can run, and what the rest takes", take_doctor},
    {"help", "", kAbout, "this text", take_help},
    {"h", "", "", "", take_help},
    {"version", "", kAbout, "the version", take_version},
};

constexpr std::string_view kNoDisks = "there are no disks in this version";
constexpr std::string_view kNoDisplay = "there is no display in this version";
constexpr std::string_view kNoUsb = "there is no USB in this version";
constexpr std::string_view kNotYet = "this is not available in this version";
constexpr std::string_view kNoMigration = "there is no migration in this version";
constexpr std::string_view kKvmOnly = "guests run on KVM only";
constexpr std::string_view kUseBackend = "use -object memory-backend-file and -machine memory-backend=ID";

constexpr AbsentOption kAbsent[] = {
    {"fda", true, kNoDisks},
    {"fdb", true, kNoDisks},
    {"sd", true, kNoDisks},
    {"mtdblock", true, kNoDisks},
    {"iscsi", true, kNoDisks},
    {"fsdev", true, kNoDisks},
    {"virtfs", true, kNoDisks},
    {"spice", true, kNoDisplay},
    {"full-screen", false, kNoDisplay},
    {"k", true, kNoDisplay},
    {"g", true, kNoDisplay},
    {"usb", false, kNoUsb},
    {"usbdevice", true, kNoUsb},
    {"incoming", true, kNoMigration},
    {"loadvm", true, kNoMigration},
    {"only-migratable", false, kNoMigration},
    {"gdb", true, kNotYet},
    {"s", false, kNotYet},
    {"tpmdev", true, kNotYet},
    {"echr", true, kNotYet},
    {"plugin", true, kKvmOnly},
    {"icount", true, kKvmOnly},
    {"singlestep", false, kKvmOnly},
    {"tb-size", true, kKvmOnly},
    {"semihosting", false, kKvmOnly},
    {"mem-path", true, kUseBackend},
    {"mem-prealloc", false, "use -object memory-backend-ram,prealloc=on"},
    {"win2k-hack", false, kNoDisks},
    {"prom-env", true, "this is not for PCs"},
};

}  // namespace

void Builder::print(std::string text) {
    line.action = CommandLine::Action::Print;
    line.text = std::move(text);
}

bool argument_is_optional(const Option& option) {
    return !option.argument.empty() && option.argument.front() == '[' &&
           option.argument.find(']') == option.argument.size() - 1;
}

std::span<const Option> option_table() {
    return kOptions;
}
std::span<const AbsentOption> absent_options() {
    return kAbsent;
}

const Option* find_option(std::string_view name) {
    for (const Option& option : kOptions)
        if (option.name == name) return &option;
    return nullptr;
}

const AbsentOption* find_absent_option(std::string_view name) {
    for (const AbsentOption& option : kAbsent)
        if (option.name == name) return &option;
    return nullptr;
}

std::string_view nearest_option(std::string_view name) {
    std::vector<std::string_view> names;
    for (const Option& option : kOptions)
        names.push_back(option.name);
    return name.size() < 3 || name.size() > 40 ? std::string_view() : nearest(name, names);
}

}  // namespace vmm::cli
