// QuoteExchange: one conversation with the quote service: connect, send the request, read the answer's
// length, then the answer. Lives on the loop; ends by telling its service, which destroys it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "system/memory/dma_space.h"
#include "target/i386/confidential/tdx/quote_protocol.h"
#include "util/event_loop.h"
#include "util/fd.h"
#include "util/socket.h"

namespace vmm::tdx {

class QuoteService;

class QuoteExchange {
  public:
    // The buffer as the guest described it, and the report read from it.
    QuoteExchange(QuoteService& service, AddressSpace& memory, uint64_t gpa, uint64_t size,
                  std::vector<uint8_t> report)
        : service_(service), memory_(memory), gpa_(gpa), size_(size), request_(quote_request(report)) {
        header_.in_length = static_cast<uint32_t>(report.size());
    }

    // Ends it at once or later. Its last act is to call the service's finished().
    void begin(EventLoop& loop, const SocketAddress& address, int64_t patience);

  private:
    enum class Stage : uint8_t { Connecting, Sending, ReadingLength, ReadingAnswer };
    Result<Fd> open() const;
    void connect();
    void ready();
    // False: wait for the socket, or it has ended.
    bool step();
    bool send_some();
    bool read_some();
    void judge_length();
    void deliver();
    void watch(unsigned conditions);
    void end(uint64_t status, const char* why);
    uint64_t room() const { return size_ - kQuoteHeaderSize; }

    QuoteService& service_;
    DmaSpace memory_;
    const uint64_t gpa_, size_;
    std::vector<uint8_t> request_;
    QuoteHeader header_;
    EventLoop* loop_ = nullptr;
    std::optional<SocketAddress> address_;
    Stage stage_ = Stage::Connecting;
    Fd socket_;
    size_t done_ = 0;  // bytes of this stage
    std::vector<uint8_t> answer_ = std::vector<uint8_t>(kQgsLengthSize);
    FdWatch watch_;
    unsigned watched_ = 0;
    std::optional<LoopTimer> timer_;
    std::optional<LoopTimer> again_;  // the service's queue was full
    bool ended_ = false;
};

}  // namespace vmm::tdx
