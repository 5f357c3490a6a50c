// MemoryRegion: a node of the tree that says what answers at which address. A region is a member of the
// device (or board) that owns it; it is made by a factory and never moves. It is placed, moved and switched
// by Topology only (topology.h), which also renders the tree; nothing here takes a lock.
//
//     MemoryRegion regs_ = MemoryRegion::io("hpet", 0x400, *this);
//     topology.add(root, regs_, 0xfed00000);
//
// A region that is destroyed while it is in the tree takes itself out. Its owner sees to it that no other
// thread can still be inside one of its accesses (vCPUs paused, or the device's queue drained).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "system/memory/address.h"

namespace vmm {

class IoOps;
class RamBlock;
class Topology;

// Whether a rom device answers reads from its memory, or all accesses from its IoOps.
enum class RomDeviceMode { Memory, Io };

class MemoryRegion {
  public:
    enum class Kind { Container, Ram, RomDevice, Io, Alias };
    // The size of a region that is the whole 64-bit space.
    static constexpr uint64_t kWholeSpace = 0;

    // Answers nothing itself; holds others. Where no child answers, what lies below in priority shows.
    static MemoryRegion container(std::string name, uint64_t size);
    // The whole of a RAM block. The block outlives the region.
    static MemoryRegion ram(std::string name, RamBlock& block);
    // As ram(), but writes by the guest do nothing.
    static MemoryRegion rom(std::string name, RamBlock& block);
    // Reads come from memory (in RomDeviceMode::Memory), writes go to the device: flash.
    static MemoryRegion rom_device(std::string name, RamBlock& block, IoOps& ops);
    static MemoryRegion io(std::string name, uint64_t size, IoOps& ops);
    // A window of `size` bytes onto another region from `offset`; the target outlives the alias.
    static MemoryRegion alias(std::string name, MemoryRegion& target, uint64_t offset, uint64_t size);

    MemoryRegion(const MemoryRegion&) = delete;
    MemoryRegion& operator=(const MemoryRegion&) = delete;
    ~MemoryRegion();

    Kind kind() const { return kind_; }
    const std::string& name() const { return name_; }
    uint64_t size() const { return size_; }             // kWholeSpace for 2^64
    uint64_t last_offset() const { return size_ - 1; }  // of the region, inclusive
    uint64_t offset() const { return offset_; }         // within the parent
    int priority() const { return priority_; }
    bool enabled() const { return enabled_; }
    bool readonly() const { return readonly_; }
    RomDeviceMode rom_device_mode() const { return rom_device_mode_; }
    MemoryRegion* parent() const { return parent_; }
    MemoryRegion* alias_target() const { return alias_target_; }
    uint64_t alias_offset() const { return alias_offset_; }
    RamBlock* ram_block() const { return ram_; }
    IoOps* io_ops() const { return io_; }
    // Highest priority first; of two equals the one added last is first.
    const std::vector<MemoryRegion*>& children() const { return children_; }

  private:
    friend class Topology;
    struct Parts {
        uint64_t size = 0;
        RamBlock* ram = nullptr;
        IoOps* io = nullptr;
        MemoryRegion* alias_target = nullptr;
        uint64_t alias_offset = 0;
        bool readonly = false;
    };
    MemoryRegion(Kind kind, std::string name, const Parts& parts);

    const Kind kind_;
    const std::string name_;
    RamBlock* const ram_;
    IoOps* const io_;
    MemoryRegion* const alias_target_;
    std::atomic<int> aliases_{0};  // how many aliases show this region

    // Written by Topology with its lock held.
    Topology* topology_ = nullptr;
    MemoryRegion* parent_ = nullptr;
    uint64_t size_;
    uint64_t alias_offset_;
    uint64_t offset_ = 0;
    int priority_ = 0;
    bool enabled_ = true;
    bool readonly_;
    RomDeviceMode rom_device_mode_ = RomDeviceMode::Memory;
    std::vector<MemoryRegion*> children_;
};

}  // namespace vmm
