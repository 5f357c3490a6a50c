// JobReports: what block jobs tell, as events of the monitors. Main thread.
#pragma once

#include "backends/block/jobs/job.h"
#include "qapi/event_sink.h"

namespace vmm {

class JobReports final : public block::JobEvents {
  public:
    // Before it is set nothing is told; null ends it.
    void set_sink(qapi::EventSink* sink) { sink_ = sink; }

    void status_changed(const block::LongJob& job) override;
    void ready(const block::LongJob& job) override;
    void pending(const block::LongJob& job) override;
    void ended(const block::LongJob& job, bool cancelled) override;
    void failed(const block::LongJob& job, bool read, block::OnError action) override;

  private:
    qapi::EventSink* sink_ = nullptr;
};

}  // namespace vmm
