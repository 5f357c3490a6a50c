// Compares the leaves of every CPU model with tests/golden/cpuid: a guest must see the same processor
// tomorrow. usage: cpuid_golden DIRECTORY [--update]. The host is made up and can give everything
// (full_host.h).
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "target/i386/cpu/leaves.h"
#include "target/i386/cpu/model.h"
#include "target/i386/cpu/resolve.h"
#include "tests/unit/target/i386/cpu/full_host.h"
#include "util/text.h"

namespace vmm {
namespace {

// {"EPYC-v1": {"leaves": {"0x00000001.0": ["eax", "ebx", "ecx", "edx"], ...}}, ...}
std::string leaves_json(const CpuModelRow& row) {
    CpuRequest request;
    request.model = row.name;
    const CpuModel model = expand_cpu_model(row);
    const bool intel = model.vendor == kVendorIntel;
    request.vendor = model.vendor;
    auto policy = resolve(request, full_host(intel));
    if (!policy) return "  error: " + policy.error().message();
    const CpuTopology topology{.sockets = 1, .dies = 1, .cores = 2, .threads = 2};
    std::string text = strf("  \"%s\": {\n", model.name.c_str());
    bool first = true;
    for (const CpuidEntry& leaf : leaves_for(*policy, topology, 3)) {
        text += strf("%s    \"0x%08x.%x\": [\"%08x\", \"%08x\", \"%08x\", \"%08x\"]", first ? "" : ",\n",
                     leaf.function, leaf.index, leaf.eax, leaf.ebx, leaf.ecx, leaf.edx);
        first = false;
    }
    for (const auto& [index, value] : policy->msrs())
        text += strf(",\n    \"msr 0x%x\": \"%016llx\"", index, static_cast<unsigned long long>(value));
    return text + "\n  }";
}

std::map<std::string, std::string> golden_files() {
    std::map<std::string, std::string> files;
    for (const CpuModelRow* row : cpu_model_rows()) {
        std::string& text = files[std::string(unversioned_name(row->name)) + ".json"];
        text += (text.empty() ? "{\n" : ",\n") + leaves_json(*row);
    }
    for (auto& [name, text] : files)
        text += "\n}\n";
    return files;
}

int compare(const std::string& directory, bool update) {
    int failures = 0;
    for (const auto& [name, text] : golden_files()) {
        const std::string path = directory + "/" + name;
        if (update) {
            std::ofstream(path) << text;
            continue;
        }
        std::ifstream file(path);
        std::stringstream wanted;
        wanted << file.rdbuf();
        if (wanted.str() == text) continue;
        std::fprintf(stderr,
                     "%s differs: if the change is meant, run this test with --update and look at the diff\n",
                     path.c_str());
        failures++;
    }
    return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace vmm

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    return vmm::compare(argv[1], argc > 2 && std::string(argv[2]) == "--update");
}
