// NUMA placement; see numa_policy.h. Raw system calls: the two that are needed do not justify a library.
#include "backends/memory/numa_policy.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "util/fd.h"
#include "util/text.h"

namespace vmm {

namespace {

constexpr unsigned kBitsPerWord = 8 * sizeof(unsigned long);

int kernel_mode(HostMemPolicy policy) {
    switch (policy) {
        case HostMemPolicy::Default:
            return MPOL_DEFAULT;
        case HostMemPolicy::Preferred:
            return MPOL_PREFERRED;
        case HostMemPolicy::Bind:
            return MPOL_BIND;
        case HostMemPolicy::Interleave:
            return MPOL_INTERLEAVE;
    }
    UNREACHABLE();
}

std::vector<uint16_t> parse_node_list(std::string_view text) {
    std::vector<uint16_t> nodes;
    for (std::string_view piece : split(trim(text), ',')) {
        size_t dash = piece.find('-');
        std::optional<uint64_t> first = parse_u64(piece.substr(0, dash), 10);
        std::optional<uint64_t> last =
            dash == std::string_view::npos ? first : parse_u64(piece.substr(dash + 1), 10);
        if (!first || !last || *last > UINT16_MAX) return {};
        for (uint64_t node = *first; node <= *last; ++node)
            nodes.push_back(static_cast<uint16_t>(node));
    }
    return nodes;
}

std::string node_list_text(const std::vector<uint16_t>& nodes) {
    std::vector<std::string> pieces;
    for (uint16_t node : nodes)
        pieces.push_back(std::to_string(node));
    return join(pieces, ",");
}

}  // namespace

const char* policy_name(HostMemPolicy policy) {
    switch (policy) {
        case HostMemPolicy::Default:
            return "default";
        case HostMemPolicy::Preferred:
            return "preferred";
        case HostMemPolicy::Bind:
            return "bind";
        case HostMemPolicy::Interleave:
            return "interleave";
    }
    UNREACHABLE();
}

std::vector<uint16_t> online_host_nodes() {
    std::vector<uint16_t> nodes;
    if (Result<Fd> fd = open_file("/sys/devices/system/node/online", 0 /* O_RDONLY */)) {
        char text[256];
        ssize_t n = ::read(fd->get(), text, sizeof text);
        if (n > 0) nodes = parse_node_list({text, static_cast<size_t>(n)});
    }
    if (nodes.empty()) nodes.push_back(0);
    return nodes;
}

Result<NumaPolicy> NumaPolicy::make(HostMemPolicy policy, const std::vector<uint16_t>& nodes) {
    if (policy == HostMemPolicy::Default && !nodes.empty()) {
        return Error::make("host-nodes=%s does nothing with policy=default", node_list_text(nodes).c_str())
            .with_hint("add policy=bind, policy=preferred or policy=interleave");
    }
    if (policy != HostMemPolicy::Default && nodes.empty())
        return Error::make("policy=%s needs host-nodes", policy_name(policy))
            .with_hint("such as host-nodes=0");
    NumaPolicy made;
    made.policy_ = policy;
    if (nodes.empty()) return made;
    std::vector<uint16_t> online = online_host_nodes();
    for (uint16_t node : nodes) {
        if (std::find(online.begin(), online.end(), node) == online.end()) {
            return Error::make("host-nodes names node %u, which this host does not have", node)
                .with_hint("online nodes: %s", node_list_text(online).c_str());
        }
        size_t word = node / kBitsPerWord;
        if (made.mask_.size() <= word) made.mask_.resize(word + 1);
        made.mask_[word] |= 1ul << (node % kBitsPerWord);
    }
    made.nodes_text_ = node_list_text(nodes);
    return made;
}

Status NumaPolicy::bind_mapping(std::span<uint8_t> mapping) const {
    if (is_default()) return {};
    // The kernel takes the number of bits plus one.
    unsigned long bits = mask_.size() * kBitsPerWord + 1;
    if (::syscall(SYS_mbind, mapping.data(), mapping.size(), kernel_mode(policy_), mask_.data(), bits,
                  MPOL_MF_STRICT | MPOL_MF_MOVE) != 0) {
        return Error::from_errno(errno, "mbind to node %s (policy=%s)", nodes_text_.c_str(),
                                 policy_name(policy_));
    }
    return {};
}

Status NumaPolicy::bind_this_thread() const {
    if (is_default()) return {};
    unsigned long bits = mask_.size() * kBitsPerWord + 1;
    if (::syscall(SYS_set_mempolicy, kernel_mode(policy_), mask_.data(), bits) != 0) {
        return Error::from_errno(errno, "set_mempolicy to node %s (policy=%s)", nodes_text_.c_str(),
                                 policy_name(policy_));
    }
    return {};
}

}  // namespace vmm
