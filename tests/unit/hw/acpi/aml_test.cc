#include "hw/acpi/aml.h"

#include <gtest/gtest.h>

#include "hw/acpi/aml_resource.h"

namespace vmm::aml {
namespace {

// The inverse of package_number, from the specification: bits 7-6 of the first byte count the others.
size_t decode_package_number(const Bytes& b) {
    const unsigned more = b[0] >> 6;
    EXPECT_EQ(b.size(), 1u + more);
    if (more == 0) return b[0];
    size_t n = b[0] & 0xf;
    for (unsigned i = 1; i <= more; ++i)
        n |= static_cast<size_t>(b[i]) << (4 + 8 * (i - 1));
    return n;
}

TEST(AmlEncode, PackageLength_countsItselfAndIsShortest) {
    for (size_t body : {0ul, 1ul, 0x3eul, 0x3ful, 0x40ul, 0xffdul, 0xffeul, 0xffful, 0x1000ul, 0xffffcul,
                        0xffffdul, 0xfffffful, 0x123456ul}) {
        const Bytes b = package_length(body);
        EXPECT_EQ(decode_package_number(b), body + b.size()) << body;
        EXPECT_EQ(b.size(), body + 1 < 0x40       ? 1
                            : body + 2 < 0x1000   ? 2
                            : body + 3 < 0x100000 ? 3
                                                  : 4)
            << body;
    }
}

TEST(AmlEncode, PackageNumber_roundTrips) {
    for (size_t n = 0; n < 0x200000; n = n * 5 / 4 + 1)
        EXPECT_EQ(decode_package_number(package_number(n)), n);
}

TEST(AmlEncode, NameString_forms) {
    EXPECT_EQ(name_string("_HID"), (Bytes{'_', 'H', 'I', 'D'}));
    EXPECT_EQ(name_string("\\_SB"), (Bytes{'\\', '_', 'S', 'B', '_'}));
    EXPECT_EQ(name_string("^^A.B"), (Bytes{'^', '^', 0x2e, 'A', '_', '_', '_', 'B', '_', '_', '_'}));
    EXPECT_EQ(name_string("A.B.C").size(), 2u + 12u);
    EXPECT_EQ(name_string("A.B.C")[0], 0x2f);
    EXPECT_EQ(name_string("A.B.C")[1], 3);
    EXPECT_EQ(name_string("\\"), (Bytes{'\\', 0}));
}

TEST(AmlEncode, NameString_refusesWhatIsNoName) {
    EXPECT_DEATH(name_segment("TOOLONG"), "AML name");
    EXPECT_DEATH(name_segment("1AB"), "AML name");
    EXPECT_DEATH(name_segment("ab"), "AML name");
    EXPECT_DEATH(name_string("A..B"), "AML name");
}

TEST(Aml, Integer_takesTheSmallestForm) {
    EXPECT_EQ(integer(0).bytes, (Bytes{0x00}));
    EXPECT_EQ(integer(1).bytes, (Bytes{0x01}));
    EXPECT_EQ(integer(2).bytes, (Bytes{0x0a, 2}));
    EXPECT_EQ(integer(0x100).bytes, (Bytes{0x0b, 0, 1}));
    EXPECT_EQ(integer(0x10000).bytes, (Bytes{0x0c, 0, 0, 1, 0}));
    EXPECT_EQ(integer(0x100000000).bytes, (Bytes{0x0e, 0, 0, 0, 0, 1, 0, 0, 0}));
}

TEST(Aml, EisaId_isCompressed) {
    EXPECT_EQ(eisa_id("PNP0A03").bytes, (Bytes{0x0c, 0x41, 0xd0, 0x0a, 0x03}));
}

TEST(Aml, Method_carriesArgumentsAndSerialization) {
    EXPECT_EQ(method("M", 2, Serialization::Serialized, {return_value(arg(1))}).bytes,
              (Bytes{0x14, 0x08, 'M', '_', '_', '_', 0x0a, 0xa4, 0x69}));
}

TEST(Aml, Field_hasGapsAndFlags) {
    EXPECT_EQ(field("R", FieldAccess::Byte, FieldLock::Lock, FieldUpdate::WriteAsZeros, {{"A", 8}, {"", 100}})
                  .bytes,
              (Bytes{0x5b, 0x81, 0x0e, 'R', '_', '_', '_', 0x51, 'A', '_', '_', '_', 8, 0, 0x44, 6}));
}

TEST(AmlResource, Descriptors_haveSpecifiedBytes) {
    EXPECT_EQ(io_ports(0x3f8, 0, 8), (Bytes{0x47, 1, 0xf8, 3, 0xf8, 3, 0, 8}));
    EXPECT_EQ(irq_lines({4}), (Bytes{0x22, 0x10, 0}));
    EXPECT_EQ(dma_channels({2}), (Bytes{0x2a, 4, 0}));
    EXPECT_EQ(memory32_fixed(0xfed00000, 0x400), (Bytes{0x86, 9, 0, 1, 0, 0, 0xd0, 0xfe, 0, 4, 0, 0}));
    EXPECT_EQ(interrupts({16}, Trigger::Level, Polarity::ActiveHigh, Sharing::Shared),
              (Bytes{0x89, 6, 0, 0x09, 1, 16, 0, 0, 0}));
    EXPECT_EQ(bus_numbers(0, 255), (Bytes{0x88, 13, 0, 2, 0x0c, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 1}));
    EXPECT_EQ(memory_window(Width::QWord, 1ull << 32, (1ull << 33) - 1, Caching::Cacheable).size(), 46u);
}

TEST(AmlResource, Window_refusesWhatDoesNotFit) {
    EXPECT_DEATH(memory_window(Width::DWord, 0, 1ull << 32, Caching::Cacheable), "above 4 bytes");
    EXPECT_DEATH(io_window(0, 0xffff), "64 KiB");
    EXPECT_DEATH(bus_numbers(2, 1), "window");
}

}  // namespace
}  // namespace vmm::aml
