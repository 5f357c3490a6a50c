// The exit port; see debug_exit.h.
#include "hw/char/debug_exit.h"

#include "hw/core/isa_ports.h"

namespace vmm {

DebugExit::DebugExit(Token, const Config& config, MachineRequests& requests, std::string id)
    : Device(std::move(id)),
      config_(config),
      requests_(requests),
      window_{"isa-debug-exit", static_cast<uint16_t>(config.iobase), config.iosize, this} {}

Status DebugExit::check(const Config& config) {
    if (config.iosize == 0 || config.iosize > 8)
        return Error::make("Parameter 'iosize' expects 1 to 8, not %u", config.iosize);
    return check_ports(config.iobase, config.iosize);
}

Result<std::unique_ptr<DebugExit>> DebugExit::create(const Config& config, DeviceEnv& env,
                                                     const std::string& id) {
    return std::make_unique<DebugExit>(Token{}, config, env.requests(), id);
}

void DebugExit::write(uint64_t, uint64_t value, unsigned) {
    requests_.request_exit(static_cast<int>((static_cast<uint32_t>(value) << 1) | 1));
}

}  // namespace vmm
