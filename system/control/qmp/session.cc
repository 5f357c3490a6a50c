// The life of a QMP connection; see session.h.
#include "system/control/qmp/session.h"

#include <unistd.h>

#include <utility>

#include "qapi/commands_control.h"
#include "qapi/json_writer.h"
#include "util/log.h"

namespace vmm {

namespace {

constexpr size_t kReadAtOnce = 4096;  // of a chardev; less means that nothing more is there for now

std::string on_the_wire(const qapi::Value& value, Session::Style style) {
    if (style == Session::Style::Compact) return qapi::to_json(value) + "\r\n";
    std::string out;
    for (char c : qapi::to_pretty_json(value))
        out += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return out + "\r\n";
}

// Of a request that asks to be run out of band, right or wrong in other ways.
bool asks_for_oob(const Result<qapi::Value>& sent) {
    const qapi::Dict* dict = sent ? sent.value().if_dict() : nullptr;
    return dict != nullptr && dict->contains("exec-oob") && !dict->contains("execute");
}

}  // namespace

// What a handler may ask about its request.
class Session::Call final : public qapi::Caller {
  public:
    Call(Session& session, std::vector<Fd>& fds) : session_(session), fds_(fds) {}
    std::optional<Fd> take_fd() override {
        if (fds_.empty()) return std::nullopt;
        Fd first = std::move(fds_.front());
        fds_.erase(fds_.begin());
        return first;
    }
    Status negotiate(bool oob) override { return session_.negotiate(oob); }

  private:
    Session& session_;
    std::vector<Fd>& fds_;
};

Session::Session(MonitorShared& shared, Chardev& chardev, Style style)
    : shared_(shared), chardev_(chardev), style_(style) {}

Session::~Session() {
    chardev_.detach(*this);
}

void Session::char_event(CharEvent event) {
    if (event == CharEvent::Opened) {
        begin_connection(true);
        qapi::List capabilities;
        if (chardev_.can_move()) capabilities.push_back("oob");
        qapi::Dict greeting{{"version", shared_.version}, {"capabilities", std::move(capabilities)}};
        uint64_t connection = 0;
        {
            Locked lock(out_mutex_);
            connection = connection_;
        }
        send(qapi::Dict{{"QMP", std::move(greeting)}}, connection);
    } else if (event == CharEvent::Closed) {
        begin_connection(false);
    }
}

void Session::begin_connection(bool open) {
    stream_ = qapi::JsonStream(kLimits);
    fds_.clear();
    negotiated_ = oob_ = move_wanted_ = false;
    std::deque<Pending> dropped;  // their descriptors are closed after the unlock
    Locked lock(out_mutex_);
    ++connection_;
    open_ = open;
    dropped.swap(requests_);
    request_bytes_ = 0;
    out_.clear();
    stopped_reading_ = false;
    lost_events_ = 0;
}

bool Session::may_read() {
    return requests_.size() < kMostRequests && request_bytes_ < kMostRequestBytes &&
           out_.size() < kMostUnread;
}

size_t Session::room() {
    Locked lock(out_mutex_);
    stopped_reading_ = !may_read();
    return stopped_reading_ ? 0 : kReadAtOnce;
}

void Session::receive(std::span<const uint8_t> bytes) {
    receiving_ = true;
    while (std::optional<Fd> fd = chardev_.take_fd())
        fds_.push_back(std::move(*fd));
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const size_t before = stream_.buffered();
    std::vector<Result<qapi::Value>> sent = stream_.feed(text);
    if (bytes.size() < kReadAtOnce) stream_.end_of_burst();
    for (size_t i = 0; i < sent.size(); ++i) {
        // Descriptors belong to what ends the bytes they came with.
        Pending pending{std::move(sent[i]), {}, i == 0 ? before + bytes.size() : 0};
        if (i + 1 == sent.size()) pending.fds = std::exchange(fds_, {});
        accept(std::move(pending));
    }
    if (!sent.empty()) {
        if (shared_.main.on_loop_thread()) {
            shared_.main.spinner().asked();
            serve();
            shared_.main.spinner().answered();
        } else
            post_serve();
    }
    receiving_ = false;
    move_if_wanted();
}

void Session::accept(Pending pending) {
    bool oob = oob_ && asks_for_oob(pending.sent);
    {
        Locked lock(out_mutex_);
        pending.connection = connection_;
        if (!oob) {
            request_bytes_ += pending.bytes;
            requests_.push_back(std::move(pending));
        }
    }
    if (oob) answer(std::move(pending), true);
}

void Session::post_serve() {
    {
        Locked lock(out_mutex_);
        if (std::exchange(serve_posted_, true)) return;
    }
    shared_.main.post([this, alive = std::weak_ptr<int>(alive_)] {
        if (alive.expired()) return;
        {
            Locked lock(out_mutex_);
            serve_posted_ = false;
        }
        serve();
    });
}

std::optional<Session::Pending> Session::next() {
    Locked lock(out_mutex_);
    if (requests_.empty() || out_.size() >= kMostUnread) return std::nullopt;
    Pending first = std::move(requests_.front());
    requests_.pop_front();
    request_bytes_ -= first.bytes;
    return first;
}

// A handler may run the loop; what arrives meanwhile waits for it to return.
void Session::serve() {
    if (std::exchange(serving_, true)) return;
    while (std::optional<Pending> pending = next())
        answer(std::move(*pending), false);
    serving_ = false;
    bool read_on = false;
    {
        Locked lock(out_mutex_);
        read_on = stopped_reading_ && may_read();
        if (read_on) stopped_reading_ = false;
    }
    if (read_on) chardev_.accept_input();
    move_if_wanted();
}

void Session::answer(Pending pending, bool oob) {
    if (!pending.sent) return send(qapi::make_error_reply(pending.sent.error(), {}), pending.connection);
    std::optional<qapi::Value> id = qapi::request_id(*pending.sent);
    Result<qapi::Request> request = qapi::check_request(std::move(*pending.sent));
    if (!request) return send(qapi::make_error_reply(request.error(), std::move(id)), pending.connection);
    CHECK(request->oob == oob || !oob, "an in-band request ran out of band");
    Call call(*this, pending.fds);
    Result<qapi::Value> done = run(*request, call);
    if (!done) return send(qapi::make_error_reply(done.error(), std::move(id)), pending.connection);
    if (done->null()) return;
    send(qapi::make_reply(std::move(*done), std::move(id)), pending.connection);
}

Result<const qapi::CommandTable::Command*> Session::find(const qapi::Request& request) {
    if (request.oob && !oob_)
        return Error::make("out-of-band execution was not enabled when capabilities were negotiated");
    const bool negotiation = request.command == qapi::QmpCapabilitiesCommand::kInfo.name;
    if (!negotiated_ && !negotiation)
        return Error::of_class(ErrorClass::CommandNotFound, "the first command must be qmp_capabilities");
    if (negotiated_ && negotiation)
        return Error::of_class(ErrorClass::CommandNotFound, "capabilities have been negotiated already");
    const qapi::CommandTable::Command* command = shared_.commands.find(request.command);
    if (command == nullptr) return qapi::command_not_found(request.command);
    if (request.oob && !command->info.allow_oob)
        return Error::make("command '%s' cannot run out of band", request.command.c_str());
    if (!command->info.allow_preconfig && shared_.preconfig())
        return Error::make("command '%s' needs the machine, which is made by x-exit-preconfig",
                           request.command.c_str());
    return command;
}

Result<qapi::Value> Session::run(const qapi::Request& request, Call& call) {
    const qapi::CommandTable::Command* command = TRY(find(request));
    qapi::Value made = TRY(command->handle(request.arguments, call));
    // Null stands for no reply; no command answers null.
    return command->info.no_success_response ? qapi::Value() : std::move(made);
}

Status Session::negotiate(bool oob) {
    if (oob && !chardev_.can_move())
        return Error::make("Parameter 'enable': this connection has no out-of-band execution");
    if (oob) TRY(shared_.thread.start());
    negotiated_ = true;
    oob_ = move_wanted_ = oob;
    return {};
}

// The reply to qmp_capabilities has been sent; from here on the monitor thread reads.
void Session::move_if_wanted() {
    if (!move_wanted_ || receiving_ || serving_ || !shared_.main.on_loop_thread()) return;
    move_wanted_ = false;
    Result<EventLoop*> loop = shared_.thread.start();
    CHECK(loop, "the monitor thread ended");
    chardev_.move_to(**loop);
}

void Session::send_event(const qapi::Value& event) {
    uint64_t connection = 0;
    {
        Locked lock(out_mutex_);
        if (!open_ || !negotiated_) return;
        connection = connection_;
        if (out_.size() >= kMostUnreadEvents) {
            if (lost_events_++ == 0)
                log_warning("monitor on chardev '%s': its client does not read, events are lost",
                            chardev_.id().c_str());
            return;
        }
    }
    send(event, connection);
}

void Session::send(const qapi::Value& value, uint64_t connection) {
    std::string text = on_the_wire(value, style_);
    Locked lock(out_mutex_);
    if (!open_ || connection != connection_) return;
    if (out_.empty())
        out_ = std::move(text);
    else
        out_ += text;
    flush();
}

void Session::flush() {
    if (out_.empty()) return;
    const size_t taken = chardev_.write({reinterpret_cast<const uint8_t*>(out_.data()), out_.size()});
    if (taken == out_.size())
        out_.clear();
    else
        out_.erase(0, taken);
    if (out_.empty() && out_.capacity() > kMostUnreadEvents) out_.shrink_to_fit();
}

void Session::writable() {
    bool serve_on = false;
    bool read_on = false;
    {
        Locked lock(out_mutex_);
        flush();
        serve_on = !requests_.empty() && out_.size() < kMostUnread;
        read_on = !serve_on && stopped_reading_ && may_read();
        if (read_on) stopped_reading_ = false;
    }
    if (serve_on) post_serve();
    if (read_on) chardev_.accept_input();
}

void Session::drain() {
    constexpr int kTries = 20;
    for (int i = 0; i < kTries; ++i) {
        {
            Locked lock(out_mutex_);
            flush();
            if (out_.empty()) return;
        }
        ::usleep(5000);
    }
}

}  // namespace vmm
