// Fields of command descriptor blocks by group; see cdb.h.
#include "hw/scsi/cdb.h"

#include "util/endian.h"

namespace vmm::scsi {

namespace {

enum class Group { Six, Ten, Twelve, Sixteen, Other };

Group group_of(uint8_t opcode) {
    switch (opcode >> 5) {
        case 0:
            return Group::Six;
        case 1:
        case 2:
            return Group::Ten;
        case 4:
            return Group::Sixteen;
        case 5:
            return Group::Twelve;
        default:
            return Group::Other;
    }
}

}  // namespace

unsigned cdb_length(uint8_t opcode) {
    switch (group_of(opcode)) {
        case Group::Six:
            return 6;
        case Group::Ten:
            return 10;
        case Group::Twelve:
            return 12;
        case Group::Sixteen:
            return 16;
        case Group::Other:
            break;
    }
    return 0;
}

Extent cdb_extent(const Cdb& cdb) {
    switch (group_of(cdb[0])) {
        case Group::Six: {
            const uint32_t lba = load_be<uint32_t>(&cdb[0]) & 0x1fffff;
            return {lba, cdb[4] == 0 ? 256u : cdb[4]};
        }
        case Group::Ten:
            return {load_be<uint32_t>(&cdb[2]), load_be<uint16_t>(&cdb[7])};
        case Group::Twelve:
            return {load_be<uint32_t>(&cdb[2]), load_be<uint32_t>(&cdb[6])};
        case Group::Sixteen:
            return {load_be<uint64_t>(&cdb[2]), load_be<uint32_t>(&cdb[10])};
        case Group::Other:
            break;
    }
    return {};
}

uint32_t cdb_allocation(const Cdb& cdb) {
    // INQUIRY's has been two bytes wide since SPC-3, unlike its neighbours'.
    if (cdb[0] == kInquiry) return load_be<uint16_t>(&cdb[3]);
    switch (group_of(cdb[0])) {
        case Group::Six:
            return cdb[4];
        case Group::Ten:
            return load_be<uint16_t>(&cdb[7]);
        case Group::Twelve:
            return load_be<uint32_t>(&cdb[6]);
        case Group::Sixteen:
            return load_be<uint32_t>(&cdb[10]);
        case Group::Other:
            break;
    }
    return 0;
}

}  // namespace vmm::scsi
