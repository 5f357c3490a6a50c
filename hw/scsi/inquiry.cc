// INQUIRY data; see inquiry.h.
#include "hw/scsi/inquiry.h"

#include <algorithm>

#include "hw/scsi/reply.h"

namespace vmm::scsi {

namespace {

enum VitalPage : uint8_t {
    kSupported = 0x00,
    kSerialNumber = 0x80,
    kIdentification = 0x83,
    kBlockLimits = 0xb0,
    kCharacteristics = 0xb1,
    kProvisioning = 0xb2,
};

std::vector<uint8_t> supported_pages(const UnitIdentity& identity) {
    Reply pages;
    pages.u8(kSupported);
    if (!identity.serial.empty() && !identity.packet_interface) pages.u8(kSerialNumber);
    pages.u8(kIdentification);
    if (identity.type == DeviceType::Disk) {
        for (unsigned page : {kBlockLimits, kCharacteristics, kProvisioning})
            pages.u8(page);
    }
    return std::move(pages).take();
}

// One designation descriptor; `kind` is protocol, code set, association and type as the first two bytes.
void designator(Reply& reply, unsigned kind, const std::vector<uint8_t>& value) {
    reply.u16(kind);
    reply.u8(0);
    reply.u8(static_cast<unsigned>(value.size()));
    reply.bytes(value);
}

std::vector<uint8_t> be64(uint64_t value) {
    Reply reply;
    reply.u64(value);
    return std::move(reply).take();
}

std::vector<uint8_t> ascii(const std::string& text, size_t most) {
    return {text.begin(), text.begin() + static_cast<ptrdiff_t>(std::min(text.size(), most))};
}

void identification(Reply& reply, const UnitIdentity& identity) {
    constexpr size_t kMostText = 255 - 8;
    // The serial number where there is no better name, and always for what a packet drive's driver looks at.
    if (!identity.device_id.empty()) designator(reply, 0x0200, ascii(identity.device_id, kMostText));
    if (identity.packet_interface) {
        Reply t10;
        t10.text("ATA", 8);
        t10.text(identity.product, 40);
        t10.text(identity.serial, 20);
        designator(reply, 0x0201, std::move(t10).take());
    }
    if (identity.wwn != 0) designator(reply, 0x0103, be64(identity.wwn));
    if (identity.port_wwn != 0) designator(reply, 0x6193, be64(identity.port_wwn));
    if (identity.port_index != 0) {
        Reply port;
        port.u16(0);
        port.u16(identity.port_index);
        designator(reply, 0x6194, std::move(port).take());
    }
}

void block_limits(Reply& reply, const BlockLimits& limits) {
    reply.u8(0x01);  // WSNZ: WRITE SAME of no blocks is refused
    reply.u8(0);     // no COMPARE AND WRITE
    reply.u16(limits.optimal_granularity);
    reply.u32(limits.max_transfer);
    reply.u32(limits.optimal_transfer);
    reply.u32(0);  // no prefetch
    reply.u32(limits.provisioning ? limits.max_unmap : 0);
    reply.u32(limits.provisioning ? limits.max_unmap_descriptors : 0);
    reply.u32(limits.provisioning ? limits.unmap_granularity : 0);
    reply.u32(0);  // alignment not valid
    reply.u64(limits.max_write_same);
    reply.fill_to(64);
}

void characteristics(Reply& reply, const BlockLimits& limits) {
    reply.u16(limits.rotation_rate);
    reply.fill_to(64);
}

void provisioning(Reply& reply, const BlockLimits& limits) {
    reply.u8(0);
    // LBPU, LBPWS, LBPWS10.
    reply.u8(limits.provisioning ? 0xe0 : 0);
    reply.u8(limits.provisioning ? 2 : 0);  // thin
    reply.u8(0);
}

}  // namespace

std::vector<uint8_t> standard_inquiry(const UnitIdentity& identity) {
    Reply reply;
    reply.u8(static_cast<uint8_t>(identity.type));
    reply.u8(identity.removable ? 0x80 : 0);
    reply.u8(identity.packet_interface ? 0 : identity.spc_version);
    // Response format 2; HISUP for units that REPORT LUNS finds. ATAPI drives say 2 in the high half.
    reply.u8(identity.packet_interface ? 0x21 : 0x12);
    reply.u8(36 - 5);
    reply.u8(0);
    reply.u8(0);
    reply.u8(identity.command_queueing ? 0x12 : 0);  // SYNC, CMDQUE
    if (identity.packet_interface) reply.set8(7, 0);
    reply.text(identity.vendor, 8);
    reply.text(identity.product, 16);
    reply.text(identity.version, 4);
    return std::move(reply).take();
}

std::optional<std::vector<uint8_t>> vital_page(const UnitIdentity& identity, uint8_t page) {
    const std::vector<uint8_t> supported = supported_pages(identity);
    if (std::find(supported.begin(), supported.end(), page) == supported.end()) return std::nullopt;
    Reply reply;
    reply.u8(static_cast<uint8_t>(identity.type));
    reply.u8(page);
    reply.u16(0);
    switch (page) {
        case kSupported:
            reply.bytes(supported);
            break;
        case kSerialNumber:
            reply.bytes(ascii(identity.serial, 36));
            break;
        case kIdentification:
            identification(reply, identity);
            break;
        case kBlockLimits:
            block_limits(reply, identity.limits);
            break;
        case kCharacteristics:
            characteristics(reply, identity.limits);
            break;
        case kProvisioning:
            provisioning(reply, identity.limits);
            break;
        default:
            break;
    }
    reply.set16(2, reply.size() - 4);
    return std::move(reply).take();
}

std::vector<uint8_t> lun_list(const std::vector<uint32_t>& luns) {
    Reply list;
    list.u32(luns.size() * 8);
    list.u32(0);
    for (uint32_t lun : luns) {
        const unsigned flat_space = lun < 256 ? 0 : 0x4000;
        list.u16(flat_space | (lun & 0x3fff));
        list.fill_to(list.size() + 6);
    }
    return std::move(list).take();
}

}  // namespace vmm::scsi
