// Guessing formats; see probe.h. The magic numbers are those of each format's own specification.
#include "backends/block/probe.h"

#include <algorithm>

namespace vmm::block {

namespace {

struct Magic {
    std::string_view format;
    size_t offset;
    std::string_view bytes;
};

using namespace std::string_view_literals;
constexpr Magic kMagics[] = {
    {"qcow2", 0, "QFI\xfb\0\0\0\2"sv},
    {"qcow2", 0, "QFI\xfb\0\0\0\3"sv},
    {"qcow", 0, "QFI\xfb\0\0\0\1"sv},
    {"qed", 0, "QED\0"sv},
    {"vmdk", 0, "KDMV"sv},
    {"vmdk", 0, "COWD"sv},
    {"vmdk", 0, "# Disk DescriptorFile"sv},
    {"vhdx", 0, "vhdxfile"sv},
    {"vpc", 0, "conectix"sv},
    {"vdi", 0x40, "\x7f\x10\xda\xbe"sv},
    {"luks", 0, "LUKS\xba\xbe"sv},
    {"parallels", 0, "WithoutFreeSpace"sv},
    {"parallels", 0, "WithouFreSpacExt"sv},
    {"bochs", 0, "Bochs Virtual HD Image"sv},
};

}  // namespace

std::string_view probe_format(std::span<const uint8_t> first_bytes) {
    for (const Magic& magic : kMagics) {
        if (first_bytes.size() < magic.offset + magic.bytes.size()) continue;
        auto at = first_bytes.begin() + static_cast<std::ptrdiff_t>(magic.offset);
        bool same = std::equal(magic.bytes.begin(), magic.bytes.end(), at,
                               [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
        if (same) return magic.format;
    }
    return "raw";
}

}  // namespace vmm::block
