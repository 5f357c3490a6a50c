// Sizing and placing; PCI Local Bus 3.0, 6.2.5.1.
#include "hw/i386/pci_placing.h"

#include "hw/pci/config_space.h"
#include "hw/pci/function.h"
#include "hw/pci/ids.h"
#include "util/align.h"

namespace vmm {

namespace {

constexpr uint64_t kFirstPort = 0xc000, kPastPorts = 0x10000;

// A stretch of addresses, given out from the start.
struct Room {
    uint64_t next, end;
    std::optional<uint32_t> take(uint64_t size) {
        const uint64_t at = align_up(next, size);
        if (at + size > end) return std::nullopt;
        next = at + size;
        return static_cast<uint32_t>(at);
    }
};

class Placer {
  public:
    Placer(pci::Bus& root, GpaRange hole)
        : root_(root), memory_{hole.first().raw(), hole.last().raw() + 1}, ports_{kFirstPort, kPastPorts} {}

    void place(const pci::Function& function) {
        at_ = {0, function.devfn()};
        const bool bridge = (root_.config_read(at_, pci::kHeaderType, 1) & 0x7f) == 1;
        for (unsigned bar = 0; bar < (bridge ? 2u : 6u); ++bar)
            if (place_bar(pci::kBar0 + 4 * bar)) ++bar;
        const uint32_t command = root_.config_read(at_, pci::kCommand, 2);
        root_.config_write(at_, pci::kCommand, command | pci::kCommandIo | pci::kCommandMemory, 2);
        const uint32_t pin = root_.config_read(at_, pci::kInterruptPin, 1);
        if (pin != 0)
            root_.config_write(at_, pci::kInterruptLine, pci_interrupt_line(at_.devfn.device, pin), 1);
    }

  private:
    // True: it took two registers.
    bool place_bar(unsigned where) {
        root_.config_write(at_, where, 0xffffffff, 4);
        const uint32_t mask = root_.config_read(at_, where, 4);
        const bool port = (mask & 1) != 0, wide = (mask & 7) == 4;
        const uint32_t low = mask & (port ? ~3u : ~15u);
        std::optional<uint32_t> place;
        if (low != 0) place = (port ? ports_ : memory_).take(low & (~low + 1));
        root_.config_write(at_, where, place.value_or(0), 4);
        if (wide) root_.config_write(at_, where + 4, 0, 4);
        return wide;
    }

    pci::Bus& root_;
    Room memory_, ports_;
    pci::Address at_;
};

}  // namespace

uint8_t pci_interrupt_line(unsigned device, unsigned pin) {
    constexpr unsigned kRotating = 25;  // the devices from here on have fixed routes
    return ((device < kRotating ? device : 0) + pin - 1) % 2 == 0 ? 10 : 11;
}

void place_pci_functions(pci::Bus& root, GpaRange hole) {
    Placer placer(root, hole);
    for (const pci::Function* function : root.functions())
        if (function->devfn().raw() != 0) placer.place(*function);
}

}  // namespace vmm
