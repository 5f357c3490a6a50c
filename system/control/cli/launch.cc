// -launch-plan and -expect-measurement: what is said of a protected guest's launch.
#include "qapi/convert.h"
#include "qapi/types_misc_i386.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"
#include "system/control/cli/option_table_priv.h"
#include "util/digest.h"

namespace vmm::cli {

Status take_launch_plan(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.implied_key = "file"}));
    if (parsed.help) {
        builder.print("-launch-plan options:\n" + members_help(qapi::kLaunchPlanOptionsInfo.members));
        return {};
    }
    auto options = TRY(qapi::from_keyval<qapi::LaunchPlanOptions>(parsed.dict));
    if (options.file.empty()) return Error::make("expected a file, or - for standard output");
    LaunchPlanConfig plan{.file = std::move(options.file)};
    plan.two_pass_mrtd = options.mrtd_order == qapi::MrtdOrder::TwoPass;
    builder.line.configuration.launch_plan = std::move(plan);
    return {};
}

// As many digits as one of the digests has: 64 or 96.
Status take_expect_measurement(Builder& builder, const std::string& value) {
    const std::optional<std::vector<uint8_t>> bytes = from_hex(value);
    if (!bytes || (bytes->size() != sizeof(Sha256Digest) && bytes->size() != sizeof(Sha384Digest)))
        return Error::make("expected 96 hexadecimal digits, or 64 for SEV and SEV-ES");
    builder.line.configuration.expect_measurement = *bytes;
    return {};
}

}  // namespace vmm::cli
