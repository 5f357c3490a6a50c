#include "hw/acpi/aml_resource.h"

#include "util/check.h"
#include "util/endian.h"

namespace vmm::aml {

namespace {

// Descriptor tags and the flags used here.
constexpr uint8_t kIrq = 0x22, kDma = 0x2a, kIo = 0x47, kEndTag = 0x79;
constexpr uint8_t kMemory32Fixed = 0x86, kDWordSpace = 0x87, kWordSpace = 0x88, kInterrupt = 0x89,
                  kQWordSpace = 0x8a;
constexpr uint8_t kTypeMemory = 0, kTypeIo = 1, kTypeBus = 2;
constexpr uint8_t kProducerFixed = 0x0c;  // producer, positive decode, minimum and maximum fixed
constexpr uint8_t kConsumer = 0x01;
constexpr size_t kGeneralFlags = 4;  // offset of the byte with the two above
constexpr uint8_t kEntireRange = 0x03;

void put(Descriptor& d, uint64_t value, unsigned bytes) {
    d.resize(d.size() + bytes);
    store_le_sized(d.data() + d.size() - bytes, value, bytes);
}

Descriptor address_space(Width width, uint8_t type, uint8_t type_flags, uint64_t first, uint64_t last) {
    CHECK(first <= last, "window 0x%llx-0x%llx", static_cast<unsigned long long>(first),
          static_cast<unsigned long long>(last));
    const unsigned bytes = width == Width::Word ? 2 : width == Width::DWord ? 4 : 8;
    CHECK(bytes == 8 || last >> (8 * bytes) == 0, "window above %u bytes", bytes);
    Descriptor d = {width == Width::Word ? kWordSpace : width == Width::DWord ? kDWordSpace : kQWordSpace};
    put(d, 3 + 5 * bytes, 2);
    put(d, type, 1);
    put(d, kProducerFixed, 1);
    put(d, type_flags, 1);
    put(d, 0, bytes);  // granularity
    put(d, first, bytes);
    put(d, last, bytes);
    put(d, 0, bytes);  // translation
    put(d, last - first + 1, bytes);
    return d;
}

uint64_t line_mask(const std::vector<unsigned>& lines, unsigned limit) {
    uint64_t mask = 0;
    for (unsigned line : lines) {
        CHECK(line < limit, "line %u of %u", line, limit);
        mask |= uint64_t{1} << line;
    }
    return mask;
}

}  // namespace

Descriptor io_ports(uint16_t first, uint8_t alignment, uint8_t length) {
    Descriptor d = {kIo, 1};  // 16-bit decode
    put(d, first, 2);
    put(d, first, 2);
    put(d, alignment, 1);
    put(d, length, 1);
    return d;
}

Descriptor irq_lines(const std::vector<unsigned>& lines) {
    Descriptor d = {kIrq};
    put(d, line_mask(lines, 16), 2);
    return d;
}

Descriptor dma_channels(const std::vector<unsigned>& channels) {
    Descriptor d = {kDma};
    put(d, line_mask(channels, 8), 1);
    put(d, 0, 1);
    return d;
}

Descriptor memory32_fixed(uint32_t first, uint32_t length) {
    Descriptor d = {kMemory32Fixed};
    put(d, 9, 2);
    put(d, 1, 1);  // read-write
    put(d, first, 4);
    put(d, length, 4);
    return d;
}

Descriptor interrupts(const std::vector<uint32_t>& gsis, Trigger trigger, Polarity polarity,
                      Sharing sharing) {
    CHECK(!gsis.empty() && gsis.size() < 256, "%zu interrupts", gsis.size());
    Descriptor d = {kInterrupt};
    put(d, 2 + 4 * gsis.size(), 2);
    put(d,
        1u | (trigger == Trigger::Edge ? 2u : 0u) | (polarity == Polarity::ActiveLow ? 4u : 0u) |
            (sharing == Sharing::Shared ? 8u : 0u),
        1);
    put(d, gsis.size(), 1);
    for (uint32_t gsi : gsis)
        put(d, gsi, 4);
    return d;
}

Descriptor bus_numbers(uint16_t first, uint16_t last) {
    return address_space(Width::Word, kTypeBus, 0, first, last);
}

Descriptor io_window(uint16_t first, uint16_t last) {
    // The length of the whole 64 KiB does not fit the 16-bit form.
    CHECK(last - first < 0xffff, "I/O window of 64 KiB");
    return address_space(Width::Word, kTypeIo, kEntireRange, first, last);
}

Descriptor memory_window(Width width, uint64_t first, uint64_t last, Caching caching) {
    CHECK(width != Width::Word, "memory window of 16 bits");
    const uint8_t flags = static_cast<uint8_t>(1u | (caching == Caching::Cacheable ? 2u : 0u));
    return address_space(width, kTypeMemory, flags, first, last);
}

Descriptor memory_taken(uint64_t first, uint64_t last, Caching caching) {
    Descriptor d = memory_window(Width::QWord, first, last, caching);
    d[kGeneralFlags] |= kConsumer;
    return d;
}

Term resource_template(const std::vector<Descriptor>& descriptors) {
    Bytes all;
    for (const Descriptor& d : descriptors)
        all.insert(all.end(), d.begin(), d.end());
    all.push_back(kEndTag);
    all.push_back(0);  // no checksum
    return buffer(all);
}

}  // namespace vmm::aml
