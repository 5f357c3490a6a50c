// The debug console port; see debugcon.h.
#include "hw/char/debugcon.h"

namespace vmm {

Result<std::unique_ptr<DebugCon>> DebugCon::create(const Config& config, Chardev& chardev, std::string id) {
    if (config.iobase > 0xffff) return Error::make("isa-debugcon: iobase 0x%x is no port", config.iobase);
    std::unique_ptr<DebugCon> made(new DebugCon(config, chardev, std::move(id)));
    TRY(chardev.attach(*made));
    return made;
}

uint64_t DebugCon::read(uint64_t, unsigned) {
    return config_.readback & 0xff;
}

// What the other end does not take at once is lost: a debug port has no way to make the guest wait.
void DebugCon::write(uint64_t, uint64_t value, unsigned) {
    auto byte = static_cast<uint8_t>(value);
    chardev_.write(std::span(&byte, 1));
}

}  // namespace vmm
