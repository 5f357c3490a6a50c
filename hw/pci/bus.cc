// Finding functions and handing them their configuration accesses.
#include "hw/pci/bus.h"

#include "hw/pci/function.h"
#include "util/bits.h"
#include "util/check.h"

namespace vmm::pci {

Status Bus::plug(Function& function, DevFn at) {
    CHECK(function.bus_ == nullptr, "a function is plugged twice");
    {
        Locked lock(mutex_);
        if (functions_[at.raw()] != nullptr)
            return Error::make("PCI address %s is in use by %.*s", at.text().c_str(),
                               static_cast<int>(functions_[at.raw()]->type().size()),
                               functions_[at.raw()]->type().data());
    }
    if (at.function != 0) {
        Function* first = find({number(), {at.device, 0}});
        if (first != nullptr && (first->config_read(kHeaderType, 1) & kMultifunction) == 0)
            return Error::make("PCI address %s: the device in slot %02x has one function only",
                               at.text().c_str(), at.device);
    }
    function.bus_ = this;
    function.devfn_ = at;
    Locked lock(mutex_);
    functions_[at.raw()] = &function;
    return {};
}

void Bus::unplug(Function& function) {
    {
        Locked lock(mutex_);
        CHECK(functions_[function.devfn().raw()] == &function, "a function leaves a bus it is not on");
        functions_[function.devfn().raw()] = nullptr;
    }
    function.reset_enter();
    function.reset_hold();
    function.bus_ = nullptr;
}

Function* Bus::find(Address at) {
    if (at.bus != number()) return nullptr;
    Locked lock(mutex_);
    return functions_[at.devfn.raw()];
}

uint32_t Bus::config_read(Address at, unsigned offset, unsigned size) {
    Function* function = find(at);
    if (function == nullptr || offset + size > function->config_size())
        return static_cast<uint32_t>(all_ones(size));
    return function->config_read(offset, size);
}

void Bus::config_write(Address at, unsigned offset, uint32_t value, unsigned size) {
    Function* function = find(at);
    if (function == nullptr || offset + size > function->config_size()) return;
    function->config_write(offset, value, size);
}

}  // namespace vmm::pci
