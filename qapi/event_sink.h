// EventSink: where asynchronous events go. What happens to devices, block jobs and the machine is told here,
// under the schema's types; the monitors (system/control/qmp) listen. Thread-safe: takes leaf locks only, so
// it may be called from a device's entry point.
//
//     qapi::emit<qapi::ShutdownEvent>(sink, {.guest = true, .reason = qapi::ShutdownCause::GuestReset});
#pragma once

#include <type_traits>

#include "qapi/command_info.h"
#include "qapi/convert.h"

namespace vmm::qapi {

class EventSink {
  public:
    virtual ~EventSink() = default;
    // `data` is empty for events without.
    virtual void emit(std::string_view name, Dict data) = 0;
};

template <typename E>
void emit(EventSink& sink, const typename E::Data& data = {}) {
    if constexpr (std::is_same_v<typename E::Data, NoArguments>) {
        sink.emit(E::kName, {});
    } else {
        Value value = to_value(data);
        sink.emit(E::kName, std::move(*value.if_dict()));
    }
}

}  // namespace vmm::qapi
