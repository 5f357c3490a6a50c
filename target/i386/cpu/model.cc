// Lookup and expansion of the CPU model tables, and the text of -cpu help.
#include "target/i386/cpu/model.h"

#include <algorithm>

#include "target/i386/cpu/feature_names.h"
#include "util/check.h"
#include "util/text.h"

namespace vmm {
namespace {

void apply_features(FeatureWords& words, std::string_view list, std::string_view model) {
    if (list.empty()) return;
    for (std::string_view name : split(list, ' ')) {
        const bool on = name.front() != '-';
        if (!on) name.remove_prefix(1);
        const std::vector<FeatureBit> bits = feature_bits(name);
        CHECK(!bits.empty(), "CPU model '%s' lists an unknown feature '%s'", std::string(model).c_str(),
              std::string(name).c_str());
        for (FeatureBit at : bits)
            words.set(at, on);
    }
}

bool is_version_1(std::string_view name) {
    return name.ends_with("-v1");
}

}  // namespace

std::vector<const CpuModelRow*> cpu_model_rows() {
    std::vector<const CpuModelRow*> rows;
    for (auto table : {cpu_models_plain(), cpu_models_intel(), cpu_models_intel_new(), cpu_models_amd()})
        for (const CpuModelRow& row : table)
            rows.push_back(&row);
    return rows;
}

const CpuModelRow* find_cpu_model(std::string_view name) {
    for (const CpuModelRow* row : cpu_model_rows()) {
        if (row->name == name || (!row->alias.empty() && row->alias == name)) return row;
        if (is_version_1(row->name) && unversioned_name(row->name) == name) return row;
    }
    return nullptr;
}

CpuModel expand_cpu_model(const CpuModelRow& row) {
    CpuModel model;
    if (!row.from.empty()) {
        const CpuModelRow* from = find_cpu_model(row.from);
        CHECK(from != nullptr && from != &row, "CPU model row without its origin");
        model = expand_cpu_model(*from);
    }
    model.name = row.name;
    model.alias = row.alias;
    if (!row.vendor.empty()) model.vendor = row.vendor;
    if (row.family != 0) model.family = row.family;
    if (row.model >= 0) model.model = static_cast<unsigned>(row.model);
    if (row.stepping >= 0) model.stepping = static_cast<unsigned>(row.stepping);
    if (row.level != 0) model.level = row.level;
    if (row.xlevel != 0) model.xlevel = row.xlevel;
    if (!row.model_id.empty()) model.model_id = row.model_id;
    if (row.caches != nullptr) model.caches = &row.caches();
    apply_features(model.features, row.features, row.name);
    return model;
}

std::string_view unversioned_name(std::string_view name) {
    const size_t at = name.rfind("-v");
    if (at == std::string_view::npos || at + 2 == name.size()) return name;
    const std::string_view digits = name.substr(at + 2);
    const bool version =
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    return version ? name.substr(0, at) : name;
}

std::vector<CpuModelHelp> cpu_model_help() {
    std::vector<CpuModelHelp> lines;
    for (const CpuModelRow* row : cpu_model_rows()) {
        const CpuModel model = expand_cpu_model(*row);
        std::string text = model.model_id;
        if (row->model_id.empty() && !row->from.empty())
            text += strf(" [%s]", std::string(row->features).c_str());
        lines.push_back({model.name, text});
        if (!model.alias.empty()) lines.push_back({model.alias, strf("(alias of %s)", model.name.c_str())});
        if (is_version_1(row->name))
            lines.push_back(
                {std::string(unversioned_name(row->name)), strf("(alias of %s)", model.name.c_str())});
    }
    std::sort(lines.begin(), lines.end(),
              [](const CpuModelHelp& a, const CpuModelHelp& b) { return a.name < b.name; });
    lines.push_back({"base", "no features at all, to be added one by one"});
    lines.push_back({"host", "every feature of this host that the accelerator can give"});
    lines.push_back({"max", "every feature the accelerator can give on this host"});
    return lines;
}

std::string cpu_help_text() {
    std::string text = "Available CPUs:\n";
    for (const CpuModelHelp& line : cpu_model_help())
        text += strf("x86 %-20s  %s\n", line.name.c_str(), line.text.c_str());
    text += "\nRecognized CPUID flags:\n";
    std::string row = " ";
    for (std::string_view name : feature_names()) {
        if (row.size() + name.size() + 1 > 75) {
            text += row + "\n";
            row = " ";
        }
        row += " " + std::string(name);
    }
    return text + row + "\n";
}

bool is_cpu_model(std::string_view name) {
    return std::find(kModelsWithoutRow.begin(), kModelsWithoutRow.end(), name) != kModelsWithoutRow.end() ||
           find_cpu_model(name) != nullptr;
}

std::vector<std::string> cpu_model_names() {
    std::vector<std::string> names(kModelsWithoutRow.begin(), kModelsWithoutRow.end());
    for (const CpuModelRow* row : cpu_model_rows()) {
        names.emplace_back(row->name);
        names.emplace_back(unversioned_name(row->name));
        if (!row->alias.empty()) names.emplace_back(row->alias);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::string_view cpu_model_of(std::string_view text) {
    const std::string_view model = text.substr(0, text.find(','));
    return model.empty() ? "qemu64" : model;
}

std::string cpu_type_name(std::string_view model) {
    return std::string(model) + "-x86_64-cpu";
}

}  // namespace vmm
