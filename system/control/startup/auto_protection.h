// confidential-guest-support=auto: the object that protects the guest as strongly as this host can.
#pragma once

#include "qapi/types_qom.h"
#include "system/control/configuration.h"
#include "system/control/doctor/evaluate.h"
#include "util/ioctl.h"
#include "util/result.h"

namespace vmm {

// Pure: of what a host was found to have. The hint of the error says how to learn more.
Result<qapi::ObjectOptions> choose_protection(const doctor::HostFacts& facts,
                                              const doctor::Diagnosis& diagnosis);
// Takes it into the configuration, and says what it is.
Status take_protection(qapi::ObjectOptions chosen, Configuration& configuration);
// Looks at this host, takes what it has into the configuration, and says what that is.
Status take_auto_protection(Configuration& configuration, IoctlDoor& kernel);

}  // namespace vmm
