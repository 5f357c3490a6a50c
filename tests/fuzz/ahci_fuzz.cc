// The AHCI controller with a disk and a CD drive under a hostile guest: registers written at will, command
// lists, tables and packets full of nonsense, resets while the host holds requests back. It may not crash nor
// run without end; when all is done nothing is under way, and after a reset the disk identifies itself.
#include <cstdint>
#include <cstring>
#include <memory>

#include "hw/ata/ahci_hba.h"
#include "hw/ata/ata_disk.h"
#include "hw/ata/ata_opcodes.h"
#include "hw/ata/atapi_cd.h"
#include "tests/unit/hw/block/disk_fixture.h"
#include "util/endian.h"

using namespace vmm;
using namespace vmm::ata;

namespace {

// Command lists at 0, received frames at 0x1000, tables from 0x2000, data where the program says.
constexpr uint64_t kFrames = 0x1000, kTables = 0x2000, kTableSize = 0x100;

struct Pin final : InterruptSink {
    void set_interrupt(bool, bool) override {}
};

struct World : DiskWorld, GuestRam {
    World() {
        disk_node = &add_node(1u << 20, "disk");
        cd_node = &add_node(40 * 2048, "cd");
        DriveIdentity identity;
        identity.serial = "S";
        identity.trim = true;
        disk = std::make_unique<AtaDisk>(identity);
        block::DiskAttachment hd;
        hd.werror = block::OnError::Report;
        disk_ref = graph.attach("disk", *disk, hd).take_value();
        disk->set_disk(*disk_ref);
        cd = std::make_unique<AtapiCd>(identity, loop);
        block::DiskAttachment dvd;
        dvd.writable = false;
        dvd.removable = true;
        cd_ref = graph.attach("cd", cd->unit(), dvd).take_value();
        cd->unit().set_disk(*cd_ref);
        hba = std::make_unique<AhciHba>(AhciHba::Parts{mutex, pin, dma, loop}, 6);
        hba->port(0).set_drive(disk.get());
        hba->port(1).set_drive(cd.get());
    }
    ~World() {
        settle();
        hba.reset();
    }
    void settle() {
        disk_node->fails = nullptr;
        disk_node->release();
        cd_node->release();
        turn();
    }
    uint32_t get(unsigned at) { return static_cast<uint32_t>(hba->read(at, 4)); }
    void set(unsigned at, uint32_t value) { hba->write(at, value, 4); }
    void start(unsigned port) {
        const unsigned base = kFirstPort + port * kPortSize;
        set(base + kPxClb, 0);
        set(base + kPxClbu, 0);
        set(base + kPxFb, kFrames);
        set(base + kPxFbu, 0);
        set(base + kPxCmd, kCmdFisReceive);
        set(base + kPxCmd, kCmdFisReceive | kCmdStart);
    }
    void put_command(unsigned slot, const uint8_t* bytes) {
        uint8_t* table = at(kTables + slot * kTableSize);
        std::memset(table, 0, kTableSize);
        table[0] = kRegisterH2D;
        table[1] = (bytes[1] & 0x80) != 0 ? bytes[1] : 0x80;
        table[2] = bytes[2];
        table[3] = bytes[3];
        table[4] = bytes[4];
        table[7] = kDeviceLba | (bytes[1] & 0x0f);
        table[12] = is_queued(bytes[2]) ? static_cast<uint8_t>(slot << 3) : bytes[5] & 0x1f;
        std::memcpy(table + 0x40, bytes + 2, 6);
        const unsigned entries = bytes[6] & 3;
        for (unsigned i = 0; i < entries; ++i) {
            store_le<uint64_t>(table + 0x80 + 16 * i, 0x100000 + (uint64_t{bytes[7]} << 12) + i * 0x800);
            store_le<uint32_t>(table + 0x80 + 16 * i + 12, uint32_t{bytes[5]} * 64);
        }
        uint8_t* header = at(slot * 32);
        store_le<uint32_t>(header, 5u | (bytes[0] & 0x20) | entries << 16);
        store_le<uint64_t>(header + 8, kTables + slot * kTableSize);
    }

    Mutex mutex{LockRank::Device, "AHCI fuzz"};
    Pin pin;
    block::FakeNode *disk_node, *cd_node;
    std::unique_ptr<AtaDisk> disk;
    std::unique_ptr<AtapiCd> cd;
    block::DiskRef disk_ref, cd_ref;
    std::unique_ptr<AhciHba> hba;
};

void one_step(World& w, const uint8_t* step) {
    const unsigned port = step[0] >> 3 & 1, base = kFirstPort + port * kPortSize;
    const unsigned slot = step[0] >> 3 & 31;
    const auto where = load_le<uint16_t>(step + 1);
    const auto value = load_le<uint32_t>(step + 4);
    switch (step[0] & 7) {
        case 0:
            w.set(where % 0x600 & ~3u, value);
            break;
        case 1:
            (void)w.get(where % kAhciMemorySize & ~3u);
            break;
        case 2:
            w.put_command(slot, step);
            break;
        case 3:
            std::memcpy(w.at(where % 0x4000), step + 4, 4);
            break;
        case 4:
            w.turn();
            break;
        case 5:
            if ((step[3] & 3) == 0) w.settle();
            if ((step[3] & 3) == 1) w.disk_node->hold = w.cd_node->hold = true;
            if ((step[3] & 3) == 2)
                w.disk_node->fails = [](const block::Request& r) { return r.offset % 1024 == 0 ? EIO : 0; };
            if ((step[3] & 3) == 3) w.start(port);
            break;
        case 6:
            w.set(base + kPxSact, where);
            w.set(base + kPxCi, value);
            break;
        case 7:
            if ((step[3] & 3) == 0) w.cd->unit().set_tray((value & 1) != 0, true);
            if ((step[3] & 3) == 1) w.cd->unit().eject_requested((value & 1) != 0);
            if ((step[3] & 3) == 2) w.hba->power_on_reset();
            if ((step[3] & 3) == 3) w.hba->port(port).abandon();
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kStep = 8, kMostSteps = 1000;
    World w;
    for (size_t step = 0; size >= kStep && step < kMostSteps; ++step, data += kStep, size -= kStep)
        one_step(w, data);
    w.settle();
    w.set(kGhc, kGhcReset);
    w.turn();
    w.start(0);
    const uint8_t identify[8] = {2, 0x80, kIdentify, 0, 0, 8, 1, 0};
    w.put_command(0, identify);
    w.set(kFirstPort + kPxCi, 1);
    w.turn();
    CHECK(w.get(kFirstPort + kPxCi) == 0, "IDENTIFY does not end");
    CHECK(w.get(kFirstPort + kPxTfd) == kGoodStatus, "IDENTIFY fails");
    CHECK(load_le<uint16_t>(w.at(0x100000)) == 0x0040, "the disk is none");
    return 0;
}
