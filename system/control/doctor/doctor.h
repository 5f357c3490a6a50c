// "-doctor": looks at the host and says what it can run. Main thread; makes no machine.
#pragma once

#include <string>

#include "util/ioctl.h"

namespace vmm::doctor {

enum class Format { Text, Json };

struct Answer {
    std::string text;    // for standard output
    bool usable = true;  // ordinary guests, at least, can run
};

// device: KVM's, as -accel kvm,device= names it.
Answer examine_host(IoctlDoor& kernel, const std::string& device, Format format);

}  // namespace vmm::doctor
