// Kernel files of any shape: parsed, placed and loaded into a small guest without a fault, and what is
// written stays in RAM.
#include <cstdlib>

#include "hw/i386/direct_boot.h"
#include "util/align.h"

namespace {

constexpr uint64_t kRam = 32 * vmm::kMiB;

class BoundedGuest final : public vmm::GuestWriter {
  public:
    vmm::Status write(uint64_t gpa, std::span<const uint8_t> bytes) override {
        return touch(gpa, bytes.size());
    }
    vmm::Status clear(uint64_t gpa, uint64_t size) override { return touch(gpa, size); }

  private:
    // The loaders know where RAM is: a write outside it is their bug, not an error to report.
    vmm::Status touch(uint64_t gpa, uint64_t size) {
        if (size > kRam || gpa > kRam - size) abort();
        return {};
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    vmm::DirectBoot boot;
    boot.kernel = {data, size};
    boot.initrd = {data, size / 2};
    boot.command_line = "quiet";
    boot.memory.ram_below = kRam;
    BoundedGuest guest;
    vmm::Result<vmm::BootState> state = vmm::load_direct(boot, guest);
    if (!state && state.error().text().empty()) abort();
    return 0;
}
