// Launches on the model of the kernel with one call failing: what came of it is one line or a launch as
// usual, and nothing stays open. Counts what was injected. Used by the tests of every technology. Header
// only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "tests/fakes/fake_kvm.h"

namespace vmm {

inline unsigned open_descriptors() {
    unsigned count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count;
}

// A Subject is made new for each launch; it has kernel() (a FakeKvm&), launch() and measurement().
template <typename Make>
class LaunchFaults {
  public:
    explicit LaunchFaults(Make make) : make_(std::move(make)) {
        const auto subject = make_();
        const Status launched = subject->launch();
        EXPECT_TRUE(launched) << launched.error().message();
        calls_ = subject->kernel().calls;
        measured_ = subject->measurement();
        EXPECT_FALSE(measured_.empty());
    }

    size_t calls() const { return calls_.size(); }
    unsigned count(unsigned long request) const {
        return static_cast<unsigned>(std::count(calls_.begin(), calls_.end(), request));
    }
    // Each call of this request (0: of any) fails with each of these; needle: what every error says.
    void each_call(unsigned long request, std::span<const int> errors, const std::string& needle) {
        const size_t number = request == 0 ? calls_.size() : count(request);
        ASSERT_GT(number, 0u);
        for (const int error : errors)
            for (unsigned nth = 1; nth <= number; ++nth)
                inject(request, error, nth, needle);
    }
    void print(const char* what) const {
        std::printf("%s: %u faults injected, %u launches refused, %u went on\n", what, refused_ + survived_,
                    refused_, survived_);
    }
    unsigned refused() const { return refused_; }
    unsigned survived() const { return survived_; }

  private:
    void inject(unsigned long request, int error, unsigned nth, const std::string& needle) {
        SCOPED_TRACE("call " + std::to_string(nth) + ": " + strerrorname_np(error));
        const unsigned before = open_descriptors();
        {
            const auto subject = make_();
            subject->kernel().fail(request, error, nth);
            const Status launched = subject->launch();
            EXPECT_FALSE(subject->kernel().failure_pending());
            if (launched) {
                ++survived_;
                EXPECT_EQ(subject->measurement(), measured_);
            } else {
                ++refused_;
                const std::string text = launched.error().message();
                EXPECT_FALSE(text.empty());
                EXPECT_EQ(text.find('\n'), std::string::npos) << text;
                EXPECT_NE(text.find(needle), std::string::npos) << text;
            }
        }
        EXPECT_EQ(open_descriptors(), before);
    }

    Make make_;
    std::vector<unsigned long> calls_;
    std::string measured_;
    unsigned refused_ = 0, survived_ = 0;
};

}  // namespace vmm
