// A terminal and its commands; see human_monitor.h.
#include "system/control/hmp/human_monitor.h"

#include "util/text.h"

namespace vmm {

HumanMonitor::HumanMonitor(const HmpTable& table, Chardev& chardev, std::string banner)
    : table_(table),
      chardev_(chardev),
      banner_(std::move(banner)),
      editor_("(qemu) ", [this](std::string_view text) { return table_.complete(text); }) {}

HumanMonitor::~HumanMonitor() {
    chardev_.detach(*this);
}

void HumanMonitor::char_event(CharEvent event) {
    if (event == CharEvent::Opened) {
        out_.clear();
        editor_.clear();
        print(banner_ + "\n");
        out_ += editor_.show();
        flush();
    } else if (event == CharEvent::Closed) {
        out_.clear();
        editor_.clear();
    } else if (event == CharEvent::FocusIn) {
        out_ += editor_.show();
        flush();
    }
}

void HumanMonitor::receive(std::span<const uint8_t> bytes) {
    for (uint8_t byte : bytes) {
        std::optional<std::string> line = editor_.feed(byte, out_);
        if (line) run(*line);
    }
    flush();
}

void HumanMonitor::run(const std::string& line) {
    flush();
    busy_ = true;
    // "cpu N" is about the monitor itself.
    Result<HmpLine> parsed = parse_hmp_line(line);
    if (parsed && parsed->command == "cpu") {
        std::optional<uint64_t> number = parse_u64(parsed->word(0));
        if (number && *number <= UINT16_MAX)
            cpu_ = static_cast<size_t>(*number);
        else
            print("Error: cpu takes the number of a processor\n");
    } else {
        print(table_.run(line, cpu_));
    }
    busy_ = false;
    out_ += editor_.show();
}

void HumanMonitor::print(std::string_view text) {
    for (char c : text)
        out_ += c == '\n' ? std::string("\r\n") : std::string(1, c);
    flush();
}

void HumanMonitor::flush() {
    if (out_.empty()) return;
    out_.erase(0, chardev_.write({reinterpret_cast<const uint8_t*>(out_.data()), out_.size()}));
}

void HumanMonitor::writable() {
    const bool was_full = room() == 0;
    flush();
    if (was_full && room() > 0) chardev_.accept_input();
}

}  // namespace vmm
