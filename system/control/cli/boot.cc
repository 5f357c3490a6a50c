// -boot, -no-fd-bootchk, and what is started: -bios, -kernel and its company.
#include "hw/i386/boot_codes.h"
#include "qapi/convert.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"

namespace vmm::cli {
namespace {

Result<std::string> checked_order(const char* key, const std::string& letters) {
    Result<BootCodes> codes = boot_codes(letters);
    if (!codes) return std::move(codes).take_error().while_doing("-boot %s=", key);
    return letters;
}

Result<int64_t> within(const char* key, int64_t value, int64_t least, int64_t most) {
    if (value >= least && value <= most) return value;
    return Error::make("-boot %s=%lld: expected %lld to %lld", key, static_cast<long long>(value),
                       static_cast<long long>(least), static_cast<long long>(most));
}

Status take_order(const qapi::BootConfiguration& given, BootConfig& boot) {
    if (given.order) boot.order = TRY(checked_order("order", *given.order));
    if (given.once) boot.once = TRY(checked_order("once", *given.once));
    boot.menu = given.menu.value_or(false);
    boot.strict = given.strict.value_or(false);
    if (given.splash_time)
        boot.menu_wait_ms = static_cast<uint16_t>(TRY(within("splash-time", *given.splash_time, 0, 0xffff)));
    if (given.reboot_timeout)
        boot.reboot_timeout_ms =
            static_cast<int32_t>(TRY(within("reboot-timeout", *given.reboot_timeout, -1, 0xffff)));
    return {};
}

}  // namespace

Status take_boot(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.implied_key = "order"}));
    if (parsed.help) {
        builder.print("-boot options:\n" + members_help(qapi::kBootConfigurationInfo.members));
        return {};
    }
    TRY(qapi::from_keyval<qapi::BootConfiguration>(parsed.dict));
    return set_machine(builder, qapi::Dict{{"boot", parsed.dict}});
}

Status take_no_floppy_check(Builder& builder, const std::string&) {
    builder.line.configuration.machine.boot.floppy_check = false;
    return {};
}

Status finish_boot(Builder& builder) {
    const qapi::MachineOptions& given = builder.machine;
    BootConfig& boot = builder.line.configuration.machine.boot;
    boot.bios = find_data_file(builder, given.firmware.value_or(""));
    boot.flash = {given.pflash0.value_or(""), given.pflash1.value_or("")};
    boot.kernel = given.kernel.value_or("");
    boot.initrd = given.initrd.value_or("");
    boot.append = given.append.value_or("");
    boot.dtb = given.dtb.value_or("");
    if (given.boot) TRY(take_order(*given.boot, boot));
    struct Companion {
        const char* option;
        const std::optional<std::string>& value;
    };
    for (const Companion& companion : {Companion{"-initrd", given.initrd}, Companion{"-append", given.append},
                                       Companion{"-dtb", given.dtb}})
        if (companion.value && boot.kernel.empty())
            return Error::make("%s %s needs a kernel", companion.option, companion.value->c_str())
                .with_hint("add -kernel FILE");
    return {};
}

}  // namespace vmm::cli
