// The known answers of tests/vectors (see its README), and those of a further directory where there is
// one. A vector's files are found by name and, where the vector says it, checked by digest. Header only.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "qapi/json_parser.h"
#include "util/digest.h"

#ifndef LAUNCH_VECTORS
#define LAUNCH_VECTORS "tests/vectors"
#endif

namespace vmm::vectors {

using Bytes = std::vector<uint8_t>;

inline std::optional<Bytes> read_whole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// Where files may be, the project's own first.
inline std::vector<std::string> directories() {
    const std::string own = LAUNCH_VECTORS;
    std::vector<std::string> all{own};
    if (const char* more = std::getenv("PENUMBRA_LAUNCH_VECTORS"))
        all.push_back(more);
    else
        all.push_back(own + "/../../../shared/vectors");
    return all;
}

// "(empty file)" and absent ones are empty.
inline std::optional<Bytes> find_file(const std::string& name) {
    if (name.empty() || name == "(empty file)") return Bytes();
    if (name == "OVMF.fd") return read_whole("/usr/share/ovmf/OVMF.fd");
    for (const std::string& directory : directories())
        if (auto bytes = read_whole(directory + "/" + name)) return bytes;
    return std::nullopt;
}

struct Vector {
    std::string id, kind;
    qapi::Dict inputs, expected;

    std::string text(const char* name, const char* absent = "") const {
        const qapi::Value* value = inputs.find(name);
        return value != nullptr && value->if_string() != nullptr ? *value->if_string() : absent;
    }
    // Of numbers and of texts such as "0x1".
    uint64_t number(const char* name, uint64_t absent = 0) const {
        const qapi::Value* value = inputs.find(name);
        if (value == nullptr || value->null()) return absent;
        if (const std::string* t = value->if_string()) return std::strtoull(t->c_str(), nullptr, 0);
        return value->as_u64().value_or(absent);
    }
    bool flag(const char* name) const {
        const qapi::Value* value = inputs.find(name);
        return value != nullptr && value->if_bool() != nullptr && *value->if_bool();
    }
    bool has(const char* name) const {
        const qapi::Value* value = inputs.find(name);
        return value != nullptr && !value->null();
    }
    std::string answer(const char* name) const {
        const qapi::Value* value = expected.find(name);
        return value != nullptr && value->if_string() != nullptr ? *value->if_string() : "";
    }
    // The file of this input, checked against NAME_sha256; empty when it is not to be had.
    std::optional<Bytes> file(const char* name) const {
        auto bytes = find_file(text(name));
        const std::string digest = text((std::string(name) + "_sha256").c_str());
        if (bytes && !digest.empty() && to_hex(sha256(*bytes)) != digest) return std::nullopt;
        return bytes;
    }
};

// Of these kinds, each id once.
inline std::vector<Vector> of_kind(std::initializer_list<const char*> kinds) {
    std::vector<Vector> all;
    for (const std::string& directory : directories()) {
        auto text = read_whole(directory + "/vectors.json");
        if (!text) text = read_whole(directory + "/sev.json");
        if (!text) continue;
        auto parsed = qapi::parse_json(std::string(text->begin(), text->end()));
        EXPECT_TRUE(parsed) << directory;
        if (!parsed) continue;
        for (const qapi::Value& one : *parsed->if_dict()->find("vectors")->if_list()) {
            const qapi::Dict& dict = *one.if_dict();
            Vector v{*dict.find("id")->if_string(), *dict.find("kind")->if_string(),
                     *dict.find("inputs")->if_dict(), *dict.find("expected")->if_dict()};
            bool wanted = false, known = false;
            for (const char* kind : kinds)
                wanted |= v.kind == kind;
            for (const Vector& other : all)
                known |= other.id == v.id;
            if (wanted && !known) all.push_back(std::move(v));
        }
    }
    return all;
}

// For a vector whose files are not here: a line in the test's output.
inline void skip(const Vector& v, const char* why) {
    ::testing::Test::RecordProperty("skipped_" + v.id, why);
    std::printf("[ SKIPPED  ] vector %s: %s\n", v.id.c_str(), why);
}

}  // namespace vmm::vectors
