// The accelerator without CPUs; see accelerator.h.
#include "accel/qtest/accelerator.h"

#include "accel/qtest/trace.h"
#include "util/check.h"

namespace vmm::qtest {

Status Accelerator::map_memory(AddressSpace& memory) {
    CHECK(!msi_.memory, "the memory is mapped already");
    msi_.memory.emplace(memory);
    return {};
}

IrqInput& Accelerator::kernel_pins() {
    CHECK(false, "-accel qtest has no interrupt controllers of its own");
    UNREACHABLE();
}

void Accelerator::MemoryMsi::send(const MsiMessage& message) {
    const bool seen = memory && memory->write_value(Gpa(message.address), LeNumber<uint32_t>(message.data));
    trace_qtest_msi(message.address, message.data, seen);
}

Status Accelerator::NoPrivateMemory::set_visibility(GpaRange, Visibility) {
    return Error::make("-accel qtest has no private memory");
}

}  // namespace vmm::qtest
