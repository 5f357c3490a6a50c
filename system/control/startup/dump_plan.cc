// The processors' notes, the kernel's own note, and what lies where; see dump_plan.h.
#include "system/control/startup/dump_plan.h"

#include <algorithm>
#include <string_view>

#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "hw/misc/vmcoreinfo.h"
#include "system/control/startup/machine_view.h"
#include "system/memory/conversion.h"
#include "system/memory/dma_space.h"
#include "system/run/vcpus.h"
#include "target/i386/confidential/guest.h"
#include "util/log.h"
#include "util/text.h"

namespace vmm {

namespace {

class BoardMemoryView final : public dump::DumpMemory {
  public:
    explicit BoardMemoryView(AddressSpace& space) : dma_(space), view_(space.view()) {}
    bool hidden(uint64_t page) const override {
        const FlatSection* section = view_->find(Gpa(page));
        if (section == nullptr || section->ram == nullptr || !section->ram->has_private_side()) return false;
        const RamOffset offset = section->ram_offset + (Gpa(page) - section->range.first());
        return !section->ram->visibility().is_all(RamRange::of(offset, 1), Visibility::Shared);
    }
    bool read(uint64_t address, std::span<uint8_t> into) const override {
        return dma_.read(Gpa(address), into);
    }

  private:
    const DmaSpace dma_;
    const FlatViewPtr view_;
};

void append(std::vector<uint8_t>& out, const std::vector<uint8_t>& bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

// What the guest's kernel wrote about itself: a whole note in its memory. Empty: it said nothing.
std::vector<uint8_t> kernel_note(Q35Board& board) {
    constexpr uint32_t kMost = 1u << 20, kLeast = 12;
    for (const std::unique_ptr<DeviceNode>& node : board.devices().nodes()) {
        if (node->device->type() != VmCoreInfo::kInfo.name) continue;
        const CoreInfo info = static_cast<VmCoreInfo&>(*node->device).info();
        if (info.guest_format != VmCoreInfo::kElf) return {};
        std::vector<uint8_t> note(std::clamp(info.size, kLeast, kMost));
        if (note.size() != info.size || !DmaSpace(board.memory()).read(Gpa(info.address), note)) {
            log_warning("the guest's note for dumps cannot be read, it is left out");
            return {};
        }
        return note;
    }
    return {};
}

// "NUMBER(phys_base)=-1234" of the kernel's note.
uint64_t kernel_base_in(std::string_view text) {
    constexpr std::string_view kName = "NUMBER(phys_base)=";
    const size_t at = text.find(kName);
    if (at == std::string_view::npos) return 0;
    text = text.substr(at + kName.size());
    text = text.substr(0, text.find('\n'));
    const bool negative = text.starts_with('-');
    const uint64_t number = parse_u64(std::string(text.substr(negative ? 1 : 0))).value_or(0);
    return negative ? uint64_t{0} - number : number;
}

void add_kernel_note(Q35Board& board, dump::DumpPlan& plan) {
    constexpr uint64_t kHead = 12;
    const std::vector<uint8_t> note = kernel_note(board);
    if (note.empty()) return;
    const uint64_t before = kHead + align_up(uint64_t{load_le<uint32_t>(note.data())}, 4);
    const uint64_t size = load_le<uint32_t>(&note[4]);
    if (before + size > note.size())
        return log_warning("the guest's note for dumps is no ELF note, it is left out");
    plan.kernel_note_offset = plan.notes.size() + before;
    plan.kernel_note_size = size;
    plan.kernel_base = kernel_base_in(std::string(note.begin() + static_cast<ptrdiff_t>(before),
                                                  note.begin() + static_cast<ptrdiff_t>(before + size)));
    append(plan.notes, note);
}

Status add_runs(Q35Board& board, const std::vector<X86Registers>& cpus, dump::DumpPlan& plan) {
    const DmaSpace dma(board.memory());
    const ReadPhysical read = [&dma](uint64_t at, std::span<uint8_t> into) {
        return dma.read(Gpa(at), into);
    };
    std::vector<uint64_t> roots;
    for (const X86Registers& cpu : cpus) {
        if (!cpu.paging() || std::find(roots.begin(), roots.end(), cpu.cr3) != roots.end()) continue;
        roots.push_back(cpu.cr3);
        const std::vector<LinearRun> runs = dump::cut(TRY(linear_runs(cpu, read)), plan.blocks);
        plan.runs.insert(plan.runs.end(), runs.begin(), runs.end());
    }
    // Without page tables there are only physical addresses.
    plan.paging = !roots.empty();
    std::sort(plan.runs.begin(), plan.runs.end());
    plan.runs.erase(std::unique(plan.runs.begin(), plan.runs.end()), plan.runs.end());
    return {};
}

void warn_of_hidden(Q35Board& board) {
    const uint64_t hidden =
        board.conversions() == nullptr ? 0 : board.conversions()->bytes(Visibility::Private);
    if (hidden != 0)
        log_warning("dump: %llu bytes of memory are private to the guest and left out",
                    static_cast<unsigned long long>(hidden));
}

}  // namespace

Status check_dump(MachineView& view, const qapi::DumpGuestMemoryArguments& asked) {
    const ConfidentialGuest* guest = view.confidential();
    if (guest != nullptr &&
        (guest->requirements().cpu_state != CpuState::Open || guest->requirements().pinned_memory))
        return Error::make("the memory of %s is encrypted for the guest alone: there is nothing to dump",
                           guest->id().c_str());
    if (view.board() == nullptr) return Error::make("this machine has no memory");
    const bool elf =
        asked.format.value_or(qapi::DumpGuestMemoryFormat::Elf) == qapi::DumpGuestMemoryFormat::Elf;
    if (!elf && (asked.paging || asked.begin || asked.length))
        return Error::make("kdump's format has all memory by physical addresses: no paging, begin or length");
    if (asked.begin.has_value() != asked.length.has_value())
        return Error::make("Parameter '%s' is missing: 'begin' and 'length' belong together",
                           asked.begin ? "length" : "begin");
    if (asked.begin && *asked.begin < 0) return Error::make("Parameter 'begin' expects a physical address");
    if (asked.length && *asked.length <= 0)
        return Error::make("Parameter 'length' expects more than 0 bytes");
    return {};
}

Result<dump::DumpPlan> plan_dump(MachineView& view, const qapi::DumpGuestMemoryArguments& asked) {
    Q35Board& board = *view.board();
    dump::DumpPlan plan;
    plan.blocks = dump::memory_blocks(*board.memory().view());
    if (asked.begin)
        plan.blocks =
            dump::cut(plan.blocks, static_cast<uint64_t>(*asked.begin), static_cast<uint64_t>(*asked.length));
    if (plan.blocks.empty()) return Error::make("Parameter 'begin' expects an address where there is memory");
    std::vector<X86Registers> cpus;
    for (VcpuId id : board.vcpus().present())
        cpus.push_back(TRY(board.registers(id)));
    plan.cpus = static_cast<uint32_t>(cpus.size());
    plan.long_mode = !cpus.empty() && cpus[0].long_mode();
    const CoreWidth width = plan.long_mode ? CoreWidth::Bits64 : CoreWidth::Bits32;
    for (uint32_t i = 0; i < cpus.size(); ++i)
        append(plan.notes, prstatus_note(cpus[i], i + 1, width));
    for (const X86Registers& cpu : cpus)
        append(plan.notes, system_registers_note(cpu));
    add_kernel_note(board, plan);
    if (asked.paging) TRY(add_runs(board, cpus, plan));
    warn_of_hidden(board);
    return plan;
}

std::unique_ptr<dump::DumpMemory> memory_for_dump(MachineView& view) {
    return std::make_unique<BoardMemoryView>(view.board()->memory());
}

}  // namespace vmm
