// StorageEvents: takes what drives report on any thread to the main thread, where the machine is stopped and
// the monitors hear of it.
#pragma once

#include <functional>
#include <string>

#include "backends/block/handle.h"
#include "util/event_loop.h"

namespace vmm {

class StorageEvents final : public block::BlockEvents {
  public:
    struct Listener {
        // For OnError::Stop the machine stops with run state io-error; who asks why has been told by then.
        std::function<void(const block::IoErrorReport&)> io_error;
        std::function<void(const std::string& drive, const std::string& qom_path, bool open)> tray_moved;
        std::function<void(const block::ImageCorruption&)> image_corrupted;
        std::function<void(const block::ThresholdReport&)> write_threshold;
    };
    explicit StorageEvents(EventLoop& loop) : loop_(loop) {}

    // Main thread. Without one, reports are dropped.
    void set_listener(Listener listener) { listener_ = std::move(listener); }

    void io_error(const block::IoErrorReport& report) override {
        loop_.post([this, report] {
            if (listener_.io_error) listener_.io_error(report);
        });
    }
    void tray_moved(const std::string& drive, const std::string& qom_path, bool open) override {
        // A tray that a command moves has moved before the command is answered.
        const auto tell = [this, drive, qom_path, open] {
            if (listener_.tray_moved) listener_.tray_moved(drive, qom_path, open);
        };
        loop_.on_loop_thread() ? tell() : loop_.post(tell);
    }

    void image_corrupted(const block::ImageCorruption& found) override {
        loop_.post([this, found] {
            if (listener_.image_corrupted) listener_.image_corrupted(found);
        });
    }

    void write_threshold(const block::ThresholdReport& report) override {
        loop_.post([this, report] {
            if (listener_.write_threshold) listener_.write_threshold(report);
        });
    }

  private:
    EventLoop& loop_;
    Listener listener_;
};

}  // namespace vmm
