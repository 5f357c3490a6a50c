// Looking for work before a loop sleeps: whoever can tell by a few loads whether it has something to do (a
// ring in guest memory, completions in shared memory) is a Polled, and need not be told by a descriptor as
// long as the loop looks. How long it looks follows from what looking would have found lately: nothing when
// work comes rarely. EventLoop owns a LoopSpinner; all calls come on the loop's thread, or before it runs.
#pragma once

#include <glib.h>

#include <cstdint>
#include <vector>

namespace vmm {

// Called on the loop's thread with no lock held.
class Polled {
  public:
    Polled() = default;
    Polled(const Polled&) = delete;
    Polled& operator=(const Polled&) = delete;
    virtual ~Polled() = default;

    // Whether there is something to do.
    virtual bool look() = 0;
    // Does it. It is looked at no more until it asks again.
    virtual void act() = 0;
    // Nobody looks any more: work must be told by a descriptor. True: it came before that could be arranged.
    virtual bool rest() = 0;

  private:
    friend class LoopSpinner;
    bool looked_at_ = false;
};

// How long to look. Pure.
class SpinWindow {
  public:
    struct Config {
        uint64_t max_ns = 0;  // 0: never look
        uint64_t grow = 0;    // factor; 0: 2
        uint64_t shrink = 0;  // divisor; 0: down to nothing at once
    };
    explicit SpinWindow(const Config& config) : config_(config) {}

    uint64_t ns() const { return ns_; }
    // What was looked for came while it was.
    void hit() { vain_ = 0; }
    // It came too late, `after_ns` after there was nothing left to do: longer looking would have found it, or
    // not.
    void missed(int64_t after_ns);
    // Something else came instead.
    void vain();

  private:
    void shrink();

    Config config_;
    uint64_t ns_ = 0;
    unsigned vain_ = 0;  // windows in a row that found nothing
    unsigned rest_ = 0;  // misses that count for nothing: looking does not help here
};

class LoopSpinner {
  public:
    explicit LoopSpinner(GMainContext* context);
    ~LoopSpinner();
    LoopSpinner(const LoopSpinner&) = delete;
    LoopSpinner& operator=(const LoopSpinner&) = delete;

    void configure(const SpinWindow::Config& config);
    // Whether the loop looks at all before it sleeps.
    bool spins() const { return window_.ns() != 0; }
    void look_at(Polled& one);
    void forget(Polled& one);
    // A descriptor told of what looking would have found.
    void told();

    // For conversations by descriptor, where the next request follows the answer to the last: it was
    // answered, and descriptors are worth a look or two before the loop sleeps.
    void answered() { answered_ = true; }
    // The next request came.
    void asked();
    // Whether requests have come soon enough lately for the loop to look.
    bool in_conversation() const { return conversation_.ns() != 0; }

    // The calling thread runs this spinner's loop while it lives.
    class Running {
      public:
        explicit Running(LoopSpinner& spinner);
        ~Running();
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;

      private:
        LoopSpinner* const before_;
    };

  private:
    struct Source;
    static int poll_descriptors(GPollFD* descriptors, unsigned count, int timeout_ms);

    int wait(GPollFD* descriptors, unsigned count, int timeout_ms);
    Polled* look_around(unsigned times);
    Polled* spin();
    int spin_for_request(GPollFD* descriptors, unsigned count);
    bool rest_all();
    void act(Polled& one);
    void act_on_ready();
    void turn();
    bool alone_on_its_processor();

    static thread_local LoopSpinner* running_;

    SpinWindow window_;
    std::vector<Polled*> active_;
    GSource* source_;            // the context's as well
    bool found_ = false;         // dispatch has work
    bool spun_out_ = false;      // looked just now, in vain
    bool slept_ = false;         // before what is dispatched now
    bool was_told_ = false;      // since it slept
    bool spun_before_ = false;   // before it slept
    int64_t woke_after_ns_ = 0;  // of the last sleep, from when there was nothing to do
    bool processors_known_ = false, alone_ = false;

    SpinWindow conversation_;
    bool answered_ = false;         // since the last wait
    int64_t waiting_since_ns_ = 0;  // for the next request; 0: for none
};

}  // namespace vmm
