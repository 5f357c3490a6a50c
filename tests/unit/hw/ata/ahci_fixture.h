// An AHCI controller over guest memory with a disk on port 0 and a CD drive on port 1, and a driver's side of
// it: start a port, put a command into a slot, wait for its end.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "hw/ata/ahci_hba.h"
#include "hw/ata/ahci_registers.h"
#include "hw/ata/ata_disk.h"
#include "hw/ata/ata_opcodes.h"
#include "hw/ata/atapi_cd.h"
#include "tests/fakes/reads_once.h"
#include "tests/unit/hw/block/disk_fixture.h"
#include "util/endian.h"

namespace vmm::ata {

struct TestInterrupt final : InterruptSink {
    void set_interrupt(bool now, bool news) override {
        level = now;
        if (now && news) ++messages;
    }
    bool level = false;
    unsigned messages = 0;
};

struct Region {
    uint64_t address;
    uint32_t bytes;
};

struct AhciWorld : DiskWorld, GuestRam {
    static constexpr uint64_t kDiskSize = uint64_t{4} << 20;
    static constexpr uint64_t kCdSize = 100 * 2048;
    static constexpr uint64_t kList = 0x10000, kFrames = 0x11000, kTables = 0x20000, kData = 0x100000;

    AhciWorld() {
        disk_node = &add_node(kDiskSize, "disk");
        cd_node = &add_node(kCdSize, "cd");
        DriveIdentity hd;
        hd.serial = "SERIAL";
        hd.model = "MODEL";
        hd.trim = true;
        disk = std::make_unique<AtaDisk>(hd);
        disk_ref = graph.attach("disk", *disk, {}).take_value();
        disk->set_disk(*disk_ref);
        DriveIdentity dvd;
        dvd.serial = "CDSERIAL";
        dvd.model = "QEMU DVD-ROM";
        cd = std::make_unique<AtapiCd>(dvd, loop);
        block::DiskAttachment attachment;
        attachment.writable = false;
        attachment.removable = true;
        cd_ref = graph.attach("cd", cd->unit(), attachment).take_value();
        cd->unit().set_disk(*cd_ref);
        hba = std::make_unique<AhciHba>(AhciHba::Parts{mutex, interrupt, dma, loop}, 6);
        hba->port(0).set_drive(disk.get());
        hba->port(1).set_drive(cd.get());
    }
    ~AhciWorld() {
        disk_node->release();
        cd_node->release();
        turn();
        hba.reset();
    }

    uint32_t get(unsigned offset) { return static_cast<uint32_t>(hba->read(offset, 4)); }
    void set(unsigned offset, uint32_t value) { hba->write(offset, value, 4); }
    uint32_t port(unsigned p, unsigned reg) { return get(kFirstPort + p * kPortSize + reg); }
    void set_port(unsigned p, unsigned reg, uint32_t value) { set(kFirstPort + p * kPortSize + reg, value); }

    static uint64_t list(unsigned p) { return kList + p * 0x2000; }
    static uint64_t frames(unsigned p) { return kFrames + p * 0x2000; }
    static uint64_t table(unsigned p, unsigned slot) { return kTables + (p * 32 + slot) * uint64_t{0x400}; }

    void start(unsigned p) {
        set(kGhc, kGhcAhci | kGhcInterrupts);
        set_port(p, kPxClb, static_cast<uint32_t>(list(p)));
        set_port(p, kPxFb, static_cast<uint32_t>(frames(p)));
        set_port(p, kPxCmd, kCmdFisReceive);
        set_port(p, kPxSerr, ~0u);
        set_port(p, kPxIs, ~0u);
        set_port(p, kPxIe, ~0u);
        set_port(p, kPxCmd, kCmdFisReceive | kCmdStart);
    }
    void restart(unsigned p) {
        set_port(p, kPxCmd, kCmdFisReceive);
        set_port(p, kPxIs, ~0u);
        set_port(p, kPxCmd, kCmdFisReceive | kCmdStart);
    }

    // The command's parts in memory; data at kData unless regions say otherwise.
    struct Fis {
        uint8_t command;
        uint64_t lba = 0;
        uint16_t count = 0;
        uint16_t feature = 0;
        uint8_t device = kDeviceLba;
    };
    void put_command(unsigned p, unsigned slot, const Fis& f, const std::vector<Region>& regions,
                     const std::vector<uint8_t>& packet = {}) {
        uint8_t fis[20] = {kRegisterH2D, 0x80, f.command, static_cast<uint8_t>(f.feature)};
        for (unsigned i = 0; i < 3; ++i) {
            fis[4 + i] = static_cast<uint8_t>(f.lba >> (8 * i));
            fis[8 + i] = static_cast<uint8_t>(f.lba >> (24 + 8 * i));
        }
        fis[7] = f.device;
        fis[11] = static_cast<uint8_t>(f.feature >> 8);
        store_le<uint16_t>(fis + 12, f.count);
        put_frame(p, slot, fis, regions, packet);
    }
    void put_frame(unsigned p, unsigned slot, const uint8_t* fis, const std::vector<Region>& regions,
                   const std::vector<uint8_t>& packet = {}) {
        const uint64_t t = table(p, slot);
        std::memset(at(t), 0, 0x400);
        std::memcpy(at(t), fis, 20);
        if (!packet.empty()) std::memcpy(at(t + 0x40), packet.data(), packet.size());
        for (size_t i = 0; i < regions.size(); ++i) {
            store_le<uint64_t>(at(t + 0x80 + 16 * i), regions[i].address);
            store_le<uint32_t>(at(t + 0x80 + 16 * i + 12), regions[i].bytes - 1);
        }
        uint8_t* header = at(list(p) + slot * 32);
        std::memset(header, 0, 32);
        store_le<uint32_t>(header,
                           5u | (packet.empty() ? 0u : 0x20u) | static_cast<uint32_t>(regions.size() << 16));
        store_le<uint64_t>(header + 8, t);
    }
    void issue(unsigned p, uint32_t slots) { set_port(p, kPxCi, slots); }
    // One command in slot 0, to its end; no byte of it is read twice. The task file's status and error.
    uint32_t run(unsigned p, const Fis& f, const std::vector<Region>& regions = {},
                 const std::vector<uint8_t>& packet = {}) {
        put_command(p, 0, f, regions, packet);
        const ReadsOnce reads(space);
        issue(p, 1);
        EXPECT_TRUE(run_until([&] {
            return (port(p, kPxTfd) & (kBusy | kDrq)) == 0 &&
                   (port(p, kPxCi) == 0 || (port(p, kPxIs) & (kIntTaskFile | kIntHostBus)) != 0);
        })) << "command 0x"
            << std::hex << +f.command;
        reads.expect(list(p), 32, "the command's header");
        reads.expect(table(p, 0), 0x80 + 16 * regions.size(), "the command's table");
        for (const Region& part : regions)
            reads.expect(part.address, part.bytes, "the command's data");
        return port(p, kPxTfd) & 0xffff;
    }
    uint32_t moved(unsigned p, unsigned slot = 0) { return load_le<uint32_t>(at(list(p) + slot * 32 + 4)); }

    Mutex mutex{LockRank::Device, "AHCI test"};
    TestInterrupt interrupt;
    block::FakeNode* disk_node;
    block::FakeNode* cd_node;
    std::unique_ptr<AtaDisk> disk;
    std::unique_ptr<AtapiCd> cd;
    block::DiskRef disk_ref, cd_ref;
    std::unique_ptr<AhciHba> hba;
};

}  // namespace vmm::ata
