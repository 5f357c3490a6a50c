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
        (void)show(fd, request, argument);
        if (request == abi::kMemoryEncryptOp && argument != nullptr) {
            const auto& command = *static_cast<abi::EncryptCommand*>(argument);
            const ProtectionModel* protection = model_.protection();
            const bool ends = protection == nullptr || protection->ends_launch(command);
            if (!is_as_expected(ends)) return -EKEYREJECTED;
        }
    }
    const int done = kernel_.call(fd, request, argument);
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
