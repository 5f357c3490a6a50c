// IGVM files and the board: the file opened and checked, what the guest is told by it, and, for guests that
// nothing protects, its contents loaded into RAM at start and at each reset with the boot processor's
// registers. A protected guest's launch loads the contents itself. Main thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hw/i386/board_tables.h"
#include "hw/i386/ram_writer.h"
#include "system/run/requests.h"
#include "system/run/reset.h"
#include "target/i386/confidential/igvm/plan.h"
#include "target/i386/confidential/measured_page.h"
#include "target/i386/cpu/boot_state.h"
#include "util/mmap.h"

namespace vmm {

struct IgvmFile {
    std::string path;
    std::vector<uint8_t> bytes;
    igvm::File headers;  // point into the bytes
};

Result<IgvmFile> open_igvm(const std::string& path);

// What the guest may ask to be told; all but the tables' addresses, which nobody knows yet.
igvm::GuestFacts igvm_facts(const BoardTables& tables, const Q35Map& map, std::vector<uint32_t> apic_ids,
                            std::string command_line);

class IgvmLoader final : public Resettable {
  public:
    // All borrowed but the facts. firmware: the memory at the end of 4 GiB, null when the file has nothing
    // there.
    IgvmLoader(const IgvmFile& file, igvm::GuestFacts facts, const Q35Map& map,
               std::span<RamBlock* const> ram, RamBlock* firmware, MachineRequests& requests)
        : file_(file),
          facts_(std::move(facts)),
          map_(map),
          writer_(map, ram),
          firmware_(firmware),
          requests_(requests) {}

    // The first time; says what is wrong with the file.
    Status load();
    // Again. A failure stops the machine.
    void reset_exit() override;

    // Empty: the file says nothing, the processor begins at its reset vector.
    const std::optional<BootState>& boot() const { return boot_; }

  private:
    Status write(const igvm::Load& load);

    const IgvmFile& file_;
    const igvm::GuestFacts facts_;
    const Q35Map& map_;
    RamWriter writer_;
    RamBlock* const firmware_;
    MachineRequests& requests_;
    std::optional<BootState> boot_;
};

// The same for the launch of a protected guest: pages as the launch wants them, in page-aligned memory.
class IgvmLaunch {
  public:
    Status prepare(const IgvmFile& file, igvm::PlatformType platform, const igvm::GuestFacts& facts);
    // Of the processors that the file has a context of; null for the others, which begin at their reset
    // state.
    const std::optional<BootState>* boot(unsigned index) const {
        return index < boots_.size() ? &boots_[index] : nullptr;
    }
    // In memory of this object; as prepared, however often they are launched.
    std::vector<MeasuredPages> pages();

  private:
    Status take_contexts(const igvm::Plan& plan);

    struct Run {
        MeasuredPages pages;
        MappedRegion memory;
        std::vector<uint8_t> contents;
    };
    std::vector<Run> runs_;
    std::vector<std::optional<BootState>> boots_;
};

}  // namespace vmm
