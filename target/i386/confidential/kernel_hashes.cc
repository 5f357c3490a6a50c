// The table of kernel hashes; see kernel_hashes.h.
#include "target/i386/confidential/kernel_hashes.h"

#include <string_view>

#include "util/check.h"
#include "util/digest.h"
#include "util/endian.h"
#include "util/uuid.h"

namespace vmm {

namespace {

constexpr size_t kEntrySize = 16 + 2 + sizeof(Sha256Digest);
constexpr size_t kTableSize = 16 + 2 + 3 * kEntrySize;
static_assert(kTableSize <= kKernelHashesSize);

// GUID, then the length of everything from the GUID on.
void put_head(std::vector<uint8_t>& out, std::string_view guid, size_t length) {
    Result<Uuid> parsed = Uuid::parse(guid);
    CHECK(parsed, "not a GUID");
    const auto bytes = parsed->mixed_endian();
    out.insert(out.end(), bytes.begin(), bytes.end());
    const Le16 size(static_cast<uint16_t>(length));
    const auto raw = bytes_of(size);
    out.insert(out.end(), raw.begin(), raw.end());
}

void put_entry(std::vector<uint8_t>& out, std::string_view guid, std::span<const uint8_t> contents) {
    put_head(out, guid, kEntrySize);
    const Sha256Digest digest = sha256(contents);
    out.insert(out.end(), digest.begin(), digest.end());
}

}  // namespace

std::vector<uint8_t> kernel_hashes(std::span<const uint8_t> kernel, std::span<const uint8_t> initrd,
                                   const std::string& command_line) {
    std::vector<uint8_t> out;
    const auto* line = static_cast<const uint8_t*>(static_cast<const void*>(command_line.c_str()));
    put_head(out, "9438d606-4f22-4cc9-b479-a793d411fd21", kTableSize);
    put_entry(out, "97d02dd8-bd20-4c94-aa78-e7714d36ab2a", {line, command_line.size() + 1});
    put_entry(out, "44baf731-3a2f-4bd7-9af1-41e29169781d", initrd);
    put_entry(out, "4de79437-abd2-427f-b835-d5b172d2045b", kernel);
    out.resize(kKernelHashesSize);
    return out;
}

}  // namespace vmm
