// A guest that does as it is told on its first serial port (docs/libvirt.md shows nothing of it; tests/libvirt/run.py does). It boots from any
// disk that the firmware can read, says "guest: ready", and then
//   o  powers off         r  resets           p  reports a panic      h  halts for ever with interrupts off
//   b  lets the power button have no effect   w  starts the watchdog  n  says how many NMIs came
//   v  sends the processor's vendor           other characters are sent back in brackets
// By itself it powers off when the power button is pressed, lets go of devices that ACPI hot-plug asks for, and names the keys that are pressed.
#include "../../guest/ports.h"

extern void timer_entry(void), nmi_entry(void), other_entry(void);
volatile u32 nmi_count;
static int button_ignored;
static u64 gate[256][2];

enum { kSerial = 0x3f8, kPm1 = 0x600, kHotplug = 0xcc0, kPanic = 0x505 };

static void put(char c) {
    while (!(in8(kSerial + 5) & 0x20)) __asm__ volatile("pause");
    out8(kSerial, (u8)c);
}
static void say(const char *text) {
    while (*text) put(*text++);
}
static void say_hex(u32 value) {
    for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
}
static void say_line(const char *text, u32 value) {
    say(text);
    say_hex(value);
    say("\r\n");
}

static void set_gate(int vector, void (*entry)(void)) {
    const u64 address = (u64)entry;
    gate[vector][0] = (address & 0xffff) | 24u << 16 | 0x8e00ull << 32 | (address >> 16 & 0xffff) << 48;
    gate[vector][1] = 0;
}

// Interrupts: a timer a hundred times a second, so that the processor may sleep between two looks; everything else is polled.
static void set_up_interrupts(void) {
    struct {
        u16 limit;
        u64 base;
    } __attribute__((packed)) table = {sizeof gate - 1, (u64)gate};
    for (int vector = 0; vector < 256; ++vector) set_gate(vector, other_entry);
    set_gate(2, nmi_entry);
    set_gate(0x20, timer_entry);
    __asm__ volatile("lidt %0" ::"m"(table));
    out8(0x20, 0x11), out8(0x21, 0x20), out8(0x21, 4), out8(0x21, 1);
    out8(0xa0, 0x11), out8(0xa1, 0x28), out8(0xa1, 2), out8(0xa1, 1);
    out8(0x21, 0xfe), out8(0xa1, 0xff);
    out8(0x43, 0x34), out8(0x40, 11932 & 255), out8(0x40, 11932 >> 8);
    __asm__ volatile("sti");
}

static void power_off(void) {
    say("guest: power off\r\n");
    out16(kPm1 + 4, 1 << 13);  // soft-off
}

static void look_at_power_button(void) {
    if (!(in16(kPm1) & 0x100)) return;
    out16(kPm1, 0x100);
    say("guest: power button\r\n");
    if (!button_ignored) power_off();
}

// Native hot-plug of the ports at 00:01.x to 00:1f.x: a button that was pressed wants a slot without power
// switched on, and one with power off.
static u32 read_config(u32 bus, u32 device, u32 function, u32 at) {
    out32(0xcf8, 0x80000000 | bus << 16 | device << 11 | function << 8 | (at & 0xfc));
    return in32(0xcfc);
}
static void write_config(u32 bus, u32 device, u32 function, u32 at, u32 value) {
    out32(0xcf8, 0x80000000 | bus << 16 | device << 11 | function << 8 | (at & 0xfc));
    out32(0xcfc, value);
}
static void look_at_port(u32 device, u32 function) {
    if ((read_config(0, device, function, 8) >> 16) != 0x0604) return;
    u32 at = read_config(0, device, function, 0x34) & 0xfc;
    while (at != 0 && (read_config(0, device, function, at) & 0xff) != 0x10) at = (read_config(0, device, function, at) >> 8) & 0xfc;
    if (at == 0) return;
    const u32 slot = read_config(0, device, function, at + 0x18);
    if (!(slot & (1u << 16))) return;
    // The status bits go by writing ones; then power and its indicator change.
    const int is_off = (slot >> 10) & 1;
    say_line(is_off ? "guest: new device at port " : "guest: eject at port ", device << 4 | function);
    write_config(0, device, function, at + 0x18, 0xffff0000 | (is_off ? 0x01c0 : 0x07c0));
}
static void look_at_ports(void) {
    for (u32 device = 1; device < 31; ++device) {
        if ((read_config(0, device, 0, 0) & 0xffff) == 0xffff) continue;
        const u32 functions = read_config(0, device, 0, 12) & 0x800000 ? 8 : 1;
        for (u32 function = 0; function < functions; ++function)
            if ((read_config(0, device, function, 0) & 0xffff) != 0xffff) look_at_port(device, function);
    }
}

// ACPI hot-plug: what shall go is let go.
static void look_at_acpi_slots(void) {
    for (u32 bus = 0; bus < 32; ++bus) {
        out32(kHotplug + 0x10, bus);
        const u32 up = in32(kHotplug), down = in32(kHotplug + 4);
        if (up == 0xffffffff || down == 0xffffffff) return;
        if (up) say_line("guest: new device at slots ", up);
        if (!down) continue;
        say_line("guest: eject slots ", down);
        out32(kHotplug + 0x10, bus);
        out32(kHotplug + 8, down);
    }
}

// Processors and memory modules, each behind a block with a selector and a state; what came is taken note of, what is
// wanted back goes.
enum { kCpus = 0xcd8, kModules = 0xa00, kCame = 2, kWanted = 4, kEject = 8 };
static void look_at_state(const char *what, u32 at, u16 state_port) {
    const u8 state = in8(state_port);
    if (state == 0xff) return;
    if (state & kCame) {
        say("guest: new ");
        say_line(what, at);
        out8(state_port, kCame);
    }
    if (state & kWanted) {
        say("guest: eject ");
        say_line(what, at);
        out8(state_port, kWanted);
        out8(state_port, kEject);
    }
}
static void look_at_processors_and_memory(void) {
    out32(kCpus, 0);  // from the old interface to the one of today
    for (u32 cpu = 0; cpu < 16; ++cpu) {
        out32(kCpus, cpu);
        look_at_state("processor ", cpu, kCpus + 4);
    }
    for (u32 slot = 0; slot < 8; ++slot) {
        out32(kModules, slot);
        look_at_state("module ", slot, kModules + 20);
    }
}

static void look_at_keyboard(void) {
    const u8 status = in8(0x64);
    if (!(status & 1)) return;
    const u8 code = in8(0x60);
    if (!(status & 0x20)) say_line("guest: key ", code);
}

static void start_watchdog(void) {
    for (u32 device = 0; device < 32; ++device) {
        for (u32 bus = 0; bus < 16; ++bus) {
            if (read_config(bus, device, 0, 0) != 0x25ab8086) continue;
            volatile u32 *bar = (volatile u32 *)(u64)(read_config(bus, device, 0, 0x10) & ~15u);
            volatile u16 *reload = (volatile u16 *)((u64)bar + 12);
            *reload = 0x80, *reload = 0x86, bar[0] = 1;
            *reload = 0x80, *reload = 0x86, bar[1] = 1;
            write_config(bus, device, 0, 0x60, read_config(bus, device, 0, 0x60) & ~4u);  // at 1 kHz, the machine is reset
            write_config(bus, device, 0, 0x68, read_config(bus, device, 0, 0x68) | 2);
            say("guest: watchdog runs\r\n");
            return;
        }
    }
    say("guest: no watchdog\r\n");
}

static void say_vendor(void) {
    u32 a = 0, part[3];
    __asm__("cpuid" : "+a"(a), "=b"(part[0]), "=d"(part[1]), "=c"(part[2]));
    say("guest: vendor ");
    for (int i = 0; i < 12; ++i) put((char)(part[i / 4] >> (i % 4 * 8)));
    say("\r\n");
}

static void obey(char c) {
    switch (c) {
        case 'o': return power_off();
        case 'r': out8(0xcf9, 6); return;
        case 'p': out8(kPanic, 1); return;
        case 'h': say("guest: halts\r\n"); for (;;) __asm__ volatile("cli; hlt");
        case 'b': button_ignored = 1; return say("guest: no power button\r\n");
        case 'w': return start_watchdog();
        case 'n': return say_line("guest: nmi ", nmi_count);
        case 'v': return say_vendor();
        default: put('['); put(c); put(']');
    }
}

void guest_main(void) {
    out8(kSerial + 3, 0x80), out8(kSerial, 1), out8(kSerial + 1, 0), out8(kSerial + 3, 3), out8(kSerial + 2, 7), out8(kSerial + 4, 3);
    set_up_interrupts();
    out16(kPm1, 0xffff);
    out16(kPm1 + 2, 0x100);
    say("guest: ready\r\n");
    for (u32 tick = 0;; ++tick) {
        while (in8(kSerial + 5) & 1) obey((char)in8(kSerial));
        look_at_power_button();
        look_at_keyboard();
        if (tick % 10 == 0) look_at_acpi_slots();
        if (tick % 10 == 5) look_at_ports();
        if (tick % 10 == 7) look_at_processors_and_memory();
        __asm__ volatile("hlt");
    }
}
