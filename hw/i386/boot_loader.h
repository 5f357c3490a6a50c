// BootLoader: starts a kernel when no firmware does it: at each reset,
// after the devices, it sets the chipset up as firmware would have left it and loads the kernel afresh. The
// boot processor's state is boot(). Main thread.
#pragma once

#include <optional>
#include <string>

#include "hw/i386/board_tables.h"
#include "hw/i386/boot_files.h"
#include "hw/i386/ram_writer.h"
#include "hw/pci/bus.h"
#include "system/run/requests.h"
#include "system/run/reset.h"
#include "util/result.h"

namespace vmm {

class BootLoader final : public Resettable {
  public:
    // Everything is borrowed but the files.
    BootLoader(BootFiles files, std::string command_line, const BoardTables& tables, const Q35Map& map,
               pci::Bus& root, std::span<RamBlock* const> ram, MachineRequests& requests)
        : files_(std::move(files)),
          command_line_(std::move(command_line)),
          tables_(tables),
          map_(map),
          root_(root),
          writer_(map, ram),
          requests_(requests) {}

    // The first time; says what is wrong with the files.
    Status load();
    // Whether a guest that sleeps in S3 can be woken: it has a FACS to say where it goes on.
    bool can_resume() const { return tables_.acpi() && tables_.acpi()->facs_offset.has_value(); }
    // The next reset wakes the guest: its memory stays as it is, and it goes on at its waking vector.
    void resume_next() { resuming_ = true; }
    // Again. A failure stops the machine.
    void reset_exit() override;

    const std::optional<BootState>& boot() const { return boot_; }

  private:
    void set_up_chipset();
    Status resume();

    const BootFiles files_;
    const std::string command_line_;
    const BoardTables& tables_;
    const Q35Map& map_;
    pci::Bus& root_;
    RamWriter writer_;
    MachineRequests& requests_;
    std::optional<BootState> boot_;
    bool resuming_ = false;
};

}  // namespace vmm
