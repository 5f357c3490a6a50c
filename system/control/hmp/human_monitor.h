// HumanMonitor: the monitor for people on one chardev: prompt, line editing, output. It waits for a slow
// terminal before it reads the next line, so what it holds is bounded by one command's output. Main thread.
#pragma once

#include <string>

#include "backends/chardev/chardev.h"
#include "system/control/hmp/line_editor.h"
#include "system/control/hmp/table.h"

namespace vmm {

class HumanMonitor final : public CharClient {
  public:
    // Both are borrowed; `banner` is a line that a new user sees.
    HumanMonitor(const HmpTable& table, Chardev& chardev, std::string banner);
    ~HumanMonitor() override;
    HumanMonitor(const HumanMonitor&) = delete;
    HumanMonitor& operator=(const HumanMonitor&) = delete;
    Status start() { return chardev_.attach(*this); }

    size_t room() override { return out_.size() < kMostUnread && !busy_ ? 256 : 0; }
    void receive(std::span<const uint8_t> bytes) override;
    void char_event(CharEvent event) override;
    void writable() override;

  private:
    static constexpr size_t kMostUnread = 64u << 10;
    void print(std::string_view text);
    void flush();
    void run(const std::string& line);

    const HmpTable& table_;
    Chardev& chardev_;
    const std::string banner_;
    LineEditor editor_;
    std::string out_;
    size_t cpu_ = 0;
    bool busy_ = false;  // a command runs, and may run the loop
};

}  // namespace vmm
