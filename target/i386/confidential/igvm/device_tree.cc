// The DEVICE_TREE parameter: processors, memory and the command line as a flattened device tree (Devicetree
// Specification 0.4, igvm_defs' extensions for memory).
#include <libfdt.h>

#include <algorithm>

#include "target/i386/confidential/igvm/parameters_priv.h"
#include "util/text.h"

namespace vmm::igvm {

namespace {

// libfdt's sequential writer; the first error is kept, the rest does nothing.
class TreeWriter {
  public:
    explicit TreeWriter(std::vector<uint8_t>& buffer) : tree_(buffer.data()) {
        note(fdt_create(tree_, static_cast<int>(buffer.size())));
        note(fdt_finish_reservemap(tree_));
    }
    void begin(const std::string& name) { note(fdt_begin_node(tree_, name.c_str())); }
    void end() { note(fdt_end_node(tree_)); }
    void text(const char* name, const std::string& value) {
        note(fdt_property(tree_, name, value.c_str(), static_cast<int>(value.size() + 1)));
    }
    void cell(const char* name, uint32_t value) { note(fdt_property_u32(tree_, name, value)); }
    void range(uint64_t base, uint64_t size) {
        const fdt64_t cells[2] = {cpu_to_fdt64(base), cpu_to_fdt64(size)};
        note(fdt_property(tree_, "reg", cells, sizeof(cells)));
    }
    int finish() {
        note(fdt_finish(tree_));
        return error_;
    }

  private:
    void note(int result) {
        if (error_ == 0 && result < 0) error_ = result;
    }
    void* const tree_;
    int error_ = 0;
};

}  // namespace

Result<std::vector<uint8_t>> build_device_tree(const GuestFacts& facts, size_t room) {
    // Enough for any machine; what is longer than the area's room is refused below.
    std::vector<uint8_t> bytes(std::min<size_t>(room, size_t{16} << 20));
    if (bytes.size() < FDT_V17_SIZE) return Error::make("its area has no room for a device tree");
    TreeWriter tree(bytes);
    tree.begin("");
    tree.cell("#address-cells", 2);
    tree.cell("#size-cells", 2);
    tree.text("model", "penumbra,q35");
    tree.text("compatible", "penumbra,q35");
    tree.begin("cpus");
    tree.cell("#address-cells", 1);
    tree.cell("#size-cells", 0);
    for (uint32_t apic_id : facts.apic_ids) {
        tree.begin(strf("cpu@%x", apic_id));
        tree.text("device_type", "cpu");
        tree.cell("reg", apic_id);
        tree.text("status", "okay");
        tree.end();
    }
    tree.end();
    for (const MemoryEntry& entry : facts.memory) {
        tree.begin(strf("memory@%llx", static_cast<unsigned long long>(entry.base)));
        tree.text("device_type", "memory");
        tree.range(entry.base, entry.size);
        tree.cell("microsoft,igvm-type", static_cast<uint32_t>(entry.type));
        tree.end();
    }
    tree.begin("chosen");
    tree.text("bootargs", facts.command_line);
    tree.end();
    tree.end();
    const int result = tree.finish();
    if (result == -FDT_ERR_NOSPACE)
        return Error::make("the device tree does not fit its area, which has room for %zu bytes", room);
    if (result != 0) return Error::make("the device tree cannot be made: %s", fdt_strerror(result));
    bytes.resize(fdt_totalsize(bytes.data()));
    return bytes;
}

}  // namespace vmm::igvm
