// DumpService: dumps of the guest's memory, one at a time: dump-guest-memory and its queries. The guest
// stands still and is not let go while one is written; a detached one is written by a thread. Main thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "qapi/command_table.h"
#include "qapi/event_sink.h"
#include "qapi/types_dump.h"
#include "util/result.h"

namespace vmm {

class EventLoop;
class FdStore;
class HmpTable;
class MachineView;
class RunPolicy;

class DumpService {
  public:
    // All outlive the service.
    DumpService(EventLoop& loop, qapi::EventSink& events, MachineView& view, RunPolicy& policy, FdStore& fds);
    ~DumpService();

    void register_commands(qapi::CommandTable& table);
    // A dump that is under way ends here, and fails.
    void machine_gone();

  private:
    struct Job;
    Status dump(const qapi::DumpGuestMemoryArguments& asked);
    Status begin(const qapi::DumpGuestMemoryArguments& asked, bool ran);
    void finish();
    qapi::DumpQueryResult progress() const;

    EventLoop& loop_;
    qapi::EventSink& events_;
    MachineView& view_;
    RunPolicy& policy_;
    FdStore& fds_;
    std::unique_ptr<Job> job_;
    qapi::DumpQueryResult last_{.status = qapi::DumpStatus::None, .completed = 0, .total = 0};
};

void register_hmp_dump_commands(HmpTable& table);

}  // namespace vmm
