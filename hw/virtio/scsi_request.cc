// Buffers of a virtio SCSI host; see scsi_request.h.
#include "hw/virtio/scsi_request.h"

#include <algorithm>

#include "system/memory/dma_space.h"

namespace vmm::virtio {

// One level: target in the second byte, flat LUN in the next two.
std::optional<scsi::Address> address_of(const ScsiLun& lun) {
    const bool flat = lun[2] == 0 || (lun[2] >= 0x40 && lun[2] < 0x80);
    if (lun[0] != 1 || !flat) return std::nullopt;
    return scsi::Address{.channel = 0, .target = lun[1], .lun = (uint32_t{lun[2]} << 8 | lun[3]) & 0x3fffu};
}

ScsiLun lun_of(const scsi::Address& address) {
    // Small numbers in the form that all drivers know.
    const uint32_t flat = address.lun < 256 ? address.lun : address.lun | 0x4000;
    return {1, static_cast<uint8_t>(address.target), static_cast<uint8_t>(flat >> 8),
            static_cast<uint8_t>(flat)};
}

bool ScsiRequest::parse(DmaLookup& memory, uint32_t cdb_bytes, uint32_t sense_bytes) {
    cdb_room = cdb_bytes;
    sense_room = sense_bytes;
    if (chain.readable_bytes() < data_out_at() || chain.writable_bytes() < data_in_at()) return false;
    ScsiCommandHeader header;
    if (!copy_from(memory, chain.readable(), 0, writable_bytes_of(header))) return false;
    cdb = {};
    const auto known = std::span(cdb).first(std::min<size_t>(cdb.size(), cdb_room));
    if (!copy_from(memory, chain.readable(), sizeof header, known)) return false;
    tag = header.tag;
    address = address_of(header.lun);
    data_in = chain.writable_bytes() - data_in_at();
    data_out = chain.readable_bytes() - data_out_at();
    wanted = moved = 0;
    sense.clear();
    status = scsi::StatusCode::Good;
    return true;
}

std::optional<uint64_t> ScsiRequest::answer(DmaLookup& memory, ScsiResponse response) {
    ScsiCommandAnswer head{};
    head.response = static_cast<uint8_t>(response);
    const uint64_t size = std::max(data_in, data_out);
    if (response == ScsiResponse::Ok) {
        head.status = static_cast<uint8_t>(status);
        head.residual = static_cast<uint32_t>(size - std::min(moved, size));
        if (sense.size() > sense_room) sense.resize(sense_room);
        head.sense_size = static_cast<uint32_t>(sense.size());
    } else {
        sense.clear();
    }
    if (!copy_to(memory, chain.writable(), 0, bytes_of(head))) return std::nullopt;
    if (!sense.empty() && !copy_to(memory, chain.writable(), sizeof head, sense)) return std::nullopt;
    return data_in != 0 && response == ScsiResponse::Ok ? data_in_at() + std::min(moved, data_in)
                                                        : sizeof head + sense.size();
}

}  // namespace vmm::virtio
