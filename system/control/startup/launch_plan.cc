// Launches on a model of the kernel; see launch_plan.h.
#include "system/control/startup/launch_plan.h"

#include <cerrno>
#include <cstdio>

#include "linux-headers/kvm_abi.h"
#include "qapi/json_writer.h"
#include "target/i386/confidential/model/protections.h"
#include "target/i386/confidential/sev/cpuid_page.h"
#include "target/i386/cpu/options.h"
#include "util/text.h"

namespace vmm {

namespace {

qapi::Value cpuid_value(std::span<const uint8_t> page) {
    qapi::List leaves;
    if (const auto entries = sev::parse_cpuid_page(page))
        for (const sev::CpuidPageEntry& e : *entries)
            leaves.push_back(qapi::Dict{{"function", e.function},
                                        {"index", e.index},
                                        {"eax", e.eax},
                                        {"ebx", e.ebx},
                                        {"ecx", e.ecx},
                                        {"edx", e.edx}});
    return leaves;
}

// Save areas are mostly zeros: the words that are not, by offset.
qapi::Value save_area_value(const sev::VmsaPage& page) {
    qapi::Dict words;
    for (size_t at = 0; at < page.size(); at += 8) {
        const auto word = std::span(page).subspan(at, 8);
        if (std::any_of(word.begin(), word.end(), [](uint8_t b) { return b != 0; }))
            words.append(strf("0x%zx", at), to_hex(word));
    }
    return qapi::Dict{{"sha384", to_hex(sha384(page))}, {"nonzero", std::move(words)}};
}

}  // namespace

LaunchPlanner::LaunchPlanner(tdx::MrtdOrder order) {
    kernel_.vm_types = 0x3f;
    kernel_.opens_any_device = true;
    kernel_.knows_any_msr = true;
    model::add_protections(kernel_, firmware_, &record_, order);
}

qapi::Value LaunchPlanner::describe(const Configuration& configuration,
                                    const ConfidentialGuest& guest) const {
    const MachineConfig& machine = configuration.machine;
    qapi::Dict out{
        {"type", configuration.confidential ? std::string(to_text(configuration.confidential->qom_type))
                                            : std::string("none")},
        {"vcpus", machine.smp.cpus},
        {"cpu", machine.cpu.text.empty() ? std::string("qemu64") : machine.cpu.text}};
    const auto request = parse_cpu_option(machine.cpu.text.empty() ? "qemu64" : machine.cpu.text);
    const bool of_host = request && (request->model == "host" || request->model == "max");
    out.append("depends-on-host", of_host || configuration.confidential_auto);
    qapi::List operations;
    for (const model::LaunchOperation& operation : record_.operations())
        operations.push_back(to_value(operation));
    out.append("operations", std::move(operations));
    if (model::ProtectionModel* protection = kernel_.protection()) {
        if (const std::vector<uint8_t> page = protection->cpuid_page(); !page.empty())
            out.append("cpuid-page", cpuid_value(page));
        qapi::List areas;
        for (const auto& page : protection->save_areas()) {
            sev::VmsaPage area{};
            std::copy_n(page.begin(), std::min(page.size(), area.size()), area.begin());
            areas.push_back(save_area_value(area));
        }
        if (!areas.empty()) out.append("vmsas", std::move(areas));
        guest.describe_launch(out);
        for (const auto& [name, value] : protection->details())
            out.append(name, value);
        for (const model::Measurement& measurement : protection->measurements())
            out.append(measurement.name, to_hex(measurement.value));
    }
    return out;
}

Status LaunchPlanner::write(const Configuration& configuration, const ConfidentialGuest& guest) const {
    const std::string text = qapi::to_pretty_json(describe(configuration, guest)) + "\n";
    const std::string& path = configuration.launch_plan->file;
    if (path == "-") {
        std::fputs(text.c_str(), stdout);
        return {};
    }
    Fd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    return write_full(file.get(),
                      {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()});
}

LaunchGuard::LaunchGuard(IoctlDoor& kernel, std::vector<uint8_t> expected)
    : witness_(kernel, kernel_, std::move(expected)) {
    kernel_.vm_types = 0x3f;
    kernel_.knows_any_msr = true;
    firmware_.vmsa_features = ~uint64_t{0};
    firmware_.snp_policy_bits = ~uint64_t{0};
    model::add_protections(kernel_, firmware_, nullptr);
}

Error LaunchGuard::explain(Error error) const {
    const auto mismatch = witness_.mismatch();
    if (!mismatch) return error;
    return Error::make("the guest was not started: its %s is %s, not what -expect-measurement says",
                       mismatch->name.c_str(), to_hex(mismatch->value).c_str())
        .with_hint("compare two launches with -launch-plan");
}

Result<std::unique_ptr<AcceleratorHost>> LaunchHost::open_accelerator(const Configuration& configuration,
                                                                      ConfidentialGuest* guest,
                                                                      const VmRequirements& needs) {
    const bool launches = guest != nullptr && guest->requirements().launched;
    const bool expects = !configuration.expect_measurement.empty();
    if (!launches && (configuration.launch_plan || expects))
        return Error::make("%s: there is no guest whose launch is measured",
                           configuration.launch_plan ? "-launch-plan" : "-expect-measurement")
            .with_hint(
                "add -object sev-snp-guest,id=ID,reduced-phys-bits=1 and -machine "
                "confidential-guest-support=ID");
    if (configuration.launch_plan) {
        planner_ = std::make_unique<LaunchPlanner>(
            configuration.launch_plan->two_pass_mrtd ? tdx::MrtdOrder::TwoPass : tdx::MrtdOrder::Interleaved);
        guest->set_record(&planner_->record());
        return AcceleratorHost::open({planner_->door(), kvm::CpuSource::Wish}, {{AccelConfig()}}, &needs);
    }
    if (!expects) return AcceleratorHost::open(kernel_, configuration.accels, &needs);
    guard_ = std::make_unique<LaunchGuard>(kernel_.door, configuration.expect_measurement);
    return AcceleratorHost::open({guard_->door(), kernel_.cpus}, configuration.accels, &needs);
}

}  // namespace vmm
