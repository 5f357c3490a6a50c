// A door that looks on; see witness.h.
#include "accel/model/witness.h"

#include <algorithm>
#include <cerrno>

namespace vmm::model {

namespace {

bool makes_descriptor(unsigned long request) {
    return request == KVM_CREATE_VM || request == KVM_CREATE_VCPU || request == abi::kCreateGuestMemfd;
}

// What the measurement depends on.
bool matters(unsigned long request) {
    switch (request) {
        case abi::kSetUserMemoryRegion2:
        case abi::kSetMemoryAttributes:
        case abi::kMemoryEncryptOp:
        case abi::kSetCpuid2:
        case abi::kSetMsrs:
        case KVM_SET_USER_MEMORY_REGION:
        case KVM_SET_REGS:
        case KVM_SET_SREGS:
        case KVM_SET_XCRS:
        case KVM_SET_DEBUGREGS:
            return true;
        default:
            return false;
    }
}

}  // namespace

int Witness::model_fd(int fd) const {
    const auto found = descriptors_.find(fd);
    return found == descriptors_.end() ? -1 : found->second;
}

// The model makes its own, known by the kernel's number.
void Witness::adopt(int fd, unsigned long request, int made, void* argument) {
    constexpr int kDevice = -2;  // any number that is not of the model's own
    if (request == KVM_CREATE_VM) {
        // The last VM is gone, and all that was of it.
        descriptors_.clear();
        owned_.clear();
        pending_.reset();
        judged_ = false;
    }
    const int on = request == KVM_CREATE_VM ? kDevice : model_fd(fd);
    const int number = model_.call(on, request, argument);
    if (number < 0) return;
    owned_.emplace_back(number);
    descriptors_[made] = number;
}

// The model reads arguments, the kernel writes them: it is shown copies.
int Witness::show(int fd, unsigned long request, void* argument) {
    const int on = model_fd(fd);
    if (on < 0) return 0;
    if (request == abi::kSetUserMemoryRegion2) {
        auto copy = *static_cast<abi::UserMemoryRegion2*>(argument);
        if ((copy.flags & abi::kMemGuestMemfd) != 0)
            copy.guest_memfd = static_cast<uint32_t>(model_fd(static_cast<int>(copy.guest_memfd)));
        return model_.call(on, request, &copy);
    }
    if (request != abi::kMemoryEncryptOp || argument == nullptr) return model_.call(on, request, argument);
    auto copy = *static_cast<abi::EncryptCommand*>(argument);
    if (ProtectionModel* protection = model_.protection(); protection != nullptr && copy.data != 0) {
        // Of what is written back, nothing may reach the caller.
        std::vector<uint8_t> data = protection->copy_argument(copy);
        if (!data.empty()) copy.data = reinterpret_cast<uintptr_t>(data.data());
        return model_.call(on, request, &copy);
    }
    return model_.call(on, request, &copy);
}

bool Witness::Command::operator==(const Command& other) const {
    return fd == other.fd && head.id == other.head.id && head.data == other.head.data &&
           argument == other.argument;
}

// Of a command whose argument can be copied.
std::optional<Witness::Command> Witness::copy_command(int fd, const abi::EncryptCommand& command) const {
    const ProtectionModel* protection = model_.protection();
    if (protection == nullptr || command.data == 0) return std::nullopt;
    return Command{fd, command, protection->copy_argument(command)};
}

// Whether the kernel may be asked. What it is asked again is shown once: the model took it the first time.
bool Witness::look_at_command(int fd, abi::EncryptCommand& command) {
    const std::optional<Command> again = copy_command(fd, command);
    if (!again || pending_ != again) (void)show(fd, abi::kMemoryEncryptOp, &command);
    pending_ = again;
    const ProtectionModel* protection = model_.protection();
    return is_as_expected(protection == nullptr || protection->ends_launch(command));
}

bool Witness::is_as_expected(bool ends) {
    if (judged_) return true;
    if (model_.protection() == nullptr) return !ends;
    const std::vector<Measurement> all = model_.protection()->measurements();
    if (all.empty()) {
        // What the model could not follow is not what was expected.
        if (!ends) return true;
        mismatch_ = Measurement{"measurement", {}};
        return false;
    }
    judged_ = true;
    const auto equal = [&](const Measurement& one) { return one.value == expected_; };
    if (std::any_of(all.begin(), all.end(), equal)) return true;
    mismatch_ = all.front();
    return false;
}

int Witness::call(int fd, unsigned long request, void* argument) {
    if (matters(request)) {
        std::lock_guard lock(mutex_);
        if (request == abi::kMemoryEncryptOp && argument != nullptr) {
            if (!look_at_command(fd, *static_cast<abi::EncryptCommand*>(argument))) return -EKEYREJECTED;
        } else {
            (void)show(fd, request, argument);
        }
    }
    const int done = kernel_.call(fd, request, argument);
    if (request == abi::kMemoryEncryptOp && done != -EAGAIN && done != -EINTR) {
        std::lock_guard lock(mutex_);
        pending_.reset();
    }
    if (done >= 0 && makes_descriptor(request)) {
        std::lock_guard lock(mutex_);
        adopt(fd, request, done, argument);
    }
    return done;
}

std::optional<Measurement> Witness::mismatch() const {
    std::lock_guard lock(mutex_);
    return mismatch_;
}

}  // namespace vmm::model
