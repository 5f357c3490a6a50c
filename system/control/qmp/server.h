// MonitorServer: all monitors of the process, the commands they run and the events they pass on. Main thread,
// except events().
#pragma once

#include <memory>
#include <vector>

#include "qapi/command_table.h"
#include "system/control/qmp/events.h"
#include "system/control/qmp/session.h"

namespace vmm {

class MonitorServer {
  public:
    // The table is filled before the first client is served; `preconfig` says whether only commands for that
    // state run.
    MonitorServer(EventLoop& main, const qapi::CommandTable& commands, std::function<bool()> preconfig);
    ~MonitorServer();

    // A QMP monitor on the chardev, which outlives the server.
    Status add(Chardev& chardev, Session::Style style);
    qapi::EventSink& events() { return events_; }
    // Events that go out before the answer of the command that made them. Main thread.
    void deliver_events() { events_.flush(); }
    // What has happened is on its way to the clients: before the process ends.
    void flush();

  private:
    MonitorThread thread_;
    MonitorShared shared_;
    EventQueue events_;
    std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace vmm
