// The header every function has, and what happens when the guest writes it.
#include "hw/pci/function.h"

#include "hw/pci/bus.h"
#include "hw/pci/express_cap.h"
#include "util/bits.h"
#include "util/check.h"
#include "util/text.h"

namespace vmm::pci {

namespace {

// How Open Firmware calls a kind of device; by identity where the class has no name.
std::string firmware_name(const Identity& identity) {
    switch (identity.class_code >> 8) {
        case 0x0100:
            return "scsi";
        case 0x0101:
            return "ide";
        case 0x0200:
            return "ethernet";
        case 0x0300:
            return "display";
        case 0x0604:
            return "pci-bridge";
        case 0x0700:
            return "serial";
        default:
            return strf("pci%04x,%04x", identity.vendor, identity.device);
    }
}

}  // namespace

Function::Function(const Identity& identity, const FunctionConfig& values, std::string id)
    : Device(std::move(id)),
      values_(values),
      firmware_name_(firmware_name(identity)),
      config_(identity.express ? kExpressSize : kConventionalSize),
      bars_(identity.bridge) {
    config_.set16(kVendorId, identity.vendor);
    config_.set16(kDeviceId, identity.device);
    config_.set8(kRevision, identity.revision);
    config_.set(kClassCode, identity.class_code & 0xff, 1);
    config_.set16(kClassCode + 1, static_cast<uint16_t>(identity.class_code >> 8));
    config_.set8(kHeaderType,
                 static_cast<uint8_t>((identity.multifunction || values.multifunction ? kMultifunction : 0) |
                                      (identity.bridge ? kHeaderBridge : 0)));
    if (!identity.bridge) {
        config_.set16(kSubsystemVendorId, identity.subsystem_vendor);
        config_.set16(kSubsystemId, identity.subsystem);
    }
    config_.set8(kInterruptPin, identity.interrupt_pin);
    config_.set_writable(
        kCommand,
        kCommandIo | kCommandMemory | kCommandMaster | kCommandParity | kCommandSerr | kCommandIntxOff, 2);
    config_.set_write_one_clears(kStatus, kStatusErrors, 2);
    config_.set_writable(kCacheLineSize, 0xff, 1);
    config_.set_writable(kInterruptLine, 0xff, 1);
}

Function::~Function() {
    CHECK(bus_ == nullptr, "a PCI function dies on its bus");
}

std::string Function::firmware_node() const {
    std::string node = strf("/%s@%x", firmware_name_.c_str(), devfn_.device);
    if (devfn_.function != 0) node += strf(",%x", devfn_.function);
    return node;
}

Address Function::address() const {
    return {bus_ == nullptr ? uint8_t{0} : bus_->number(), devfn_};
}

void Function::add_bar(unsigned index, BarKind kind, MemoryRegion& region) {
    Locked lock(mutex_);
    bars_.add(config_, index, kind, region);
}

void Function::freeze() {
    Locked lock(mutex_);
    const unsigned express = config_.find_capability(kCapExpress);
    const bool can_reset =
        express != 0 && (config_.load32(express + kExpressDeviceCap) & kExpressCanResetFunction) != 0;
    function_reset_at_ = can_reset ? express + kExpressDeviceControl : 0;
    config_.freeze_reset_values();
}

Status Function::load_rom() {
    rom_ = TRY(OptionRom::load(values_));
    if (rom_ == nullptr) return {};
    Locked lock(mutex_);
    bars_.add_rom(config_, rom_->region());
    return {};
}

void Function::add_msi(unsigned vectors, VectorMasks masks, std::optional<unsigned> at) {
    Locked lock(mutex_);
    msi_ = std::make_unique<Msi>(config_, vectors, masks, at);
}

Msix& Function::add_msix(const Msix::Layout& layout) {
    Locked lock(mutex_);
    msix_ = std::make_unique<Msix>(config_, layout, [this](const MsiMessage& message) { send(message); });
    return *msix_;
}

uint32_t Function::config_read(unsigned offset, unsigned size) {
    Locked lock(mutex_);
    if (!powered_) return static_cast<uint32_t>(all_ones(size));
    if (msi_ != nullptr && msi_->covers(offset, size)) msi_->show_pending(config_);
    return config_.load(offset, size);
}

void Function::config_write(unsigned offset, uint32_t value, unsigned size) {
    bool reset = false;
    {
        Locked lock(mutex_);
        if (!powered_) return;
        config_.write(offset, value, size);
        reset = function_reset_at_ != 0 && touches(offset, size, function_reset_at_, 2) &&
                (config_.load16(function_reset_at_) & kExpressFunctionReset) != 0;
        if (touches(offset, size, kCommand, 2)) command_changed();
        if (bars_.is_bar_register(offset, size)) bars_.update(config_, bus_->spaces());
        const bool messages = (msi_ != nullptr && msi_->covers(offset, size)) ||
                              (msix_ != nullptr && msix_->covers(offset, size));
        if (messages) messages_changed();
        config_changed(offset, size);
    }
    config_settled(offset, size);
    if (!reset) return;
    // The bit that asked for it goes, too.
    reset_enter();
    reset_hold();
    reset_exit();
}

void Function::set_power(bool on) {
    {
        Locked lock(mutex_);
        if (powered_ == on) return;
        powered_ = on;
    }
    if (on) return;
    reset_enter();
    reset_hold();
    reset_exit();
}

void Function::command_changed() {
    master_.store(bus_master(), std::memory_order_relaxed);
    if (msix_ != nullptr) msix_->set_master(bus_master());
    bars_.update(config_, bus_->spaces());
    drive_pin();
}

void Function::set_intx(bool level) {
    intx_ = level;
    const uint16_t status = config_.load16(kStatus) & static_cast<uint16_t>(~kStatusInterrupt);
    config_.set16(kStatus, level ? status | kStatusInterrupt : status);
    drive_pin();
}

void Function::drive_pin() {
    const bool messages = (msi_ != nullptr && msi_->enabled()) || (msix_ != nullptr && msix_->enabled());
    const bool level = intx_ && !messages && (config_.load16(kCommand) & kCommandIntxOff) == 0;
    const uint8_t pin = config_.load8(kInterruptPin);
    if (level == pin_driven_ || pin == 0 || bus_ == nullptr) return;
    pin_driven_ = level;
    bus_->set_intx(devfn_, pin - 1u, level);
}

void Function::messages_changed() {
    if (msi_ != nullptr) {
        for (const MsiMessage& message : msi_->config_written(config_))
            send(message);
    }
    if (msix_ != nullptr) {
        for (const MsiMessage& message : msix_->config_written(config_))
            send(message);
    }
    drive_pin();
}

bool Function::signal(unsigned vector) {
    std::optional<MsiMessage> message;
    if (msix_ != nullptr && msix_->enabled()) {
        message = msix_->signal(vector);
    } else if (msi_ != nullptr && msi_->enabled()) {
        message = msi_->signal(vector);
    } else {
        return false;
    }
    if (message) send(*message);
    return true;
}

void Function::send(const MsiMessage& message) {
    if (bus_ != nullptr && master_.load(std::memory_order_relaxed)) bus_->send(*this, message);
}

void Function::reset_enter() {
    Locked lock(mutex_);
    intx_ = false;
    config_.reset();
    master_.store(false, std::memory_order_relaxed);
    if (msix_ != nullptr) msix_->reset();
    if (msi_ != nullptr) (void)msi_->config_written(config_);
}

void Function::reset_hold() {
    Locked lock(mutex_);
    if (bus_ == nullptr) return;
    bars_.unmap_all(bus_->spaces());
    drive_pin();
}

}  // namespace vmm::pci
