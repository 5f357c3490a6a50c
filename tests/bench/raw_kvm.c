// The floor under every figure of this folder: the fewest system calls that run a flat firmware image on KVM until it
// writes to the debug-exit port. usage: raw_kvm IMAGE MEGABYTES [split]     exit status: as isa-debug-exit's
#include "raw_vm.h"

int main(int argc, char **argv) {
    if (argc < 3) return 125;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) die("/dev/kvm");
    uint64_t ram_size = strtoull(argv[2], NULL, 0) << 20;
    int vm = make_vm(kvm, argv[1], map_ram(ram_size), ram_size, argc > 3), vcpu;
    struct kvm_run *run = make_vcpu(kvm, vm, &vcpu);
    for (;;) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0) die("KVM_RUN");
        if (run->exit_reason == KVM_EXIT_IO) {
            uint8_t value = *((uint8_t *)run + run->io.data_offset);
            if (run->io.port == 0xe9 && run->io.direction == KVM_EXIT_IO_OUT) putchar(value);
            if (run->io.port == 0xf4 && run->io.direction == KVM_EXIT_IO_OUT) {
                fflush(stdout);
                return (value << 1) | 1;
            }
        } else if (run->exit_reason == KVM_EXIT_MMIO) {
            memset(run->mmio.data, 0xff, sizeof run->mmio.data);
        } else {
            fprintf(stderr, "raw_kvm: exit reason %u\n", run->exit_reason);
            return 124;
        }
    }
}
