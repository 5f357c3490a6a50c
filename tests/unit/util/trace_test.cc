// Trace events: patterns switch them, a disabled event writes nothing.
#include "util/trace.h"

#include <gtest/gtest.h>

#include <array>

namespace vmm {
namespace {

TraceEvent event_a{"kvm_convert_memory"};
TraceEvent event_b{"kvm_memory_fault"};
TraceEvent event_c{"memory_region_commit"};

TEST(Trace, PatternsSwitchEvents) {
    std::array<TraceEvent*, 3> events = {&event_a, &event_b, &event_c};
    trace_register(events);
    EXPECT_EQ(trace_enable("kvm_*"), 2u);
    EXPECT_TRUE(event_a.enabled && event_b.enabled);
    EXPECT_FALSE(event_c.enabled);
    EXPECT_EQ(trace_enable("-kvm_memory*"), 1u);
    EXPECT_TRUE(event_a.enabled);
    EXPECT_FALSE(event_b.enabled);
    EXPECT_EQ(trace_enable("nothing_like_it"), 0u);
}

}  // namespace
}  // namespace vmm
