// The monitors together; see server.h.
#include "system/control/qmp/server.h"

#include "system/control/qmp/version.h"

namespace vmm {

MonitorServer::MonitorServer(EventLoop& main, const qapi::CommandTable& commands,
                             std::function<bool()> preconfig)
    : shared_{main, thread_, commands, qapi::to_value(version_info()), std::move(preconfig)},
      events_(main, [this](const qapi::Value& event) {
          for (const std::unique_ptr<Session>& session : sessions_)
              session->send_event(event);
      }) {}

// Nobody is called on the monitor thread once the sessions begin to go.
MonitorServer::~MonitorServer() {
    thread_.stop();
}

Status MonitorServer::add(Chardev& chardev, Session::Style style) {
    auto session = std::make_unique<Session>(shared_, chardev, style);
    TRY(session->start());
    sessions_.push_back(std::move(session));
    return {};
}

void MonitorServer::flush() {
    events_.flush();
    for (const std::unique_ptr<Session>& session : sessions_)
        session->drain();
}

}  // namespace vmm
