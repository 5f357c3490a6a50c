// Transport: what a virtio device asks of whatever carries it (PCI). Any thread, no lock of the device or of
// a queue held. Header only.
#pragma once

namespace vmm::virtio {

class Transport {
  public:
    virtual ~Transport() = default;
    // The driver wants to hear of used buffers.
    virtual void queue_interrupt(unsigned queue) = 0;
    // The configuration changed, or the device needs a reset.
    virtual void config_interrupt() = 0;
};

}  // namespace vmm::virtio
