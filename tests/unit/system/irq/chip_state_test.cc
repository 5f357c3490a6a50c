// Interrupt controllers as text.
#include "system/irq/chip_state.h"

#include <gtest/gtest.h>

#include <cstring>

namespace vmm {
namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(ChipState, Pics) {
    const std::string text =
        pics_text({.requests = 0x10, .mask = 0xfb, .in_service = 1, .first = 3, .base = 0x30, .elcr = 8},
                  {.mask = 0xff, .base = 0x38, .read_isr = true, .auto_eoi = true});
    EXPECT_TRUE(has(text, "pic0: irr=10 imr=fb isr=01 hprio=3 irq_base=30 rr_sel=0 elcr=08 fnm=0 aeoi=0"))
        << text;
    EXPECT_TRUE(has(text, "pic1: irr=00 imr=ff isr=00 hprio=0 irq_base=38 rr_sel=1 elcr=00 fnm=0 aeoi=1"))
        << text;
}

TEST(ChipState, IoApicEntriesAndWhatWaits) {
    IoApicState chip{.id = 2, .select = 0x12, .requests = 1u << 4 | 1u << 23};
    chip.entries[4] = 0x0100000000000921;  // logical, lowest
    chip.entries[23] =
        uint64_t{5} << 56 | 1u << 16 | 1u << 15 | 1u << 14 | 1u << 13 | 1u << 12 | 0x700 | 0xff;
    const std::string text = ioapic_text(chip);
    EXPECT_TRUE(has(text, "id=0x02 sel=0x12\n"));
    EXPECT_TRUE(has(text, "pin 4  0x0100000000000921 dest=1 logical vec=0x21 lowest active-high edge open\n"))
        << text;
    EXPECT_TRUE(has(text, "dest=5 physical vec=0xff ExtINT active-low level masked pending remote-irr\n"))
        << text;
    EXPECT_TRUE(has(text, "  IRR 4 23\n")) << text;
    EXPECT_TRUE(has(ioapic_text({}), "  IRR (none)\n"));
}

TEST(ChipState, LocalApic) {
    std::array<uint8_t, 1024> page{};
    const auto put = [&page](size_t at, uint32_t value) {
        std::memcpy(page.data() + at, &value, sizeof value);
    };
    put(0x20, 0x03000000);
    put(0x30, 0x50014);
    put(0xf0, 0x1ff);
    put(0x320, 0x200ec);
    put(0x350, 0x10700);
    put(0x380, 1000);
    put(0x100 + 0x10, 1u << 17);       // vector 49 in service
    put(0x200 + 0x70, 1u << 31 | 1u);  // vectors 224 and 255 wait
    const std::string text = local_apic_text(page);
    EXPECT_TRUE(has(text, "id 0x03000000 version 0x14\n")) << text;
    EXPECT_TRUE(has(text, "APIC enabled, spurious vector 0xff\n")) << text;
    EXPECT_TRUE(has(text, "LVT0    0x00010700 vec=0x00 ExtINT active-high edge masked\n")) << text;
    EXPECT_TRUE(has(text, "timer   periodic divide 0x0 initial 1000")) << text;
    EXPECT_TRUE(has(text, "ISR     49\n")) << text;
    EXPECT_TRUE(has(text, "IRR     224 255\n")) << text;
    EXPECT_TRUE(has(text, "TMR     (none)\n")) << text;
}

}  // namespace
}  // namespace vmm
