// Reading what KVM counted; see stats.h.
#include "accel/kvm/stats.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vmm::kvm {

namespace {

// Far more than the 200 counters that there are.
constexpr size_t kMostBytes = 4 << 20;

// kvm_stats_desc without the name, which follows it: the kernel's own has another size in C++, where a
// structure without members takes room.
struct Description {
    uint32_t flags;
    int16_t exponent;
    uint16_t size;
    uint32_t offset;
    uint32_t bucket_size;
};
static_assert(sizeof(Description) == 16);

// False: the file ends before.
template <typename T>
bool read_at(std::span<const uint8_t> file, uint64_t offset, T& out) {
    if (offset > file.size() || file.size() - offset < sizeof(T)) return false;
    std::memcpy(&out, file.data() + offset, sizeof(T));
    return true;
}

Error broken() {
    return Error::make("KVM describes statistics that it does not give");
}

std::string name_at(std::span<const uint8_t> file, uint64_t offset, size_t most) {
    const auto from = file.begin() + static_cast<ptrdiff_t>(offset);
    return {from, std::find(from, from + static_cast<ptrdiff_t>(most), 0)};
}

// Whether everything about it is known here.
bool describe(const Description& given, Statistic& out) {
    const uint32_t kind = (given.flags & KVM_STATS_TYPE_MASK) >> KVM_STATS_TYPE_SHIFT;
    const uint32_t unit = (given.flags & KVM_STATS_UNIT_MASK) >> KVM_STATS_UNIT_SHIFT;
    const uint32_t base = (given.flags & KVM_STATS_BASE_MASK) >> KVM_STATS_BASE_SHIFT;
    if (kind > static_cast<uint32_t>(Statistic::Kind::Log2Histogram)) return false;
    if (unit > static_cast<uint32_t>(Statistic::Unit::Boolean) || base > 1) return false;
    out.kind = static_cast<Statistic::Kind>(kind);
    out.unit = static_cast<Statistic::Unit>(unit);
    out.base = base == 0 ? 10 : 2;
    out.exponent = given.exponent;
    out.bucket_size = out.kind == Statistic::Kind::LinearHistogram ? given.bucket_size : 0;
    return given.size != 0;
}

}  // namespace

Result<std::vector<Statistic>> parse_statistics(std::span<const uint8_t> file) {
    kvm_stats_header header{};
    if (!read_at(file, 0, header) || header.name_size == 0) return broken();
    const uint64_t entry = sizeof(Description) + uint64_t{header.name_size};
    std::vector<Statistic> out;
    for (uint64_t i = 0; i < header.num_desc; ++i) {
        const uint64_t where = header.desc_offset + i * entry;
        Description given{};
        if (!read_at(file, where, given) || file.size() - where < entry) return broken();
        Statistic one;
        if (!describe(given, one)) continue;
        one.name = name_at(file, where + sizeof(Description), header.name_size);
        const uint64_t values = uint64_t{header.data_offset} + given.offset;
        for (uint64_t n = 0; n < given.size; ++n) {
            uint64_t value = 0;
            if (!read_at(file, values + n * sizeof value, value)) return broken();
            one.values.push_back(value);
        }
        out.push_back(std::move(one));
    }
    return out;
}

Status StatsFile::open(IoctlDoor& door, int owner) {
    fd_ = Fd(TRY(ioctl_call<KVM_GET_STATS_FD>(door, owner)));
    return set_close_on_exec(fd_.get());
}

Result<std::vector<Statistic>> StatsFile::read() const {
    std::vector<uint8_t> file(16 << 10);
    size_t have = 0;
    for (;;) {
        const ssize_t got =
            ::pread(fd_.get(), file.data() + have, file.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error::from_errno(errno, "could not read KVM's statistics");
        if (got == 0) break;
        have += static_cast<size_t>(got);
        if (have < file.size()) continue;
        if (have >= kMostBytes) return Error::make("KVM's statistics have no end");
        file.resize(file.size() * 2);
    }
    return parse_statistics(std::span(file).first(have));
}

}  // namespace vmm::kvm
