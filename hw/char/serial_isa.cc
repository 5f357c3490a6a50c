// See serial_isa.h.
#include "hw/char/serial_isa.h"

#include "hw/core/isa_ports.h"

namespace vmm {

namespace {

struct Place {
    uint16_t port;
    uint8_t irq;
};
constexpr std::array<Place, SerialIsa::kMostPorts> kPlaces = {
    {{0x3f8, 4}, {0x2f8, 3}, {0x3e8, 4}, {0x2e8, 3}}};

}  // namespace

SerialIsa::SerialIsa(Token, uint16_t port, uint8_t irq, std::unique_ptr<Uart16550> uart, std::string id)
    : Device(std::move(id)),
      irq_(irq),
      uart_(std::move(uart)),
      window_{"serial", port, Uart16550::kSize, uart_.get()} {}

Status SerialIsa::check(const Config& config) {
    if (config.chardev.empty()) return Error::make("Parameter 'chardev' is missing");
    if (config.index.value_or(0) >= kMostPorts)
        return Error::make("Parameter 'index' expects 0 to 3, not %u", *config.index);
    if (config.irq.value_or(0) > 15)
        return Error::make("Parameter 'irq' expects 0 to 15, not %u", *config.irq);
    return check_ports(config.iobase.value_or(0), Uart16550::kSize);
}

Result<std::unique_ptr<SerialIsa>> SerialIsa::create(const Config& config, DeviceEnv& env,
                                                     const std::string& id) {
    unsigned index = config.index.value_or(0);
    if (!config.index && !config.iobase) {
        while (index < kMostPorts && env.port_taken(kPlaces[index].port))
            ++index;
        if (index == kMostPorts)
            return Error::make("isa-serial: there are %u serial ports at most", kMostPorts);
    }
    Chardev* chardev = TRY(env.back_ends().chardev(config.chardev, "isa-serial"));
    const auto port = static_cast<uint16_t>(config.iobase.value_or(kPlaces[index].port));
    const auto irq = static_cast<uint8_t>(config.irq.value_or(kPlaces[index].irq));
    std::unique_ptr<Uart16550> uart =
        TRY(Uart16550::create(env.virtual_clock(), env.isa_irq(irq), chardev, id));
    return std::make_unique<SerialIsa>(Token{}, port, irq, std::move(uart), id);
}

}  // namespace vmm
