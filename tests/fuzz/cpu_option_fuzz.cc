// -cpu text, from a user: parsed, resolved against a host that can give everything, and turned into leaves.
#include <string_view>

#include "target/i386/cpu/leaves.h"
#include "target/i386/cpu/options.h"
#include "target/i386/cpu/resolve.h"
#include "tests/unit/target/i386/cpu/full_host.h"
#include "util/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace vmm;
    static const HostCpu host = full_host(true);
    const std::string text(data, data + size);
    auto request = parse_cpu_option(text);
    if (!request) {
        CHECK(!request.error().message().empty(), "an error without words");
        return 0;
    }
    auto policy = resolve(*request, host);
    if (!policy) return 0;
    const CpuTopology topology{.sockets = 2, .dies = 2, .cores = 3, .threads = 2};
    CHECK(!leaves_for(*policy, topology, topology.cpus() - 1).empty(), "a CPU without leaves");
    return 0;
}
