// Memory backends; see backend.h.
#include "backends/memory/backend.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "backends/memory/backend_check.h"
#include "backends/memory/host_mapping.h"
#include "backends/memory/prealloc.h"
#include "util/log.h"

namespace vmm {

Result<std::unique_ptr<MemoryBackend>> MemoryBackend::create(MemoryBackendConfig config) {
    auto in_context = [&](Error error) {
        return std::move(error).while_doing("-object %s,id=%s", memory_backend_type_name(config.kind),
                                            config.id.c_str());
    };
    if (Status good = check_backend_properties(config); !good)
        return in_context(std::move(good).take_error());
    Result<NumaPolicy> policy = NumaPolicy::make(config.policy, config.host_nodes);
    if (!policy) return in_context(std::move(policy).take_error());
    return std::make_unique<MemoryBackend>(Token{}, std::move(config), std::move(*policy));
}

MemoryBackend::~MemoryBackend() {
    drop_file_contents();
    if (!made_file_.empty()) ::unlink(made_file_.c_str());
}

void MemoryBackend::retire() {
    drop_file_contents();
    if (config_.kind != MemoryBackendKind::File && !ram_->discard_shared(ram_->whole()))
        log_warning("memory backend '%s': its memory stays", id().c_str());
    ram_->retire();
}

void MemoryBackend::drop_file_contents() {
    // discard-data: nothing that the guest wrote is worth writing back to the file.
    if (!ram_ || config_.kind != MemoryBackendKind::File || !config_.discard_data.value_or(false)) return;
    if (!config_.share.value_or(false)) return;
    (void)::madvise(ram_->data(), ram_->size(), MADV_REMOVE);
}

bool MemoryBackend::is_guest_memfd() const {
    return config_.kind == MemoryBackendKind::GuestMemfd || config_.guest_memfd.value_or(false);
}

bool MemoryBackend::has_private_side(const RamContext& context) const {
    return context.private_memory && config_.private_memory.value_or(true) && !is_guest_memfd();
}

Status MemoryBackend::check(const RamContext& context) const {
    if (config_.private_memory.value_or(false) && !context.private_memory) {
        return Error::make("memory backend '%s': private=on needs a VM whose type has private memory",
                           id().c_str())
            .with_hint(
                "add -machine confidential-guest-support=ID, or kvm-type=sw-protected-vm to try it without "
                "special hardware");
    }
    if (is_guest_memfd() && context.private_memory) {
        return Error::make(
                   "memory backend '%s': RAM that is a guest_memfd is for ordinary guests: this kernel "
                   "cannot convert it in place",
                   id().c_str())
            .with_hint("use memory-backend-ram, which gets a guest_memfd beside it");
    }
    return {};
}

Result<RamBlock::Config> MemoryBackend::map_host_memory() {
    bool reserve = config_.reserve.value_or(true);
    Result<HostMapping> mapping = [&]() -> Result<HostMapping> {
        switch (config_.kind) {
            case MemoryBackendKind::Ram:
                return map_anonymous(
                    {.size = *config_.size, .share = config_.share.value_or(false), .reserve = reserve});
            case MemoryBackendKind::Memfd:
                return map_memfd({.name = "memory-backend-memfd",
                                  .size = *config_.size,
                                  .share = config_.share.value_or(true),
                                  .hugetlb = config_.hugetlb.value_or(false),
                                  .hugetlb_size = config_.hugetlb_size.value_or(0),
                                  .seal = config_.seal.value_or(true),
                                  .reserve = reserve});
            case MemoryBackendKind::File:
                return map_file({.path = *config_.mem_path,
                                 .size = config_.size.value_or(0),
                                 .offset = config_.offset.value_or(0),
                                 .alignment = config_.align.value_or(0),
                                 .share = config_.share.value_or(false),
                                 .open_readonly = config_.readonly.value_or(false),
                                 .reserve = reserve});
            case MemoryBackendKind::GuestMemfd:
                break;
        }
        UNREACHABLE();
    }();
    HostMapping host = TRY(std::move(mapping));
    made_file_ = std::move(host.made_file);
    RamBlock::Config block;
    block.mapping = std::move(host.region);
    block.fd = std::move(host.fd);
    block.fd_offset = host.fd_offset;
    block.sharing = host.shared ? RamSharing::Shared : RamSharing::Private;
    block.page_size = host.page_size;
    return block;
}

Result<RamBlock::Config> MemoryBackend::map_guest_memfd(GmemFactory* factory) const {
    CHECK(factory != nullptr, "a guest_memfd without a VM that makes it");
    RamBlock::Config block;
    block.gmem = TRY(Gmem::create(*factory, {.size = *config_.size, .mappable = true, .init_shared = true}));
    block.mapping = TRY(map_descriptor(block.gmem->fd(), *config_.size));
    block.sharing = RamSharing::Shared;
    return block;
}

Status MemoryBackend::advise(std::span<uint8_t> mapping, const RamContext& context) const {
    if (!config_.dump.value_or(context.dump_guest_core) &&
        ::madvise(mapping.data(), mapping.size(), MADV_DONTDUMP) != 0)
        return Error::from_errno(errno, "dump=off: madvise(MADV_DONTDUMP)");
    bool private_side = has_private_side(context);
    bool merge = config_.merge.value_or(context.mem_merge && !private_side && !is_guest_memfd());
    if (merge && ::madvise(mapping.data(), mapping.size(), MADV_MERGEABLE) != 0 &&
        config_.merge.has_value()) {
        return Error::from_errno(errno, "merge=on: madvise(MADV_MERGEABLE)")
            .with_hint("this kernel has no KSM (CONFIG_KSM); leave merge out");
    }
    // With a private side beside it, a huge page would come up for one shared page and fill the shared side
    // of its private neighbours as well, and the kernel would put freed pages back when it collapses such a
    // range. Other RAM may take huge pages. A kernel without them refuses both, which is as good.
    if (!is_guest_memfd())
        (void)::madvise(mapping.data(), mapping.size(), private_side ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    return {};
}

Status MemoryBackend::populate(const RamContext& context) const {
    if (!config_.prealloc.value_or(false)) return {};
    PreallocPlan plan{
        .threads = config_.prealloc_threads.value_or(1), .page_size = ram_->page_size(), .policy = &policy_};
    // Only the side that the guest starts with: populating both would take twice the memory.
    if (is_guest_memfd()) return prealloc_descriptor(ram_->gmem()->fd(), ram_->size(), plan);
    if (has_private_side(context) && context.initial == Visibility::Private) {
        plan.page_size = kPageSize;
        return prealloc_descriptor(ram_->gmem()->fd(), ram_->size(), plan);
    }
    return prealloc_mapping(ram_->bytes(), plan);
}

Status MemoryBackend::allocate(const RamContext& context, GmemFactory* factory) {
    CHECK(!ram_, "memory backend '%s' allocated twice", id().c_str());
    TRY(check(context));
    auto in_context = [&](Error error) {
        return std::move(error).while_doing("memory backend '%s'", id().c_str());
    };
    Result<RamBlock::Config> block = is_guest_memfd() ? map_guest_memfd(factory) : map_host_memory();
    if (!block) return in_context(std::move(block).take_error());
    block->id = id();
    if (Status advised = advise(block->mapping.bytes(), context); !advised)
        return in_context(std::move(advised).take_error());
    if (Status bound = policy_.bind_mapping(block->mapping.bytes()); !bound)
        return in_context(std::move(bound).take_error());
    if (has_private_side(context)) {
        CHECK(factory != nullptr, "a private side without a VM that makes it");
        Result<std::unique_ptr<Gmem>> gmem = Gmem::create(*factory, {.size = block->mapping.size()});
        if (!gmem) return in_context(std::move(gmem).take_error());
        block->gmem = std::move(*gmem);
        block->initial = context.initial;
    }
    ram_ = std::make_unique<RamBlock>(std::move(*block));
    if (Status populated = populate(context); !populated) {
        ram_.reset();
        return in_context(std::move(populated).take_error());
    }
    return {};
}

}  // namespace vmm
