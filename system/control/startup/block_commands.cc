// Commands about drives and block nodes; see query_commands.h.
#include "backends/block/options/commands.h"
#include "backends/block/options/graph_commands.h"
#include "qapi/commands_block_core.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "system/control/startup/storage.h"

namespace vmm {

namespace {

using Drive = block::BlockHandle;

void register_queries(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::QueryBlockCommand>(
        [&view] { return Result<std::vector<qapi::BlockInfo>>(block::query_block(view.storage().graph())); });
    table.add<qapi::QueryNamedBlockNodesCommand>([&view](const qapi::QueryNamedBlockNodesArguments& given) {
        return Result<std::vector<qapi::BlockDeviceInfo>>(
            block::query_named_block_nodes(view.storage().graph(), given.flat.value_or(false)));
    });
    table.add<qapi::QueryBlockstatsCommand>([&view](const qapi::QueryBlockstatsArguments& given) {
        return Result<std::vector<qapi::BlockStats>>(
            block::query_blockstats(view.storage().graph(), given.query_nodes.value_or(false)));
    });
}

void register_nodes(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::BlockdevAddCommand>([&view](const qapi::BlockdevOptions& options) -> Status {
        (void)TRY(block::add_blockdev(view.storage().env(), options));
        return {};
    });
    table.add<qapi::BlockdevReopenCommand>([&view](const qapi::BlockdevReopenArguments& given) {
        return block::reopen_blockdevs(view.storage().env(), given.options);
    });
    table.add<qapi::BlockdevDelCommand>([&view](const qapi::BlockdevDelArguments& given) {
        return view.storage().graph().remove(given.node_name);
    });
    table.add<qapi::BlockResizeCommand>([&view](const qapi::BlockResizeArguments& given) {
        return block::resize(view.storage().graph(), given);
    });
    table.add<qapi::BlockSetWriteThresholdCommand>(
        [&view](const qapi::BlockSetWriteThresholdArguments& given) {
            return block::set_write_threshold(view.storage().graph(), given);
        });
    table.add<qapi::BlockSetIoThrottleCommand>(
        [&view](const qapi::BlockSetIoThrottleArguments& given) -> Status {
            Drive* drive = TRY(block::find_drive(view.storage().graph(), given.device, given.id));
            return block::set_throttle(view.storage().env(), *drive, given);
        });
}

void register_media(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::EjectCommand>([&view](const qapi::EjectArguments& given) -> Status {
        Drive* drive = TRY(block::find_drive(view.storage().graph(), given.device, given.id));
        return block::eject(*drive, given.force.value_or(false));
    });
    table.add<qapi::BlockdevOpenTrayCommand>([&view](const qapi::BlockdevOpenTrayArguments& given) -> Status {
        Drive* drive = TRY(block::find_drive(view.storage().graph(), given.device, given.id));
        return block::open_tray(*drive, given.force.value_or(false));
    });
    table.add<qapi::BlockdevCloseTrayCommand>(
        [&view](const qapi::BlockdevCloseTrayArguments& given) -> Status {
            Drive* drive = TRY(block::find_drive(view.storage().graph(), given.device, given.id));
            return block::close_tray(*drive);
        });
    table.add<qapi::BlockdevRemoveMediumCommand>(
        [&view](const qapi::BlockdevRemoveMediumArguments& given) -> Status {
            Drive* drive = TRY(block::find_drive(view.storage().graph(), std::nullopt, given.id));
            return block::remove_medium(*drive);
        });
    table.add<qapi::BlockdevInsertMediumCommand>(
        [&view](const qapi::BlockdevInsertMediumArguments& given) -> Status {
            Drive* drive = TRY(block::find_drive(view.storage().graph(), std::nullopt, given.id));
            return block::insert_medium(view.storage().graph(), *drive, given.node_name);
        });
    table.add<qapi::BlockdevChangeMediumCommand>(
        [&view](const qapi::BlockdevChangeMediumArguments& given) -> Status {
            Drive* drive = TRY(block::find_drive(view.storage().graph(), given.device, given.id));
            return block::change_medium(view.storage().env(), *drive, given);
        });
}

}  // namespace

void register_block_commands(qapi::CommandTable& table, MachineView& view) {
    register_queries(table, view);
    register_nodes(table, view);
    register_media(table, view);
}

namespace {

void tell_io_error(qapi::EventSink& events, const block::IoErrorReport& report) {
    qapi::BlockIoErrorEventData data{};
    data.qom_path = report.qom_path;
    data.device = report.device;
    if (!report.node_name.empty()) data.node_name = report.node_name;
    data.operation = report.is_read ? qapi::IoOperationType::Read : qapi::IoOperationType::Write;
    data.action = report.action == block::OnError::Stop     ? qapi::BlockErrorAction::Stop
                  : report.action == block::OnError::Ignore ? qapi::BlockErrorAction::Ignore
                                                            : qapi::BlockErrorAction::Report;
    data.nospace = report.no_space;
    data.reason = report.reason;
    qapi::emit<qapi::BlockIoErrorEvent>(events, data);
}

void tell_corruption(qapi::EventSink& events, const block::BlockGraph& graph,
                     const block::ImageCorruption& found) {
    qapi::BlockImageCorruptedEventData data{};
    for (const auto& drive : graph.drives())
        if (drive->loaded() && drive->node()->name() == found.node_name) data.device = drive->id();
    data.node_name = found.node_name;
    data.msg = found.what;
    data.fatal = found.fatal;
    qapi::emit<qapi::BlockImageCorruptedEvent>(events, data);
}

}  // namespace

void tell_storage_events(Storage& storage, qapi::EventSink& events, std::function<void()> stop,
                         std::function<void()> deliver) {
    StorageEvents::Listener listener;
    listener.io_error = [&events, stop = std::move(stop)](const block::IoErrorReport& report) {
        tell_io_error(events, report);
        if (report.action == block::OnError::Stop) stop();
    };
    listener.tray_moved = [&events, deliver = std::move(deliver)](const std::string& drive,
                                                                  const std::string& id, bool open) {
        qapi::emit<qapi::DeviceTrayMovedEvent>(events, {.device = drive, .id = id, .tray_open = open});
        // Before the answer, where a command moved it.
        deliver();
    };
    listener.image_corrupted = [&events, &storage](const block::ImageCorruption& found) {
        tell_corruption(events, storage.graph(), found);
    };
    listener.write_threshold = [&events](const block::ThresholdReport& report) {
        qapi::emit<qapi::BlockWriteThresholdEvent>(events, {.node_name = report.node_name,
                                                            .amount_exceeded = report.exceeded,
                                                            .write_threshold = report.threshold});
    };
    storage.events().set_listener(std::move(listener));
}

}  // namespace vmm
