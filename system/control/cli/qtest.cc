// -qtest and -qtest-log: where the client of -accel qtest speaks.
#include "system/control/cli/builder_priv.h"

namespace vmm::cli {

Status take_qtest(Builder& builder, const std::string& value) {
    Configuration& out = builder.line.configuration;
    if (out.qtest_chardev) return Error::make("there is one test client, and it has its place already");
    LegacyChardev place = TRY(parse_legacy_chardev(value, "qtest"));
    if (place.id.empty()) return {};
    out.qtest_chardev = place.id;
    if (place.chardev) builder.chardevs.push_back(std::move(*place.chardev));
    return {};
}

Status take_qtest_log(Builder& builder, const std::string& value) {
    if (value.empty()) return Error::make("expected a path or none");
    builder.line.configuration.qtest_log = value;
    return {};
}

}  // namespace vmm::cli
