// The pure parts: sense bytes, fields of command blocks, INQUIRY data and vital product data pages.
#include <gtest/gtest.h>

#include <string>

#include "hw/scsi/cdb.h"
#include "hw/scsi/inquiry.h"
#include "hw/scsi/sense.h"
#include "util/endian.h"

namespace vmm::scsi {
namespace {

TEST(Sense, formats) {
    EXPECT_EQ(sense_bytes(kInvalidField, SenseFormat::Fixed),
              (std::vector<uint8_t>{0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0, 0, 0}));
    EXPECT_EQ(sense_bytes(kPowerOnReset, SenseFormat::Descriptor),
              (std::vector<uint8_t>{0x72, 6, 0x29, 0, 0, 0, 0, 0}));
}

TEST(Cdb, lengthsByGroup) {
    const struct {
        uint8_t opcode;
        unsigned length;
    } cases[] = {{0x00, 6},  {0x1f, 6},  {0x25, 10}, {0x5e, 10}, {0x88, 16}, {0x9e, 16},
                 {0xa0, 12}, {0xbe, 12}, {0x7f, 0},  {0xc0, 0},  {0xff, 0}};
    for (const auto& one : cases)
        EXPECT_EQ(cdb_length(one.opcode), one.length) << +one.opcode;
}

TEST(Cdb, extents) {
    const struct {
        Cdb cdb;
        Extent extent;
    } cases[] = {
        {{kRead6, 0xff, 0x34, 0x56, 0x07}, {0x1f3456, 7}},
        {{kWrite6, 0, 0, 0, 0}, {0, 256}},
        {{kRead10, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x12, 0x34}, {0xffffffff, 0x1234}},
        {{kRead10, 0, 0, 0, 0, 1, 0, 0, 0}, {1, 0}},
        {{kWrite12, 0, 0, 0, 0, 1, 0x80, 0, 0, 2}, {1, 0x80000002}},
        {{kRead16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {0x0102030405060708, 0x090a0b0c}},
        {{0xff, 1, 2, 3, 4, 5}, {}},
    };
    for (const auto& one : cases)
        EXPECT_EQ(cdb_extent(one.cdb), one.extent) << +one.cdb[0];
}

TEST(Cdb, allocationLengths) {
    EXPECT_EQ(cdb_allocation({kInquiry, 0, 0, 0x12, 0x34}), 0x1234u);
    EXPECT_EQ(cdb_allocation({kModeSense6, 0, 0, 0x12, 0x34}), 0x34u);
    EXPECT_EQ(cdb_allocation({kModeSense10, 0, 0, 0, 0, 0, 0, 1, 2}), 0x102u);
    EXPECT_EQ(cdb_allocation({kReportLuns, 0, 0, 0, 0, 0, 1, 2, 3, 4}), 0x01020304u);
    EXPECT_EQ(cdb_allocation({kServiceActionIn16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}), 0x01020304u);
}

UnitIdentity disk() {
    UnitIdentity identity;
    identity.serial = "SER1";
    identity.device_id = "SER1";
    return identity;
}

std::string text(const std::vector<uint8_t>& bytes, size_t at, size_t length) {
    return {bytes.begin() + static_cast<ptrdiff_t>(at), bytes.begin() + static_cast<ptrdiff_t>(at + length)};
}

TEST(Inquiry, standardData) {
    std::vector<uint8_t> data = standard_inquiry(disk());
    ASSERT_EQ(data.size(), 36u);
    EXPECT_EQ(data[0], 0);
    EXPECT_EQ(data[1], 0);
    EXPECT_EQ(data[2], 5);
    EXPECT_EQ(data[3] & 0xf, 2);
    EXPECT_EQ(data[4], 31);
    EXPECT_EQ(text(data, 8, 8), "QEMU    ");
    EXPECT_EQ(text(data, 16, 16), "QEMU HARDDISK   ");
    EXPECT_EQ(text(data, 32, 4), "2.5+");
    UnitIdentity cd = disk();
    cd.type = DeviceType::CdRom;
    cd.removable = cd.packet_interface = true;
    cd.product = "QEMU DVD-ROM";
    data = standard_inquiry(cd);
    EXPECT_EQ(std::vector<uint8_t>(data.begin(), data.begin() + 8),
              (std::vector<uint8_t>{5, 0x80, 0, 0x21, 31, 0, 0, 0}));
}

TEST(Inquiry, longTextIsCut) {
    UnitIdentity identity = disk();
    identity.vendor = "a very long vendor";
    identity.product = "a product with a name of great length";
    const std::vector<uint8_t> data = standard_inquiry(identity);
    ASSERT_EQ(data.size(), 36u);
    EXPECT_EQ(text(data, 8, 8), "a very l");
    EXPECT_EQ(text(data, 32, 4), "2.5+");
}

TEST(Inquiry, vitalPagesThatAreListedExistAndNoOthers) {
    UnitIdentity cd = disk();
    cd.type = DeviceType::CdRom;
    UnitIdentity nameless = disk();
    nameless.serial.clear();
    for (const UnitIdentity& identity : {disk(), cd, nameless}) {
        const std::optional<std::vector<uint8_t>> list = vital_page(identity, 0);
        ASSERT_TRUE(list);
        std::vector<bool> listed(256);
        for (size_t i = 4; i < list->size(); ++i)
            listed[(*list)[i]] = true;
        for (unsigned page = 0; page < 256; ++page) {
            const auto data = vital_page(identity, static_cast<uint8_t>(page));
            EXPECT_EQ(data.has_value(), listed[page]) << page;
            if (!data) continue;
            EXPECT_EQ((*data)[0], static_cast<uint8_t>(identity.type));
            EXPECT_EQ((*data)[1], page);
            EXPECT_EQ(static_cast<size_t>((*data)[2] << 8 | (*data)[3]), data->size() - 4);
        }
    }
}

TEST(Inquiry, identificationPage) {
    UnitIdentity identity = disk();
    identity.wwn = 0x5000c50011223344;
    identity.port_wwn = 0x5000c50011223345;
    identity.port_index = 2;
    const std::vector<uint8_t> page = vital_page(identity, 0x83).value();
    const std::vector<uint8_t> expected = {
        0,    0x83, 0, 40,                                                  //
        0x02, 0x00, 0, 4,  'S',  'E',  'R',  '1',                           //
        0x01, 0x03, 0, 8,  0x50, 0x00, 0xc5, 0x00, 0x11, 0x22, 0x33, 0x44,  //
        0x61, 0x93, 0, 8,  0x50, 0x00, 0xc5, 0x00, 0x11, 0x22, 0x33, 0x45,  //
        0x61, 0x94, 0, 4,  0,    0,    0,    2};
    EXPECT_EQ(page, expected);
}

TEST(Inquiry, serialNumbersStayWithinTheirPage) {
    UnitIdentity identity = disk();
    identity.serial = identity.device_id = std::string(300, 'x');
    EXPECT_EQ(vital_page(identity, 0x80)->size(), 4u + 36);
    EXPECT_EQ(vital_page(identity, 0x83)->at(7), 247);
}

TEST(Inquiry, blockPages) {
    UnitIdentity identity = disk();
    identity.limits = {.block_size = 512,
                       .max_transfer = 0x1000,
                       .optimal_granularity = 8,
                       .optimal_transfer = 0x100,
                       .max_unmap = 0x200000,
                       .max_unmap_descriptors = 255,
                       .unmap_granularity = 4,
                       .max_write_same = 0x1234,
                       .rotation_rate = 1,
                       .provisioning = true};
    std::vector<uint8_t> page = vital_page(identity, 0xb0).value();
    ASSERT_EQ(page.size(), 64u);
    EXPECT_EQ(load_be<uint16_t>(&page[6]), 8);
    EXPECT_EQ(load_be<uint32_t>(&page[8]), 0x1000u);
    EXPECT_EQ(load_be<uint32_t>(&page[12]), 0x100u);
    EXPECT_EQ(load_be<uint32_t>(&page[20]), 0x200000u);
    EXPECT_EQ(load_be<uint32_t>(&page[24]), 255u);
    EXPECT_EQ(load_be<uint32_t>(&page[28]), 4u);
    EXPECT_EQ(load_be<uint64_t>(&page[36]), 0x1234u);
    page = vital_page(identity, 0xb1).value();
    ASSERT_EQ(page.size(), 64u);
    EXPECT_EQ(load_be<uint16_t>(&page[4]), 1);
    page = vital_page(identity, 0xb2).value();
    EXPECT_EQ(page, (std::vector<uint8_t>{0, 0xb2, 0, 4, 0, 0xe0, 2, 0}));
    identity.limits.provisioning = false;
    EXPECT_EQ(vital_page(identity, 0xb2), (std::vector<uint8_t>{0, 0xb2, 0, 4, 0, 0, 0, 0}));
    EXPECT_EQ(load_be<uint32_t>(&vital_page(identity, 0xb0).value()[20]), 0u);
}

TEST(ReportLuns, addressing) {
    EXPECT_EQ(lun_list({0, 255, 256, 16383}), (std::vector<uint8_t>{0,    0,    0, 32, 0, 0, 0, 0,  //
                                                                    0,    0,    0, 0,  0, 0, 0, 0,  //
                                                                    0,    0xff, 0, 0,  0, 0, 0, 0,  //
                                                                    0x41, 0x00, 0, 0,  0, 0, 0, 0,  //
                                                                    0x7f, 0xff, 0, 0,  0, 0, 0, 0}));
}

}  // namespace
}  // namespace vmm::scsi
