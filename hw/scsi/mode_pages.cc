// Mode pages; see mode_pages.h.
#include "hw/scsi/mode_pages.h"

#include <algorithm>

#include "hw/scsi/reply.h"
#include "util/endian.h"

namespace vmm::scsi {

namespace {

enum PageCode : uint8_t {
    kErrorRecovery = 0x01,
    kRigidGeometry = 0x04,
    kCaching = 0x08,
    kAudioControl = 0x0e,
    kCapabilities = 0x2a,
    kAllPages = 0x3f,
};
enum class Control : uint8_t { Current, Changeable, Default, Saved };

constexpr uint8_t kWriteCacheEnable = 0x04;

void geometry_page(Reply& page, const Geometry& g) {
    page.u8(g.cylinders >> 16);
    page.u16(g.cylinders & 0xffff);
    page.u8(g.heads);
    // No reduced current, no precompensation, step rate and landing zone of no meaning.
    page.fill_to(20);
    page.u16(5400);  // revolutions a minute
    page.u16(0);
}

void capabilities_page(Reply& page, const ModeState& state) {
    page.u8(0x3b);  // reads CD-R, CD-RW, DVD-ROM, DVD-R and method 2
    page.u8(0x00);  // writes nothing
    page.u8(0x71);  // multisession, mode 2 forms, audio
    page.u8(0x60);  // reads ISRC and UPC
    // A tray that can be locked; whether it is; ejecting.
    page.u8(0x29 | (state.locked ? 0x02 : 0));
    page.u8(0x00);
    page.u16(50 * 176);  // fastest reading, kB a second
    page.u16(2);         // volume levels
    page.u16(2048);      // buffer, KiB
    page.u16(16 * 176);  // present speed
    page.fill_to(22);
}

// The page's bytes from its third on; empty: no such page.
std::optional<std::vector<uint8_t>> page_body(const ModeState& state, uint8_t code) {
    Reply page;
    page.u16(0);  // where code and length go
    const bool disk = state.type == DeviceType::Disk;
    switch (code) {
        case kErrorRecovery:
            // Disks reallocate by themselves; both try again some times.
            page.u8(disk ? 0x80 : 0x00);
            page.u8(disk ? 0x00 : 0x05);
            page.fill_to(disk ? 12 : 8);
            break;
        case kRigidGeometry:
            if (!disk) return std::nullopt;
            geometry_page(page, state.geometry);
            break;
        case kCaching:
            if (!disk) return std::nullopt;
            page.u8(state.write_cache ? kWriteCacheEnable : 0);
            page.fill_to(20);
            break;
        case kAudioControl:
            if (disk) return std::nullopt;
            page.fill_to(8);
            for (unsigned port = 0; port < 2; ++port) {
                page.u8(port == 0 ? 1 : 2);
                page.u8(0xff);
            }
            page.fill_to(16);
            break;
        case kCapabilities:
            if (disk) return std::nullopt;
            capabilities_page(page, state);
            break;
        default:
            return std::nullopt;
    }
    page.set8(0, code);
    page.set8(1, static_cast<unsigned>(page.size() - 2));
    return std::move(page).take();
}

// What a guest may change: the write cache, and nothing else.
void show_changeable(std::vector<uint8_t>& page) {
    std::fill(page.begin() + 2, page.end(), uint8_t{0});
    if (page[0] == kCaching) page[2] = kWriteCacheEnable;
}

std::optional<std::vector<uint8_t>> mode_page(const ModeState& state, uint8_t code, Control control) {
    std::optional<std::vector<uint8_t>> page = page_body(state, code);
    if (page && control == Control::Changeable) show_changeable(*page);
    return page;
}

bool is_six(const Cdb& cdb) {
    return cdb_length(cdb[0]) == 6;
}

uint8_t medium_type(const ModeState& state) {
    if (!state.packet_interface) return 0;
    // SFF-8020 drives tell here what is in the tray.
    if (state.tray_open) return 0x71;
    return state.medium ? 0x01 : 0x70;
}

// A block descriptor has 24 bits for the number of blocks; more do not fit.
void block_descriptor(Reply& reply, const ModeState& state) {
    const uint64_t blocks = state.blocks > 0xffffff ? 0 : state.blocks;
    reply.u32(blocks);
    reply.u32(state.block_size & 0xffffff);
}

}  // namespace

std::variant<std::vector<uint8_t>, Sense> mode_sense(const ModeState& state, const Cdb& cdb) {
    const auto control = static_cast<Control>(cdb[2] >> 6);
    const uint8_t code = cdb[2] & 0x3f, subpage = cdb[3];
    if (control == Control::Saved) return kSavingNotSupported;
    if (subpage != 0 && !(subpage == 0xff && code == kAllPages)) return kInvalidField;
    const bool six = is_six(cdb);
    const bool descriptor = (cdb[1] & 0x08) == 0 && state.type == DeviceType::Disk && state.blocks != 0;
    const unsigned specific =
        state.type == DeviceType::Disk ? (state.read_only ? 0x80 : 0) | (state.dpofua ? 0x10 : 0) : 0;

    Reply reply;
    reply.fill_to(six ? 4 : 8);
    reply.set8(six ? 1 : 2, medium_type(state));
    reply.set8(six ? 2 : 3, specific);
    reply.set8(six ? 3 : 7, descriptor ? 8 : 0);
    if (descriptor) block_descriptor(reply, state);
    bool any = false;
    for (uint8_t each = 0; each < kAllPages; ++each) {
        if (code != kAllPages && code != each) continue;
        if (auto page = mode_page(state, each, control)) {
            reply.bytes(*page);
            any = true;
        }
    }
    if (!any) return kInvalidField;
    if (six)
        reply.set8(0, static_cast<unsigned>(reply.size() - 1));
    else
        reply.set16(0, reply.size() - 2);
    return std::move(reply).take();
}

std::variant<bool, Sense> mode_select(const ModeState& state, const Cdb& cdb, std::span<const uint8_t> list) {
    // Page format is what we know; nothing can be saved.
    if ((cdb[1] & 0x11) != 0x10) return kInvalidField;
    bool write_cache = state.write_cache;
    if (list.empty()) return write_cache;
    const bool six = is_six(cdb);
    const size_t header = six ? 4 : 8;
    if (list.size() < header) return kParameterLength;
    const size_t descriptors = six ? list[3] : load_be<uint16_t>(&list[6]);
    list = list.subspan(header);
    if (descriptors != 0 && descriptors != 8) return kInvalidParameter;
    if (list.size() < descriptors) return kParameterLength;
    list = list.subspan(descriptors);
    while (!list.empty()) {
        if (list.size() < 2) return kParameterLength;
        const uint8_t code = list[0] & 0x3f;
        if ((list[0] & 0x40) != 0) return kInvalidParameter;  // no subpages
        const auto current = mode_page(state, code, Control::Current);
        const auto changeable = mode_page(state, code, Control::Changeable);
        if (!current || list[1] + size_t{2} != current->size()) return kInvalidParameter;
        if (list.size() < current->size()) return kParameterLength;
        for (size_t i = 2; i < current->size(); ++i) {
            if (((list[i] ^ (*current)[i]) & ~(*changeable)[i]) != 0) return kInvalidParameter;
        }
        if (code == kCaching) write_cache = (list[2] & kWriteCacheEnable) != 0;
        list = list.subspan(current->size());
    }
    return write_cache;
}

}  // namespace vmm::scsi
