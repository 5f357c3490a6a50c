// ChardevSet: makes chardevs from their options and owns them by id. Main thread. What depends on the process
// (one user of standard input) is checked here.
#pragma once

#include <functional>
#include <map>

#include "backends/chardev/chardev.h"

namespace vmm {

class FdStore;

class ChardevSet {
  public:
    // `quit`: Ctrl-A x on a mux. Files may be descriptors of the store, which is borrowed.
    ChardevSet(EventLoop& loop, const FdStore& fds, std::function<void()> quit)
        : loop_(loop), fds_(fds), quit_(std::move(quit)) {}

    // The chardev made, owned here.
    Result<Chardev*> add(const ChardevOptions& options);
    // Another one under the same id; the old one stays when that fails. Not while somebody is attached.
    Result<Chardev*> change(const ChardevOptions& options);
    Status remove(const std::string& id);
    Chardev* find(const std::string& id) const;
    const std::map<std::string, std::unique_ptr<Chardev>>& all() const { return chardevs_; }

    // -echr: the escape key of muxes made from now on.
    void set_escape(uint8_t key) { escape_ = key; }

  private:
    EventLoop& loop_;
    const FdStore& fds_;
    const std::function<void()> quit_;
    uint8_t escape_ = 1;
    std::string stdio_user_;  // id, empty when free
    std::map<std::string, std::unique_ptr<Chardev>> chardevs_;
};

}  // namespace vmm
