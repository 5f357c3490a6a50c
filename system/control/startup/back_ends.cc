// See back_ends.h.
#include "system/control/startup/back_ends.h"

#include "system/control/startup/networks.h"
#include "system/control/startup/storage.h"

namespace vmm {

Result<block::IoContext*> ProcessBackEnds::iothread(const std::string& id, const std::string& user) {
    IoThread* found = storage_.find_iothread(id);
    if (found != nullptr) return &found->context();
    return Error::make("%s: there is no iothread '%s'", user.c_str(), id.c_str())
        .with_hint("add -object iothread,id=%s", id.c_str());
}

Result<Chardev*> ProcessBackEnds::chardev(const std::string& id, const std::string& user) {
    Chardev* found = chardevs_.find(id);
    if (found != nullptr) return found;
    return Error::make("%s: there is no chardev '%s'", user.c_str(), id.c_str())
        .with_hint("add -chardev BACKEND,id=%s", id.c_str());
}

block::BlockGraph& ProcessBackEnds::block_graph() {
    return storage_.graph();
}

Result<Rng*> ProcessBackEnds::rng(const std::string& id, const std::string& user) {
    for (const std::unique_ptr<Rng>& rng : rngs_)
        if (rng->id() == id) return rng.get();
    return Error::make("%s: there is no random number source '%s'", user.c_str(), id.c_str())
        .with_hint("add -object rng-random,id=%s", id.c_str());
}

Result<RamBlock*> ProcessBackEnds::memory(const std::string& id, const std::string& user) {
    CHECK(memory_ != nullptr, "devices before memory backends");
    for (const std::unique_ptr<MemoryBackend>& backend : *memory_) {
        if (backend->id() != id) continue;
        backend->set_lent();
        return &backend->ram();
    }
    return Error::make("%s: there is no memory backend '%s'", user.c_str(), id.c_str())
        .with_hint("add -object memory-backend-ram,id=%s,size=SIZE", id.c_str());
}

Result<net::Client*> ProcessBackEnds::netdev(const std::string& id, const std::string& user) {
    net::Client* found = networks_.find(id);
    if (found != nullptr) return found;
    return Error::make("%s: there is no netdev '%s'", user.c_str(), id.c_str())
        .with_hint("add -netdev BACKEND,id=%s", id.c_str());
}

}  // namespace vmm
