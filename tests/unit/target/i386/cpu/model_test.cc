// The model tables: identity of each model, what versions change, lookup by every kind of name.
#include "target/i386/cpu/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "target/i386/cpu/feature_names.h"

namespace vmm {
namespace {

bool has(const CpuModel& model, std::string_view name) {
    const std::vector<FeatureBit> bits = feature_bits(name);
    return !bits.empty() &&
           std::all_of(bits.begin(), bits.end(), [&](FeatureBit at) { return model.features.test(at); });
}

CpuModel model_of(std::string_view name) {
    const CpuModelRow* row = find_cpu_model(name);
    EXPECT_NE(row, nullptr) << name;
    return row != nullptr ? expand_cpu_model(*row) : CpuModel{};
}

TEST(Model, identities) {
    struct Row {
        const char* name;
        std::string_view vendor;
        unsigned family, model, stepping;
        const char* model_id;
    };
    const Row rows[] = {
        {"kvm64", kVendorIntel, 15, 6, 1, "Common KVM processor"},
        {"Nehalem", kVendorIntel, 6, 26, 3, "Intel Core i7 9xx (Nehalem Class Core i7)"},
        {"Westmere", kVendorIntel, 6, 44, 1, "Westmere E56xx/L56xx/X56xx (Nehalem-C)"},
        {"SandyBridge", kVendorIntel, 6, 42, 1, "Intel Xeon E312xx (Sandy Bridge)"},
        {"IvyBridge", kVendorIntel, 6, 58, 9, "Intel Xeon E3-12xx v2 (Ivy Bridge)"},
        {"Haswell", kVendorIntel, 6, 60, 4, "Intel Core Processor (Haswell)"},
        {"Haswell-noTSX", kVendorIntel, 6, 60, 1, "Intel Core Processor (Haswell, no TSX)"},
        {"Broadwell", kVendorIntel, 6, 61, 2, "Intel Core Processor (Broadwell)"},
        {"Skylake-Client", kVendorIntel, 6, 94, 3, "Intel Core Processor (Skylake)"},
        {"Skylake-Server", kVendorIntel, 6, 85, 4, "Intel Xeon Processor (Skylake)"},
        {"Cascadelake-Server", kVendorIntel, 6, 85, 6, "Intel Xeon Processor (Cascadelake)"},
        {"Icelake-Server", kVendorIntel, 6, 134, 0, "Intel Xeon Processor (Icelake)"},
        {"Icelake-Server-v4", kVendorIntel, 6, 106, 0, "Intel Xeon Processor (Icelake)"},
        {"EPYC", kVendorAmd, 23, 1, 2, "AMD EPYC Processor"},
        {"EPYC-IBPB", kVendorAmd, 23, 1, 2, "AMD EPYC Processor (with IBPB)"},
        {"EPYC-Rome", kVendorAmd, 23, 49, 0, "AMD EPYC-Rome Processor"},
        {"EPYC-Milan", kVendorAmd, 25, 1, 1, "AMD EPYC-Milan Processor"},
        {"EPYC-Genoa", kVendorAmd, 25, 17, 0, "AMD EPYC-Genoa Processor"},
        {"Dhyana", kVendorHygon, 24, 0, 1, "Hygon Dhyana Processor"},
    };
    for (const Row& row : rows) {
        const CpuModel model = model_of(row.name);
        EXPECT_EQ(model.vendor, row.vendor) << row.name;
        EXPECT_EQ(model.family, row.family) << row.name;
        EXPECT_EQ(model.model, row.model) << row.name;
        EXPECT_EQ(model.stepping, row.stepping) << row.name;
        EXPECT_EQ(model.model_id, row.model_id) << row.name;
    }
}

TEST(Model, versionsChangeWhatTheySay) {
    EXPECT_TRUE(has(model_of("Haswell-v1"), "rtm"));
    EXPECT_FALSE(has(model_of("Haswell-v2"), "rtm"));
    EXPECT_TRUE(has(model_of("Haswell-v3"), "rtm"));
    EXPECT_TRUE(has(model_of("Haswell-v3"), "spec-ctrl"));
    EXPECT_FALSE(has(model_of("EPYC-v1"), "ibpb"));
    EXPECT_TRUE(has(model_of("EPYC-v2"), "ibpb"));
    EXPECT_FALSE(has(model_of("EPYC-Rome-v4"), "xsaves"));
    EXPECT_TRUE(has(model_of("EPYC-Milan-v2"), "vaes"));
    EXPECT_TRUE(has(model_of("EPYC-Genoa"), "avx512f"));
    EXPECT_EQ(model_of("EPYC-v3").caches, &epyc_caches());
    EXPECT_EQ(model_of("EPYC-v4").caches, &epyc_v4_caches());
}

TEST(Model, everyRowIsWhole) {
    std::set<std::string> names;
    for (const CpuModelRow* row : cpu_model_rows()) {
        const CpuModel model = expand_cpu_model(*row);
        EXPECT_TRUE(names.insert(model.name).second) << model.name;
        if (!model.alias.empty()) {
            EXPECT_TRUE(names.insert(model.alias).second) << model.alias;
        }
        EXPECT_NE(unversioned_name(model.name), model.name) << "a row names its version";
        EXPECT_EQ(find_cpu_model(model.name), row);
        EXPECT_EQ(model.vendor.size(), 12u) << model.name;
        EXPECT_LE(model.model_id.size(), 48u) << model.name;
        EXPECT_GE(model.family, 4u) << model.name;
        EXPECT_GE(model.level, 1u) << model.name;
        EXPECT_TRUE(has(model, "fpu")) << model.name;
        EXPECT_NE(find_cpu_model(std::string(unversioned_name(model.name)) + "-v1"), nullptr) << model.name;
    }
    EXPECT_GE(names.size(), 80u);
}

TEST(Model, cachesFitTheirGeometry) {
    for (const CpuModelRow* row : cpu_model_rows()) {
        const CpuModel model = expand_cpu_model(*row);
        if (model.caches == nullptr) continue;
        for (const Cache& cache : {model.caches->l1d, model.caches->l1i, model.caches->l2, model.caches->l3})
            EXPECT_EQ(cache.sets() * cache.ways * cache.line_size * cache.partitions, cache.size)
                << model.name;
    }
}

TEST(Model, unknownIsNull) {
    EXPECT_EQ(find_cpu_model("epyc"), nullptr);
    EXPECT_EQ(find_cpu_model("EPYC-v99"), nullptr);
    EXPECT_EQ(find_cpu_model(""), nullptr);
}

TEST(Model, helpNamesEveryModelAndFeature) {
    const std::string text = cpu_help_text();
    for (const char* line :
         {"x86 EPYC-IBPB             (alias of EPYC-v2)\n", "x86 host ", "x86 Haswell-noTSX-IBRS "})
        EXPECT_NE(text.find(line), std::string::npos) << line;
    for (std::string_view name : feature_names())
        EXPECT_NE(text.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace vmm
