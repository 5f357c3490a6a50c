// Virtio requests by the clock: finds the first virtio block or network function on bus 0, starts it with the modern interface, and keeps a
// number of requests under way - reads of 4 KiB, or packets of 64 bytes - without interrupts. The requests are made in user mode, where a guest
// runs as fast as its processor even on a KVM that emulates kernels. The patch word: requests | depth << 32, and the marks below for a ring without
// a device behind it (tests/bench/raw_virtio.c). Prints READY, then the cycles for all of them.
#include "guest.h"

STATIC_NAME("virtio_bench");

#define RING 256
#define BAR 0xe0000000ull
#define MEMORY (16 * MIB)
#define DATA (MEMORY + MIB)
#define EVENT_IDX (1u << 29)
#define BLOCK_BYTES 4096u
#define PACKET_BYTES (12u + 64u)
#define MARK_BARE (1ull << 63)
#define MARK_NET (1ull << 62)

struct descriptor {
    u64 address;
    u32 length;
    u16 flags, next;
};
enum { NEXT = 1, WRITE = 2 };
static volatile struct descriptor* const table = (void*)MEMORY;
static volatile u16* const available = (void*)(MEMORY + 0x2000);  // flags, index, ring, used_event
static volatile u16* const used = (void*)(MEMORY + 0x4000);       // flags, index, ring of 8 bytes, available_event

static u32 slot;  // of the function, as port 0xcf8 takes it
static u64 common, notify, notify_factor, notify_at;
static u32 is_net, each;  // descriptors a request
static u64 user_stack[1024];
static u64 segments[8];

static u32 config_read(u32 offset) {
    out32(0xcf8, slot | (offset & 0xfc));
    return in32(0xcfc) >> (8 * (offset & 3));
}
static void config_write(u32 offset, u32 value) {
    out32(0xcf8, slot | (offset & 0xfc));
    out32(0xcfc, value);
}

static bool find_function(void) {
    for (u32 device = 1; device < 32; device++) {
        slot = 0x80000000u | device << 11;
        u32 id = config_read(0);
        if (id != 0x10411af4 && id != 0x10421af4) continue;
        is_net = id == 0x10411af4;
        return true;
    }
    return false;
}

static void map_function(void) {
    config_write(0x14, 0xe1000000);
    config_write(0x20, (u32)BAR);
    config_write(0x24, 0);
    config_write(4, 6);
    for (u32 at = config_read(0x34) & 0xff; at != 0; at = config_read(at + 1) & 0xff) {
        if ((config_read(at) & 0xff) != 9) continue;
        u32 kind = config_read(at + 3) & 0xff;
        u64 where = BAR + config_read(at + 8);
        if (kind == 1) common = where;
        if (kind == 2) {
            notify = where;
            notify_factor = config_read(at + 16);
        }
    }
    check_that("common and notification registers", common != 0 && notify != 0);
}

static void start_queue(u16 queue) {
    write16(common + 0x16, queue);
    write16(common + 0x18, RING);
    check("queue size", read16(common + 0x18), RING);
    u64 rings[3] = {(u64)table, (u64)available, (u64)used};
    for (int i = 0; i < 3; i++) {
        write32(common + 0x20 + 8 * i, (u32)rings[i]);
        write32(common + 0x24 + 8 * i, (u32)(rings[i] >> 32));
    }
    notify_at = notify + read16(common + 0x1e) * notify_factor;
    write16(common + 0x1c, 1);
}

static void start_device(void) {
    write8(common + 0x14, 0);
    write8(common + 0x14, 3);
    write32(common + 0x08, 0);
    write32(common + 0x0c, EVENT_IDX);
    write32(common + 0x08, 1);
    write32(common + 0x0c, 1);  // VERSION_1
    write8(common + 0x14, 11);
    check("features taken", read8(common + 0x14), 11);
    start_queue(is_net ? 1 : 0);
    write8(common + 0x14, 15);
}

static void describe(u32 index, u64 address, u32 length, u16 flags) {
    table[index].address = address;
    table[index].length = length;
    table[index].flags = flags;
    table[index].next = (u16)(index + 1);
}

// Request i has the descriptors from each * i on, and memory of its own.
static void describe_requests(u32 depth) {
    each = is_net ? 1 : 3;
    for (u32 i = 0; i < depth; i++) {
        u64 at = DATA + i * 0x4000ull;
        if (is_net) {
            for (u64 byte = 0; byte < 80; byte += 8)
                write64(at + byte, byte < 12 ? 0 : ~0ull);
            write32(at + 8, 0);
            describe(i, at, PACKET_BYTES, 0);
            continue;
        }
        write64(at, 0);  // read
        write64(at + 8, 8ull * i);
        describe(3 * i, at, 16, NEXT);
        describe(3 * i + 1, at + 0x1000, BLOCK_BYTES, NEXT | WRITE);
        describe(3 * i + 2, at + 0x2000, 1, WRITE);
    }
}

// Requests complete in any order: the head that came back goes out again.
static void run(u32 count, u32 depth) {
    u32 issued = 0, done = 0, kicks = 0;
    u16 next = 0, seen = 0;
    put_text("READY\n");
    u64 start = cycles();
    while (done < count) {
        u16 before = next;
        if (issued == 0)
            for (; issued < depth && issued < count; issued++)
                available[2 + next++ % RING] = (u16)(each * issued);
        for (; seen != used[1]; seen++, done++) {
            u16 head = *(volatile u16*)&used[2 + 4 * (seen % RING)];
            if (issued == count) continue;
            available[2 + next++ % RING] = head;
            issued++;
        }
        if (next == before) {
            pause();
            continue;
        }
        available[2 + RING] = (u16)(seen - 1);  // no interrupt
        __asm__ volatile("mfence" ::: "memory");
        available[1] = next;
        __asm__ volatile("mfence" ::: "memory");
        u16 event = used[2 + 4 * RING];
        if ((u16)(next - event - 1) < (u16)(next - before)) {
            write16(notify_at, is_net ? 1 : 0);
            kicks++;
        }
    }
    u64 spent = cycles() - start;
    put_text("VIRTIO requests=");
    put_decimal(count);
    put_text(" depth=");
    put_decimal(depth);
    put_text(" kicks=");
    put_decimal(kicks);
    put_text(" cycles=");
    put_decimal(spent);
    put_text("\n");
}

static void in_user_mode(void) {
    u64 wanted = rounds(1000 | 1ull << 32);
    run((u32)wanted, (u16)(wanted >> 32));
    pass();
}

_Noreturn static void enter_user_mode(void) {
    for (u64 table_at = 0x10000; table_at < 0x12000 + 12 * PAGE; table_at += 8)
        if ((read64(table_at) & 1) != 0) write64(table_at, read64(table_at) | 4);
    segments[4] = 0x00affb000000ffff;
    segments[5] = 0x00cff3000000ffff;
    struct {
        u16 limit;
        u64 base;
    } __attribute__((packed)) pointer = {sizeof segments - 1, (u64)segments};
    u64 stack = (u64)(user_stack + 1023);
    __asm__ volatile(
        "mov %%cr3, %%rax; mov %%rax, %%cr3; lgdt %0\n"
        "pushq $0x2b; pushq %1; pushq $0x3002; pushq $0x23; pushq %2\n"
        "iretq" ::"m"(pointer),
        "r"(stack), "r"((u64)in_user_mode)
        : "rax", "memory");
    __builtin_unreachable();
}

void guest_main(void) {
    u64 wanted = rounds(0);
    is_net = (wanted & MARK_NET) != 0;
    if ((wanted & MARK_BARE) == 0) {
        check_that("a virtio block or network function", find_function());
        map_function();
        start_device();
    }
    describe_requests(RING / 3);
    enter_user_mode();
}
