// See pc_dimm.h.
#include "hw/mem/pc_dimm.h"

#include <algorithm>

namespace vmm {

namespace {

// Memory without a file is laid out for huge pages.
constexpr uint64_t kAnonymousAlignment = 2 * kMiB;

}  // namespace

Status PcDimm::check(const Config& values) {
    if (values.memdev.empty()) return Error::make("'memdev' property is not set");
    return {};
}

Result<std::unique_ptr<PcDimm>> PcDimm::create(const Config& values, DeviceEnv& env, const std::string& id) {
    const std::string user = id.empty() ? std::string(kInfo.name) : id;
    RamBlock* ram = TRY(env.back_ends().memory(values.memdev, user));
    return std::make_unique<PcDimm>(Token{}, values, *ram, id);
}

PcDimm::PcDimm(Token, const Config& values, RamBlock& ram, const std::string& id)
    : Device(id), config_(values), ram_(ram), region_(MemoryRegion::ram(ram.id(), ram)) {}

uint64_t PcDimm::alignment() const {
    return std::max(ram_.page_size(), ram_.fd() < 0 ? kAnonymousAlignment : kPageSize);
}

void register_mem_types(DeviceTypes& types) {
    types.add(device_type<PcDimm>());
}

}  // namespace vmm
