// SMART: self-monitoring of a disk that never wears out: attributes and thresholds, empty error logs, and a
// log of the self-tests that were asked for, all of which succeeded. ATA8-ACS, 7.53. Pure but for its state;
// the disk guards it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace vmm::ata {

class Smart {
  public:
    using Page = std::array<uint8_t, 512>;

    enum SubCommand : uint8_t {
        kReadData = 0xd0,
        kReadThresholds = 0xd1,
        kAutosave = 0xd2,
        kSelfTest = 0xd4,
        kReadLog = 0xd5,
        kEnable = 0xd8,
        kDisable = 0xd9,
        kReturnStatus = 0xda,
    };

    bool enabled() const { return enabled_; }
    void enable(bool on) { enabled_ = on; }
    void set_autosave(bool on) { autosave_ = on; }
    // False: no such test.
    bool run_self_test(uint8_t kind);
    Page data() const;
    Page thresholds() const;
    // Log 0 is the directory; empty: no such log.
    std::optional<Page> log(uint8_t address) const;
    // The drive forgets nothing but what a host set.
    void reset() { enabled_ = autosave_ = true; }

  private:
    bool enabled_ = true;
    bool autosave_ = true;
    uint8_t last_test_status_ = 0;
    std::vector<uint8_t> tests_;  // kinds, the newest last; at most as many as the log holds
};

}  // namespace vmm::ata
