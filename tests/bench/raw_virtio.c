// A raw ring consumer: the least that can stand behind tests/guest/virtio_bench.c (started with its bare mark). A thread of its own looks at the
// ring all the time, asks for no notification, judges nothing, and does only what a request is for: nothing (null), pread of the block from a
// file in memory (ram), a packet into a socket (net). usage: raw_virtio IMAGE null | ram FILE | net FD
// Prints what the guest prints; exit status as isa-debug-exit's.
#include <pthread.h>
#include <sys/socket.h>

#include "raw_vm.h"

enum { RING = 256, MIB = 1 << 20, RAM = 64 * MIB, MEMORY = 16 * MIB, WRITE = 2, NET_HEADER = 12, BATCH = 64 };

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

static uint8_t *ram;
static int disk = -1, packets = -1;

// Ends the packets of so many requests; the ring's entries say where they are.
static void send_packets(const struct descriptor *table, const uint16_t *heads, unsigned count) {
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    for (unsigned i = 0; i < count; i++) {
        const struct descriptor *d = &table[heads[i]];
        parts[i] = (struct iovec){ram + d->address + NET_HEADER, d->length - NET_HEADER};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (unsigned sent = 0; sent < count;) {
        int now = sendmmsg(packets, messages + sent, count - sent, 0);
        if (now < 0) die("sendmmsg");
        sent += (unsigned)now;
    }
}

static uint32_t serve_block(const struct descriptor *table, uint16_t head) {
    const struct descriptor *header = &table[head], *data = &table[header->next], *status = &table[data->next];
    uint64_t sector;
    memcpy(&sector, ram + header->address + 8, sizeof sector);
    if (disk >= 0 && pread(disk, ram + data->address, data->length, (off_t)(sector * 512)) != data->length) die("pread");
    ram[status->address] = 0;
    return data->length + 1;
}

static void *consume(void *unused) {
    (void)unused;
    const struct descriptor *table = (void *)(ram + MEMORY);
    const uint16_t *available = (void *)(ram + MEMORY + 0x2000);
    uint16_t *used = (void *)(ram + MEMORY + 0x4000);
    uint16_t seen = 0, done = 0;
    used[2 + 4 * RING] = 0x8000;  // the event that never comes
    for (;;) {
        const uint16_t added = __atomic_load_n(&available[1], __ATOMIC_ACQUIRE);
        uint16_t heads[BATCH];
        unsigned count = 0;
        for (; seen != added && count < BATCH; seen++)
            heads[count++] = available[2 + seen % RING];
        if (packets >= 0 && count) send_packets(table, heads, count);
        for (unsigned i = 0; i < count; i++) {
            const uint32_t length = packets >= 0 ? 0 : serve_block(table, heads[i]);
            uint32_t *entry = (void *)(used + 2 + 4 * (done++ % RING));
            entry[0] = heads[i];
            entry[1] = length;
            __atomic_store_n(&used[1], done, __ATOMIC_RELEASE);
        }
        if (count == 0) __builtin_ia32_pause();
        used[2 + 4 * RING] = (uint16_t)(seen + 0x8000);
    }
    return NULL;
}

static void choose(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[2], "ram")) {
        disk = open(argv[3], O_RDONLY | O_CLOEXEC);
        if (disk < 0) die(argv[3]);
    } else if (argc == 4 && !strcmp(argv[2], "net")) {
        packets = atoi(argv[3]);
    } else if (argc != 3 || strcmp(argv[2], "null")) {
        exit(125);
    }
}

int main(int argc, char **argv) {
    choose(argc, argv);
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vcpu;
    if (kvm < 0) die("/dev/kvm");
    ram = map_ram(RAM);
    int vm = make_vm(kvm, argv[1], ram, RAM, 1);
    struct kvm_run *run = make_vcpu(kvm, vm, &vcpu);
    pthread_setname_np(pthread_self(), "CPU 0/KVM");  // as the benchmark tells vCPUs from the rest
    pthread_t consumer;
    if (pthread_create(&consumer, NULL, consume, NULL)) die("pthread_create");
    for (;;) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0) die("KVM_RUN");
        if (run->exit_reason != KVM_EXIT_IO) {
            fprintf(stderr, "raw_virtio: exit reason %u\n", run->exit_reason);
            return 124;
        }
        uint8_t value = *((uint8_t *)run + run->io.data_offset);
        if (run->io.port == 0xf4) return (value << 1) | 1;
        if (run->io.port == 0xe9 && (putchar(value) == EOF || (value == '\n' && fflush(stdout)))) die("standard output");
    }
}
