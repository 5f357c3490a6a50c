// /dev/sev's request and its argument; see util/ioctl.h.
#pragma once

#include "linux-headers/sev_abi.h"
#include "util/ioctl.h"

namespace vmm {

template <>
struct IoctlArg<abi::kSevIssueCommand> {
    using type = abi::SevIssueCommand;
    static constexpr const char* name = "SEV_ISSUE_CMD";
};

}  // namespace vmm
