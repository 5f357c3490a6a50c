// A plugin of QEMU's emulator (TCG): counts the instructions of an emulated machine, its kernel's, its programs' and, apart from them, those of
// the guests that it runs with SVM. Where the machine executes MARK (nopl 0x50454e01(%rax)), a line "KERNEL PROGRAMS GUESTS" is added to the file
// out=PATH. One thread (-accel tcg,thread=single). The interface is written out here because Debian has no header for it.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t PluginId;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { INLINE_ADD_U64 = 0, CALLBACK_NO_REGISTERS = 0 };
typedef void TranslateCallback(PluginId, struct qemu_plugin_tb*);
typedef void ExecuteCallback(unsigned, void*);

void qemu_plugin_register_vcpu_tb_trans_cb(PluginId, TranslateCallback*);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb*, int, void*, uint64_t);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb*, ExecuteCallback*, int, void*);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn*, ExecuteCallback*, int, void*);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb*);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
const void* qemu_plugin_insn_data(const struct qemu_plugin_insn*);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn*);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn*);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = 1;

static const uint8_t kVmrun[] = {0x0f, 0x01, 0xd8};
static const uint8_t kMark[] = {0x0f, 0x1f, 0x80, 0x01, 0x4e, 0x45, 0x50};

static uint64_t kernel, programs, guests;
static bool in_guest;
static uint64_t after_vmrun;
static FILE* out;

static void enter_guest(unsigned cpu, void* data) {
    (void)cpu, (void)data;
    in_guest = true;
}

static void leave_guest(unsigned cpu, void* data) {
    (void)cpu, (void)data;
    in_guest = false;
}

static void mark(unsigned cpu, void* data) {
    (void)cpu, (void)data;
    fprintf(out, "%lu %lu %lu\n", kernel, programs, guests);
    fflush(out);
}

static bool is(const struct qemu_plugin_insn* insn, const uint8_t* code, size_t size) {
    return qemu_plugin_insn_size(insn) == size && memcmp(qemu_plugin_insn_data(insn), code, size) == 0;
}

// The emulator keeps a guest's translations apart from the machine's: whose one is, is known when it is made.
static void translate(PluginId id, struct qemu_plugin_tb* tb) {
    (void)id;
    const uint64_t address = qemu_plugin_tb_vaddr(tb);
    const size_t count = qemu_plugin_tb_n_insns(tb);
    const bool leaves = after_vmrun != 0 && address == after_vmrun;
    uint64_t* whose = in_guest && !leaves ? &guests : address >> 63 != 0 ? &kernel : &programs;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, whose, count);
    if (leaves) qemu_plugin_register_vcpu_tb_exec_cb(tb, leave_guest, CALLBACK_NO_REGISTERS, NULL);
    if (whose == &guests) return;
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn* insn = qemu_plugin_tb_get_insn(tb, i);
        if (is(insn, kMark, sizeof kMark))
            qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, CALLBACK_NO_REGISTERS, NULL);
        if (!is(insn, kVmrun, sizeof kVmrun)) continue;
        after_vmrun = qemu_plugin_insn_vaddr(insn) + sizeof kVmrun;
        qemu_plugin_register_vcpu_insn_exec_cb(insn, enter_guest, CALLBACK_NO_REGISTERS, NULL);
    }
}

EXPORTED int qemu_plugin_install(PluginId id, const void* info, int argc, char** argv) {
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) return -1;
    out = fopen(argv[0] + 4, "w");
    if (out == NULL) return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    return 0;
}
