// See smbus_host.h.
#include "hw/i2c/smbus_host.h"

#include "util/bits.h"
#include "util/log.h"

namespace vmm {

namespace {

constexpr uint8_t kStatusClears = 0xfe;  // all but busy
constexpr uint8_t kInterruptCauses =
    SmbusHost::kDone | SmbusHost::kDeviceError | SmbusHost::kFailed | SmbusHost::kByteDone;
using ProtocolBits = Bits<4, 2>;

}  // namespace

void SmbusHost::reset() {
    status_ = control_ = command_ = address_ = data0_ = data1_ = aux_control_ = 0;
    block_ = {};
    index_ = 0;
    stream_ = nullptr;
}

uint8_t SmbusHost::read(unsigned offset) {
    switch (offset) {
        case kStatus:
            return status_;
        case kControl:
            index_ = 0;  // the buffer is read from its start
            return control_ & static_cast<uint8_t>(~kStart);
        case kCommand:
            return command_;
        case kAddress:
            return address_;
        case kData0:
            return data0_;
        case kData1:
            return data1_;
        case kBlock:
            return block_data();
        case kAuxControl:
            return aux_control_;
        default:
            return 0;
    }
}

uint8_t SmbusHost::block_data() {
    if (stream_ != nullptr) return block_[0];
    return block_[index_++ % kBlockSize];
}

void SmbusHost::write(unsigned offset, uint8_t value) {
    switch (offset) {
        case kStatus: {
            const bool go_on = (status_ & value & kByteDone) != 0;
            status_ &= static_cast<uint8_t>(~(value & kStatusClears));
            if (go_on && stream_ != nullptr) next_byte();
            return;
        }
        case kControl:
            control_ = value & static_cast<uint8_t>(~kStart);
            if ((value & kKill) != 0) {
                stream_ = nullptr;
                status_ = (status_ & static_cast<uint8_t>(~kBusy)) | kFailed;
            } else if ((value & kStart) != 0) {
                transfer();
            }
            return;
        case kCommand:
            command_ = value;
            return;
        case kAddress:
            address_ = value;
            return;
        case kData0:
            data0_ = value;
            return;
        case kData1:
            data1_ = value;
            return;
        case kBlock:
            if (stream_ != nullptr || (aux_control_ & kBlockBuffer) == 0)
                block_[0] = value;
            else
                block_[index_++ % kBlockSize] = value;
            return;
        case kAuxControl:
            aux_control_ = value & 0x03;
            return;
        default:
            return;
    }
}

void SmbusHost::transfer() {
    stream_ = nullptr;
    SmbusDevice* device = bus_.find(static_cast<uint8_t>(address_ >> 1));
    const auto protocol = static_cast<Protocol>(ProtocolBits::get(control_));
    if (device == nullptr || !run(*device, protocol, (address_ & 1) != 0)) {
        status_ |= kDeviceError;
        return;
    }
    if (stream_ == nullptr) status_ |= kDone;
}

bool SmbusHost::run(SmbusDevice& device, Protocol protocol, bool reading) {
    switch (protocol) {
        case Protocol::Quick:
            return true;
        case Protocol::Byte:
            if (reading)
                data0_ = device.read();
            else
                device.select(command_);
            return true;
        case Protocol::ByteData:
        case Protocol::WordData: {
            const bool word = protocol == Protocol::WordData;
            device.select(command_);
            for (uint8_t* data : {&data0_, &data1_}) {
                if (data == &data1_ && !word) break;
                if (reading)
                    *data = device.read();
                else
                    device.write(*data);
            }
            return true;
        }
        case Protocol::ProcessCall:
            device.select(command_);
            device.write(data0_);
            device.write(data1_);
            data0_ = device.read();
            data1_ = device.read();
            return true;
        case Protocol::Block:
            device.select(command_);
            run_block(device, reading);
            return true;
        case Protocol::I2cRead:
            device.select(data1_);
            run_block(device, true);
            return true;
        case Protocol::BlockCall:
            log_unimplemented("SMBus block process call");
            return false;
    }
    return false;
}

// How long a block is: the driver says so when it writes, the device when it reads.
void SmbusHost::run_block(SmbusDevice& device, bool reading) {
    index_ = 0;
    const bool i2c = static_cast<Protocol>(ProtocolBits::get(control_)) == Protocol::I2cRead;
    if (reading && !i2c) data0_ = device.read();
    if (!i2c && (data0_ == 0 || data0_ > kBlockSize)) data0_ = kBlockSize;
    if ((aux_control_ & kBlockBuffer) != 0 && !i2c) {
        for (unsigned i = 0; i < data0_; ++i) {
            if (reading)
                block_[i] = device.read();
            else
                device.write(block_[i]);
        }
        return;
    }
    stream_ = &device;
    stream_reads_ = reading;
    index_ = 0;
    status_ |= kBusy;
    next_byte();
}

void SmbusHost::next_byte() {
    const bool i2c = static_cast<Protocol>(ProtocolBits::get(control_)) == Protocol::I2cRead;
    const bool over = i2c ? index_ != 0 && (control_ & kLastByte) != 0 : index_ >= data0_;
    if (over) {
        stream_ = nullptr;
        index_ = 0;
        status_ = (status_ & static_cast<uint8_t>(~kBusy)) | kDone;
        return;
    }
    if (stream_reads_)
        block_[0] = stream_->read();
    else
        stream_->write(block_[0]);
    ++index_;
    status_ |= kByteDone;
}

bool SmbusHost::level() const {
    return (control_ & kInterruptEnable) != 0 && (status_ & kInterruptCauses) != 0;
}

}  // namespace vmm
