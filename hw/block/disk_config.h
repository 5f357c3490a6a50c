// DiskConfig: what users can say of every disk and CD device (-device X,drive=,serial=,...); configs of disk
// devices derive from it and put disk_props<Config>() in front of their own rows. attach_disk() turns it into
// a hold on the drive. Main thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "backends/block/handle.h"
#include "qapi/types_common.h"
#include "qom/property.h"

namespace vmm {

class DeviceEnv;

template <>
struct PropertyKind<block::OnError> {
    static constexpr std::string_view kName = "BlockdevOnError";
    static Status visit(qapi::Visitor& visitor, std::string_view name, block::OnError& value);
    static const qapi::EnumInfo* values();
};

struct DiskConfig {
    std::string drive;
    // Bytes. Absent: 512, a CD 2048.
    std::optional<Size> logical_block_size, physical_block_size, min_io_size, opt_io_size;
    std::optional<Size> discard_granularity;  // absent: one logical block
    qapi::OnOffAuto write_cache = qapi::OnOffAuto::Auto;
    bool share_rw = false;
    block::OnError rerror = block::OnError::Auto;
    block::OnError werror = block::OnError::Auto;
    std::optional<int32_t> bootindex;  // the order in which firmware tries devices, from 0
};

template <typename C>
constexpr auto disk_props() {
    return std::array{
        prop<C, &DiskConfig::drive>("drive", "id of a drive or name of a block node"),
        prop<C, &DiskConfig::logical_block_size>("logical_block_size", "bytes of a sector"),
        prop<C, &DiskConfig::physical_block_size>("physical_block_size", "bytes the medium writes at once"),
        prop<C, &DiskConfig::min_io_size>("min_io_size", "smallest efficient transfer, bytes"),
        prop<C, &DiskConfig::opt_io_size>("opt_io_size", "best transfer, bytes"),
        prop<C, &DiskConfig::discard_granularity>("discard_granularity", "0: no discards"),
        prop<C, &DiskConfig::write_cache>("write-cache", "off: each write is durable"),
        prop<C, &DiskConfig::share_rw>("share-rw", "others may write to the drive"),
        prop<C, &DiskConfig::rerror>("rerror", "what to do when a read fails"),
        prop<C, &DiskConfig::werror>("werror", "what to do when a write fails"),
        prop<C, &DiskConfig::bootindex>("bootindex", "order in which firmware tries to boot"),
    };
}

// The sizes after defaults, in bytes.
struct BlockSizes {
    uint32_t logical = 512;
    uint32_t physical = 512;
    uint32_t min_io = 0;
    uint32_t opt_io = 0;
    uint32_t discard = 512;  // 0: the device offers no discard
};
// Refuses sizes that are no powers of two or do not fit each other.
Result<BlockSizes> block_sizes(const DiskConfig& config, uint32_t default_logical);

// What the kind of device adds.
struct DiskKind {
    std::string type;        // "ide-hd", for messages
    bool writable = true;    // false: a CD
    bool removable = false;  // may be without a medium
    bool resizable = true;
    bool below_device = false;            // the disk is the object "virtio-backend" of the device
    block::IoContext* context = nullptr;  // where its I/O happens; null: the main loop's
};
// `qom_path` names the device in events.
Result<block::DiskRef> attach_disk(const DiskConfig& config, const DiskKind& kind, DeviceEnv& env,
                                   const std::string& id, block::DiskClient& client);

// "QM00001": the serial number a disk has when the user gave none; `number` counts from 1.
std::string default_serial(unsigned number);

}  // namespace vmm
