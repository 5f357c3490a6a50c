// The debug console port; see debugcon.h.
#include "hw/char/debugcon.h"

#include "hw/core/isa_ports.h"

namespace vmm {

DebugCon::DebugCon(Token, const Config& config, Chardev& chardev, std::string id)
    : Device(std::move(id)),
      config_(config),
      chardev_(chardev),
      window_{"isa-debugcon", static_cast<uint16_t>(config.iobase), 1, this} {}

Status DebugCon::check(const Config& config) {
    if (config.chardev.empty()) return Error::make("Parameter 'chardev' is missing");
    return check_ports(config.iobase, 1);
}

Result<std::unique_ptr<DebugCon>> DebugCon::create(const Config& config, DeviceEnv& env,
                                                   const std::string& id) {
    Chardev& chardev = *TRY(env.back_ends().chardev(config.chardev, "isa-debugcon"));
    auto made = std::make_unique<DebugCon>(Token{}, config, chardev, id);
    TRY(chardev.attach(*made));
    return made;
}

uint64_t DebugCon::read(uint64_t, unsigned) {
    return config_.readback & 0xff;
}

void DebugCon::write(uint64_t, uint64_t value, unsigned) {
    {
        Locked l(mutex_);
        if (waiting_.size() < kMostWaiting) waiting_.push_back(static_cast<uint8_t>(value));
    }
    pump();
}

// One thread at a time, so that bytes keep their order.
void DebugCon::pump() {
    std::vector<uint8_t> bytes;
    for (;;) {
        {
            Locked l(mutex_);
            if (pumping_) {
                pump_again_ = true;
                return;
            }
            if (waiting_.empty()) return;
            pumping_ = true;
            pump_again_ = false;
            bytes.swap(waiting_);
        }
        size_t taken = chardev_.write_soon(bytes);
        Locked l(mutex_);
        pumping_ = false;
        waiting_.insert(waiting_.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end());
        bool blocked = taken < bytes.size();
        bytes.clear();
        if (blocked && !pump_again_) return;
    }
}

}  // namespace vmm
