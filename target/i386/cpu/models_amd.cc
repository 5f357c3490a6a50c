// CPU models: AMD and Hygon processors.
// Facts: what these processors answer to CPUID, and the names and versions that users of -cpu know. Looked up
// by model.cc only. A version lists what it adds to `from`, and "-name" for what it drops.
#include "target/i386/cpu/model.h"

namespace vmm {
namespace {

constexpr CpuModelRow kRows[] = {
    {.name = "Opteron_G1-v1",
     .vendor = kVendorAmd,
     .family = 15,
     .model = 6,
     .stepping = 1,
     .level = 5,
     .xlevel = 0x80000008,
     .model_id = "AMD Opteron 240 (Gen 1 Class Opteron)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni syscall nx lm"},
    {.name = "Opteron_G2-v1",
     .vendor = kVendorAmd,
     .family = 15,
     .model = 6,
     .stepping = 1,
     .level = 5,
     .xlevel = 0x80000008,
     .model_id = "AMD Opteron 22xx (Gen 2 Class Opteron)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni cx16 syscall nx lm lahf-lm svm"},
    {.name = "Opteron_G3-v1",
     .vendor = kVendorAmd,
     .family = 16,
     .model = 2,
     .stepping = 3,
     .level = 5,
     .xlevel = 0x80000008,
     .model_id = "AMD Opteron 23xx (Gen 3 Class Opteron)",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni monitor cx16 popcnt syscall nx rdtscp lm lahf-lm svm abm sse4a misalignsse"},
    {.name = "Opteron_G4-v1",
     .vendor = kVendorAmd,
     .family = 21,
     .model = 1,
     .stepping = 2,
     .level = 0xd,
     .xlevel = 0x8000001a,
     .model_id = "AMD Opteron 62xx class CPU",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 cx16 sse4.1 sse4.2 popcnt aes xsave avx syscall nx pdpe1gb rdtscp lm "
         "lahf-lm svm abm sse4a misalignsse 3dnowprefetch xop fma4 npt nrip-save"},
    {.name = "Opteron_G5-v1",
     .vendor = kVendorAmd,
     .family = 21,
     .model = 2,
     .stepping = 0,
     .level = 0xd,
     .xlevel = 0x8000001a,
     .model_id = "AMD Opteron 63xx class CPU",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 fma cx16 sse4.1 sse4.2 popcnt aes xsave avx f16c syscall nx pdpe1gb "
         "rdtscp lm lahf-lm svm abm sse4a misalignsse 3dnowprefetch xop fma4 tbm npt nrip-save"},
    {.name = "EPYC-v1",
     .vendor = kVendorAmd,
     .family = 23,
     .model = 1,
     .stepping = 2,
     .level = 0xd,
     .xlevel = 0x8000001e,
     .model_id = "AMD EPYC Processor",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq monitor ssse3 fma cx16 sse4.1 sse4.2 movbe popcnt aes xsave avx f16c rdrand "
         "arat fsgsbase bmi1 avx2 smep bmi2 rdseed adx smap clflushopt sha-ni xsaveopt xsavec xgetbv1 "
         "syscall nx mmxext fxsr-opt pdpe1gb rdtscp lm lahf-lm svm cr8legacy abm sse4a misalignsse "
         "3dnowprefetch osvw topoext npt nrip-save",
     .caches = epyc_caches},
    {.name = "EPYC-v2",
     .from = "EPYC-v1",
     .alias = "EPYC-IBPB",
     .model_id = "AMD EPYC Processor (with IBPB)",
     .features = "ibpb"},
    {.name = "EPYC-v3",
     .from = "EPYC-v2",
     .model_id = "AMD EPYC Processor",
     .features = "xsaves perfctr-core clzero xsaveerptr"},
    {.name = "EPYC-v4", .from = "EPYC-v3", .model_id = "AMD EPYC-v4 Processor", .caches = epyc_v4_caches},
    {.name = "EPYC-Rome-v1",
     .vendor = kVendorAmd,
     .family = 23,
     .model = 49,
     .stepping = 0,
     .level = 0xd,
     .xlevel = 0x8000001e,
     .model_id = "AMD EPYC-Rome Processor",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq monitor ssse3 fma cx16 sse4.1 sse4.2 movbe popcnt aes xsave avx f16c rdrand "
         "arat fsgsbase bmi1 avx2 smep bmi2 rdseed adx smap clflushopt clwb sha-ni umip rdpid xsaveopt "
         "xsavec xgetbv1 xsaves syscall nx mmxext fxsr-opt pdpe1gb rdtscp lm lahf-lm svm cr8legacy abm "
         "sse4a misalignsse 3dnowprefetch osvw topoext perfctr-core clzero xsaveerptr wbnoinvd ibpb "
         "amd-stibp npt nrip-save",
     .caches = epyc_rome_caches},
    {.name = "EPYC-Rome-v2", .from = "EPYC-Rome-v1", .features = "ibrs amd-ssbd"},
    {.name = "EPYC-Rome-v3",
     .from = "EPYC-Rome-v2",
     .model_id = "AMD EPYC-Rome-v3 Processor",
     .caches = epyc_rome_v3_caches},
    {.name = "EPYC-Rome-v4",
     .from = "EPYC-Rome-v3",
     .model_id = "AMD EPYC-Rome-v4 Processor (no XSAVES)",
     .features = "-xsaves"},
    {.name = "EPYC-Milan-v1",
     .vendor = kVendorAmd,
     .family = 25,
     .model = 1,
     .stepping = 1,
     .level = 0xd,
     .xlevel = 0x8000001e,
     .model_id = "AMD EPYC-Milan Processor",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq monitor ssse3 fma cx16 pcid sse4.1 sse4.2 movbe popcnt aes xsave avx f16c "
         "rdrand arat fsgsbase bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap clflushopt clwb sha-ni "
         "umip pku rdpid fsrm xsaveopt xsavec xgetbv1 xsaves syscall nx mmxext fxsr-opt pdpe1gb rdtscp lm "
         "lahf-lm svm cr8legacy abm sse4a misalignsse 3dnowprefetch osvw topoext perfctr-core clzero "
         "xsaveerptr wbnoinvd ibpb ibrs amd-stibp amd-ssbd npt nrip-save svme-addr-chk",
     .caches = epyc_milan_caches},
    {.name = "EPYC-Milan-v2",
     .from = "EPYC-Milan-v1",
     .xlevel = 0x80000021,
     .model_id = "AMD EPYC-Milan-v2 Processor",
     .features = "vaes vpclmulqdq stibp-always-on amd-psfd no-nested-data-bp lfence-always-serializing "
                 "null-sel-clr-base",
     .caches = epyc_milan_v2_caches},
    {.name = "EPYC-Genoa-v1",
     .vendor = kVendorAmd,
     .family = 25,
     .model = 17,
     .stepping = 0,
     .level = 0xd,
     .xlevel = 0x80000022,
     .model_id = "AMD EPYC-Genoa Processor",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 movbe popcnt aes xsave avx f16c rdrand "
         "arat fsgsbase bmi1 avx2 smep bmi2 erms invpcid avx512f avx512dq rdseed adx smap avx512ifma "
         "clflushopt clwb avx512cd sha-ni avx512bw avx512vl avx512vbmi umip pku avx512vbmi2 gfni vaes "
         "vpclmulqdq avx512vnni avx512bitalg avx512-vpopcntdq la57 rdpid fsrm avx512-bf16 xsaveopt xsavec "
         "xgetbv1 xsaves syscall nx mmxext fxsr-opt pdpe1gb rdtscp lm lahf-lm svm cr8legacy abm sse4a "
         "misalignsse 3dnowprefetch osvw topoext perfctr-core clzero xsaveerptr wbnoinvd ibpb ibrs "
         "amd-stibp stibp-always-on amd-ssbd amd-psfd npt nrip-save vnmi svme-addr-chk no-nested-data-bp "
         "lfence-always-serializing null-sel-clr-base auto-ibrs",
     .caches = epyc_genoa_caches},
    {.name = "Dhyana-v1",
     .vendor = kVendorHygon,
     .family = 24,
     .model = 0,
     .stepping = 1,
     .level = 0xd,
     .xlevel = 0x8000001e,
     .model_id = "Hygon Dhyana Processor",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni monitor ssse3 fma cx16 sse4.1 sse4.2 movbe popcnt xsave avx f16c rdrand arat fsgsbase "
         "bmi1 avx2 smep bmi2 rdseed adx smap clflushopt xsaveopt xsavec xgetbv1 syscall nx mmxext "
         "fxsr-opt pdpe1gb rdtscp lm lahf-lm svm cr8legacy abm sse4a misalignsse 3dnowprefetch osvw "
         "topoext ibpb npt nrip-save",
     .caches = epyc_caches},
    {.name = "Dhyana-v2", .from = "Dhyana-v1", .features = "xsaves"},
};

}  // namespace

std::span<const CpuModelRow> cpu_models_amd() {
    return kRows;
}

}  // namespace vmm
