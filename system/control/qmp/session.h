// Session: one QMP monitor on one chardev, from client to client (QMP specification, section 2). It greets,
// waits for qmp_capabilities, reads requests, answers each once and in order, and passes events on.
//
// Requests run on the main thread. A client that enables "oob" has its bytes read on the monitor thread
// instead, which runs "exec-oob" commands itself and hands the others to the main thread.
//
// Bounded: a request's size, depth and number of values; how many requests wait; how much a slow reader may
// leave unread (then requests wait in the socket and events are dropped).
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "backends/chardev/chardev.h"
#include "qapi/dispatch.h"
#include "qapi/json_parser.h"
#include "system/control/qmp/monitor_thread.h"

namespace vmm {

// What sessions have in common; outlives them.
struct MonitorShared {
    EventLoop& main;
    MonitorThread& thread;
    const qapi::CommandTable& commands;
    qapi::Value version;              // as query-version answers
    std::function<bool()> preconfig;  // only commands with allow-preconfig run
};

class Session final : public CharClient {
  public:
    enum class Style { Compact, Pretty };
    // All are borrowed.
    Session(MonitorShared& shared, Chardev& chardev, Style style);
    ~Session() override;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Attaches to the chardev; who is there already is greeted.
    Status start() { return chardev_.attach(*this); }
    // Main thread: to a client that has negotiated.
    void send_event(const qapi::Value& event);
    // Waits for a moment until what was answered is on its way, for the end of the process.
    void drain();

    static constexpr size_t kMostRequests = 8;             // waiting
    static constexpr size_t kMostRequestBytes = 1u << 20;  // of those waiting, but for one
    static constexpr size_t kMostUnread = 64u << 10;       // then requests wait
    static constexpr size_t kMostUnreadEvents = 1u << 20;  // then events are dropped
    static constexpr qapi::JsonLimits kLimits = {.bytes = 16u << 20, .depth = 1024, .values = 256u << 10};

    // CharClient; on the thread of the chardev's loop.
    size_t room() override;
    void receive(std::span<const uint8_t> bytes) override;
    void char_event(CharEvent event) override;
    void writable() override;

  private:
    struct Pending {
        Result<qapi::Value> sent;
        std::vector<Fd> fds;
        size_t bytes = 0;
        uint64_t connection = 0;
    };
    class Call;

    void begin_connection(bool open);
    void accept(Pending pending);
    void serve();
    void post_serve();
    std::optional<Pending> next();
    void answer(Pending pending, bool oob);
    Result<qapi::Value> run(const qapi::Request& request, Call& call);
    Result<const qapi::CommandTable::Command*> find(const qapi::Request& request);
    Status negotiate(bool oob);
    void move_if_wanted();
    void send(const qapi::Value& value, uint64_t connection);
    void flush() REQUIRES(out_mutex_);
    bool may_read() REQUIRES(out_mutex_);

    MonitorShared& shared_;
    Chardev& chardev_;
    const Style style_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);

    // The thread of the chardev's loop.
    qapi::JsonStream stream_{kLimits};
    std::vector<Fd> fds_;  // for the request that is not complete yet
    bool receiving_ = false;

    // Written on the main thread while the chardev is on its loop.
    bool negotiated_ = false;
    bool oob_ = false;
    bool move_wanted_ = false;

    bool serving_ = false;  // main thread

    Mutex out_mutex_{LockRank::Control, "monitor"};
    std::deque<Pending> requests_ GUARDED_BY(out_mutex_);
    size_t request_bytes_ GUARDED_BY(out_mutex_) = 0;
    uint64_t connection_ GUARDED_BY(out_mutex_) = 0;
    bool open_ GUARDED_BY(out_mutex_) = false;
    std::string out_ GUARDED_BY(out_mutex_);  // what the chardev has not taken yet
    bool stopped_reading_ GUARDED_BY(out_mutex_) = false;
    bool serve_posted_ GUARDED_BY(out_mutex_) = false;
    uint64_t lost_events_ GUARDED_BY(out_mutex_) = 0;
};

}  // namespace vmm
