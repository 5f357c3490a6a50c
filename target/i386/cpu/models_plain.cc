// CPU models: the plain ones (qemu64, kvm64) and processors of the 32-bit age.
// Facts: what these processors answer to CPUID, and the names and versions that users of -cpu know. Looked up
// by model.cc only. A version lists what it adds to `from`, and "-name" for what it drops.
#include "target/i386/cpu/model.h"

namespace vmm {
namespace {

constexpr CpuModelRow kRows[] = {
    {.name = "qemu64-v1",
     .vendor = kVendorAmd,
     .family = 15,
     .model = 107,
     .stepping = 1,
     .level = 0xd,
     .xlevel = 0x8000000a,
     .model_id = "QEMU Virtual CPU version 2.5+",
     .features =
         "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 "
         "pni cx16 syscall nx lm lahf-lm svm"},
    {.name = "qemu32-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 6,
     .stepping = 3,
     .level = 4,
     .xlevel = 0x80000004,
     .model_id = "QEMU Virtual CPU version 2.5+",
     .features = "fpu de pse tsc msr pae mce cx8 apic sep pge cmov pat mmx fxsr sse sse2 pni"},
    {.name = "kvm64-v1",
     .vendor = kVendorIntel,
     .family = 15,
     .model = 6,
     .stepping = 1,
     .level = 0xd,
     .xlevel = 0x80000008,
     .model_id = "Common KVM processor",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni cx16 syscall nx lm"},
    {.name = "kvm32-v1",
     .vendor = kVendorIntel,
     .family = 15,
     .model = 6,
     .stepping = 1,
     .level = 5,
     .xlevel = 0x80000008,
     .model_id = "Common 32-bit KVM processor",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni"},
    {.name = "486-v1",
     .vendor = kVendorIntel,
     .family = 4,
     .model = 8,
     .stepping = 0,
     .level = 1,
     .features = "fpu vme pse"},
    {.name = "pentium-v1",
     .vendor = kVendorIntel,
     .family = 5,
     .model = 4,
     .stepping = 3,
     .level = 1,
     .features = "fpu vme de pse tsc msr mce cx8 apic mmx"},
    {.name = "pentium2-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 5,
     .stepping = 2,
     .level = 2,
     .features = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 mmx fxsr"},
    {.name = "pentium3-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 7,
     .stepping = 3,
     .level = 3,
     .features = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 mmx fxsr sse"},
    {.name = "athlon-v1",
     .vendor = kVendorAmd,
     .family = 6,
     .model = 2,
     .stepping = 3,
     .level = 2,
     .xlevel = 0x80000008,
     .model_id = "QEMU Virtual CPU version 2.5+",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 mmx fxsr sse sse2 mmxext "
         "3dnowext 3dnow"},
    {.name = "coreduo-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 14,
     .stepping = 8,
     .level = 0xa,
     .xlevel = 0x80000008,
     .model_id = "Genuine Intel(R) CPU           T2600  @ 2.16GHz",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat clflush acpi mmx fxsr sse sse2 "
         "ss pni monitor nx"},
    {.name = "n270-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 28,
     .stepping = 2,
     .level = 0xa,
     .xlevel = 0x80000008,
     .model_id = "Intel(R) Atom(TM) CPU N270   @ 1.60GHz",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat clflush acpi mmx fxsr sse sse2 "
         "ss pni monitor ssse3 movbe nx lahf-lm"},
    {.name = "core2duo-v1",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 15,
     .stepping = 11,
     .level = 0xa,
     .xlevel = 0x80000008,
     .model_id = "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush acpi mmx fxsr "
         "sse sse2 ss pni monitor ssse3 cx16 syscall nx lm lahf-lm"},
    {.name = "phenom-v1",
     .vendor = kVendorAmd,
     .family = 16,
     .model = 2,
     .stepping = 3,
     .level = 5,
     .xlevel = 0x8000001a,
     .model_id = "AMD Phenom(tm) 9550 Quad-Core Processor",
     .features =
         "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
         "sse2 pni monitor cx16 popcnt syscall nx mmxext fxsr-opt pdpe1gb rdtscp lm 3dnowext 3dnow lahf-lm "
         "svm abm sse4a npt"},
};

}  // namespace

std::span<const CpuModelRow> cpu_models_plain() {
    return kRows;
}

}  // namespace vmm
