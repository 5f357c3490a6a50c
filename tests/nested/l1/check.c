// SPDX-License-Identifier: GPL-2.0-or-later
//
// The testbed's self-check: asks /dev/kvm for what the testbed promises, with raw ioctls and no header of
// ours, and creates a VM of type 1 (KVM_X86_SW_PROTECTED_VM) with a guest_memfd, a slot and one range made
// private.
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kCreateVm = 0xae01, kCheckExtension = 0xae03 };
enum { kCapMemoryAttributes = 233, kCapGuestMemfd = 234, kCapVmTypes = 235, kCapPreFaultMemory = 236 };
enum { kSwProtectedVm = 1, kAttributePrivate = 8, kSlotHasGuestMemfd = 4 };

struct create_guest_memfd {
    uint64_t size, flags, reserved[6];
};
struct memory_attributes {
    uint64_t address, size, attributes, flags;
};
struct memory_region2 {
    uint32_t slot, flags;
    uint64_t guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset;
    uint32_t guest_memfd, pad1;
    uint64_t pad2[14];
};

static int failures;

static void expect(const char* what, long got, long wanted) {
    printf("%s=%ld%s\n", what, got, got == wanted ? "" : "  WRONG");
    if (got != wanted) {
        printf("  wanted %ld\n", wanted);
        failures++;
    }
}

static int must(const char* what, int result) {
    if (result < 0) {
        printf("%s: %s\n", what, strerror(errno));
        failures++;
    }
    return result;
}

static void try_slot(int vm) {
    enum { kSize = 4 << 20 };
    struct create_guest_memfd create = {.size = kSize};
    int gmem =
        must("KVM_CREATE_GUEST_MEMFD", ioctl(vm, _IOWR(0xae, 0xd4, struct create_guest_memfd), &create));
    void* shared = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (gmem < 0 || shared == MAP_FAILED) return;
    struct memory_region2 region = {.flags = kSlotHasGuestMemfd,
                                    .memory_size = kSize,
                                    .userspace_addr = (uintptr_t)shared,
                                    .guest_memfd = (uint32_t)gmem};
    must("KVM_SET_USER_MEMORY_REGION2", ioctl(vm, _IOW(0xae, 0x49, struct memory_region2), &region));
    struct memory_attributes attributes = {
        .address = 0x1000, .size = 0x3000, .attributes = kAttributePrivate};
    must("KVM_SET_MEMORY_ATTRIBUTES", ioctl(vm, _IOW(0xae, 0xd2, struct memory_attributes), &attributes));
}

int main(void) {
    int kvm = must("/dev/kvm", open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (kvm < 0) return 1;
    expect("KVM_CAP_VM_TYPES", ioctl(kvm, kCheckExtension, kCapVmTypes), 3);
    int vm = must("KVM_CREATE_VM type 1", ioctl(kvm, kCreateVm, kSwProtectedVm));
    if (vm < 0) return 1;
    expect("KVM_CAP_MEMORY_ATTRIBUTES", ioctl(vm, kCheckExtension, kCapMemoryAttributes), 8);
    expect("KVM_CAP_GUEST_MEMFD", ioctl(vm, kCheckExtension, kCapGuestMemfd), 1);
    expect("KVM_CAP_PRE_FAULT_MEMORY", ioctl(vm, kCheckExtension, kCapPreFaultMemory), 1);
    try_slot(vm);
    expect("failures", failures, 0);
    return failures == 0 ? 0 : 1;
}
