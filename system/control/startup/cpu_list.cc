// See cpu_list.h.
#include "system/control/startup/cpu_list.h"

#include <unistd.h>

#include <algorithm>

#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "system/control/startup/machine_view.h"
#include "system/run/vcpus.h"
#include "target/i386/cpu/model.h"
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

std::string path_of(MachineView& view, const Device& device) {
    for (const std::unique_ptr<DeviceNode>& node : view.board()->devices().nodes())
        if (node->device.get() == &device) return node->path;
    return {};
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
        if (const Device* device = view.board()->cpu_device(i)) entry.qom_path = path_of(view, *device);
        out.push_back(std::move(entry));
    }
    return out;
}

std::string machine_cpu_type(const MachineView& view) {
    return cpu_type_name(cpu_model_of(view.configuration().machine.cpu.text));
}

std::map<unsigned, int> cpu_threads(MachineView& view) {
    std::map<unsigned, int> out;
    if (view.board() == nullptr) return out;
    Vcpus& vcpus = view.board()->vcpus();
    for (VcpuId vcpu : vcpus.present()) {
        int& thread = out[vcpu.raw()];
        vcpus.run_on(vcpu, [&thread] { thread = ::gettid(); });
    }
    return out;
}

}  // namespace vmm
