// The protocol of test clients: every request against memory, ports, a clock and pins; what is malformed gets
// one line that says so and changes nothing.
#include "accel/qtest/server.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <cstring>

#include "accel/qtest/accelerator.h"
#include "system/clock/manual_clock.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "system/memory/topology.h"

namespace vmm::qtest {
namespace {

// A byte register that counts what it was given, at port 0x80 and at 0x200000.
struct Register final : IoOps {
    uint64_t read(uint64_t offset, unsigned size) override {
        last_size = size;
        return value >> (8 * offset);
    }
    void write(uint64_t, uint64_t v, unsigned size) override {
        value = v;
        last_size = size;
        ++writes;
    }
    uint64_t value = 0;
    unsigned last_size = 0, writes = 0;
};

class QtestServer : public ::testing::Test {
  protected:
    QtestServer() {
        topology.add(system, ram_region, 0);
        topology.add(system, mmio, 0x200000);
        topology.add(io, port, 0x80);
        server.opened();
    }
    ~QtestServer() override {
        topology.remove(mmio);
        topology.remove(ram_region);
        topology.remove(port);
    }
    std::string ask(const std::string& line) {
        sent.clear();
        give(line + "\n");
        return sent;
    }
    void give(const std::string& text) {
        const void* bytes = text.data();
        server.receive({static_cast<const uint8_t*>(bytes), text.size()});
    }
    uint32_t ram_at(uint64_t address) {
        uint32_t value = 0;
        std::memcpy(&value, ram->data() + address, sizeof value);
        return value;
    }

    EventLoop loop;
    ManualClock clock{loop};
    Topology topology;
    MemoryRegion system = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion io = MemoryRegion::container("io", 0x10000);
    AddressSpace memory{topology, system, "memory"};
    AddressSpace ports{topology, io, "I/O"};
    std::unique_ptr<RamBlock> ram = RamBlock::anonymous("ram", 0x100000).take_value();
    MemoryRegion ram_region = MemoryRegion::ram("ram", *ram);
    Register registers;
    MemoryRegion mmio = MemoryRegion::io("mmio", 8, registers);
    MemoryRegion port = MemoryRegion::io("port", 4, registers);
    Accelerator accelerator{loop};
    IrqTap tap{nullptr, 24};
    std::string sent, logged;
    Server server{
        {.loop = loop,
         .memory = memory,
         .ports = ports,
         .clock = &clock,
         .io_events = &accelerator.io_events(),
         .pins = [this](std::string_view path,
                        PinSide side) { return path == "ioapic" && side == PinSide::In ? &tap : nullptr; }},
        [this](std::string_view text) { sent += text; },
        [this](std::string_view line) { logged += std::string(line) + "\n"; }};
};

TEST_F(QtestServer, Ports_areReadAndWrittenInTheWidthAsked) {
    EXPECT_EQ(ask("outw 0x80 0x1234"), "OK\n");
    EXPECT_EQ(registers.last_size, 2u);
    EXPECT_EQ(ask("inb 0x80"), "OK 0x0034\n");
    EXPECT_EQ(ask("inw 128"), "OK 0x1234\n");
    EXPECT_EQ(ask("inl 0x80"), "OK 0x1234\n");
    EXPECT_EQ(ask("inb 0x90"), "OK 0x00ff\n");
    EXPECT_EQ(ask("outl 0x80 0x12345678"), "OK\n");
    EXPECT_EQ(ask("inl 0x80"), "OK 0x12345678\n");
}

TEST_F(QtestServer, Memory_isReadAndWrittenInTheWidthAsked) {
    EXPECT_EQ(ask("writel 0x1000 0x11223344"), "OK\n");
    EXPECT_EQ(ram_at(0x1000), 0x11223344u);
    EXPECT_EQ(ask("readb 0x1001"), "OK 0x0000000000000033\n");
    EXPECT_EQ(ask("readw 0x1000"), "OK 0x0000000000003344\n");
    EXPECT_EQ(ask("readq 0x1000"), "OK 0x0000000011223344\n");
    EXPECT_EQ(ask("writeb 0x1003 0xff"), "OK\n");
    EXPECT_EQ(ram_at(0x1000), 0xff223344u);
    EXPECT_EQ(ask("writel 0x200000 7"), "OK\n");
    EXPECT_EQ(registers.last_size, 4u);
    EXPECT_EQ(ask("readl 0x10000000"), "OK 0x00000000ffffffff\n");
}

TEST_F(QtestServer, Bulk_transfersPadAndCut) {
    EXPECT_EQ(ask("write 0x2000 4 0x01020304"), "OK\n");
    EXPECT_EQ(ask("read 0x1fff 6"), "OK 0x000102030400\n");
    EXPECT_EQ(ask("memset 0x2000 8 0x5a"), "OK\n");
    EXPECT_EQ(ask("write 0x2000 4 0x01"), "OK\n");
    EXPECT_EQ(ask("read 0x2000 5"), "OK 0x010000005a\n");
    EXPECT_EQ(ask("write 0x2000 1 0x0708"), "OK\n");
    EXPECT_EQ(ask("read 0x2000 2"), "OK 0x0700\n");
    EXPECT_EQ(ask("memset 0x2000 0 1"), "OK\n");
    EXPECT_EQ(ask("b64write 0x3000 5 aGVsbG8="), "OK\n");
    EXPECT_EQ(ask("b64read 0x3000 5"), "OK aGVsbG8=\n");
    EXPECT_EQ(ask("read 0xfffff 2"), "OK 0x00ff\n");
}

TEST_F(QtestServer, Malformed_isRefusedAndChangesNothing) {
    const char* bad[] = {"",
                         " ",
                         "nonsense",
                         "readl",
                         "readl 0x1000 4",
                         "readl foo",
                         "readl 0x10000000000000000",
                         "inb 0x10000",
                         "outb 0x80 x",
                         "read 0x1000 0",
                         "read 0x1000 0x10000001",
                         "read 0xffffffffffffffff 2",
                         "write 0x1000 4 01020304",
                         "write 0x1000 4 0x0102030g",
                         "write 0x1000 4 0x123",
                         "b64write 0x1000 4 aGVsbG8=",
                         "memset 0x1000 1 zz",
                         "clock_step -1",
                         "clock_set 0x8000000000000000",
                         "irq_intercept_in pic",
                         "irq_intercept_out ioapic",
                         "set_irq_in ioapic unnamed-gpio-in 24 1",
                         "set_irq_in ioapic other 1 1",
                         "module_load hw- foo"};
    for (const char* line : bad) {
        const std::string got = ask(line);
        EXPECT_TRUE(got.starts_with("FAIL ") && got.find('\n') == got.size() - 1) << line << ": " << got;
    }
    EXPECT_EQ(registers.writes, 0u);
    EXPECT_EQ(ram_at(0x1000), 0u);
    EXPECT_EQ(clock.now_ns(), 0);
    EXPECT_EQ(ask("endianness"), "OK little\n");
}

TEST_F(QtestServer, Clock_stepsToDeadlines) {
    EXPECT_EQ(ask("clock_step"), "OK 0\n");
    EXPECT_EQ(ask("clock_step 100"), "OK 100\n");
    int fired = 0;
    auto timer = clock.make_timer([&] { ++fired; });
    timer->arm(250);
    EXPECT_EQ(ask("clock_step"), "OK 250\n");
    EXPECT_EQ(fired, 1);
    EXPECT_EQ(ask("clock_set 1000"), "OK 1000\n");
    EXPECT_EQ(ask("clock_set 10"), "OK 1000\n");
}

TEST_F(QtestServer, Interrupts_areToldBeforeTheAnswerThatCausedThem) {
    EXPECT_EQ(ask("irq_intercept_in ioapic"), "OK\n");
    EXPECT_EQ(ask("irq_intercept_in ioapic"), "OK\n");
    EXPECT_EQ(ask("set_irq_in ioapic unnamed-gpio-in 8 1"), "IRQ raise 8\nOK\n");
    EXPECT_EQ(ask("set_irq_in ioapic unnamed-gpio-in 8 1"), "OK\n");
    EXPECT_EQ(ask("set_irq_in ioapic unnamed-gpio-in 8 0"), "IRQ lower 8\nOK\n");
    auto timer = clock.make_timer([&] { IrqLine(tap, 3).pulse(); });
    timer->arm(5);
    EXPECT_EQ(ask("clock_step"), "IRQ raise 3\nIRQ lower 3\nOK 5\n");
    // Outside of a request the loop sends it.
    sent.clear();
    tap.set_pin(4, true);
    EXPECT_EQ(sent, "");
    while (loop.iterate(false)) {
    }
    EXPECT_EQ(sent, "IRQ raise 4\n");
    // A new client watches nothing.
    server.closed();
    server.opened();
    tap.set_pin(4, false);
    EXPECT_EQ(ask("endianness"), "OK little\n");
}

TEST_F(QtestServer, Stream_isCutAtLineEndsOnly) {
    give("endian");
    EXPECT_EQ(sent, "");
    give("ness\r\nclock_step\nin");
    EXPECT_EQ(sent, "OK little\nOK 0\n");
    server.closed();
    server.opened();
    sent.clear();
    give("endianness\n");
    EXPECT_EQ(sent, "OK little\n");
    EXPECT_NE(logged.find("] endianness\n"), std::string::npos) << logged;
    EXPECT_NE(logged.find("] OPENED\n"), std::string::npos) << logged;
}

TEST_F(QtestServer, WriteEvents_takeTheWriteFromTheDevice) {
    Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const IoEventAddress at{.address = 0x200000, .size = 2};
    ASSERT_TRUE(accelerator.io_events().attach(at, fd.get()));
    EXPECT_EQ(ask("writew 0x200000 1"), "OK\n");
    EXPECT_EQ(registers.writes, 0u);
    EXPECT_EQ(ask("writel 0x200000 1"), "OK\n");
    EXPECT_EQ(registers.writes, 1u);
    accelerator.io_events().detach(at, fd.get());
}

TEST_F(QtestServer, Messages_landInMemoryAndNowhereElse) {
    ASSERT_TRUE(accelerator.map_memory(memory));
    accelerator.msi().send({0x4000, 0xabcd});
    EXPECT_EQ(ram_at(0x4000), 0xabcdu);
    accelerator.msi().send({0x200000, 1});
    accelerator.msi().send({0xfee00000, 1});
    EXPECT_EQ(registers.writes, 0u);
    accelerator.unmap_memory();
    accelerator.msi().send({0x4000, 0x1});
    EXPECT_EQ(ram_at(0x4000), 0xabcdu);
}

}  // namespace
}  // namespace vmm::qtest
