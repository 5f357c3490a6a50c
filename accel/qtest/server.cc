// The stream of requests and answers, interrupt reports and the log; the requests themselves are in
// server_requests.cc. See server.h.
#include "accel/qtest/server.h"

#include <utility>

#include "util/text.h"

namespace vmm::qtest {

namespace {

constexpr size_t kMostLine = size_t{512} << 20;  // bytes: a write of 256 MiB in hexadecimal

}  // namespace

Server::Server(ServerWorld world, std::function<void(std::string_view)> send,
               std::function<void(std::string_view)> log)
    : world_(std::move(world)),
      send_(std::move(send)),
      log_(std::move(log)),
      memory_(world_.memory),
      ports_(world_.ports),
      started_ns_(monotonic_ns()) {}

Server::~Server() {
    end_watch();
}

void Server::log(char kind, std::string_view text) {
    if (!log_) return;
    const double seconds = static_cast<double>(monotonic_ns() - started_ns_) / 1e9;
    std::string line = strf("[%c %+f] ", kind, seconds);
    line += text;
    log_(line);
}

void Server::opened() {
    end_watch();
    input_.clear();
    started_ns_ = monotonic_ns();
    log('I', "OPENED");
}

void Server::closed() {
    end_watch();
    input_.clear();
    log('I', "CLOSED");
}

void Server::receive(std::span<const uint8_t> bytes) {
    size_t searched = input_.size();
    input_.append(bytes.begin(), bytes.end());
    size_t start = 0;
    for (size_t end; (end = input_.find('\n', searched)) != std::string::npos; start = searched = end + 1) {
        std::string_view line = std::string_view(input_).substr(start, end - start);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        log('R', line);
        std::string text = serve(line);
        flush_notes();
        answer(text);
    }
    input_.erase(0, start);
    if (input_.size() <= kMostLine) return;
    input_.clear();
    answer("FAIL the request is too long");
}

std::string Server::serve(std::string_view line) {
    const std::vector<std::string_view> words = split(line, ' ');
    if (words[0].empty()) return "FAIL an empty request";
    const Request* request = find_request(words[0]);
    if (request == nullptr) return strf("FAIL Unknown command '%s'", std::string(words[0]).c_str());
    const size_t arguments = words.size() - 1;
    if (arguments < request->least || arguments > request->most)
        return strf("FAIL %s takes %zu to %zu words", std::string(request->name).c_str(), request->least,
                    request->most);
    return (this->*request->serve)(words);
}

void Server::answer(const std::string& text) {
    log('S', text);
    send_(text + "\n");
}

// With locks of rank Irq held: it only takes a note. What happens outside of a request is sent by the loop.
void Server::note_pin(unsigned pin, bool level) {
    bool post = false;
    {
        Locked l(notes_mutex_);
        notes_ += strf("IRQ %s %u\n", level ? "raise" : "lower", pin);
        post = !std::exchange(posted_, true);
    }
    if (!post) return;
    world_.loop.post([this, alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired()) flush_notes();
    });
}

void Server::flush_notes() {
    std::string notes;
    {
        Locked l(notes_mutex_);
        posted_ = false;
        std::swap(notes, notes_);
    }
    if (!notes.empty()) send_(notes);
}

void Server::end_watch() {
    if (watched_ != nullptr) watched_->watch({});
    watched_ = nullptr;
    Locked l(notes_mutex_);
    notes_.clear();
}

}  // namespace vmm::qtest
