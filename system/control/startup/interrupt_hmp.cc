// info lapic, pic, irq and roms of the monitor for people; see query_commands.h.
#include "hw/i386/q35_board.h"
#include "system/control/hmp/table.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "util/text.h"

namespace vmm {

namespace {

using ull = unsigned long long;

Result<std::string> local_apic(MachineView& view, const HmpLine& line) {
    Q35Board* const board = TRY(board_of(view));
    const std::optional<uint64_t> asked = line.word(0).empty() ? line.cpu : parse_u64(line.word(0));
    if (!asked || *asked > UINT32_MAX) return Error::make("info lapic takes the number of a processor");
    const VcpuId cpu(static_cast<uint32_t>(*asked));
    if (!board->vcpus().has(cpu)) return Error::make("there is no processor %u", cpu.raw());
    return strf("local APIC of processor %u\n", cpu.raw()) + TRY(board->local_apic(cpu));
}

Result<std::string> counts(MachineView& view) {
    Q35Board* const board = TRY(board_of(view));
    std::string out =
        "how often each line rose; what the kernel's own timer and irqfds raise is not counted here\n";
    const std::vector<uint64_t> all = board->interrupt_counts();
    for (size_t line = 0; line < all.size(); ++line)
        if (all[line] != 0) out += strf("%2zu: %llu\n", line, static_cast<ull>(all[line]));
    return out;
}

Result<std::string> roms(MachineView& view) {
    Q35Board* const board = TRY(board_of(view));
    std::string out;
    for (const Q35Board::RomImage& image : board->roms())
        out += strf("addr=%016llx size=0x%06llx mem=rom name=\"%s\"\n", static_cast<ull>(image.address),
                    static_cast<ull>(image.size), image.name.c_str());
    for (const auto& [name, size] : board->firmware_files())
        out += strf("fw=%s size=0x%06llx\n", name.c_str(), static_cast<ull>(size));
    return out;
}

}  // namespace

void register_hmp_interrupt_commands(HmpTable& table, MachineView& view) {
    table.add_info({"lapic", "[processor]", "the local APIC of a processor",
                    [&view](const HmpLine& line) { return local_apic(view, line); }});
    table.add_info(
        {"pic", "", "the interrupt controllers of the board", [&view](const HmpLine&) -> Result<std::string> {
             return TRY(board_of(view))->interrupt_controllers();
         }});
    table.add_info(
        {"irq", "", "how often interrupt lines rose", [&view](const HmpLine&) { return counts(view); }});
    table.add_info({"roms", "", "the firmware's images and the files that it is given",
                    [&view](const HmpLine&) { return roms(view); }});
}

}  // namespace vmm
