// From the schema's description of a character device to the back end's; for -chardev, the short options that
// make one, and chardev-add.
#pragma once

#include "backends/chardev/options.h"
#include "qapi/types_chardev.h"
#include "util/result.h"

namespace vmm::cli {

Result<ChardevOptions> chardev_from_schema(const qapi::ChardevOptions& options);

}  // namespace vmm::cli
