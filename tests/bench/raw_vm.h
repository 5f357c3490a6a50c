// What the smallest programs of this folder that run a guest share: one VM with RAM at 0 and an image below 4
// GiB, one vCPU. Every failure ends the program.
#pragma once

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char* what) {
    perror(what);
    exit(126);
}

static void add_slot(int vm, unsigned slot, uint64_t gpa, uint64_t size, void* at) {
    struct kvm_userspace_memory_region region = {
        .slot = slot, .guest_phys_addr = gpa, .memory_size = size, .userspace_addr = (uintptr_t)at};
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0) die("KVM_SET_USER_MEMORY_REGION");
}

static void* map_image(const char* path, uint64_t* size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0) die(path);
    *size = (uint64_t)info.st_size;
    void* at = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) die("mmap");
    close(fd);
    return at;
}

static void* map_ram(uint64_t size) {
    void* ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ram == MAP_FAILED) die("mmap");
    return ram;
}

static int make_vm(int kvm, const char* image, void* ram, uint64_t ram_size, int split) {
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0) die("KVM_CREATE_VM");
    uint64_t image_size = 0;
    void* firmware = map_image(image, &image_size);
    add_slot(vm, 0, 0, ram_size, ram);
    add_slot(vm, 1, 0x100000000ull - image_size, image_size, firmware);
    if (ioctl(vm, KVM_SET_TSS_ADDR, 0xfeffd000) < 0) die("KVM_SET_TSS_ADDR");
    struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
    if (split ? ioctl(vm, KVM_ENABLE_CAP, &cap) < 0 : ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0) die("irqchip");
    return vm;
}

static void set_cpuid(int kvm, int vcpu) {
    enum { MOST = 256 };
    struct kvm_cpuid2* cpuid =
        (struct kvm_cpuid2*)calloc(1, sizeof *cpuid + MOST * sizeof(struct kvm_cpuid_entry2));
    if (!cpuid) die("calloc");
    cpuid->nent = MOST;
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0) die("KVM_GET_SUPPORTED_CPUID");
    if (ioctl(vcpu, KVM_SET_CPUID2, cpuid) < 0) die("KVM_SET_CPUID2");
    free(cpuid);
}

static struct kvm_run* make_vcpu(int kvm, int vm, int* vcpu) {
    *vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    if (*vcpu < 0) die("KVM_CREATE_VCPU");
    set_cpuid(kvm, *vcpu);
    int run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_run* run =
        (struct kvm_run*)mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, *vcpu, 0);
    if (run == MAP_FAILED) die("mmap of the run page");
    return run;
}
