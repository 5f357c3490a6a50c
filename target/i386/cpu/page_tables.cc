// Walking the guest's page tables; see page_tables.h.
#include "target/i386/cpu/page_tables.h"

#include <array>

#include "util/endian.h"

namespace vmm {

namespace {

constexpr uint64_t kPresent = 1, kLarge = 1u << 7;
constexpr uint64_t kCr4Pse = 1u << 4, kCr4Pae = 1u << 5, kCr4La57 = 1u << 12;
// 64 GiB of memory in pages of 4 KiB take 2^15 tables; runs are told in a file's headers.
constexpr unsigned kMostTables = 1u << 18;
constexpr size_t kMostRuns = 1u << 20;

// One level of tables, as a mode has it.
struct Level {
    unsigned shift;     // what an entry maps: 2^shift bytes
    unsigned entries;   // of a table
    bool may_be_large;  // an entry with the large bit maps memory itself
};

class Walk {
  public:
    Walk(const ReadPhysical& read, std::span<const Level> levels, unsigned entry_size)
        : read_(read), levels_(levels), entry_size_(entry_size) {}

    Status table(size_t level, uint64_t address, uint64_t linear) {
        if (++tables_ > kMostTables) return Error::make("the guest has more page tables than can be walked");
        const Level& here = levels_[level];
        std::array<uint8_t, 4096> bytes;
        const std::span<uint8_t> table(bytes.data(), size_t{here.entries} * entry_size_);
        if (!read_(address, table)) return {};
        for (unsigned i = 0; i < here.entries; ++i) {
            const uint64_t entry = load_le_sized(&table[size_t{i} * entry_size_], entry_size_);
            if ((entry & kPresent) != 0) TRY(visit(level, entry, linear + (uint64_t{i} << here.shift)));
        }
        return {};
    }

    std::vector<LinearRun> take() { return std::move(runs_); }

  private:
    Status visit(size_t level, uint64_t entry, uint64_t linear) {
        const Level& here = levels_[level];
        const bool last = level + 1 == levels_.size();
        if (!last && !(here.may_be_large && (entry & kLarge) != 0))
            return table(level + 1, target(entry) & ~uint64_t{0xfff}, linear);
        const uint64_t size = uint64_t{1} << here.shift;
        return add({.linear = canonical(linear), .physical = large(entry, last) & ~(size - 1), .size = size});
    }
    uint64_t target(uint64_t entry) const {
        constexpr uint64_t kAddress = 0x000ffffffffff000;
        return entry_size_ == 4 ? entry & 0xfffff000 : entry & kAddress;
    }
    // A page of 4 MiB has the upper bits of its address in bits 13-20 of its entry.
    uint64_t large(uint64_t entry, bool last) const {
        if (last || entry_size_ == 8) return target(entry);
        return (entry & 0xffc00000) | ((entry >> 13 & 0xff) << 32);
    }
    uint64_t canonical(uint64_t linear) const {
        const unsigned top = levels_[0].shift + 8;
        const bool wide = entry_size_ == 8 && top >= 47;
        return wide && (linear >> top & 1) != 0 ? linear | (~uint64_t{0} << top) : linear;
    }
    Status add(const LinearRun& run) {
        if (!runs_.empty()) {
            LinearRun& before = runs_.back();
            if (before.linear + before.size == run.linear && before.physical + before.size == run.physical) {
                before.size += run.size;
                return {};
            }
        }
        if (runs_.size() == kMostRuns) return Error::make("the guest's memory is mapped in too many pieces");
        runs_.push_back(run);
        return {};
    }

    const ReadPhysical& read_;
    const std::span<const Level> levels_;
    const unsigned entry_size_;
    unsigned tables_ = 0;
    std::vector<LinearRun> runs_;
};

}  // namespace

Result<std::vector<LinearRun>> linear_runs(const X86Registers& registers, const ReadPhysical& read) {
    static constexpr Level kLong[] = {
        {48, 512, false}, {39, 512, false}, {30, 512, true}, {21, 512, true}, {12, 512, false}};
    static constexpr Level kPae[] = {{30, 4, false}, {21, 512, true}, {12, 512, false}};
    static constexpr Level kPse[] = {{22, 1024, true}, {12, 1024, false}};
    static constexpr Level kPlain[] = {{22, 1024, false}, {12, 1024, false}};
    constexpr uint64_t kAddress = 0x000ffffffffff000;
    if (!registers.paging()) return std::vector<LinearRun>{};
    std::span<const Level> levels =
        (registers.cr4 & kCr4Pse) != 0 ? std::span<const Level>(kPse) : std::span<const Level>(kPlain);
    uint64_t root = registers.cr3 & 0xfffff000;
    unsigned entry_size = 4;
    if (registers.long_mode()) {
        levels = (registers.cr4 & kCr4La57) != 0 ? std::span<const Level>(kLong)
                                                 : std::span<const Level>(kLong).subspan(1);
        root = registers.cr3 & kAddress;
        entry_size = 8;
    } else if ((registers.cr4 & kCr4Pae) != 0) {
        levels = kPae;
        root = registers.cr3 & 0xffffffe0;
        entry_size = 8;
    }
    Walk walk(read, levels, entry_size);
    TRY(walk.table(0, root, 0));
    return walk.take();
}

}  // namespace vmm
