// Help texts from the tables; see help_priv.h.
#include "hw/i386/q35_versions.h"
#include "system/control/cli/help_priv.h"
#include "system/control/cli/option_table_priv.h"
#include "util/log.h"
#include "util/text.h"
#include "util/trace.h"

namespace vmm::cli {
namespace {

constexpr size_t kHelpColumn = 28;
constexpr size_t kWidth = 100;

// "  left      help", the help wrapped in its own column.
std::string row(const std::string& left, std::string_view help) {
    std::string out = "  " + left;
    size_t column = out.size();
    if (column + 1 >= kHelpColumn) {
        out += '\n';
        column = 0;
    }
    out.append(kHelpColumn - column, ' ');
    column = kHelpColumn;
    for (std::string_view word : split(help, ' ')) {
        if (column > kHelpColumn && column + 1 + word.size() > kWidth) {
            out += '\n' + std::string(kHelpColumn, ' ');
            column = kHelpColumn;
        } else if (column > kHelpColumn) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
    }
    return out + '\n';
}

}  // namespace

std::string version_text() {
    // Programs that run virtual machines read the first words to know what they may ask for.
    return strf("QEMU emulator version 7.2.0 (penumbra version %s)\n", PENUMBRA_VERSION);
}

std::string option_help() {
    std::string out =
        version_text() +
        "usage: penumbra [OPTION...]\n\n"
        "Runs a virtual machine on KVM, with memory that can turn private and back. An option may begin with "
        "one\n"
        "dash or two. KEY=VALUE options are joined by commas; ',,' stands for a comma. 'help' as a value "
        "lists\n"
        "what there is: -machine help, -object help, -object TYPE,help, -device help, -cpu help, -d help.\n";
    std::string_view group;
    for (const Option& option : option_table()) {
        if (option.group.empty()) continue;
        if (option.group != group) out += "\n" + std::string(option.group) + ":\n";
        group = option.group;
        std::string left = "-" + std::string(option.name);
        if (!option.argument.empty()) left += " " + std::string(option.argument);
        out += row(left, option.help);
    }
    return out;
}

std::string members_help(std::span<const qapi::MemberInfo> members) {
    std::string out;
    for (const qapi::MemberInfo& member : members) {
        std::string type(member.type);
        if (member.values != nullptr) {
            std::vector<std::string> values(member.values->values.begin(), member.values->values.end());
            type = join(values, "|");
        }
        out += row(std::string(member.name) + "=<" + type + ">", member.help);
    }
    return out;
}

std::string machine_help() {
    std::string machines =
        "Machines:\n" + row("none", "no machine: nothing but objects") +
        row("q35", "PC with the Q35 and ICH9 chip set (default), " + std::string(kQ35Versions[0].name));
    for (const Q35Version& version : kQ35Versions)
        machines += row(std::string(version.name), "that of QEMU " + std::string(version.name.substr(7)));
    return machines + "\nProperties of q35:\n" + members_help(qapi::kMachineOptionsInfo.members);
}

std::string accel_help() {
    return "Accelerators:\n" + row("kvm", "the KVM of the Linux kernel (default)") +
           row("qtest", "none: a test client stands in for the guest (-qtest)") + "\nProperties of kvm:\n" +
           members_help(qapi::kAccelOptionsInfo.members.subspan(1));
}

std::string branches_help(std::string_view title, const qapi::UnionInfo& info) {
    std::string out(title);
    out += ":\n";
    for (const qapi::BranchInfo& branch : info.branches)
        out += "  " + std::string(branch.value) + "\n";
    return out;
}

std::string branch_members_help(std::string_view value, const qapi::UnionInfo& info) {
    for (const qapi::BranchInfo& branch : info.branches) {
        if (branch.value != value) continue;
        std::string out = std::string(value) + " options:\n" + members_help(info.common.members.subspan(1));
        return branch.members != nullptr ? out + members_help(branch.members->members) : out;
    }
    return branches_help("There is no type '" + std::string(value) + "'; the types", info);
}

std::string devices_help(const DeviceTypes& types) {
    std::string out;
    for (int category = 0; category <= static_cast<int>(DeviceCategory::Watchdog); ++category) {
        const std::string title(to_text(static_cast<DeviceCategory>(category)));
        bool first = true;
        for (const DeviceType& type : types.all()) {
            const DeviceInfo& info = type.info;
            if (static_cast<int>(info.category) != category || !info.user_creatable) continue;
            if (first) out += (out.empty() ? "" : "\n") + title + " devices:\n";
            first = false;
            out += "name \"" + std::string(info.name) + "\"";
            if (!info.bus.empty()) out += ", bus " + std::string(info.bus);
            if (!info.alias.empty()) out += ", alias \"" + std::string(info.alias) + "\"";
            if (!info.description.empty()) out += ", desc \"" + std::string(info.description) + "\"";
            out += "\n";
        }
    }
    return out;
}

std::string device_help(std::string_view name, const DeviceTypes& types) {
    const DeviceType* type = types.find(name);
    if (type == nullptr || !type->info.user_creatable)
        return "There is no device '" + std::string(name) + "'; the devices:\n" + devices_help(types);
    const std::unique_ptr<AnyConfig> standard = type->make_config();
    std::string out = std::string(type->info.name) + " options:\n";
    for (const Property& property : type->properties) {
        std::string kind(property_type_name(property));
        const qapi::EnumInfo* values = property.values();
        if (values != nullptr) kind = join({values->values.begin(), values->values.end()}, "|");
        std::string help(property.help);
        if (property.present(standard->data()))
            help += " (default: " + qapi::brief(write_property(property, standard->data())) + ")";
        out += row(std::string(property.name) + "=<" + kind + ">", help);
    }
    return out;
}

std::string log_items_help() {
    std::string out = "Log items (comma separated):\n";
    for (const LogItemName& item : log_item_names())
        out += row(std::string(item.name), item.help);
    return out;
}

std::string trace_help() {
    std::string out = "Trace events:\n";
    for (const TraceEvent* event : trace_events())
        out += "  " + std::string(event->name) + "\n";
    return out;
}

}  // namespace vmm::cli
