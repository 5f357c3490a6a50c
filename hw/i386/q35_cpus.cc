// The CPUs of the board: what the guest is shown, and the accelerator's share of the start.
#include <algorithm>

#include "hw/i386/kernel_pit.h"
#include "hw/i386/q35_protection.h"
#include "hw/i386/q35_state_priv.h"
#include "target/i386/confidential/guest.h"
#include "target/i386/cpu/leaves.h"
#include "target/i386/cpu/model.h"
#include "target/i386/cpu/options.h"
#include "target/i386/cpu/resolve.h"
#include "util/log.h"

namespace vmm {

namespace {

bool needs_whole_host(const CpuRequest& request) {
    return request.model == "host" || request.model == "max" || request.host_cache_info;
}

// Loads the vCPUs' reset state after everything else has been reset.
class VcpuReset final : public Resettable {
  public:
    VcpuReset(Accelerator& accelerator, MachineRequests& requests)
        : accelerator_(accelerator), requests_(requests) {}
    void reset_exit() override {
        Status done = accelerator_.reset_vcpus();
        if (!done) requests_.report_internal_error("reset: " + done.error().message());
    }

  private:
    Accelerator& accelerator_;
    MachineRequests& requests_;
};

}  // namespace

Result<CpuidPolicy> Q35Board::State::prepare_cpus(const MachineConfig& config, const Q35Parts& parts,
                                                  X86Accelerator& x86, uint32_t max_apic_id) {
    const bool converts =
        parts.confidential != nullptr && parts.confidential->requirements().map_gpa_hypercalls;
    TRY(x86.prepare(
        {.max_apic_id = max_apic_id, .map_gpa_range = converts, .confidential = parts.confidential}));
    CpuRequest request;
    if (!config.cpu.text.empty()) request = TRY(parse_cpu_option(config.cpu.text));
    if (request.apic_id && (config.smp.max_cpus != 1 || *request.apic_id != 0))
        return Error::make("-cpu apic-id=%u: the processors' APIC ids follow -smp", *request.apic_id);
    if (parts.confidential != nullptr) TRY(parts.confidential->shape_cpu(request));
    const HostIdentity identity = needs_whole_host(request) ? HostIdentity::Whole : HostIdentity::Brief;
    const HostCpu host = TRY(x86.host_cpu(identity, converts));
    if (parts.confidential == nullptr) return resolve(request, host);
    const std::vector<CpuidMask> masks = parts.confidential->cpuid_masks(host);
    CpuidPolicy policy = TRY(resolve(request, host, masks));
    TRY(check_phys_bits(*parts.confidential, policy.phys_bits,
                        host.native.reg(0x80000008, 0, CpuidRegister::Eax) & 0xff));
    TRY(parts.confidential->check_cpuid(policy, host));
    return policy;
}

void Q35Board::State::warn_about_cpu() const {
    for (const std::string& line : cpu_policy.warnings)
        log_warning("%s", line.c_str());
    if (!cpu_policy.check) return;
    for (const std::string& line : missing_feature_lines(cpu_policy))
        log_warning("%s", line.c_str());
}

GuestWorld Q35Board::State::guest_world() {
    return {.memory = memory,
            .ports = ports,
            .requests = parts.requests,
            .converter = conversions != nullptr ? &conversions->converter() : nullptr,
            .end_of_interrupt = end_of_interrupt};
}

X86CpuSetup Q35Board::State::cpu_setup(unsigned index) const {
    return {.index = index,
            .cpuid = leaves_for(cpu_policy, cpu_topology, index),
            .feature_msrs = cpu_policy.msrs(),
            .apic_id = apic_ids[index],
            .boot_processor = index == 0,
            .boot = boot_state(index)};
}

// The node of a processor that -numa names for none is the first.
std::optional<uint32_t> node_of_cpu(const MemoryConfig& memory, unsigned cpu) {
    if (memory.nodes.empty()) return std::nullopt;
    for (size_t node = 0; node < memory.nodes.size(); ++node) {
        const std::vector<unsigned>& cpus = memory.nodes[node].cpus;
        if (std::find(cpus.begin(), cpus.end(), cpu) != cpus.end()) return static_cast<uint32_t>(node);
    }
    return 0;
}

void Q35Board::State::make_sockets() {
    CpuSockets::Config wanted{.topology = cpu_topology,
                              .places = {},
                              .at_start = config.smp.cpus,
                              .cpu_type = cpu_type_name(cpu_model_of(config.cpu.text)),
                              .acpi = config.acpi};
    for (unsigned i = 0; i < config.smp.max_cpus; ++i)
        wanted.places.push_back({cpu_place(cpu_topology, i), apic_ids[i], node_of_cpu(config.memory, i)});
    CpuSockets::Actions actions{
        .make = [this](unsigned index) { return x86->plug_cpu(cpu_setup(index), guest_world()); },
        .end = [this](unsigned index) { x86->unplug_cpu(index); },
        .raise_event = [this] { lpc->pm().raise_gpe(acpi::CpuHotplug::kEvent); },
        .report = [this](const SlotReport& report) { tree->report(report); }};
    sockets = std::make_unique<CpuSockets>(std::move(wanted), std::move(actions), parts.loop);
    if (!config.acpi) return;
    acpi::CpuHotplug& registers = sockets->registers();
    resets.add(registers);
    regions.add(io, registers.type().data(), acpi::CpuHotplug::kPort, acpi::CpuHotplug::kSize, registers);
}

Status Q35Board::State::start_accelerator() {
    TRY(accelerator.map_memory(memory));
    TRY(accelerator.create_irqchip());
    const bool kernel_chips_too = accelerator.irqchip_mode() == IrqChipMode::Kernel;
    KernelPit::Config pit;
    TRY(apply_defaults(KernelPit::kInfo, KernelPit::kProps, config.globals, &pit));
    if (kernel_chips_too && config.pit) TRY(x86->create_kernel_pit(pit.lost_ticks));
    for (unsigned index : sockets->present())
        TRY(x86->add_cpu(cpu_setup(index), guest_world()));
    sockets->set_running();
    modules->set_running();
    return accelerator.reset_vcpus();
}

const std::optional<BootState>* Q35Board::State::boot_state(unsigned index) const {
    if (igvm_launch != nullptr) return igvm_launch->boot(index);
    if (index != 0) return nullptr;
    if (loader != nullptr) return &loader->boot();
    return igvm_loader != nullptr ? &igvm_loader->boot() : nullptr;
}

void Q35Board::State::add_vcpu_reset() {
    vcpu_reset = std::make_unique<VcpuReset>(accelerator, parts.requests);
    resets.add(*vcpu_reset);
}

}  // namespace vmm
