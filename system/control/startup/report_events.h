// ReportEvents: what devices report, as events of the monitors. Any thread. Header only.
#pragma once

#include <algorithm>

#include "hw/core/device_reports.h"
#include "qapi/commands_chardev.h"
#include "qapi/commands_machine_info.h"
#include "qapi/event_sink.h"

namespace vmm {

class ReportEvents final : public DeviceReports {
  public:
    // The sink outlives this.
    ReportEvents(qapi::EventSink& events, uint64_t ram_bytes) : events_(events), ram_bytes_(ram_bytes) {}

    void balloon_changed(uint64_t given_back) override {
        const uint64_t left = ram_bytes_ - std::min(given_back, ram_bytes_);
        qapi::emit<qapi::BalloonChangeEvent>(events_, {.actual = static_cast<int64_t>(left)});
    }
    void port_opened(const std::string& id, bool open) override {
        qapi::emit<qapi::VserportChangeEvent>(events_, {.id = id, .open = open});
    }

  private:
    qapi::EventSink& events_;
    const uint64_t ram_bytes_;
};

}  // namespace vmm
