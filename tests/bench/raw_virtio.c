// A raw ring consumer: the least that can stand behind tests/guest/virtio_bench.c (started with its bare mark) and be right about it. A thread of
// its own looks at the ring all the time and asks for no notification. Of what a device owes any driver it does the part that each request needs:
// every descriptor is fetched once and its place checked, the header is read and judged, what ended is told to the driver who wants to know. It has
// one queue, one kind of request, memory that never changes, nobody who resets, stops, throttles, drains or counts, and no other work to look for.
// Behind that is only what a request is for: nothing (null), pread of the block from a file in memory (ram), a packet into a socket (net).
// usage: raw_virtio IMAGE null | ram FILE | net FD. Prints what the guest prints; exit status as isa-debug-exit's.
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "raw_vm.h"

enum { RING = 256, MIB = 1 << 20, RAM = 64 * MIB, MEMORY = 16 * MIB, NEXT = 1, WRITE = 2, INDIRECT = 4, SECTOR = 512, NET_HEADER = 12, BATCH = 64 };
enum { OK = 0, IO_ERROR = 1, UNSUPPORTED = 2 };

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};
struct header {
    uint32_t type, priority;
    uint64_t sector;
};
// Readable pieces, then writable ones.
struct chain {
    unsigned readable, count;
    struct iovec pieces[RING];
};

static uint8_t *ram;
static int disk = -1, packets = -1, interrupt;
static uint64_t capacity = 64 * MIB;

static void broken(const char *what) {
    fprintf(stderr, "raw_virtio: %s\n", what);
    exit(123);
}

static void take_chain(uint16_t head, struct chain *chain) {
    const struct descriptor *table = (void *)(ram + MEMORY);
    chain->readable = chain->count = 0;
    for (uint16_t index = head;;) {
        if (index >= RING || chain->count == RING) broken("descriptors without an end");
        struct descriptor d;
        memcpy(&d, &table[index], sizeof d);
        if (d.length == 0 || d.address >= RAM || d.length > RAM - d.address || (d.flags & INDIRECT)) broken("a descriptor that leads nowhere");
        if (!(d.flags & WRITE) && chain->readable++ != chain->count) broken("a readable piece behind a writable one");
        chain->pieces[chain->count++] = (struct iovec){ram + d.address, d.length};
        if (!(d.flags & NEXT)) return;
        index = d.next;
    }
}

// Ends the packets of so many requests.
static void send_packets(const uint16_t *heads, unsigned count) {
    static struct chain chains[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    for (unsigned i = 0; i < count; i++) {
        struct chain *chain = &chains[i];
        take_chain(heads[i], chain);
        if (chain->readable != chain->count || chain->pieces[0].iov_len < NET_HEADER) broken("a packet without a header");
        chain->pieces[0].iov_base = (uint8_t *)chain->pieces[0].iov_base + NET_HEADER;
        chain->pieces[0].iov_len -= NET_HEADER;
        messages[i].msg_hdr.msg_iov = chain->pieces;
        messages[i].msg_hdr.msg_iovlen = chain->count;
    }
    for (unsigned sent = 0; sent < count;) {
        int now = sendmmsg(packets, messages + sent, count - sent, 0);
        if (now < 0) die("sendmmsg");
        sent += (unsigned)now;
    }
}

static uint32_t serve_block(uint16_t head) {
    static struct chain chain;
    take_chain(head, &chain);
    struct header header;
    if (chain.readable != 1 || chain.pieces[0].iov_len < sizeof header) broken("a request without a header");
    if (chain.count != 3) broken("a read of another shape than the guest's");
    memcpy(&header, chain.pieces[0].iov_base, sizeof header);
    const struct iovec *data = &chain.pieces[1], *status = &chain.pieces[2];
    const uint64_t length = data->iov_len;
    uint8_t result = OK;
    if (header.type != 0)
        result = UNSUPPORTED;
    else if (length % SECTOR != 0 || header.sector > capacity / SECTOR || length > capacity - header.sector * SECTOR)
        result = IO_ERROR;
    else if (disk >= 0 && pread(disk, data->iov_base, length, (off_t)(header.sector * SECTOR)) != (ssize_t)length)
        result = IO_ERROR;
    ((uint8_t *)status->iov_base)[status->iov_len - 1] = result;
    return result == OK ? (uint32_t)length + 1 : 1;
}

static void *consume(void *unused) {
    (void)unused;
    const uint16_t *available = (void *)(ram + MEMORY + 0x2000);
    uint16_t *used = (void *)(ram + MEMORY + 0x4000);
    uint16_t seen = 0, done = 0;
    used[2 + 4 * RING] = 0x8000;  // the event that never comes
    for (;;) {
        const uint16_t added = __atomic_load_n(&available[1], __ATOMIC_ACQUIRE);
        if (added == seen) {
            __builtin_ia32_pause();
            continue;
        }
        if ((uint16_t)(added - seen) > RING) broken("the available index jumped");
        uint16_t heads[BATCH];
        unsigned count = 0;
        for (; seen != added && count < BATCH; seen++)
            heads[count++] = available[2 + seen % RING];
        if (packets >= 0) send_packets(heads, count);
        const uint16_t before = done;
        for (unsigned i = 0; i < count; i++) {
            const uint32_t length = packets >= 0 ? 0 : serve_block(heads[i]);
            uint32_t *entry = (void *)(used + 2 + 4 * (done++ % RING));
            entry[0] = heads[i];
            entry[1] = length;
            __atomic_store_n(&used[1], done, __ATOMIC_RELEASE);
        }
        if ((uint16_t)(used[2 + 4 * RING] - seen) < 0x4000) used[2 + 4 * RING] = (uint16_t)(seen + 0x8000);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        const uint16_t event = __atomic_load_n(&available[2 + RING], __ATOMIC_RELAXED);
        if ((uint16_t)(done - event - 1) < (uint16_t)(done - before) && eventfd_write(interrupt, 1)) die("eventfd");
    }
    return NULL;
}

static void choose(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[2], "ram")) {
        disk = open(argv[3], O_RDONLY | O_CLOEXEC);
        struct stat info;
        if (disk < 0 || fstat(disk, &info) < 0) die(argv[3]);
        capacity = (uint64_t)info.st_size;
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
    interrupt = eventfd(0, EFD_CLOEXEC);
    if (interrupt < 0) die("eventfd");
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
