// CPU models: Intel processors from Skylake on, and the Atom and Phi lines.
// Facts: what these processors answer to CPUID, and the names and versions that users of -cpu know. Looked up
// by model.cc only. A version lists what it adds to `from`, and "-name" for what it drops.
#include "target/i386/cpu/model.h"

namespace vmm {
namespace {

constexpr CpuModelRow kRows[] = {
    {.name = "Skylake-Client-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 94,
     .stepping = 3,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Core Processor (Skylake)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "avx f16c rdrand arat fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm rdseed adx smap xsaveopt "
         "xsavec xgetbv1 syscall nx rdtscp lm lahf-lm abm 3dnowprefetch"},
    {.name = "Skylake-Client-v2",
     .from = "Skylake-Client-v1",
     .alias = "Skylake-Client-IBRS",
     .model_id = "Intel Core Processor (Skylake, IBRS)",
     .features = "spec-ctrl"},
    {.name = "Skylake-Client-v3",
     .from = "Skylake-Client-v2",
     .alias = "Skylake-Client-noTSX-IBRS",
     .model_id = "Intel Core Processor (Skylake, IBRS, no TSX)",
     .features = "-hle -rtm"},
    {.name = "Skylake-Client-v4", .from = "Skylake-Client-v3", .features = "xsaves"},
    {.name = "Skylake-Server-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 85,
     .stepping = 4,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Xeon Processor (Skylake)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "avx f16c rdrand arat fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm avx512f avx512dq rdseed "
         "adx smap clflushopt clwb avx512cd avx512bw avx512vl pku xsaveopt xsavec xgetbv1 syscall nx "
         "pdpe1gb rdtscp lm lahf-lm abm 3dnowprefetch"},
    {.name = "Skylake-Server-v2",
     .from = "Skylake-Server-v1",
     .alias = "Skylake-Server-IBRS",
     .model_id = "Intel Xeon Processor (Skylake, IBRS)",
     .features = "spec-ctrl -clflushopt"},
    {.name = "Skylake-Server-v3",
     .from = "Skylake-Server-v2",
     .alias = "Skylake-Server-noTSX-IBRS",
     .model_id = "Intel Xeon Processor (Skylake, IBRS, no TSX)",
     .features = "-hle -rtm"},
    {.name = "Skylake-Server-v4", .from = "Skylake-Server-v3"},
    {.name = "Skylake-Server-v5", .from = "Skylake-Server-v4", .features = "xsaves"},
    {.name = "Cascadelake-Server-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 85,
     .stepping = 6,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Xeon Processor (Cascadelake)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "avx f16c rdrand arat fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm avx512f avx512dq rdseed "
         "adx smap clflushopt clwb avx512cd avx512bw avx512vl pku avx512vnni spec-ctrl ssbd xsaveopt "
         "xsavec xgetbv1 syscall nx pdpe1gb rdtscp lm lahf-lm abm 3dnowprefetch"},
    {.name = "Cascadelake-Server-v2",
     .from = "Cascadelake-Server-v1",
     .features = "arch-capabilities rdctl-no ibrs-all skip-l1dfl-vmentry mds-no"},
    {.name = "Cascadelake-Server-v3",
     .from = "Cascadelake-Server-v2",
     .alias = "Cascadelake-Server-noTSX",
     .features = "-hle -rtm"},
    {.name = "Cascadelake-Server-v4", .from = "Cascadelake-Server-v3"},
    {.name = "Cascadelake-Server-v5", .from = "Cascadelake-Server-v4", .features = "xsaves"},
    {.name = "Cooperlake-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 85,
     .stepping = 10,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Xeon Processor (Cooperlake)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "avx f16c rdrand arat fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm avx512f avx512dq rdseed "
         "adx smap clflushopt clwb avx512cd avx512bw avx512vl pku avx512vnni spec-ctrl stibp "
         "arch-capabilities ssbd avx512-bf16 xsaveopt xsavec xgetbv1 syscall nx pdpe1gb rdtscp lm lahf-lm "
         "abm 3dnowprefetch rdctl-no ibrs-all skip-l1dfl-vmentry mds-no pschange-mc-no taa-no"},
    {.name = "Cooperlake-v2", .from = "Cooperlake-v1", .features = "xsaves"},
    {.name = "Icelake-Server-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 134,
     .stepping = 0,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Xeon Processor (Icelake)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "avx f16c rdrand arat fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm avx512f avx512dq rdseed "
         "adx smap clflushopt clwb avx512cd avx512bw avx512vl avx512vbmi umip pku avx512vbmi2 gfni vaes "
         "vpclmulqdq avx512vnni avx512bitalg avx512-vpopcntdq la57 spec-ctrl ssbd xsaveopt xsavec xgetbv1 "
         "syscall nx pdpe1gb rdtscp lm lahf-lm abm 3dnowprefetch wbnoinvd"},
    {.name = "Icelake-Server-v2",
     .from = "Icelake-Server-v1",
     .alias = "Icelake-Server-noTSX",
     .features = "-hle -rtm"},
    {.name = "Icelake-Server-v3",
     .from = "Icelake-Server-v2",
     .features = "arch-capabilities rdctl-no ibrs-all skip-l1dfl-vmentry mds-no pschange-mc-no taa-no"},
    {.name = "Icelake-Server-v4",
     .from = "Icelake-Server-v3",
     .model = 106,
     .features = "avx512ifma sha-ni rdpid fsrm"},
    {.name = "Icelake-Server-v5", .from = "Icelake-Server-v4", .features = "xsaves"},
    {.name = "Icelake-Server-v6", .from = "Icelake-Server-v5"},
    {.name = "KnightsMill-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 133,
     .stepping = 0,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Intel Xeon Phi Processor (Knights Mill)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 ss pni pclmulqdq ssse3 fma cx16 sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "avx f16c rdrand arat fsgsbase bmi1 avx2 smep bmi2 erms avx512f rdseed adx avx512pf avx512er "
         "avx512cd avx512-vpopcntdq avx512-4vnniw avx512-4fmaps xsaveopt syscall nx pdpe1gb rdtscp lm "
         "lahf-lm abm 3dnowprefetch"},
    {.name = "Denverton-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 95,
     .stepping = 1,
     .level = 0x15,
     .xlevel = 0x80000008,
     .model_id = "Intel Atom Processor (Denverton)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq monitor ssse3 cx16 sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "rdrand arat fsgsbase smep erms mpx rdseed smap clflushopt sha-ni spec-ctrl arch-capabilities "
         "ssbd xsaveopt xsavec xgetbv1 syscall nx pdpe1gb rdtscp lm lahf-lm 3dnowprefetch rdctl-no "
         "skip-l1dfl-vmentry"},
    {.name = "Denverton-v2", .from = "Denverton-v1", .features = "-monitor -mpx"},
    {.name = "Denverton-v3", .from = "Denverton-v2", .features = "xsaves"},
    {.name = "Snowridge-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 134,
     .stepping = 1,
     .level = 0x1b,
     .xlevel = 0x80000008,
     .model_id = "Intel Atom Processor (SnowRidge)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq monitor ssse3 cx16 sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave "
         "rdrand arat fsgsbase smep erms mpx rdseed smap clflushopt clwb sha-ni umip gfni cldemote movdiri "
         "movdir64b spec-ctrl arch-capabilities core-capability ssbd xsaveopt xsavec xgetbv1 syscall nx "
         "pdpe1gb rdtscp lm lahf-lm 3dnowprefetch split-lock-detect"},
    {.name = "Snowridge-v2",
     .from = "Snowridge-v1",
     .model_id = "Intel Atom Processor (Snowridge, no MPX)",
     .features = "-mpx"},
    {.name = "Snowridge-v3", .from = "Snowridge-v2", .features = "xsaves"},
    {.name = "Snowridge-v4", .from = "Snowridge-v3", .features = "-core-capability -split-lock-detect"},
};

}  // namespace

std::span<const CpuModelRow> cpu_models_intel_new() {
    return kRows;
}

}  // namespace vmm
