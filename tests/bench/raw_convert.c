// The floor under conversions: a VMM that does nothing but answer map-GPA hypercalls with the two calls a conversion takes, the attribute and
// the discard of the other side; its vCPU has a thread of its own, as that of every VMM that listens to anything else (descriptors shared by
// threads cost the kernel more). Runs the same guest image as penumbra does. Needs KVM_X86_SW_PROTECTED_VM.
// usage: raw_convert IMAGE MEGABYTES      prints what the guest prints; exit status: as isa-debug-exit's
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// What Debian 12's headers do not have yet.
struct region2 {
    uint32_t slot, flags;
    uint64_t guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset;
    uint32_t guest_memfd, pad1;
    uint64_t pad2[14];
};
struct attributes {
    uint64_t address, size, attributes, flags;
};
struct gmem_request {
    uint64_t size, flags, reserved[6];
};
#define SET_REGION2 _IOW(KVMIO, 0x49, struct region2)
#define SET_ATTRIBUTES _IOW(KVMIO, 0xd2, struct attributes)
#define CREATE_GMEM _IOWR(KVMIO, 0xd4, struct gmem_request)
enum { kSwProtectedVm = 1, kMemGuestMemfd = 4, kCapExitHypercall = 201, kHypercallMapGpa = 12, kPrivate = 8 };

static int vm, vcpu, gmem;
static struct kvm_run *run;
static uint8_t *ram;
static uint64_t ram_size;

static void die(const char *what) {
    perror(what);
    exit(126);
}

static void enable(uint32_t cap, uint64_t argument) {
    struct kvm_enable_cap request = {.cap = cap, .args = {argument}};
    if (ioctl(vm, KVM_ENABLE_CAP, &request) < 0) die("KVM_ENABLE_CAP");
}

static void set_private(uint64_t gpa, uint64_t size, int private) {
    struct attributes request = {.address = gpa, .size = size, .attributes = private ? kPrivate : 0};
    if (ioctl(vm, SET_ATTRIBUTES, &request) < 0) die("KVM_SET_MEMORY_ATTRIBUTES");
}

static void map_guest(const char *image) {
    int fd = open(image, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0) die(image);
    uint64_t size = (uint64_t)info.st_size;
    void *rom = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    struct gmem_request request = {.size = ram_size};
    gmem = ioctl(vm, CREATE_GMEM, &request);
    if (gmem < 0) die("KVM_CREATE_GUEST_MEMFD");
    ram = mmap(NULL, ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (rom == MAP_FAILED || ram == MAP_FAILED) die("mmap");
    struct region2 slots[] = {
        {.slot = 0, .flags = kMemGuestMemfd, .memory_size = ram_size, .userspace_addr = (uintptr_t)ram, .guest_memfd = (uint32_t)gmem},
        {.slot = 1, .guest_phys_addr = 0x100000000ull - size, .memory_size = size, .userspace_addr = (uintptr_t)rom}};
    for (int i = 0; i < 2; i++)
        if (ioctl(vm, SET_REGION2, &slots[i]) < 0) die("KVM_SET_USER_MEMORY_REGION2");
    set_private(0, ram_size, 1);
}

static void answer_hypercall(void) {
    uint64_t gpa = run->hypercall.args[0], size = run->hypercall.args[1] * 4096;
    int private = (run->hypercall.args[2] & 16) != 0;
    run->hypercall.ret = (uint64_t)-EINVAL;
    if (run->hypercall.nr != kHypercallMapGpa || gpa + size > ram_size) return;
    set_private(gpa, size, private);
    int failed = private ? madvise(ram + gpa, size, MADV_DONTNEED)
                         : fallocate(gmem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)gpa, (off_t)size);
    if (failed) die("discard");
    run->hypercall.ret = 0;
}

static void make_vcpu(int kvm) {
    static struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[256];
    } cpuid = {.head = {.nent = 256}};
    vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    if (vcpu < 0) die("KVM_CREATE_VCPU");
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0 || ioctl(vcpu, KVM_SET_CPUID2, &cpuid) < 0) die("CPUID");
    run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED) die("mmap of the run page");
}

static void *run_vcpu(void *unused) {
    (void)unused;
    for (;;) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0) die("KVM_RUN");
        if (run->exit_reason == KVM_EXIT_HYPERCALL) {
            answer_hypercall();
        } else if (run->exit_reason == KVM_EXIT_IO) {
            uint8_t value = *((uint8_t *)run + run->io.data_offset);
            if (run->io.port == 0xe9) putchar(value);
            if (run->io.port == 0xf4) return (void *)(uintptr_t)((value << 1) | 1);
        } else if (run->exit_reason != KVM_EXIT_MMIO) {
            fprintf(stderr, "raw_convert: exit reason %u\n", run->exit_reason);
            return (void *)124;
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 3) return 125;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) die("/dev/kvm");
    vm = ioctl(kvm, KVM_CREATE_VM, kSwProtectedVm);
    if (vm < 0) die("KVM_CREATE_VM");
    ram_size = strtoull(argv[2], NULL, 0) << 20;
    map_guest(argv[1]);
    enable(KVM_CAP_SPLIT_IRQCHIP, 24);
    enable(kCapExitHypercall, 1u << kHypercallMapGpa);
    make_vcpu(kvm);
    pthread_t thread;
    void *status;
    if (pthread_create(&thread, NULL, run_vcpu, NULL) != 0 || pthread_join(thread, &status) != 0) die("thread");
    fflush(stdout);
    return (int)(uintptr_t)status;
}
