// A Quote Generation Service on a unix socket, for tests: answers each request as it is told to.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/temporary_folder.h"
#include "util/fd.h"
#include "util/socket.h"
#include "util/thread.h"

namespace vmm::tdx {

class FakeQgs {
  public:
    // Called on the service's thread with the whole request (without its length word). The answer is sent as
    // it is; an empty one hangs up; to keep the connection silent, hold(fd).
    using Answer = std::function<std::vector<uint8_t>(const std::vector<uint8_t>& request)>;
    explicit FakeQgs(Answer answer);
    ~FakeQgs();

    SocketAddress address() const { return UnixAddress{path_}; }
    unsigned served() const { return served_.load(); }
    // Answers nothing and hangs up on nobody until it ends.
    static Answer silent() { return nullptr; }

  private:
    void run();
    void serve(Fd connection);

    TemporaryFolder folder_;
    const std::string path_ = folder_ / "s";
    Answer answer_;
    Fd listener_;
    std::vector<Fd> held_;
    std::atomic<bool> stop_ = false;
    std::atomic<unsigned> served_ = 0;
    Thread thread_;
};

// A frame as a good service sends it.
std::vector<uint8_t> good_answer(std::span<const uint8_t> quote);

}  // namespace vmm::tdx
