// Drives for people: drive_add, drive_del, info block; see query_commands.h.
#include "backends/block/options/commands.h"
#include "qapi/keyval.h"
#include "system/control/hmp/table.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "system/control/startup/storage.h"
#include "util/text.h"

namespace vmm {

namespace {

// "drive_add [-n] PLACE OPTIONS": the place is of times when disks were plugged this way.
Result<std::string> drive_add(MachineView& view, const HmpLine& line) {
    bool node = line.word(0) == "-n";
    std::string options = line.word(node ? 2 : 1);
    qapi::Keyval parsed = TRY(qapi::parse_keyval(options, {.flat = true}));
    if (node) return Error::make("drive_add -n is not there in this version").with_hint("use blockdev-add");
    block::DriveConfig drive = TRY(block::parse_drive(parsed.dict));
    if (drive.interface != block::DriveInterface::None)
        return Error::make("Can't hot-add drive to type %d", static_cast<int>(drive.interface))
            .with_hint("if=none and device_add make one");
    if (drive.id.empty()) return Error::make("drive_add: an id is missing");
    (void)TRY(block::add_drive(view.storage().env(), drive));
    return std::string("OK");
}

std::string describe(const qapi::BlockInfo& info) {
    std::string name = info.device.empty() ? info.qdev.value_or("") : info.device;
    if (!info.inserted) return name + ": [not inserted]\n";
    const qapi::BlockDeviceInfo& medium = *info.inserted;
    std::string out = strf("%s (%s): %s (%s%s)\n", name.c_str(), medium.node_name.value_or("").c_str(),
                           medium.file.c_str(), medium.drv.c_str(), medium.ro ? ", read-only" : "");
    if (info.qdev) out += "    Attached to:      " + *info.qdev + "\n";
    if (info.removable)
        out += strf("    Removable device: %slocked, tray %s\n", info.locked ? "" : "not ",
                    info.tray_open.value_or(false) ? "open" : "closed");
    out += strf("    Cache mode:       %s%s%s\n", medium.cache.writeback ? "writeback" : "writethrough",
                medium.cache.direct ? ", direct" : "", medium.cache.no_flush ? ", ignore flushes" : "");
    if (medium.backing_file)
        out += strf("    Backing file:     %s (chain depth: %lld)\n", medium.backing_file->c_str(),
                    static_cast<long long>(medium.backing_file_depth));
    return out;
}

}  // namespace

void register_hmp_block_commands(HmpTable& table, MachineView& view) {
    table.add({"drive_add", "place options", "makes a drive, which a device can be given",
               [&view](const HmpLine& line) { return drive_add(view, line); }});
    table.add({"drive_del", "id", "takes a drive's medium and name away",
               [&view](const HmpLine& line) -> Result<std::string> {
                   TRY(block::delete_drive(view.storage().graph(), line.word(0)));
                   return std::string();
               }});
    table.add_info({"block", "", "the drives", [&view](const HmpLine&) -> Result<std::string> {
                        std::string out;
                        for (const qapi::BlockInfo& info : block::query_block(view.storage().graph()))
                            out += (out.empty() ? "" : "\n") + describe(info);
                        return out;
                    }});
}

}  // namespace vmm
