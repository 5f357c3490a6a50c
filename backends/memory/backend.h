// MemoryBackend: a memory-backend-* object. It is described and checked before any VM exists, and allocated
// once the VM does, because a guest_memfd belongs to its VM from birth. Main thread.
#pragma once

#include <memory>

#include "backends/memory/backend_config.h"
#include "system/memory/attribute_sink.h"
#include "system/memory/ram_block.h"
#include "util/result.h"

namespace vmm {

// What the machine says about RAM in general.
struct RamContext {
    bool private_memory = false;              // the VM's type has private pages
    Visibility initial = Visibility::Shared;  // what they are at start
    bool mem_merge = true;                    // -machine mem-merge
    bool dump_guest_core = true;              // -machine dump-guest-core
};

class MemoryBackend {
    struct Token {};  // make them with create()

  public:
    MemoryBackend(Token, MemoryBackendConfig config, NumaPolicy policy)
        : config_(std::move(config)), policy_(std::move(policy)) {}
    // Whole and consistent, or one line that names the property and the backend.
    static Result<std::unique_ptr<MemoryBackend>> create(MemoryBackendConfig config);
    ~MemoryBackend();

    const std::string& id() const { return config_.id; }
    const MemoryBackendConfig& config() const { return config_; }
    // 0 while a file backend without size= is not allocated.
    uint64_t size() const { return ram_ ? ram_->size() : config_.size.value_or(0); }
    // RAM that is a guest_memfd: the VM must be able to make mappable ones.
    bool is_guest_memfd() const;

    // Whether the properties agree with the kind of VM; asked before the VM is made.
    Status check(const RamContext& context) const;
    // Maps, binds, populates. The factory belongs to the VM and may be null for VMs without guest_memfds.
    Status allocate(const RamContext& context, GmemFactory* factory);
    // The backend is of use: a file that was made for it stays. One that ends before takes its file along.
    void keep_file() { made_file_.clear(); }
    // After allocate().
    RamBlock& ram() { return *ram_; }
    // A device put it into the guest: requests may name its memory for a while after it left.
    void set_lent() { lent_ = true; }
    bool lent() const { return lent_; }
    // The end of one that was lent: the memory goes back to the host, the addresses stay until the
    // destructor.
    void retire();

  private:
    Result<RamBlock::Config> map_host_memory();
    Result<RamBlock::Config> map_guest_memfd(GmemFactory* factory) const;
    bool has_private_side(const RamContext& context) const;
    Status advise(std::span<uint8_t> mapping, const RamContext& context) const;
    void drop_file_contents();
    Status populate(const RamContext& context) const;

    const MemoryBackendConfig config_;
    const NumaPolicy policy_;
    std::unique_ptr<RamBlock> ram_;
    std::string made_file_;  // to be removed at the end
    bool lent_ = false;
};

}  // namespace vmm
