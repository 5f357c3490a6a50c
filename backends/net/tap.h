// TapClient: a tap interface of the host, opened by name or handed over as descriptors, one for each queue.
// Packets have a header when the interface gives one (vnet_hdr), and offloads with it. A queue that is not in
// use is detached, so that the kernel sends no packet there. Missing: vhost, bridge helpers. Main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/net/client.h"
#include "backends/net/config.h"
#include "util/fd.h"

namespace vmm::net {

class TapClient final : public Client {
    struct Token {
        explicit Token() = default;
    };

  public:
    static Result<std::unique_ptr<TapClient>> create(EventLoop& loop, std::string id,
                                                     const TapConfig& config);
    TapClient(Token, EventLoop& loop, std::string id, Fd fd);
    ~TapClient() override;

    std::string_view type() const override { return "tap"; }
    std::string info() const override;
    bool has_header() const override { return header_; }
    void set_offloads(const Offloads& offloads) override;
    bool has_ufo() const override { return ufo_; }

  private:
    // Of every queue, and of the interface as a whole.
    Status look();
    Status set_up(const TapConfig& config);
    void use(bool used) override;
    bool do_send(Packet packet) override;
    void resumed() override;
    void watch();
    void read_some();

    Fd fd_;
    std::string name_;
    std::string downscript_;
    bool header_ = false, ufo_ = false;
    bool used_ = true;
    FdWatch in_watch_, out_watch_;
    std::vector<uint8_t> in_;
    bool paused_ = false;
};

}  // namespace vmm::net
