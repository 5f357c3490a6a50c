// The exit port; see debug_exit.h.
#include "hw/char/debug_exit.h"

namespace vmm {

Result<std::unique_ptr<DebugExit>> DebugExit::create(const Config& config, MachineRequests& requests,
                                                     std::string id) {
    if (config.iosize == 0 || config.iosize > 8 || config.iobase > 0x10000 - config.iosize)
        return Error::make("isa-debug-exit: iobase 0x%x with iosize %u is no range of ports", config.iobase,
                           config.iosize);
    return std::make_unique<DebugExit>(Token{}, config, requests, std::move(id));
}

void DebugExit::write(uint64_t, uint64_t value, unsigned) {
    requests_.request_exit(static_cast<int>((static_cast<uint32_t>(value) << 1) | 1));
}

}  // namespace vmm
