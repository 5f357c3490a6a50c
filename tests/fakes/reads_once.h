// ReadsOnce: while it lives, reads of guest memory by devices are counted; expect() fails the test when a
// byte of a range was read twice. What a release build does not count passes.
#pragma once

#include <gtest/gtest.h>

#include "system/memory/address_space.h"

namespace vmm {

class ReadsOnce {
  public:
    // The space outlives this.
    explicit ReadsOnce(AddressSpace& space) : space_(space) { space.reads.count_into(&count_); }
    ~ReadsOnce() { space_.reads.count_into(nullptr); }
    ReadsOnce(const ReadsOnce&) = delete;
    ReadsOnce& operator=(const ReadsOnce&) = delete;

    void expect(uint64_t address, uint64_t size, const char* what) const {
        const std::optional<GpaRange> range = GpaRange::make(Gpa(address), size);
        if (!range) return;
        EXPECT_LE(count_.most(*range), 1u)
            << what << " at 0x" << std::hex << address << ": a byte of the guest was read more than once";
    }
    // Whether something of the range was read at all: that the counting works.
    bool saw(uint64_t address, uint64_t size) const {
        return !kCountsReads || count_.most(*GpaRange::make(Gpa(address), size)) > 0;
    }

  private:
    AddressSpace& space_;
    ReadCount count_;
};

}  // namespace vmm
