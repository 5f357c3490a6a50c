// The checks that need the whole command line, and the Configuration they let through.
#include <algorithm>

#include "hw/i386/q35_versions.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/numa_options.h"
#include "system/memory/conversion_limit.h"
#include "target/i386/cpu/options.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

constexpr unsigned kMostCpus =
    4096;  // what x2APIC ids of this machine can name; KVM's own limit is asked later
constexpr const char* kImplicitGuest = "sw-protected-vm";

AccelKind accel_kind(std::string_view name) {
    if (name == "kvm") return AccelKind::Kvm;
    return name == "qtest" ? AccelKind::Qtest : AccelKind::Absent;
}

Status finish_accel(Builder& builder) {
    Configuration& out = builder.line.configuration;
    if (builder.machine.accel && !builder.accels.empty())
        return Error::make("-machine accel=%s contradicts -accel %s", builder.machine.accel->c_str(),
                           builder.accels[0].accel.c_str())
            .with_hint("name the accelerator in one of them");
    if (builder.machine.accel == "")
        return Error::make("-machine accel=: the accelerator's name is missing").with_hint("accel=kvm");
    std::vector<std::string> names;
    for (std::string_view name : split(builder.machine.accel.value_or(""), ':'))
        if (!name.empty()) names.emplace_back(name);
    for (const qapi::AccelOptions& accel : builder.accels)
        names.push_back(accel.accel);
    if (!names.empty()) out.accels.clear();
    bool one_works = names.empty();
    for (const std::string& name : names) {
        out.accels.push_back({.kind = accel_kind(name), .name = name});
        one_works |= out.accels.back().kind != AccelKind::Absent;
    }
    if (!one_works)
        return Error::make("%s%s: there is no such accelerator",
                           builder.accels.empty() ? "-machine accel=" : "-accel ", names[0].c_str())
            .with_hint("there are kvm and, for tests, qtest");
    for (size_t i = 0; i < builder.accels.size(); ++i) {
        const qapi::AccelOptions& accel = builder.accels[i];
        if (accel.accel != "kvm") continue;
        if (accel.device) out.accels[i].device = *accel.device;
        if (!accel.kernel_irqchip) continue;
        if (builder.machine.kernel_irqchip && *builder.machine.kernel_irqchip != *accel.kernel_irqchip)
            return Error::make("-machine kernel_irqchip=%s contradicts -accel kvm,kernel-irqchip=%s",
                               std::string(to_text(*builder.machine.kernel_irqchip)).c_str(),
                               std::string(to_text(*accel.kernel_irqchip)).c_str());
        builder.machine.kernel_irqchip = accel.kernel_irqchip;
    }
    return {};
}

OnOffAuto on_off_auto(const std::optional<qapi::OnOffAuto>& given) {
    if (!given || *given == qapi::OnOffAuto::Auto) return OnOffAuto::Auto;
    return *given == qapi::OnOffAuto::On ? OnOffAuto::On : OnOffAuto::Off;
}

IrqChipChoice irqchip(const std::optional<qapi::OnOffSplit>& given) {
    if (!given) return IrqChipChoice::Auto;
    if (*given == qapi::OnOffSplit::On) return IrqChipChoice::On;
    return *given == qapi::OnOffSplit::Split ? IrqChipChoice::Split : IrqChipChoice::Off;
}

// Parts that this machine does not have, or always has.
Status check_fixed_parts(const qapi::MachineOptions& machine) {
    if (machine.conversion_limit.value_or(0) > ConversionLimit::kMostRate)
        return Error::make("-machine conversion-limit=%u: expected 0 to %llu", *machine.conversion_limit,
                           static_cast<unsigned long long>(ConversionLimit::kMostRate));
    if (machine.usb.value_or(false))
        return Error::make("-machine usb=on: this machine has no USB controller");
    if (machine.vmport == qapi::OnOffAuto::On)
        return Error::make("-machine vmport=on: this machine has no VMware port")
            .with_hint("use off or auto");
    // A protected guest's board has more to say.
    if (machine.smm == qapi::OnOffAuto::On && !machine.confidential_guest_support)
        return Error::make("-machine smm=on: this version has no system management mode")
            .with_hint("use smm=off or auto");
    return {};
}

Status finish_machine(Builder& builder) {
    const qapi::MachineOptions& given = builder.machine;
    MachineConfig& machine = builder.line.configuration.machine;
    const std::string type = given.type.value_or("q35");
    const Q35Version* version = find_q35_version(type);
    if (version == nullptr && type != kNoMachine)
        return Error::make("-machine type=%s: there is no such machine", type.c_str())
            .with_hint("there are q35, its versions (-machine help lists them) and none");
    machine.type = version != nullptr ? version->name : kNoMachine;
    TRY(check_fixed_parts(given));
    machine.irqchip = irqchip(given.kernel_irqchip);
    machine.smm = on_off_auto(given.smm);
    machine.smm_ranges = given.smm_ranges.value_or(true);
    machine.hpet = given.hpet.value_or(true);
    if (given.hmat.value_or(false)) machine.memory.hmat.emplace();
    machine.pic = on_off_auto(given.pic);
    machine.pit = given.pit != qapi::OnOffAuto::Off;
    machine.i8042 = given.i8042.value_or(true);
    machine.acpi = given.acpi != qapi::OnOffAuto::Off;
    machine.graphics = given.graphics.value_or(!builder.nographic);
    builder.line.configuration.mem_merge = given.mem_merge.value_or(true);
    machine.conversion_limit = given.conversion_limit.value_or(0);
    builder.line.configuration.machine.new_vm_on_reset = given.x_change_vmfd_on_reset.value_or(false);
    builder.line.configuration.dump_guest_core = given.dump_guest_core.value_or(true);
    machine.cpu.text = builder.cpu.value_or("");
    return {};
}

Status finish_smp(Builder& builder) {
    qapi::SmpConfiguration given = builder.machine.smp.value_or(qapi::SmpConfiguration());
    struct Part {
        const char* name;
        const std::optional<uint32_t>& value;
    };
    for (const Part& part :
         {Part{"cpus", given.cpus}, Part{"sockets", given.sockets}, Part{"dies", given.dies},
          Part{"clusters", given.clusters}, Part{"cores", given.cores}, Part{"threads", given.threads},
          Part{"maxcpus", given.maxcpus}}) {
        if (part.value && (*part.value == 0 || *part.value > kMostCpus))
            return Error::make("-smp %s=%u: expected 1 to %u", part.name, *part.value, kMostCpus);
    }
    if (given.clusters.value_or(1) != 1)
        return Error::make("-smp clusters=%u: a PC has no clusters", *given.clusters)
            .with_hint("leave it out");
    SmpRequest request{given.cpus.value_or(0), given.maxcpus.value_or(0), given.sockets.value_or(0),
                       given.dies.value_or(0), given.cores.value_or(0),   given.threads.value_or(0)};
    auto topology = resolve_smp(request, kMostCpus);
    if (!topology) return std::move(topology).take_error().while_doing("-smp");
    builder.line.configuration.machine.smp = *topology;
    return {};
}

const qapi::ObjectOptions* find_object(const Builder& builder, const std::string& id) {
    for (const qapi::ObjectOptions& object : builder.objects)
        if (object.id == id) return &object;
    return nullptr;
}

bool protects_guests(qapi::ObjectType type) {
    return type == qapi::ObjectType::SwProtectedVm || type == qapi::ObjectType::SevGuest ||
           type == qapi::ObjectType::SevSnpGuest || type == qapi::ObjectType::TdxGuest;
}

bool has_private_memory(qapi::ObjectType type) {
    return protects_guests(type) && type != qapi::ObjectType::SevGuest;
}

// confidential-guest-support=ID and kvm-type= say the same thing in two ways.
Status finish_confidential(Builder& builder) {
    Configuration& out = builder.line.configuration;
    qapi::KvmType type = builder.machine.kvm_type.value_or(qapi::KvmType::Auto);
    if (const auto& id = builder.machine.confidential_guest_support) {
        const qapi::ObjectOptions* object = find_object(builder, *id);
        if (object == nullptr && *id == "auto") {
            out.confidential_auto = true;
            return {};
        }
        if (object == nullptr)
            return Error::make("-machine confidential-guest-support=%s: there is no object '%s'", id->c_str(),
                               id->c_str())
                .with_hint("add -object sw-protected-vm,id=%s", id->c_str());
        if (!protects_guests(object->qom_type))
            return Error::make(
                "-machine confidential-guest-support=%s: this is a %s, which does not protect guests",
                id->c_str(), std::string(to_text(object->qom_type)).c_str());
        if (type == qapi::KvmType::Default)
            return Error::make("-machine kvm-type=default contradicts confidential-guest-support=%s",
                               id->c_str())
                .with_hint("leave one of them out");
        if (type == qapi::KvmType::SwProtectedVm && object->qom_type != qapi::ObjectType::SwProtectedVm)
            return Error::make(
                "-machine kvm-type=sw-protected-vm contradicts confidential-guest-support=%s, which is a %s",
                id->c_str(), std::string(to_text(object->qom_type)).c_str());
        out.confidential = *object;
    } else if (type == qapi::KvmType::SwProtectedVm) {
        std::string name = kImplicitGuest;
        while (find_object(builder, name) != nullptr)
            name += "-";
        out.confidential = qapi::ObjectOptions{
            .qom_type = qapi::ObjectType::SwProtectedVm, .id = name, .u = qapi::SwProtectedVmProperties()};
    }
    if (out.confidential) out.machine.confidential_guest_support = out.confidential->id;
    return {};
}

Status finish_igvm(Builder& builder) {
    const auto& id = builder.machine.igvm_cfg;
    if (!id) return {};
    const qapi::ObjectOptions* object = find_object(builder, *id);
    const auto* properties = object == nullptr ? nullptr : std::get_if<qapi::IgvmCfgProperties>(&object->u);
    if (properties == nullptr)
        return Error::make("-machine igvm-cfg=%s: there is no igvm-cfg object '%s'", id->c_str(), id->c_str())
            .with_hint("add -object igvm-cfg,id=%s,file=FILE", id->c_str());
    BootConfig& boot = builder.line.configuration.machine.boot;
    if (builder.machine.firmware || !boot.flash[0].empty())
        return Error::make("-machine igvm-cfg=%s contradicts %s: both are the firmware", id->c_str(),
                           builder.machine.firmware ? "-bios" : "the flash");
    boot.igvm = properties->file;
    return {};
}

Status check_private_memory(const Builder& builder) {
    const Configuration& out = builder.line.configuration;
    if (out.confidential_auto) return {};  // the host decides
    const bool has_private = out.confidential && has_private_memory(out.confidential->qom_type);
    for (const MemoryBackendConfig& backend : out.memory_backends) {
        const char* type = memory_backend_type_name(backend.kind);
        if (backend.private_memory.value_or(false) && !has_private)
            return Error::make("-object %s,id=%s: private=on needs a VM with private memory", type,
                               backend.id.c_str())
                .with_hint(
                    "add -machine kvm-type=sw-protected-vm, or -object sw-protected-vm,id=ID and -machine "
                    "confidential-guest-support=ID");
        bool is_gmem = backend.kind == MemoryBackendKind::GuestMemfd || backend.guest_memfd.value_or(false);
        if (is_gmem && out.confidential)
            return Error::make(
                       "-object %s,id=%s: RAM that is a guest_memfd is for ordinary guests, not for %s", type,
                       backend.id.c_str(), out.confidential->id.c_str())
                .with_hint("use memory-backend-ram or memory-backend-memfd without guest-memfd");
        if (is_gmem && out.machine.new_vm_on_reset)
            return Error::make(
                "-object %s,id=%s: RAM that is a guest_memfd contradicts -machine x-change-vmfd-on-reset=on",
                type, backend.id.c_str());
    }
    if (!has_private) return {};
    for (const MemoryBackendConfig& backend : out.memory_backends)
        if (backend.private_memory == false && backend.id == out.machine.memory.backend)
            return Error::make("-object %s,id=%s: private=off contradicts confidential-guest-support=%s",
                               memory_backend_type_name(backend.kind), backend.id.c_str(),
                               out.confidential->id.c_str());
    return {};
}

// Systems look for memory that may come later in the SRAT, which only machines with nodes have.
bool needs_a_node(const Builder& builder) {
    const bool slots = builder.machine.memory && builder.machine.memory->slots.value_or(0) != 0;
    return slots && !builder.line.configuration.preconfig &&
           std::none_of(builder.numa.begin(), builder.numa.end(), [](const qapi::NumaOptions& option) {
               return option.type == qapi::NumaOptionsType::Node;
           });
}

}  // namespace

Status finish(Builder& builder) {
    TRY(finish_accel(builder));
    TRY(finish_machine(builder));
    TRY(finish_smp(builder));
    if (needs_a_node(builder))
        builder.numa.push_back({.type = qapi::NumaOptionsType::Node, .u = qapi::NumaNodeOptions()});
    builder.line.configuration.numa = builder.numa;
    TRY(finish_numa(builder.numa, builder.line.configuration.machine.smp,
                    builder.line.configuration.machine.memory,
                    builder.line.configuration.preconfig ? NumaSoFar::Part : NumaSoFar::All));
    TRY(finish_memory(builder));
    TRY(finish_confidential(builder));
    TRY(check_private_memory(builder));
    TRY(finish_described_firmware(builder));
    TRY(finish_boot(builder));
    TRY(finish_smbios(builder));
    TRY(finish_firmware(builder));
    TRY(finish_drives(builder));
    TRY(finish_igvm(builder));
    TRY(finish_networks(builder));
    TRY(finish_devices(builder));
    return finish_process(builder);
}

}  // namespace vmm::cli
