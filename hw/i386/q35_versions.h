// The versions of the q35: what a guest that was installed on an older one must find unchanged. "q35" is the
// newest. Pure data; the command line, query-machines and the board read it. Header only.
#pragma once

#include <span>
#include <string_view>

namespace vmm {

struct Q35Version {
    std::string_view name;
    bool smram_at_smbase = true;  // SMRAM at the default SMBASE can be negotiated (mch register 0x9c)
};

inline constexpr std::string_view kQ35Alias = "q35";

// Newest first.
inline constexpr Q35Version kQ35Versions[] = {
    {"pc-q35-7.2"}, {"pc-q35-7.1"},        {"pc-q35-7.0"},        {"pc-q35-6.2"},
    {"pc-q35-6.1"}, {"pc-q35-6.0"},        {"pc-q35-5.2"},        {"pc-q35-5.1"},
    {"pc-q35-5.0"}, {"pc-q35-4.2", false}, {"pc-q35-4.1", false},
};

// By name or alias; null when there is none.
constexpr const Q35Version* find_q35_version(std::string_view name) {
    if (name == kQ35Alias) return &kQ35Versions[0];
    for (const Q35Version& version : kQ35Versions)
        if (version.name == name) return &version;
    return nullptr;
}

}  // namespace vmm
