// Rules about a memory backend's properties; see backend_check.h.
#include "backends/memory/backend_check.h"

#include "util/align.h"
#include "util/size_text.h"

namespace vmm {

namespace {

bool on(const std::optional<bool>& property) {
    return property.value_or(false);
}
bool off(const std::optional<bool>& property) {
    return !property.value_or(true);
}

Status check_size(const MemoryBackendConfig& c) {
    bool may_be_left_out = c.kind == MemoryBackendKind::File;
    if (!c.size && !may_be_left_out)
        return Error::make("property 'size' is missing").with_hint("such as size=1G");
    if (!c.size) return {};
    if (*c.size == 0) return Error::make("size=0 is no memory").with_hint("such as size=1G");
    if (!is_aligned(*c.size, kPageSize))
        return Error::make("size=%llu is not a multiple of 4 KiB", static_cast<unsigned long long>(*c.size));
    return {};
}

Status check_populating(const MemoryBackendConfig& c) {
    if (c.prealloc_context) {
        return Error::make("prealloc-context=%s cannot be used: there are no thread-context objects",
                           c.prealloc_context->c_str())
            .with_hint(
                "prealloc-threads sets how many threads populate the memory; they follow host-nodes and "
                "policy");
    }
    if (c.prealloc_threads && (*c.prealloc_threads == 0 || *c.prealloc_threads > 1024))
        return Error::make("prealloc-threads=%u is out of range: 1 to 1024", *c.prealloc_threads);
    if (on(c.prealloc) && off(c.reserve)) {
        return Error::make("prealloc=on and reserve=off contradict each other")
            .with_hint("prealloc takes all of the memory at start");
    }
    return {};
}

Status check_huge_pages(const MemoryBackendConfig& c) {
    if (!c.hugetlb_size) return {};
    if (!on(c.hugetlb))
        return Error::make("hugetlbsize=%s needs hugetlb=on", size_text(*c.hugetlb_size).c_str());
    if (!is_power_of_two(*c.hugetlb_size)) {
        return Error::make("hugetlbsize=%s is not a power of two", size_text(*c.hugetlb_size).c_str())
            .with_hint("2M and 1G are what x86 has");
    }
    return {};
}

Status check_file(const MemoryBackendConfig& c) {
    if (c.kind != MemoryBackendKind::File) return {};
    if (!c.mem_path || c.mem_path->empty()) return Error::make("property 'mem-path' is missing");
    if (on(c.pmem)) {
        return Error::make(
                   "pmem=on cannot be used: writes would have to be flushed to persistent memory, which this "
                   "build does not do")
            .with_hint("use share=on for memory that outlives the guest");
    }
    bool rom_on = c.rom == "on";
    bool rom_off = c.rom == "off";
    if (rom_on && !on(c.readonly)) return Error::make("rom=on needs readonly=on");
    if (on(c.readonly) && rom_off && on(c.share))
        return Error::make(
            "readonly=on,rom=off needs share=off: the guest's writes have nowhere to go in the file");
    if (on(c.readonly) && !rom_off) {
        return Error::make("readonly=on makes read-only memory, which cannot be the RAM of a machine")
            .with_hint("add rom=off,share=off to load RAM from a file that is not changed");
    }
    return {};
}

// RAM that is a guest_memfd: no page cache, no huge pages, no copies, and it is never swapped or merged.
Status check_guest_memfd(const MemoryBackendConfig& c) {
    bool is_one = c.kind == MemoryBackendKind::GuestMemfd || on(c.guest_memfd);
    if (!is_one) return {};
    auto refuse = [](const char* property, const char* why) {
        return Error::make("%s cannot be used with RAM that is a guest_memfd: %s", property, why);
    };
    if (off(c.share)) return refuse("share=off", "a guest_memfd is never copied on write");
    if (on(c.private_memory)) return refuse("private=on", "it is the RAM itself, not a private side of it");
    if (on(c.hugetlb)) return refuse("hugetlb=on", "the kernel has only 4 KiB pages for it");
    if (c.seal && *c.seal)
        return refuse("seal=on", "its size is fixed from the start, there is nothing to seal");
    if (on(c.merge)) return refuse("merge=on", "its pages are never merged");
    if (off(c.reserve)) return refuse("reserve=off", "it is never swapped, so nothing is reserved for it");
    if (c.kind == MemoryBackendKind::Memfd && !c.share)
        return Error::make("guest-memfd=on needs share=on").with_hint("or use memory-backend-guest-memfd");
    return {};
}

}  // namespace

Status check_backend_properties(const MemoryBackendConfig& c) {
    TRY(check_size(c));
    TRY(check_populating(c));
    TRY(check_huge_pages(c));
    TRY(check_file(c));
    return check_guest_memfd(c);
}

}  // namespace vmm
