// Typed ioctl: the argument type of each request is written once, as a specialisation of IoctlArg, so that a
// wrong pairing does not compile; EINTR is repeated here and nowhere else. The call itself goes through a
// seam (IoctlDoor) so that tests can stand a model of the kernel in its place.
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <string>
#include <type_traits>

#include "util/fd.h"
#include "util/raw_syscall.h"
#include "util/result.h"

namespace vmm {

// Specialise: using type = <argument struct, or void when there is none, or an integer passed by value>;
//             static constexpr const char* name = "KVM_...";
template <unsigned long Request>
struct IoctlArg;

// Makes the call: returns what ioctl(2) returned, or -errno. Thread-safe.
class IoctlDoor {
  public:
    IoctlDoor() = default;
    virtual ~IoctlDoor() = default;
    virtual int call(int fd, unsigned long request, void* argument) = 0;
    // The same, in line where this is the kernel's own door.
    [[gnu::always_inline]] int pass(int fd, unsigned long request, void* argument) {
        return kernels_own_ ? enter_kernel(fd, request, argument) : call(fd, request, argument);
    }
    // The device whose requests go through this door, for reading and writing.
    virtual Result<Fd> open_device(const std::string& path) { return open_file(path, O_RDWR); }

  protected:
    struct KernelsOwn {};
    explicit IoctlDoor(KernelsOwn) : kernels_own_(true) {}
    [[gnu::always_inline]] static int enter_kernel(int fd, unsigned long request, void* argument) {
        return static_cast<int>(raw_syscall(SYS_ioctl, static_cast<uint64_t>(fd), request,
                                            reinterpret_cast<uintptr_t>(argument)));
    }

  private:
    const bool kernels_own_ = false;
};

// The kernel's own door.
class SystemIoctlDoor final : public IoctlDoor {
  public:
    SystemIoctlDoor() : IoctlDoor(KernelsOwn()) {}
    int call(int fd, unsigned long request, void* argument) override {
        return enter_kernel(fd, request, argument);
    }
};

namespace ioctl_detail {
template <unsigned long Request>
Result<int> finish(int got) {
    if (got < 0) return Error::from_errno(-got, "%s", IoctlArg<Request>::name);
    return got;
}
template <typename Call>
[[gnu::cold, gnu::noinline]] int call_again(Call& call) {
    int got;
    do {
        got = call();
    } while (got == -EINTR);
    return got;
}
template <typename Call>
[[gnu::always_inline]] inline int repeat_on_eintr(Call call) {
    const int got = call();
    return got == -EINTR ? call_again(call) : got;
}
}  // namespace ioctl_detail

// A request with a struct argument: read and perhaps written by the kernel.
template <unsigned long Request>
requires(std::is_class_v<typename IoctlArg<Request>::type>)
    [[gnu::hot]] Result<int> ioctl_call(IoctlDoor& door, int fd, typename IoctlArg<Request>::type& argument) {
    return ioctl_detail::finish<Request>(
        ioctl_detail::repeat_on_eintr([&] { return door.pass(fd, Request, &argument); }));
}

// A request whose argument is a number passed by value.
template <unsigned long Request>
requires(std::is_integral_v<typename IoctlArg<Request>::type>) Result<int> ioctl_call(
    IoctlDoor& door, int fd, typename IoctlArg<Request>::type argument) {
    return ioctl_detail::finish<Request>(ioctl_detail::repeat_on_eintr(
        [&] { return door.pass(fd, Request, reinterpret_cast<void*>(static_cast<uintptr_t>(argument))); }));
}

// A request without an argument.
template <unsigned long Request>
requires(std::is_void_v<typename IoctlArg<Request>::type>) Result<int> ioctl_call(IoctlDoor& door, int fd) {
    return ioctl_detail::finish<Request>(
        ioctl_detail::repeat_on_eintr([&] { return door.pass(fd, Request, nullptr); }));
}

}  // namespace vmm
