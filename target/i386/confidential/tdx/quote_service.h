// QuoteService: gets quotes for the guest from a Quote Generation Service on the host, without ever making a
// vCPU or the loop wait. request() is called on vCPU threads and answers the guest's call; the conversation
// runs on the loop; its outcome is written to the guest's buffer, then `completed` is called there. At most
// 16 conversations at once, each for at most `patience`. A guest that converts its buffer meanwhile loses the
// quote, nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "system/memory/dma_space.h"
#include "util/event_loop.h"
#include "util/mutex.h"
#include "util/socket.h"

namespace vmm::tdx {

class QuoteExchange;

class QuoteService {
  public:
    static constexpr unsigned kMostInFlight = 16;
    static constexpr int64_t kPatience = 30'000'000'000;  // ns

    struct Config {
        std::optional<SocketAddress> address;  // none: quotes are not available here
        int64_t patience = kPatience;
    };
    // The loop outlives the service. completed: on the loop, after each quote.
    QuoteService(EventLoop& loop, Config config, std::function<void()> completed);
    ~QuoteService();
    QuoteService(const QuoteService&) = delete;
    QuoteService& operator=(const QuoteService&) = delete;

    // TDG.VP.VMCALL<GetQuote> for this buffer: the call's answer. The space outlives the service.
    uint64_t request(AddressSpace& memory, uint64_t gpa, uint64_t size);
    // Drops what is in flight: the guest that asked is gone. Loop.
    void cancel_all();
    unsigned in_flight() const;

  private:
    friend class QuoteExchange;
    void start(std::unique_ptr<QuoteExchange> exchange, uint64_t epoch);
    void finished(QuoteExchange& exchange);
    bool take_place();
    void give_place_back();

    EventLoop& loop_;
    const Config config_;
    const std::function<void()> completed_;
    mutable Mutex mutex_{LockRank::Leaf, "quotes in flight"};
    unsigned in_flight_ GUARDED_BY(mutex_) = 0;
    uint64_t epoch_ GUARDED_BY(mutex_) = 0;                // one more with each cancel_all()
    std::list<std::unique_ptr<QuoteExchange>> exchanges_;  // loop
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vmm::tdx
