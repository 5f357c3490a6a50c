// The phases of start-up; see virtual_machine.h.
#include "system/control/startup/virtual_machine.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "backends/chardev/chardev_set.h"
#include "backends/memory/backend.h"
#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "qapi/commands_block_core.h"
#include "qapi/commands_qdev.h"
#include "system/clock/loop_clock.h"
#include "system/clock/manual_clock.h"
#include "system/control/cli/numa_options.h"
#include "system/control/startup/accelerator_host.h"
#include "system/control/startup/auto_protection.h"
#include "system/control/startup/back_ends.h"
#include "system/control/startup/bare_machine.h"
#include "system/control/startup/confidential_guests.h"
#include "system/control/startup/control_plane.h"
#include "system/control/startup/conversion_summary.h"
#include "system/control/startup/launch_plan.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/networks.h"
#include "system/control/startup/object_store.h"
#include "system/control/startup/planned_configuration.h"
#include "system/control/startup/process.h"
#include "system/control/startup/qtest_server.h"
#include "system/control/startup/query_commands.h"
#include "system/control/startup/report_events.h"
#include "system/control/startup/signals.h"
#include "system/control/startup/storage.h"
#include "system/memory/conversion.h"
#include "system/run/loop_requests.h"
#include "system/run/run_control.h"
#include "target/i386/confidential/guest.h"
#include "target/i386/x86_accelerator.h"
#include "util/event_loop.h"
#include "util/log.h"
#include "util/size_text.h"

namespace vmm {

namespace {

// The virtual clock stands still while the guest does.
class ClockListener final : public RunListener {
  public:
    explicit ClockListener(VmClock& clock) : clock_(clock) {}
    void run_changed(bool running, RunState) override {
        if (running) {
            clock_.start();
        } else {
            clock_.stop();
        }
    }

  private:
    VmClock& clock_;
};

class VirtualMachine final : public MachineView, private DeviceListener, private VmRebuild {
  public:
    VirtualMachine(const Configuration& configuration, const HostKernel& kernel)
        : kernel_(kernel), configuration_(configuration) {}
    ~VirtualMachine() override {
        control_.machine_gone();
        if (storage_) storage_->job_reports().set_sink(nullptr);  // the monitors end before the drives
    }

    Status make_objects();
    Result<int> run(ProcessSetup& process);

    // MachineView
    const Configuration& configuration() const override { return configuration_; }
    ChardevSet& chardevs() override { return chardevs_; }
    const std::vector<std::unique_ptr<MemoryBackend>>& memory_backends() const override { return backends_; }
    const std::vector<std::unique_ptr<IoThread>>& iothreads() const override { return storage_->iothreads(); }
    Storage& storage() override { return *storage_; }
    const std::vector<std::unique_ptr<Rng>>& rngs() const override { return rngs_; }
    const std::vector<std::unique_ptr<Secret>>& secrets() const override { return secrets_; }
    Result<const HostCpu*> host_cpu() override;
    Networks& networks() override { return networks_; }
    Q35Board* board() override { return board_.get(); }
    ConfidentialGuest* confidential() override { return confidential_.get(); }
    Status add_object(const qapi::ObjectOptions& options) override {
        return ObjectStore::add(object_parts(), options);
    }
    Status add_numa(const qapi::NumaOptions& options) override;
    Status delete_object(const std::string& id) override { return ObjectStore::remove(object_parts(), id); }

  private:
    void device_deleted(const DeviceNode& node) override;
    void unplug_failed(const DeviceNode& node) override;
    void slot_reported(const SlotReport& report) override { tell_slot_report(control_.events(), report); }
    // VmRebuild
    Status before_reset() override;
    Status after_reset() override { return board_->launch_again(); }
    // The phases after the objects, in order.
    Status open_accelerator();
    Status plan();
    Status make_memory();
    Status make_machine();
    Status start_qtest_server();
    // All of them: the machine is there, and runs unless it is to wait.
    Status make_all();
    Status apply_numa();
    Status start();
    bool is_bare() const { return configuration_.machine.type == kNoMachine; }
    // The clock of -accel qtest is its client's.
    bool client_moves_clock() const { return accelerator_->kind() == AccelKind::Qtest; }
    Clock& virtual_clock() {
        return client_moves_clock() ? static_cast<Clock&>(client_clock_) : virtual_clock_;
    }
    Status make_board();
    Result<std::vector<RamBlock*>> machine_ram();
    MemoryBackend* find_backend(const std::string& id);
    ObjectStore::Parts object_parts();
    void watch_storage();

    const HostKernel kernel_;
    Configuration configuration_;  // set-numa-node changes it before the machine is made
    // In the order of making; members die in reverse, so what is used outlives its users.
    EventLoop loop_;
    LoopRequests requests_{loop_};
    VmClock virtual_clock_{loop_};
    ManualClock client_clock_{loop_};
    HostClock host_clock_{loop_};
    ClockListener clock_listener_{virtual_clock_};
    std::unique_ptr<SignalWatch> signals_;
    FdStore descriptors_;
    ChardevSet chardevs_{loop_, descriptors_, [this] { requests_.request_shutdown(ShutdownCause::HostUi); }};
    std::unique_ptr<Storage> storage_;
    std::vector<std::unique_ptr<Rng>> rngs_;
    std::vector<std::unique_ptr<Secret>> secrets_;
    Networks networks_{loop_, chardevs_};
    std::optional<ReportEvents> reports_;
    std::optional<ProcessBackEnds> back_ends_;
    std::unique_ptr<ConfidentialGuest> confidential_;  // monitors' threads ask how far its launch is
    ControlPlane control_{loop_, requests_, configuration_, chardevs_, descriptors_, *this, kernel_.door};
    LaunchHost launch_{kernel_};
    std::unique_ptr<AcceleratorHost> accelerator_;
    std::optional<HostCpu> host_cpu_;  // once somebody asked
    std::vector<std::unique_ptr<MemoryBackend>> backends_;
    std::vector<std::unique_ptr<MemoryBackend>> retired_backends_;
    RamContext ram_context_;
    Q35Files files_;
    std::unique_ptr<Q35Board> board_;
    std::unique_ptr<BareMachine> bare_;  // the machine "none", or what is there before the board
    std::unique_ptr<QtestServer> qtest_;
    std::unique_ptr<LaunchFinisher> finisher_;
    std::unique_ptr<RunControl> run_;
    std::optional<Error> late_error_;  // of a machine that was made after -preconfig
};

Status VirtualMachine::make_objects() {
    signals_ = TRY(SignalWatch::create(loop_, requests_));
    TRY(keep_inherited(configuration_.process.inherited_fds, descriptors_));
    for (const SecretConfig& config : configuration_.secrets)
        secrets_.push_back(TRY(Secret::create(config)));
    for (const MemoryBackendConfig& config : configuration_.memory_backends)
        backends_.push_back(TRY(MemoryBackend::create(config)));
    if (configuration_.confidential_auto) TRY(take_auto_protection(configuration_, kernel_.door));
    if (configuration_.confidential) {
        confidential_ = TRY(make_confidential_guest(*configuration_.confidential, loop_));
        ram_context_.private_memory = confidential_->requirements().private_memory;
        ram_context_.initial = confidential_->requirements().initial_visibility;
    }
    ram_context_.mem_merge = configuration_.mem_merge;
    ram_context_.dump_guest_core = configuration_.dump_guest_core;
    for (const std::unique_ptr<MemoryBackend>& backend : backends_)
        TRY(backend->check(ram_context_));
    if (!is_bare()) files_ = TRY(Q35Board::open_files(configuration_.machine.boot));
    for (const ChardevOptions& options : configuration_.chardevs)
        (void)TRY(chardevs_.add(options));
    storage_ = TRY(Storage::create(loop_, &descriptors_));
    TRY(storage_->open(configuration_.storage));
    for (const RngSourceConfig& config : configuration_.rngs)
        rngs_.push_back(TRY(ObjectStore::make_rng(loop_, config)));
    networks_.set_events(control_.events());
    networks_.set_filter_watcher(
        [this](const net::Client& client) { tell_filter_changed(*this, control_.events(), client); });
    for (const net::NetdevConfig& netdev : configuration_.netdevs)
        TRY(networks_.add(netdev));
    reports_.emplace(control_.events(), configuration_.machine.memory.size);
    back_ends_.emplace(chardevs_, *storage_, rngs_, networks_, *reports_);
    back_ends_->set_memory(backends_);
    watch_storage();
    if (confidential_ != nullptr) watch_launch(*confidential_, control_.events());
    return control_.open_monitors();
}

// Drives that fail stop the machine, and try again when it runs.
void VirtualMachine::watch_storage() {
    storage_->job_reports().set_sink(&control_.events());
    tell_storage_events(
        *storage_, control_.events(), [this] { control_.policy().io_error(); },
        [this] { control_.deliver_events(); });
}

// What a launch would do, in place of a guest that runs.
Status VirtualMachine::plan() {
    TRY(make_all());
    TRY(confidential_->finish());
    return launch_.planner()->write(configuration_, *confidential_);
}

Status VirtualMachine::open_accelerator() {
    if (is_bare()) {
        accelerator_ = TRY(AcceleratorHost::open(kernel_, configuration_.accels, nullptr));
        return {};
    }
    VmRequirements needs = TRY(Q35Board::vm_requirements(configuration_.machine, confidential_.get()));
    for (const std::unique_ptr<MemoryBackend>& backend : backends_)
        needs.mappable_guest_memfd |= backend->is_guest_memfd();
    accelerator_ = TRY(launch_.open_accelerator(configuration_, confidential_.get(), needs));
    if (confidential_ != nullptr && files_.igvm) TRY(take_igvm(*confidential_, *files_.igvm));
    if (confidential_ != nullptr && accelerator_->vm() != nullptr)
        TRY(start_launch(*confidential_, *accelerator_->vm()));
    if (accelerator_->gmem_factory() != nullptr) return {};
    if (confidential_ != nullptr)
        return Error::make("-accel qtest has no private memory, which %s needs", confidential_->id().c_str());
    for (const std::unique_ptr<MemoryBackend>& backend : backends_)
        if (backend->is_guest_memfd())
            return Error::make("-accel qtest has no guest_memfd, which memory backend '%s' is",
                               backend->id().c_str());
    return {};
}

Status VirtualMachine::make_memory() {
    for (const std::unique_ptr<MemoryBackend>& backend : backends_)
        TRY(backend->allocate(ram_context_, accelerator_->gmem_factory()));
    return {};
}

MemoryBackend* VirtualMachine::find_backend(const std::string& id) {
    for (const std::unique_ptr<MemoryBackend>& backend : backends_) {
        if (backend->id() == id) return backend.get();
    }
    return nullptr;
}

Result<std::vector<RamBlock*>> VirtualMachine::machine_ram() {
    const MemoryConfig& memory = configuration_.machine.memory;
    std::vector<std::string> ids;
    for (const NumaNodeConfig& node : memory.nodes) {
        if (!node.memory_backend.empty()) ids.push_back(node.memory_backend);
    }
    if (ids.empty()) ids.push_back(memory.backend);
    std::vector<RamBlock*> blocks;
    uint64_t total = 0;
    for (const std::string& id : ids) {
        MemoryBackend* backend = find_backend(id);
        CHECK(backend != nullptr, "the command line named no memory backend '%s'", id.c_str());
        blocks.push_back(&backend->ram());
        total += backend->ram().size();
    }
    if (total != memory.size) {
        return Error::make("the memory backends have %llu bytes, -m says %llu",
                           static_cast<unsigned long long>(total),
                           static_cast<unsigned long long>(memory.size));
    }
    return blocks;
}

Status VirtualMachine::make_board() {
    Q35Parts parts{.loop = loop_,
                   .requests = requests_,
                   .virtual_clock = virtual_clock(),
                   .host_clock = host_clock_,
                   .ram = TRY(machine_ram()),
                   .watch_pins = configuration_.qtest_chardev.has_value(),
                   .confidential = confidential_.get(),
                   .gmem = accelerator_->gmem_factory(),
                   .back_ends = *back_ends_};
    board_ = TRY(
        Q35Board::create(configuration_.machine, parts, accelerator_->make_x86(loop_), std::move(files_)));
    watch_conversions(board_->guest_conversions(), control_.events());
    return {};
}

Status VirtualMachine::make_machine() {
    if (is_bare()) {
        if (bare_ == nullptr) bare_ = std::make_unique<BareMachine>();
        run_ = std::make_unique<RunControl>(bare_->vcpus, bare_->resets);
    } else {
        TRY(make_board());
        run_ = std::make_unique<RunControl>(board_->vcpus(), board_->resets());
    }
    if (confidential_ != nullptr) {
        finisher_ = std::make_unique<LaunchFinisher>(*confidential_, requests_, launch_.guard());
        run_->add_listener(*finisher_);
    }
    const bool protected_for_life = confidential_ != nullptr && confidential_->requirements().cannot_reset;
    if (protected_for_life || configuration_.machine.new_vm_on_reset) run_->set_rebuild(this);
    for (RunListener* listener :
         std::initializer_list<RunListener*>{&clock_listener_, &*storage_, &networks_})
        run_->add_listener(*listener);
    MachineHandles handles{.run = run_.get(), .press_power_button = {}, .inject_nmi = {}, .prepare_wake = {}};
    if (board_ != nullptr) handles.press_power_button = [this] { board_->press_power_button(); };
    if (board_ != nullptr) handles.inject_nmi = [this] { return board_->vcpus().inject_nmis(); };
    if (board_ != nullptr && board_->can_sleep()) handles.prepare_wake = [this] { board_->prepare_wake(); };
    control_.policy().machine_made(std::move(handles));
    control_.set_kvm(accelerator_->kind() == AccelKind::Kvm);
    return {};
}

Status VirtualMachine::add_numa(const qapi::NumaOptions& options) {
    if (!control_.policy().preconfig() && run_ != nullptr)
        return Error::make("NUMA nodes are set before the machine is made")
            .with_hint("start with -preconfig");
    std::vector<qapi::NumaOptions> all = configuration_.numa;
    all.push_back(options);
    MemoryConfig memory = cli::without_nodes(configuration_.machine.memory);
    TRY(cli::finish_numa(all, configuration_.machine.smp, memory, cli::NumaSoFar::Part));
    configuration_.numa = std::move(all);
    return {};
}

// What set-numa-node said, together with -numa.
Status VirtualMachine::apply_numa() {
    MachineConfig& machine = configuration_.machine;
    MemoryConfig memory = cli::without_nodes(machine.memory);
    TRY(cli::finish_numa(configuration_.numa, machine.smp, memory, cli::NumaSoFar::All));
    uint64_t sum = 0;
    for (const NumaNodeConfig& node : memory.nodes) {
        if (node.memory_backend.empty()) continue;
        const MemoryBackend* backend = find_backend(node.memory_backend);
        if (backend == nullptr)
            return Error::make("there is no memory backend '%s'", node.memory_backend.c_str());
        sum += backend->size();
    }
    // With nodes on the command line: their sum, or -m.
    if (sum != 0 && machine.memory.backend.empty() && sum < machine.memory.size)
        return Error::make("the nodes of -numa and set-numa-node have %s together, less than -m %s",
                           size_text(sum).c_str(), size_text(machine.memory.size).c_str());
    if (sum != 0) {
        // The RAM that the machine would have had without nodes goes.
        std::erase_if(backends_, [&](const auto& backend) { return backend->id() == memory.backend; });
        memory.backend.clear();
        memory.size = sum;
    } else if (!memory.nodes.empty()) {
        memory.nodes[0].memory_backend = memory.backend;
    }
    machine.memory = std::move(memory);
    return {};
}

Result<const HostCpu*> VirtualMachine::host_cpu() {
    if (accelerator_ == nullptr) return Error::make("there is no accelerator yet");
    if (!host_cpu_) host_cpu_ = TRY(accelerator_->host_cpu());
    return &*host_cpu_;
}

Status VirtualMachine::before_reset() {
    if (finisher_ != nullptr) finisher_->start_over();
    return board_->rebuild();
}

Status VirtualMachine::make_all() {
    TRY(open_accelerator());
    TRY(make_memory());
    TRY(make_machine());
    if (board_ != nullptr) {
        board_->devices().set_running();
        board_->devices().set_listener(this);
    }
    return start_qtest_server();
}

ObjectStore::Parts VirtualMachine::object_parts() {
    const bool made = accelerator_ != nullptr;
    return {.configuration = configuration_,
            .backends = backends_,
            .retired = retired_backends_,
            .storage = *storage_,
            .rngs = rngs_,
            .secrets = secrets_,
            .loop = loop_,
            .ram = ram_context_,
            .factory = made ? accelerator_->gmem_factory() : nullptr,
            .allocate = made,
            .devices = board_ != nullptr ? &board_->devices() : nullptr};
}

void VirtualMachine::device_deleted(const DeviceNode& node) {
    storage_->device_gone(node.text("drive"));
    qapi::DeviceDeletedEventData data{.device = {}, .path = node.path};
    if (!node.request.id.empty()) data.device = node.request.id;
    qapi::emit<qapi::DeviceDeletedEvent>(control_.events(), data);
}

void VirtualMachine::unplug_failed(const DeviceNode& node) {
    qapi::DeviceUnplugGuestErrorEventData data{.device = {}, .path = node.path};
    if (!node.request.id.empty()) data.device = node.request.id;
    qapi::emit<qapi::DeviceUnplugGuestErrorEvent>(control_.events(), data);
}

Status VirtualMachine::start() {
    if (!configuration_.start_paused) TRY(control_.policy().start());
    for (const std::unique_ptr<MemoryBackend>& backend : backends_)
        backend->keep_file();
    return {};
}

Status VirtualMachine::start_qtest_server() {
    if (!configuration_.qtest_chardev) return {};
    Chardev* chardev = chardevs_.find(*configuration_.qtest_chardev);
    CHECK(chardev != nullptr, "the command line made no chardev for -qtest");
    // Until there is a machine (-preconfig) the client finds nothing.
    if (board_ == nullptr && bare_ == nullptr) bare_ = std::make_unique<BareMachine>();
    qtest::ServerWorld world{.loop = loop_,
                             .memory = board_ != nullptr ? board_->memory() : bare_->memory,
                             .ports = board_ != nullptr ? board_->ports() : bare_->ports};
    if (accelerator_ != nullptr) {
        if (client_moves_clock()) world.clock = &client_clock_;
        world.io_events = accelerator_->io_events();
    }
    qtest_.reset();
    if (board_ != nullptr)
        world.pins = [this](std::string_view path, qtest::PinSide side) {
            return side == qtest::PinSide::In ? board_->watched_pins(path) : nullptr;
        };
    Result<std::unique_ptr<QtestServer>> server =
        QtestServer::create(*chardev, world, configuration_.qtest_log);
    if (!server) return std::move(server).take_error().while_doing("-qtest");
    qtest_ = std::move(*server);
    return {};
}

Result<int> VirtualMachine::run(ProcessSetup& process) {
    if (configuration_.preconfig) {
        control_.policy().set_preconfig([this]() -> Status {
            Status made = apply_numa();
            if (made) made = make_all();
            if (made) return start();
            // Half a machine is of no use to anybody.
            late_error_ = Error::make("%s", made.error().message().c_str());
            requests_.request_exit(1);
            return made;
        });
        TRY(start_qtest_server());
        TRY(process.ready());
    } else {
        if (configuration_.launch_plan) {
            TRY(plan());
            return 0;
        }
        Status made = make_all();
        if (!made) return launch_.explain(std::move(made).take_error());
        TRY(process.ready());
        TRY(start());
    }
    loop_.spinner().configure(IoThreadConfig().poll);
    loop_.run();
    if (late_error_) return std::move(*late_error_);
    if (run_ != nullptr) run_->stop(RunState::Shutdown);
    control_.flush();
    if (board_ != nullptr && board_->conversions() != nullptr) trace_summary(*board_->conversions());
    return control_.policy().exit_status();
}

// Said while the machine still stands: who sees its sockets close finds the reason in the log.
int failed(const Error& error, const Callers& callers) {
    log_error("%s", error.message().c_str());
    callers.await(kLastKnock);
    return 1;
}

}  // namespace

int run_virtual_machine(const Configuration& given, const Callers& callers, const HostKernel& kernel) {
    const Configuration configuration = given.launch_plan ? planned_configuration(given) : given;
    Result<ProcessSetup> process = ProcessSetup::enter(configuration.process, configuration.machine.name);
    if (!process) return failed(process.error(), callers);
    VirtualMachine machine(configuration, kernel);
    if (Status made = machine.make_objects(); !made) return failed(made.error(), callers);
    Result<int> status = machine.run(*process);
    return status ? *status : failed(status.error(), callers);
}

}  // namespace vmm
