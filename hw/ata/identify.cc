// Words of IDENTIFY data; see identify.h.
#include "hw/ata/identify.h"

#include <algorithm>
#include <string_view>

#include "util/endian.h"

namespace vmm::ata {

namespace {

class Words {
  public:
    void set(unsigned word, unsigned value) {
        store_le<uint16_t>(&data_[2 * size_t{word}], static_cast<uint16_t>(value));
    }
    void set32(unsigned word, uint64_t value) {
        set(word, value & 0xffff);
        set(word + 1, value >> 16 & 0xffff);
    }
    // Text has the first of two characters in the high byte.
    void text(unsigned word, unsigned words, std::string_view text) {
        const auto at = [&](size_t i) {
            return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{' '};
        };
        for (unsigned i = 0; i < words; ++i)
            set(word + i, unsigned{at(2 * size_t{i})} << 8 | at(2 * size_t{i} + 1));
    }
    IdentifyData take() const { return data_; }

  private:
    IdentifyData data_{};
};

constexpr uint64_t kMost28 = 0x0fffffff;

void put_strings(Words& w, const DriveIdentity& identity) {
    w.text(10, 10, identity.serial);
    w.text(23, 4, identity.version);
    w.text(27, 20, identity.model);
}

// Supported modes below, the chosen one above.
void put_transfer_modes(Words& w, const DriveSettings& settings) {
    w.set(62, 0x07 | unsigned{settings.single_word_dma} << 8);
    w.set(63, 0x07 | unsigned{settings.multi_word_dma} << 8);
    w.set(64, 0x03);  // PIO 3 and 4
    w.set(88, 0x3f | unsigned{settings.ultra_dma} << 8);
}

void put_geometry(Words& w, const Geometry& physical, const Geometry& current) {
    w.set(1, physical.cylinders);
    w.set(3, physical.heads);
    w.set(4, 512 * physical.sectors & 0xffff);
    w.set(5, 512);
    w.set(6, physical.sectors);
    w.set(54, current.cylinders);
    w.set(55, current.heads);
    w.set(56, current.sectors);
    w.set32(57, std::min<uint64_t>(current.capacity(), UINT32_MAX));
}

void put_disk_features(Words& w, const DriveIdentity& identity, const DriveSettings& settings) {
    constexpr unsigned kValid = 1u << 14;
    const unsigned name = identity.wwn != 0 ? 1u << 8 : 0;
    w.set(82, kValid | 1u << 6 | 1u << 5 | 1u << 0);     // NOP, look-ahead, write cache, SMART
    w.set(83, kValid | 1u << 13 | 1u << 12 | 1u << 10);  // FLUSH CACHE EXT, FLUSH CACHE, 48 bits
    w.set(84, kValid | name | 1u << 6 | 1u << 5);        // WRITE FUA EXT, general logging
    w.set(85, kValid | (settings.look_ahead ? 1u << 6 : 0) | (settings.write_cache ? 1u << 5 : 0) |
                  (settings.smart ? 1u : 0));
    w.set(86, 1u << 13 | 1u << 12 | 1u << 10);
    w.set(87, kValid | name | 1u << 6 | 1u << 5);
}

unsigned sector_exponent(uint32_t physical) {
    unsigned exponent = 0;
    while (512u << exponent < physical)
        ++exponent;
    return exponent;
}

void put_checksum(IdentifyData& data) {
    data[510] = 0xa5;
    uint8_t sum = 0;
    for (unsigned i = 0; i < 511; ++i)
        sum = static_cast<uint8_t>(sum + data[i]);
    data[511] = static_cast<uint8_t>(-sum);
}

}  // namespace

IdentifyData identify_disk(const DriveIdentity& identity, const DriveSettings& settings) {
    Words w;
    w.set(0, 0x0040);  // a fixed disk
    put_strings(w, identity);
    put_geometry(w, identity.geometry, settings.geometry);
    w.set(20, 3);
    w.set(21, 512);
    w.set(22, 4);
    w.set(47, 0x8000 | kMostMultiple);
    w.set(48, 1);
    w.set(49, 1u << 11 | 1u << 9 | 1u << 8);  // IORDY, LBA, DMA
    w.set(51, 0x200);
    w.set(52, 0x200);
    w.set(53, 0x0007);
    w.set(59, settings.multiple != 0 ? 0x100u | settings.multiple : 0);
    w.set32(60, std::min(identity.sectors, kMost28));
    put_transfer_modes(w, settings);
    for (unsigned word = 65; word <= 68; ++word)
        w.set(word, 120);  // ns a transfer
    if (identity.trim) {
        w.set(69, 1u << 14);  // what was trimmed reads the same each time
        w.set(105, kMostTrimBlocks);
        w.set(169, 1);
    }
    w.set(75, 31);                 // queue depth less one
    w.set(76, 1u << 8 | 1u << 1);  // command queueing, generation 1
    w.set(80, 0x00f0);             // ATA-4 to ATA-7
    w.set(81, 0x0016);
    put_disk_features(w, identity, settings);
    w.set(93, 1u << 14 | 1u << 13 | 1u);  // as a drive behind a bridge
    w.set32(100, identity.sectors & 0xffffffff);
    w.set32(102, identity.sectors >> 32);
    w.set(106, 0x6000 | sector_exponent(identity.physical_sector));
    for (unsigned i = 0; i < 4 && identity.wwn != 0; ++i)
        w.set(108 + i, identity.wwn >> (48 - 16 * i) & 0xffff);
    w.set(217, identity.rotation_rate);
    IdentifyData data = w.take();
    put_checksum(data);
    return data;
}

IdentifyData identify_packet_drive(const DriveIdentity& identity, const DriveSettings& settings) {
    constexpr unsigned kValid = 1u << 14;
    const unsigned name = identity.wwn != 0 ? 1u << 8 : 0;
    Words w;
    w.set(0, 0x85c0);  // a CD drive, removable, 12-byte packets, 50 us to DRQ
    put_strings(w, identity);
    w.set(20, 3);
    w.set(21, 512);
    w.set(22, 4);
    w.set(48, 1);
    w.set(49, 1u << 9 | 1u << 8);
    w.set(53, 0x0007);
    put_transfer_modes(w, settings);
    for (unsigned word : {65u, 66u, 68u})
        w.set(word, 180);
    w.set(67, 300);
    w.set(71, 30);
    w.set(72, 30);
    w.set(76, 1u << 1);
    w.set(80, 0x00f0);
    w.set(82, kValid | 1u << 9 | 1u << 4);  // NOP, DEVICE RESET, PACKET
    w.set(83, kValid);
    w.set(84, kValid | name);
    w.set(85, kValid | 1u << 9 | 1u << 4);
    w.set(87, kValid | name);
    for (unsigned i = 0; i < 4 && identity.wwn != 0; ++i)
        w.set(108 + i, identity.wwn >> (48 - 16 * i) & 0xffff);
    IdentifyData data = w.take();
    put_checksum(data);
    return data;
}

}  // namespace vmm::ata
