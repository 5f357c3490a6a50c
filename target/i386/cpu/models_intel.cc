// CPU models: Intel processors from Conroe to Broadwell.
// Facts: what these processors answer to CPUID, and the names and versions that users of -cpu know. Looked up
// by model.cc only. A version lists what it adds to `from`, and "-name" for what it drops.
#include "target/i386/cpu/model.h"

namespace vmm {
namespace {

constexpr CpuModelRow kRows[] = {
    {.name = "Conroe-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 15,
     .stepping = 3,
     .level = 0xa,
     .xlevel = 0x80000008,
     .model_id = "Intel Celeron_4x0 (Conroe/Merom Class Core 2)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni ssse3 syscall nx lm lahf-lm"},
    {.name = "Penryn-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 23,
     .stepping = 3,
     .level = 0xa,
     .xlevel = 0x80000008,
     .model_id = "Intel Core 2 Duo P9xxx (Penryn Class Core 2)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni ssse3 cx16 sse4.1 syscall nx lm lahf-lm"},
    {.name = "Nehalem-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 26,
     .stepping = 3,
     .level = 0xb,
     .xlevel = 0x80000008,
     .model_id = "Intel Core i7 9xx (Nehalem Class Core i7)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni ssse3 cx16 sse4.1 sse4.2 popcnt syscall nx lm lahf-lm"},
    {.name = "Nehalem-v2",
     .from = "Nehalem-v1",
     .alias = "Nehalem-IBRS",
     .model_id = "Intel Core i7 9xx (Nehalem Core i7, IBRS update)",
     .features = "spec-ctrl"},
    {.name = "Westmere-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 44,
     .stepping = 1,
     .level = 0xb,
     .xlevel = 0x80000008,
     .model_id = "Westmere E56xx/L56xx/X56xx (Nehalem-C)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 cx16 sse4.1 sse4.2 popcnt aes arat syscall nx lm lahf-lm"},
    {.name = "Westmere-v2",
     .from = "Westmere-v1",
     .alias = "Westmere-IBRS",
     .model_id = "Westmere E56xx/L56xx/X56xx (IBRS update)",
     .features = "spec-ctrl"},
    {.name = "SandyBridge-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 42,
     .stepping = 1,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Xeon E312xx (Sandy Bridge)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 cx16 sse4.1 sse4.2 x2apic popcnt tsc-deadline aes xsave avx arat "
         "xsaveopt syscall nx rdtscp lm lahf-lm"},
    {.name = "SandyBridge-v2",
     .from = "SandyBridge-v1",
     .alias = "SandyBridge-IBRS",
     .model_id = "Intel Xeon E312xx (Sandy Bridge, IBRS update)",
     .features = "spec-ctrl"},
    {.name = "IvyBridge-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 58,
     .stepping = 9,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Xeon E3-12xx v2 (Ivy Bridge)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 cx16 sse4.1 sse4.2 x2apic popcnt tsc-deadline aes xsave avx f16c rdrand "
         "arat fsgsbase smep erms xsaveopt syscall nx rdtscp lm lahf-lm"},
    {.name = "IvyBridge-v2",
     .from = "IvyBridge-v1",
     .alias = "IvyBridge-IBRS",
     .model_id = "Intel Xeon E3-12xx v2 (Ivy Bridge, IBRS)",
     .features = "spec-ctrl"},
    {.name = "Haswell-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 60,
     .stepping = 4,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Core Processor (Haswell)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "avx f16c rdrand arat fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm xsaveopt syscall nx "
         "rdtscp lm lahf-lm abm"},
    {.name = "Haswell-v2",
     .from = "Haswell-v1",
     .alias = "Haswell-noTSX",
     .stepping = 1,
     .model_id = "Intel Core Processor (Haswell, no TSX)",
     .features = "-hle -rtm"},
    {.name = "Haswell-v3",
     .from = "Haswell-v2",
     .alias = "Haswell-IBRS",
     .stepping = 4,
     .model_id = "Intel Core Processor (Haswell, IBRS)",
     .features = "hle rtm spec-ctrl"},
    {.name = "Haswell-v4",
     .from = "Haswell-v3",
     .alias = "Haswell-noTSX-IBRS",
     .stepping = 1,
     .model_id = "Intel Core Processor (Haswell, no TSX, IBRS)",
     .features = "-hle -rtm"},
    {.name = "Broadwell-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 61,
     .stepping = 2,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Core Processor (Broadwell)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "avx f16c rdrand arat fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm rdseed adx smap xsaveopt "
         "syscall nx rdtscp lm lahf-lm abm 3dnowprefetch"},
    {.name = "Broadwell-v2",
     .from = "Broadwell-v1",
     .alias = "Broadwell-noTSX",
     .model_id = "Intel Core Processor (Broadwell, no TSX)",
     .features = "-hle -rtm"},
    {.name = "Broadwell-v3",
     .from = "Broadwell-v2",
     .alias = "Broadwell-IBRS",
     .model_id = "Intel Core Processor (Broadwell, IBRS)",
     .features = "hle rtm spec-ctrl"},
    {.name = "Broadwell-v4",
     .from = "Broadwell-v3",
     .alias = "Broadwell-noTSX-IBRS",
     .model_id = "Intel Core Processor (Broadwell, no TSX, IBRS)",
     .features = "-hle -rtm"},
};

}  // namespace

std::span<const CpuModelRow> cpu_models_intel() {
    return kRows;
}

}  // namespace vmm
