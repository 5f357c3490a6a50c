// The phases of start-up; see virtual_machine.h.
#include "system/control/startup/virtual_machine.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "accel/kvm/kvm.h"
#include "accel/kvm/vm.h"
#include "backends/chardev/chardev_set.h"
#include "backends/memory/backend.h"
#include "hw/i386/q35_board.h"
#include "system/clock/loop_clock.h"
#include "system/control/startup/back_ends.h"
#include "system/control/startup/control_plane.h"
#include "system/control/startup/process.h"
#include "system/control/startup/signals.h"
#include "system/control/startup/trace.h"
#include "system/memory/conversion.h"
#include "system/run/loop_requests.h"
#include "system/run/run_control.h"
#include "target/i386/confidential/sw_protected_vm.h"
#include "util/event_loop.h"
#include "util/log.h"

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

int64_t known_or_minus_one(std::optional<uint64_t> bytes) {
    return bytes ? static_cast<int64_t>(*bytes) : -1;
}

// What conversions did to the memory of a machine that has come to its end.
void trace_summary(const ConversionEngine& engine) {
    const ConversionCounters done = engine.stats().counters();
    trace_machine_conversion_summary(done.to_private, done.to_shared, done.unchanged, done.refused,
                                     done.failed + done.inconsistent, done.bytes_to_private,
                                     done.bytes_to_shared, done.duration_ns, done.calls.discarded_bytes);
    // Looking at all of host memory takes its time.
    if (!trace_event_machine_memory_summary.enabled.load()) return;
    trace_machine_memory_summary(engine.bytes(Visibility::Shared), engine.bytes(Visibility::Private),
                                 known_or_minus_one(engine.resident_bytes(Visibility::Shared)),
                                 known_or_minus_one(engine.resident_bytes(Visibility::Private)),
                                 known_or_minus_one(engine.both_bytes()));
}

class VirtualMachine final {
  public:
    explicit VirtualMachine(const Configuration& configuration) : configuration_(configuration) {}
    ~VirtualMachine() { control_.policy().machine_gone(); }

    Status make_objects();
    Result<int> run(ProcessSetup& process);

  private:
    // The phases after the objects, in order.
    Status open_accelerator();
    Status make_memory();
    Status make_board();
    // All of them: the machine is there, and runs unless it is to wait.
    Status make_all();
    Status start();
    Result<std::vector<RamBlock*>> machine_ram();
    MemoryBackend* find_backend(const std::string& id);

    const Configuration& configuration_;
    // In the order of making; members die in reverse, so what is used outlives its users.
    EventLoop loop_;
    LoopRequests requests_{loop_};
    VmClock virtual_clock_{loop_};
    HostClock host_clock_{loop_};
    ClockListener clock_listener_{virtual_clock_};
    std::unique_ptr<SignalWatch> signals_;
    ChardevSet chardevs_{loop_, [this] { requests_.request_shutdown(ShutdownCause::HostUi); }};
    ProcessBackEnds back_ends_{chardevs_};
    ControlPlane control_{loop_, requests_, configuration_, chardevs_};
    std::unique_ptr<ConfidentialGuest> confidential_;
    SystemIoctlDoor door_;
    std::unique_ptr<kvm::Kvm> kvm_;
    std::unique_ptr<kvm::Vm> vm_;
    std::vector<std::unique_ptr<MemoryBackend>> backends_;
    RamContext ram_context_;
    Q35Files files_;
    std::unique_ptr<Q35Board> board_;
    std::unique_ptr<RunControl> run_;
    std::optional<Error> late_error_;  // of a machine that was made after -preconfig
};

Status VirtualMachine::make_objects() {
    signals_ = TRY(SignalWatch::create(loop_, requests_));
    for (const MemoryBackendConfig& config : configuration_.memory_backends)
        backends_.push_back(TRY(MemoryBackend::create(config)));
    if (configuration_.sw_protected_vm) {
        const SwProtectedVmConfig& config = *configuration_.sw_protected_vm;
        confidential_ = std::make_unique<SwProtectedVm>(config.id, config.default_memory);
        ram_context_.private_memory = confidential_->requirements().private_memory;
        ram_context_.initial = confidential_->requirements().initial_visibility;
    }
    ram_context_.mem_merge = configuration_.mem_merge;
    ram_context_.dump_guest_core = configuration_.dump_guest_core;
    for (const std::unique_ptr<MemoryBackend>& backend : backends_)
        TRY(backend->check(ram_context_));
    files_ = TRY(Q35Board::open_files(configuration_.machine.boot));
    for (const ChardevOptions& options : configuration_.chardevs)
        (void)TRY(chardevs_.add(options));
    return control_.open_monitors();
}

Status VirtualMachine::open_accelerator() {
    VmRequirements needs = TRY(Q35Board::vm_requirements(configuration_.machine, confidential_.get()));
    for (const std::unique_ptr<MemoryBackend>& backend : backends_)
        needs.mappable_guest_memfd |= backend->is_guest_memfd();
    kvm_ = TRY(kvm::Kvm::open(door_, configuration_.accel.device));
    vm_ = TRY(kvm::Vm::create(*kvm_, needs));
    return {};
}

Status VirtualMachine::make_memory() {
    for (const std::unique_ptr<MemoryBackend>& backend : backends_)
        TRY(backend->allocate(ram_context_, vm_.get()));
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
    if (!memory.backend.empty()) ids.push_back(memory.backend);
    for (const NumaNodeConfig& node : memory.nodes) {
        if (!node.memory_backend.empty()) ids.push_back(node.memory_backend);
    }
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
                   .virtual_clock = virtual_clock_,
                   .host_clock = host_clock_,
                   .vm = *vm_,
                   .ram = TRY(machine_ram()),
                   .confidential = confidential_.get(),
                   .back_ends = back_ends_};
    board_ = TRY(Q35Board::create(configuration_.machine, parts, std::move(files_)));
    run_ = std::make_unique<RunControl>(board_->vcpus(), board_->resets());
    run_->add_listener(clock_listener_);
    control_.policy().machine_made({.run = run_.get(), .press_power_button = {}, .inject_nmi = {}});
    return {};
}

Status VirtualMachine::make_all() {
    TRY(open_accelerator());
    TRY(make_memory());
    return make_board();
}

Status VirtualMachine::start() {
    if (configuration_.start_paused) return {};
    return control_.policy().start();
}

Result<int> VirtualMachine::run(ProcessSetup& process) {
    if (configuration_.preconfig) {
        control_.policy().set_preconfig([this]() -> Status {
            Status made = make_all();
            if (made) return start();
            // Half a machine is of no use to anybody.
            late_error_ = Error::make("%s", made.error().message().c_str());
            requests_.request_exit(1);
            return made;
        });
        TRY(process.ready());
    } else {
        TRY(make_all());
        TRY(process.ready());
        TRY(start());
    }
    loop_.run();
    if (late_error_) return std::move(*late_error_);
    if (run_ != nullptr) run_->stop(RunState::Shutdown);
    control_.flush();
    if (board_ != nullptr && board_->conversions() != nullptr) trace_summary(*board_->conversions());
    return control_.policy().exit_status();
}

}  // namespace

Result<int> run_virtual_machine(const Configuration& configuration) {
    ProcessSetup process = TRY(ProcessSetup::enter(configuration.process, configuration.machine.name));
    VirtualMachine machine(configuration);
    TRY(machine.make_objects());
    return machine.run(process);
}

}  // namespace vmm
