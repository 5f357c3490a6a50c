// A whole q35 whose guest is a fuzzer: the board of -accel qtest with one device (or none) from a command
// line, its PCI functions enabled and their BARs placed as firmware would. What the input makes the guest do
// are accesses in every width to the device's registers and configuration, writes to memory (rings,
// descriptors), steps of the clock, resets, and turns of the loop for what the device does by itself.
//
// The seam is that of the test client: the same calls that accel/qtest makes for its requests.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace vmm::fuzz {

// Registers of a device that are not found by PCI.
struct Window {
    bool port = false;
    uint64_t base = 0;
    uint32_t size = 0;
};
struct BoardSubject {
    const char* name;
    std::vector<const char*> arguments;  // beside the machine's
    std::vector<Window> windows;         // beside the BARs of PCI functions
    bool chipset = false;                // configuration of the board's own functions too
};

// board_subjects.cc
std::span<const BoardSubject> board_subjects();

// Runs one input on a new board. Aborts when an invariant is broken; returns when the input ends or its
// budget of work is used up.
void run_on_board(const BoardSubject& subject, std::span<const uint8_t> input);

}  // namespace vmm::fuzz
