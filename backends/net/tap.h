// TapClient: a tap interface of the host, opened by name or handed over as a descriptor. Packets have a
// header when the interface gives one (vnet_hdr), and offloads with it. Missing: several queues, vhost,
// bridge helpers. Main thread.
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
    TapClient(Token, EventLoop& loop, std::string id, const TapConfig& config, Fd fd);
    ~TapClient() override;

    std::string_view type() const override { return "tap"; }
    std::string info() const override;
    bool has_header() const override { return header_; }
    void set_offloads(const Offloads& offloads) override;
    bool has_ufo() const override { return ufo_; }

  private:
    Status set_up();
    bool do_send(Packet packet) override;
    void resumed() override;
    void watch();
    void read_some();

    const TapConfig config_;
    Fd fd_;
    std::string name_;
    bool header_ = false, ufo_ = false, script_ran_ = false;
    FdWatch in_watch_, out_watch_;
    std::vector<uint8_t> in_;
    bool paused_ = false;
};

}  // namespace vmm::net
