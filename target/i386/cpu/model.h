// Named CPU models as data: what -cpu NAME means. The tables are in models_*.cc; a version of a model is the
// difference to the one it is derived from. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "target/i386/cpu/cache.h"
#include "target/i386/cpu/feature_bits.h"

namespace vmm {

inline constexpr std::string_view kVendorIntel = "GenuineIntel";
inline constexpr std::string_view kVendorAmd = "AuthenticAMD";
inline constexpr std::string_view kVendorHygon = "HygonGenuine";

// One row of the tables. A row with `from` takes everything of that model and changes what is given here.
struct CpuModelRow {
    std::string_view name;  // with its version: "EPYC-v2"
    std::string_view from;
    std::string_view alias;  // another name for this very version: "EPYC-IBPB"
    std::string_view vendor;
    unsigned family = 0;
    int model = -1;
    int stepping = -1;
    uint32_t level = 0;   // highest basic leaf; raised when a feature needs more
    uint32_t xlevel = 0;  // highest extended leaf
    std::string_view model_id;
    std::string_view features;              // names; "-name" takes one of `from` away
    const CacheSet& (*caches)() = nullptr;  // null in a row without `from`: plain caches
};

// A row with everything of its ancestors in it.
struct CpuModel {
    std::string name;
    std::string alias;
    std::string vendor;
    unsigned family = 0;
    unsigned model = 0;
    unsigned stepping = 0;
    uint32_t level = 0;
    uint32_t xlevel = 0;
    std::string model_id;
    FeatureWords features;
    const CacheSet* caches = nullptr;  // null: plain caches
};

std::span<const CpuModelRow> cpu_models_plain();  // qemu64, kvm64 and CPUs of the 32-bit age
std::span<const CpuModelRow> cpu_models_intel();
std::span<const CpuModelRow> cpu_models_intel_new();
std::span<const CpuModelRow> cpu_models_amd();

// What -cpu takes besides: everything that the host has, and nothing at all.
inline constexpr std::array<std::string_view, 3> kModelsWithoutRow = {"host", "max", "base"};

// Every row, plain ones first.
std::vector<const CpuModelRow*> cpu_model_rows();
// The row of a name: "EPYC-v2", the alias "EPYC-IBPB", or "EPYC", which is its version 1. Null when unknown.
const CpuModelRow* find_cpu_model(std::string_view name);
CpuModel expand_cpu_model(const CpuModelRow& row);

// "EPYC" of "EPYC-v2".
std::string_view unversioned_name(std::string_view name);

// Every name that -cpu takes as a model: those, their unversioned names and aliases, those without a row; in
// order.
std::vector<std::string> cpu_model_names();
bool is_cpu_model(std::string_view name);
// The model that the text of -cpu names: "EPYC,-svm" is "EPYC"; qemu64 when it is empty.
std::string_view cpu_model_of(std::string_view text);
// "qemu64-x86_64-cpu"
std::string cpu_type_name(std::string_view model);

struct CpuModelHelp {
    std::string name;
    std::string text;
};
// The list of -cpu help: names in order, aliases and versions explained.
std::vector<CpuModelHelp> cpu_model_help();
// The whole text of -cpu help: models, then the names of all features.
std::string cpu_help_text();

}  // namespace vmm
