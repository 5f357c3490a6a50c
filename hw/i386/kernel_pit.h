// KernelPit (kvm-pit): the properties of the 8254 that the kernel holds, which users set with -global. The
// timer itself is the accelerator's.
#pragma once

#include <array>

#include "hw/core/device_type.h"
#include "target/i386/x86_accelerator.h"

namespace vmm {

// "delay" and "discard"; the schema's LostTickPolicy.
template <>
struct PropertyKind<LostTicks> {
    static constexpr std::string_view kName = "LostTickPolicy";
    static Status visit(qapi::Visitor& visitor, std::string_view name, LostTicks& value);
    static const qapi::EnumInfo* values();
};

struct KernelPit {
    struct Config {
        LostTicks lost_ticks = LostTicks::Delay;
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::lost_ticks>("lost_tick_policy", "what becomes of ticks that come too fast")};
    static constexpr DeviceInfo kInfo = {.name = "kvm-pit",
                                         .parent = "pit-common",
                                         .bus = "ISA",
                                         .description = "the 8254 of the kernel",
                                         .category = DeviceCategory::Misc,
                                         .hotpluggable = false,
                                         .user_creatable = false};
};

}  // namespace vmm
