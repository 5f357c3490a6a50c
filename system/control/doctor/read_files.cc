// What a host's files say; see read_facts.h.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

#include "system/control/doctor/read_facts.h"
#include "system/control/doctor/read_files_priv.h"
#include "util/fd.h"
#include "util/text.h"

namespace vmm::doctor {

namespace {

constexpr size_t kTextLimit = 1u << 20;
constexpr size_t kConfigLimit = 4u << 20;

std::vector<std::string> folder_entries(const std::string& path) {
    std::vector<std::string> names;
    DIR* folder = ::opendir(path.c_str());
    if (folder == nullptr) return names;
    while (const dirent* entry = ::readdir(folder)) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(std::move(name));
    }
    ::closedir(folder);
    return names;
}

std::string trimmed(const std::optional<std::string>& text) {
    return text ? std::string(trim(*text)) : std::string();
}

uint64_t number_in(const std::string& path) {
    return parse_u64(trimmed(read_text(path)), 10).value_or(0);
}

void set_flag(CpuFacts& cpu, std::string_view flag) {
    if (flag == "vmx") cpu.vmx = true;
    if (flag == "svm") cpu.svm = true;
    if (flag == "hypervisor") cpu.hypervisor = true;
    if (flag == "tdx_host_platform") cpu.tdx_host_platform = true;
    if (flag == "sev") cpu.sev = true;
    if (flag == "sev_es") cpu.sev_es = true;
    if (flag == "sev_snp") cpu.sev_snp = true;
}

void read_cpu(const std::string& root, CpuFacts& cpu) {
    const std::string text = read_text(root + "/proc/cpuinfo").value_or("");
    for (std::string_view line : split(text, '\n')) {
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view key = trim(line.substr(0, colon));
        const std::string_view value = trim(line.substr(colon + 1));
        if (key == "processor") ++cpu.count;
        if (cpu.count > 1) continue;  // they are alike
        if (key == "vendor_id") cpu.vendor = value;
        if (key == "model name") cpu.model = value;
        if (key != "flags") continue;
        for (std::string_view flag : split(value, ' '))
            set_flag(cpu, flag);
    }
}

void read_kernel(const std::string& root, KernelFacts& kernel) {
    kernel.release = trimmed(read_text(root + "/proc/sys/kernel/osrelease"));
    const std::vector<std::string_view> parts = split(kernel.release, '.');
    if (parts.size() >= 2) {
        const size_t digits = parts[1].find_first_not_of("0123456789");
        kernel.major = static_cast<unsigned>(parse_u64(parts[0], 10).value_or(0));
        kernel.minor = static_cast<unsigned>(parse_u64(parts[1].substr(0, digits), 10).value_or(0));
    }
    std::optional<std::string> config = read_text(root + "/boot/config-" + kernel.release);
    if (!config) config = read_text(root + "/lib/modules/" + kernel.release + "/config");
    if (!config) config = read_gzip(root + "/proc/config.gz");
    if (config) {
        kernel.config_known = true;
        kernel.config = parse_kernel_config(*config);
    }
    // "disk" is not among the states of a kernel that cannot, or may not.
    const std::string states = trimmed(read_text(root + "/sys/power/disk"));
    kernel.hibernation = !states.empty() && states.find("[disabled]") == std::string::npos;
}

void read_modules(const std::string& root, HostFacts& facts) {
    for (const char* module : {"kvm", "kvm_amd", "kvm_intel", "ccp", "vfio_iommu_type1"}) {
        const std::string folder = root + "/sys/module/" + module;
        if (::access(folder.c_str(), F_OK) != 0) continue;
        facts.modules.insert(module);
        for (const std::string& name : folder_entries(folder + "/parameters"))
            facts.parameters[std::string(module) + "." + name] =
                trimmed(read_text(folder + "/parameters/" + name));
    }
    auto limit = facts.parameters.find("vfio_iommu_type1.dma_entry_limit");
    if (limit != facts.parameters.end()) facts.vfio_dma_limit = parse_u64(limit->second, 10);
}

void read_memory(const std::string& root, MemoryFacts& memory) {
    const std::string text = read_text(root + "/proc/meminfo").value_or("");
    for (std::string_view line : split(text, '\n')) {
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view amount = trim(line.substr(colon + 1));
        const uint64_t bytes = parse_u64(amount.substr(0, amount.find(' ')), 10).value_or(0) * 1024;
        if (line.substr(0, colon) == "MemTotal") memory.total = bytes;
        if (line.substr(0, colon) == "MemAvailable") memory.available = bytes;
    }
    const std::string pools = root + "/sys/kernel/mm/hugepages";
    for (const std::string& name : folder_entries(pools)) {
        constexpr std::string_view kPrefix = "hugepages-";
        if (name.compare(0, kPrefix.size(), kPrefix) != 0) continue;
        const std::string_view size = std::string_view(name).substr(kPrefix.size());
        const std::string folder = pools + "/" + name;
        memory.huge_pages.push_back(
            {.page_size = parse_u64(size.substr(0, size.find('k')), 10).value_or(0) * 1024,
             .total = number_in(folder + "/nr_hugepages"),
             .free = number_in(folder + "/free_hugepages")});
    }
    std::sort(memory.huge_pages.begin(), memory.huge_pages.end(),
              [](const HugePagePool& a, const HugePagePool& b) { return a.page_size < b.page_size; });
    // "always [madvise] never": the one in brackets.
    const std::string policy = trimmed(read_text(root + "/sys/kernel/mm/transparent_hugepage/enabled"));
    const size_t open = policy.find('['), close = policy.find(']');
    if (open != std::string::npos && close != std::string::npos && close > open)
        memory.transparent_huge_pages = policy.substr(open + 1, close - open - 1);
    for (const std::string& name : folder_entries(root + "/sys/devices/system/node"))
        if (name.size() > 4 && name.compare(0, 4, "node") == 0 && name[4] >= '0' && name[4] <= '9')
            ++memory.numa_nodes;
}

// "sev 410", one resource a line.
void read_capacity(const std::string& root, HostFacts& facts) {
    const std::string text = read_text(root + "/sys/fs/cgroup/misc.capacity").value_or("");
    for (std::string_view line : split(text, '\n')) {
        const size_t space = line.find(' ');
        if (space == std::string_view::npos) continue;
        if (auto value = parse_u64(trim(line.substr(space + 1)), 10))
            facts.capacity[std::string(line.substr(0, space))] = *value;
    }
}

std::string group_name(gid_t group) {
    const struct group* entry = ::getgrgid(group);
    return entry != nullptr ? entry->gr_name : std::to_string(group);
}

}  // namespace

std::optional<std::string> read_text(const std::string& path) {
    Result<Fd> fd = open_file(path, O_RDONLY);
    if (!fd) return std::nullopt;
    std::string text;
    char piece[4096];
    for (;;) {
        const ssize_t got = ::read(fd->get(), piece, sizeof(piece));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::nullopt;
        if (got == 0 || text.size() >= kTextLimit) return text;
        text.append(piece, static_cast<size_t>(got));
    }
}

std::optional<std::string> read_gzip(const std::string& path) {
    gzFile file = ::gzopen(path.c_str(), "rb");
    if (file == nullptr) return std::nullopt;
    std::string text;
    char piece[16384];
    int got;
    while ((got = ::gzread(file, piece, sizeof(piece))) > 0 && text.size() < kConfigLimit)
        text.append(piece, static_cast<size_t>(got));
    ::gzclose(file);
    if (got < 0) return std::nullopt;
    return text;
}

NodeFacts look_at_node(const std::string& root, const std::string& path) {
    NodeFacts facts{.path = path};
    struct stat info = {};
    if (::stat((root + path).c_str(), &info) == 0) facts.group = group_name(info.st_gid);
    Result<Fd> fd = open_file(root + path, O_RDWR);
    if (!fd) facts.open_errno = fd.error().number();
    return facts;
}

std::set<std::string> parse_kernel_config(const std::string& text) {
    std::set<std::string> options;
    for (std::string_view line : split(text, '\n')) {
        const size_t equals = line.find('=');
        if (equals == std::string_view::npos || line.substr(0, 7) != "CONFIG_") continue;
        const std::string_view value = trim(line.substr(equals + 1));
        if (value == "y" || value == "m") options.emplace(line.substr(0, equals));
    }
    return options;
}

HostFacts read_files(const std::string& root) {
    HostFacts facts;
    read_cpu(root, facts.cpu);
    read_kernel(root, facts.kernel);
    read_modules(root, facts);
    read_memory(root, facts.memory);
    read_capacity(root, facts);
    facts.sev_node = look_at_node(root, "/dev/sev");
    facts.vfio_node = look_at_node(root, "/dev/vfio/vfio");
    facts.iommufd_node = look_at_node(root, "/dev/iommu");
    facts.iommu_groups = static_cast<unsigned>(folder_entries(root + "/sys/kernel/iommu_groups").size());
    return facts;
}

}  // namespace vmm::doctor
