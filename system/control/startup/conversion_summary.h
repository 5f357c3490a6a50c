// What conversions did to the memory of a machine that has come to its end, as trace events.
#pragma once

namespace vmm {

class ConversionEngine;

void trace_summary(const ConversionEngine& engine);

}  // namespace vmm
