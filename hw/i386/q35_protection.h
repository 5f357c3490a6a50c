// What a protected guest changes about the board: what of the command line cannot be, and the firmware's
// private side. Called by q35_board.cc; the launch itself is State::launch().
#pragma once

#include <memory>

#include "hw/core/machine_config.h"
#include "system/memory/ram_block.h"
#include "target/i386/confidential/igvm/file.h"
#include "util/result.h"

namespace vmm {

class ConfidentialGuest;
class GmemFactory;
struct Q35Parts;

// One line for a contradiction, naming both sides.
Status check_protected_machine(const MachineConfig& config, const ConfidentialGuest& guest);
// Whether the guest can have processors with these physical address bits; host_bits 0: not known.
Status check_phys_bits(const ConfidentialGuest& guest, unsigned bits, unsigned host_bits);
// How many of them are left for memory; guest may be null, here and below.
unsigned usable_phys_bits(const ConfidentialGuest* guest, unsigned bits);
bool has_pic(const MachineConfig& config, const ConfidentialGuest* guest);
// Which of an IGVM file's platforms the guest is; none protects it: native.
igvm::PlatformType igvm_platform(const ConfidentialGuest* guest);
bool wants_private_firmware(const Q35Parts& parts);
// The same contents, with a guest_memfd beside them; every page is private at first.
Result<std::unique_ptr<RamBlock>> add_private_side(std::unique_ptr<RamBlock> block, GmemFactory& factory);

}  // namespace vmm
