// See cpu_list.h.
#include "system/control/startup/cpu_list.h"

#include <unistd.h>

#include <algorithm>

#include "hw/i386/q35_board.h"
#include "system/control/startup/machine_view.h"
#include "system/run/vcpus.h"
#include "util/text.h"

namespace vmm {

namespace {

unsigned node_of(const MemoryConfig& memory, unsigned cpu) {
    for (unsigned node = 0; node < memory.nodes.size(); ++node) {
        const std::vector<unsigned>& cpus = memory.nodes[node].cpus;
        if (std::find(cpus.begin(), cpus.end(), cpu) != cpus.end()) return node;
    }
    return 0;
}

}  // namespace

std::vector<CpuEntry> list_cpus(MachineView& view) {
    std::vector<CpuEntry> out;
    if (view.board() == nullptr) return out;
    const MachineConfig& machine = view.configuration().machine;
    const CpuTopology topology{.sockets = machine.smp.sockets,
                               .dies = machine.smp.dies,
                               .cores = machine.smp.cores,
                               .threads = machine.smp.threads};
    for (unsigned i = 0; i < machine.smp.max_cpus; ++i) {
        CpuEntry entry{.index = i,
                       .place = cpu_place(topology, i),
                       .apic_id = apic_id_of_index(topology, i),
                       .node = node_of(machine.memory, i),
                       .qom_path = {}};
        if (i < machine.smp.cpus) entry.qom_path = strf("/machine/unattached/device[%u]", i);
        out.push_back(std::move(entry));
    }
    return out;
}

std::string cpu_type_name(std::string_view model) {
    return std::string(model) + "-x86_64-cpu";
}

std::string machine_cpu_type(const MachineView& view) {
    const std::string& text = view.configuration().machine.cpu.text;
    const std::string model = text.substr(0, text.find(','));
    return cpu_type_name(model.empty() ? "qemu64" : model);
}

std::vector<int> cpu_threads(MachineView& view) {
    std::vector<int> out;
    if (view.board() == nullptr) return out;
    Vcpus& vcpus = view.board()->vcpus();
    for (unsigned i = 0; i < vcpus.count(); ++i) {
        int thread = 0;
        vcpus.run_on(VcpuId(i), [&thread] { thread = ::gettid(); });
        out.push_back(thread);
    }
    return out;
}

}  // namespace vmm
