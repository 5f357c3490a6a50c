// Multimedia replies; see mmc.h.
#include "hw/scsi/mmc.h"

#include <algorithm>
#include <cstring>

#include "hw/scsi/reply.h"

namespace vmm::scsi {

namespace {

constexpr uint8_t kDataTrack = 0x14;  // ADR 1: position; control: a data track
constexpr uint8_t kLeadOut = 0xaa;
constexpr uint8_t kTimeForm = 0x02;  // READ TOC: addresses as minutes, seconds, frames

enum Profile : uint16_t { kNoProfile = 0, kCdRom = 0x08, kDvdRom = 0x10 };

void put_time(Reply& reply, uint64_t lba) {
    const uint64_t frames = lba + 150;
    reply.u8(static_cast<unsigned>(frames / 75 / 60));
    reply.u8(static_cast<unsigned>(frames / 75 % 60));
    reply.u8(static_cast<unsigned>(frames % 75));
}

void put_place(Reply& reply, uint64_t lba, bool time) {
    if (!time) return reply.u32(lba);
    reply.u8(0);
    put_time(reply, lba);
}

void toc_track(Reply& reply, uint8_t number, uint64_t lba, bool time) {
    reply.u8(0);
    reply.u8(kDataTrack);
    reply.u8(number);
    reply.u8(0);
    put_place(reply, lba, time);
}

MmcReply finish_list(Reply& reply) {
    reply.set16(0, reply.size() - 2);
    return std::move(reply).take();
}

MmcReply formatted_toc(uint8_t first, uint64_t sectors, bool time) {
    if (first > 1 && first != kLeadOut) return kInvalidField;
    Reply reply;
    reply.u16(0);
    reply.u8(1);
    reply.u8(1);
    if (first <= 1) toc_track(reply, 1, 0, time);
    toc_track(reply, kLeadOut, sectors, time);
    return finish_list(reply);
}

MmcReply session_info(bool time) {
    Reply reply;
    reply.u16(0);
    reply.u8(1);
    reply.u8(1);
    toc_track(reply, 1, 0, time);
    return finish_list(reply);
}

// The lead-in's own entries: A0, A1, A2 and track 1.
MmcReply raw_toc(uint64_t sectors) {
    Reply reply;
    reply.u16(0);
    reply.u8(1);
    reply.u8(1);
    for (uint8_t point : {uint8_t{0xa0}, uint8_t{0xa1}, uint8_t{0xa2}, uint8_t{1}}) {
        reply.u8(1);
        reply.u8(kDataTrack);
        reply.u8(0);
        reply.u8(point);
        reply.fill_to(reply.size() + 4);
        if (point == 0xa2) {
            put_time(reply, sectors);
        } else if (point == 1) {
            put_time(reply, 0);
        } else {
            reply.u8(1);
            reply.u16(0);
        }
    }
    return finish_list(reply);
}

void feature(Reply& reply, unsigned code, unsigned version, bool persistent, bool current,
             const std::vector<uint8_t>& data) {
    reply.u16(code);
    reply.u8(version << 2 | (persistent ? 2u : 0u) | (current ? 1u : 0u));
    reply.u8(static_cast<unsigned>(data.size()));
    reply.bytes(data);
}

struct FeatureRow {
    uint16_t code;
    uint8_t version;
    bool persistent;
    bool current;
    std::vector<uint8_t> data;
};

std::vector<FeatureRow> features_of(const DriveFeatures& drive, uint16_t profile) {
    const bool cd = profile == kCdRom, dvd = profile == kDvdRom;
    const uint8_t wire = drive.packet_interface ? 2 : 1;  // ATAPI, SCSI
    return {
        {0x0000, 0, true, true, {0, kDvdRom, dvd, 0, 0, kCdRom, cd, 0}},  // profiles
        {0x0001, 2, true, true, {0, 0, 0, wire, 1, 0, 0, 0}},             // core; device busy events
        {0x0002, 1, true, true, {0x02, 0, 0, 0}},                         // morphing: operational changes
        {0x0003, 2, true, true, {0x29, 0, 0, 0}},                         // removable: tray, lock, eject
        {0x0010, 0, false, cd || dvd, {0, 0, 8, 0, 0, 1, 0, 0}},          // random readable, 2048 bytes
        {0x001e, 2, false, cd, {0, 0, 0, 0}},                             // CD read
        {0x001f, 0, false, dvd, {}},                                      // DVD read
        {0x0105, 1, true, true, {0, 0, 0, 0}},                            // timeout
    };
}

}  // namespace

MmcReply read_toc(const Cdb& cdb, uint64_t sectors) {
    const bool time = (cdb[1] & kTimeForm) != 0;
    // Old hosts give the format in the control byte.
    const unsigned format = (cdb[2] & 0x0f) != 0 ? cdb[2] & 0x0f : cdb[9] >> 6;
    switch (format) {
        case 0:
            return formatted_toc(cdb[6], sectors, time);
        case 1:
            return session_info(time);
        case 2:
            return raw_toc(sectors);
        default:
            return kInvalidField;
    }
}

MmcReply get_configuration(const Cdb& cdb, const DriveFeatures& drive) {
    const unsigned which = cdb[1] & 3;
    if (which == 3) return kInvalidField;
    const unsigned first = load_be<uint16_t>(&cdb[2]);
    const uint16_t profile = drive.sectors == 0 ? kNoProfile : drive.sectors > kLargestCd ? kDvdRom : kCdRom;
    Reply reply;
    reply.u32(0);
    reply.u16(0);
    reply.u16(profile);
    for (const FeatureRow& row : features_of(drive, profile)) {
        const bool wanted = which == 2 ? row.code == first : row.code >= first;
        if (!wanted || (which == 1 && !row.current)) continue;
        feature(reply, row.code, row.version, row.persistent, row.current, row.data);
    }
    reply.set32(0, reply.size() - 4);
    return std::move(reply).take();
}

MmcReply read_disc_information(const Cdb& cdb) {
    if ((cdb[1] & 7) != 0) return kInvalidField;
    Reply reply;
    reply.u16(32);
    reply.u8(0x0e);  // complete, finalized
    reply.u8(1);     // first track
    reply.u8(1);     // sessions
    reply.u8(1);     // first and
    reply.u8(1);     // last track of the last session
    reply.u8(0x20);  // unrestricted use
    reply.fill_to(34);
    return std::move(reply).take();
}

MmcReply read_track_information(const Cdb& cdb, uint64_t sectors) {
    const unsigned kind = cdb[1] & 3;  // by address, by track, by session
    const uint32_t number = load_be<uint32_t>(&cdb[2]);
    const bool there = kind == 0 ? number < sectors : kind != 3 && number == 1;
    if (!there) return kInvalidField;
    Reply reply;
    reply.u16(34);
    reply.u8(1);  // track
    reply.u8(1);  // session
    reply.u8(0);
    reply.u8(0x04);  // data
    reply.u8(0x01);  // mode 1
    reply.u8(0);
    reply.u32(0);  // where it starts
    reply.fill_to(24);
    reply.u32(sectors);
    reply.fill_to(36);
    return std::move(reply).take();
}

std::vector<uint8_t> mechanism_status(bool tray_open) {
    Reply reply;
    reply.u8(0);
    reply.u8(tray_open ? 0x10 : 0);
    reply.fill_to(5);
    reply.u8(1);  // slots
    reply.fill_to(8);
    return std::move(reply).take();
}

MmcReply read_dvd_structure(const Cdb& cdb, uint64_t sectors) {
    constexpr uint8_t kPhysical = 0x00, kCopyright = 0x01, kManufacturer = 0x04, kList = 0xff;
    const uint8_t format = cdb[7];
    if (cdb[6] != 0 && format != kList) return kInvalidField;  // one layer
    if (format != kList && sectors <= kLargestCd) return kIncompatibleFormat;
    Reply reply;
    reply.u32(0);
    switch (format) {
        case kPhysical:
            reply.u8(0x01);  // DVD-ROM, part version 1
            reply.u8(0x0f);  // 120 mm, no maximal rate said
            reply.u8(0x01);  // one layer, read-only track
            reply.u8(0x00);
            reply.u32(0);
            reply.u32(std::min<uint64_t>(sectors - 1, 0xffffff));
            reply.u32(std::min<uint64_t>(sectors - 1, 0xffffff));
            reply.fill_to(4 + 2048);
            break;
        case kCopyright:
            reply.u32(0);  // no protection, no region
            break;
        case kManufacturer:
            reply.fill_to(4 + 2048);
            break;
        case kList:
            for (const auto& [code, size] : {std::pair<unsigned, unsigned>{kPhysical, 2048 + 4},
                                             std::pair<unsigned, unsigned>{kCopyright, 4 + 4},
                                             std::pair<unsigned, unsigned>{kManufacturer, 2048 + 4}}) {
                reply.u8(code);
                reply.u8(0x40);  // readable
                reply.u16(size);
            }
            break;
        default:
            return kInvalidField;
    }
    return finish_list(reply);
}

MmcReply event_status(const Cdb& cdb, MediaEvent event, bool tray_open, bool medium) {
    constexpr uint8_t kMediaClass = 4, kNone = 0x80;
    if ((cdb[1] & 1) == 0) return kInvalidField;  // only polled
    Reply reply;
    reply.u16(0);
    const bool media_wanted = (cdb[4] & (1u << kMediaClass)) != 0;
    reply.u8(media_wanted ? kMediaClass : kNone);
    reply.u8(1u << kMediaClass);
    if (media_wanted) {
        reply.u8(static_cast<uint8_t>(event));
        reply.u8((tray_open ? 1u : 0u) | (medium && !tray_open ? 2u : 0u));
        reply.u16(0);
    }
    return finish_list(reply);
}

void raw_sector(uint64_t lba, std::span<const uint8_t> user_data, std::span<uint8_t> into) {
    const auto decimal = [](uint64_t value) { return static_cast<uint8_t>(value / 10 << 4 | value % 10); };
    std::fill(into.begin(), into.end(), uint8_t{0});
    std::fill(into.begin() + 1, into.begin() + 11, uint8_t{0xff});
    const uint64_t frames = lba + 150;
    into[12] = decimal(frames / 75 / 60 % 100);
    into[13] = decimal(frames / 75 % 60);
    into[14] = decimal(frames % 75);
    into[15] = 1;  // mode
    std::memcpy(&into[16], user_data.data(), kCdSector);
}

}  // namespace vmm::scsi
