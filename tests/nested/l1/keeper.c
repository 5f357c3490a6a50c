// SPDX-License-Identifier: GPL-2.0-or-later
//
// Keeps KVM's own code as it is. KVM guards the rare states of a local APIC (none, switched off, not yet enabled by
// software) with static keys, so the first VM in such a state and the last one leaving it make the kernel patch the
// inside of KVM_RUN while other vCPUs run through it. The emulator beneath now and then executes a breakpoint that
// such a patch has already taken away (docs/testbed.md). Two idle VMs hold every one of these states for as long as
// the machine lives: nothing is left to be patched. Started by l1/init; it never ends and never runs a vCPU.
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const unsigned long long kApicEnable = 1ull << 11;

static int fail(const char* what) {
    perror(what);
    return 1;
}

int main(void) {
    const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) return fail("keeper: /dev/kvm");
    // An APIC that is switched off, and never enabled by software either.
    const int off = ioctl(kvm, KVM_CREATE_VM, 0);
    if (off < 0 || ioctl(off, KVM_CREATE_IRQCHIP, 0) < 0) return fail("keeper: a VM with APICs");
    const int off_cpu = ioctl(off, KVM_CREATE_VCPU, 0);
    struct kvm_sregs state;
    if (off_cpu < 0 || ioctl(off_cpu, KVM_GET_SREGS, &state) < 0) return fail("keeper: a vCPU with an APIC");
    state.apic_base &= ~kApicEnable;
    if (ioctl(off_cpu, KVM_SET_SREGS, &state) < 0) return fail("keeper: the APIC's base");
    // A vCPU without an APIC.
    const int none = ioctl(kvm, KVM_CREATE_VM, 0);
    if (none < 0 || ioctl(none, KVM_CREATE_VCPU, 0) < 0) return fail("keeper: a vCPU without an APIC");
    puts("testbed: KVM's static keys are held");
    fflush(stdout);
    for (;;)
        pause();
}
