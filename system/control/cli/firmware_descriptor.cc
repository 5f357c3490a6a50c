// Firmware descriptors; see firmware_descriptor.h.
#include "system/control/cli/firmware_descriptor.h"

#include <fnmatch.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "qapi/json_parser.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

constexpr uint64_t kMostBytes = 1 << 20;
constexpr std::string_view kSuffix = ".json";
constexpr std::string_view kArchitecture = "x86_64";

const qapi::Dict* object_at(const qapi::Dict& dict, std::string_view key) {
    const qapi::Value* value = dict.find(key);
    return value != nullptr ? value->if_dict() : nullptr;
}

std::string text_at(const qapi::Dict& dict, std::string_view key) {
    const qapi::Value* value = dict.find(key);
    const std::string* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? *text : "";
}

std::vector<std::string> texts_at(const qapi::Dict& dict, std::string_view key) {
    std::vector<std::string> out;
    const qapi::Value* value = dict.find(key);
    if (value == nullptr || value->if_list() == nullptr) return out;
    for (const qapi::Value& one : *value->if_list())
        if (const std::string* text = one.if_string()) out.push_back(*text);
    return out;
}

FirmwareDescriptor::File file_at(const qapi::Dict& mapping, std::string_view key) {
    const qapi::Dict* file = object_at(mapping, key);
    if (file == nullptr) return {};
    const std::string format = text_at(*file, "format");
    return {text_at(*file, "filename"), format.empty() ? "raw" : format};
}

// "flash" has its parts inside; "memory" (and "kernel", which is no firmware) has a file of its own.
Status read_mapping(const qapi::Dict& mapping, FirmwareDescriptor& out) {
    const std::string device = text_at(mapping, "device");
    if (device == "memory") {
        out.executable.path = text_at(mapping, "filename");
    } else if (device == "flash") {
        out.flash = true;
        out.executable = file_at(mapping, "executable");
        const std::string mode = text_at(mapping, "mode");
        if (mode.empty() || mode == "split") out.variables = file_at(mapping, "nvram-template");
    } else {
        return Error::make("its mapping is of no kind that is known: '%s'", device.c_str());
    }
    if (out.executable.path.empty()) return Error::make("it names no file");
    return {};
}

bool holds(const std::vector<std::string>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

Result<FirmwareDescriptor> read_descriptor(const std::string& path) {
    const std::vector<uint8_t> bytes = TRY(read_file(path, kMostBytes));
    const std::string text(bytes.begin(), bytes.end());
    return parse_firmware_descriptor(text, std::filesystem::path(path).stem());
}

// What keeps this machine from using it; empty: nothing.
std::string obstacle(const FirmwareDescriptor& d, const FirmwareWish& wish) {
    if (!d.fits(kArchitecture, wish.machine)) return "is not for " + wish.machine;
    if (d.has_feature("requires-smm"))
        return "needs system management mode, which this version does not have";
    if (!wish.feature.empty() && !d.has_feature(wish.feature)) return "lacks the feature " + wish.feature;
    return "";
}

}  // namespace

bool FirmwareDescriptor::has_feature(std::string_view feature) const {
    return holds(features, feature);
}

bool FirmwareDescriptor::fits(std::string_view architecture, std::string_view machine) const {
    return std::any_of(targets.begin(), targets.end(), [&](const Target& target) {
        return target.architecture == architecture &&
               std::any_of(target.machines.begin(), target.machines.end(), [&](const std::string& pattern) {
                   return ::fnmatch(pattern.c_str(), std::string(machine).c_str(), 0) == 0;
               });
    });
}

Result<FirmwareDescriptor> parse_firmware_descriptor(std::string_view text, std::string name) {
    const qapi::Value value = TRY(qapi::parse_json(text));
    const qapi::Dict* dict = value.if_dict();
    const qapi::Dict* mapping = dict != nullptr ? object_at(*dict, "mapping") : nullptr;
    if (mapping == nullptr) return Error::make("it is no firmware descriptor");
    FirmwareDescriptor out;
    out.name = std::move(name);
    out.interfaces = texts_at(*dict, "interface-types");
    out.features = texts_at(*dict, "features");
    if (const qapi::Value* targets = dict->find("targets");
        targets != nullptr && targets->if_list() != nullptr)
        for (const qapi::Value& one : *targets->if_list())
            if (const qapi::Dict* target = one.if_dict())
                out.targets.push_back({text_at(*target, "architecture"), texts_at(*target, "machines")});
    TRY(read_mapping(*mapping, out));
    return out;
}

std::vector<std::string> firmware_descriptor_folders() {
    std::vector<std::string> folders;
    if (const char* config = ::getenv("XDG_CONFIG_HOME"); config != nullptr && *config != 0)
        folders.push_back(std::string(config) + "/qemu/firmware");
    else if (const char* home = ::getenv("HOME"); home != nullptr && *home != 0)
        folders.push_back(std::string(home) + "/.config/qemu/firmware");
    folders.emplace_back("/etc/qemu/firmware");
    folders.emplace_back("/usr/share/qemu/firmware");
    return folders;
}

std::vector<FirmwareDescriptor> find_firmware_descriptors(const std::vector<std::string>& folders) {
    std::map<std::string, std::filesystem::path> paths;
    for (const std::string& folder : folders) {
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(folder, none))
            if (entry.path().extension() == kSuffix) paths.emplace(entry.path().filename(), entry.path());
    }
    std::vector<FirmwareDescriptor> found;
    for (const auto& [name, path] : paths) {
        std::error_code none;
        if (std::filesystem::file_size(path, none) == 0) continue;
        Result<FirmwareDescriptor> one = read_descriptor(path);
        if (one)
            found.push_back(std::move(*one));
        else
            log_warning("firmware descriptor %s: %s", path.c_str(), one.error().message().c_str());
    }
    return found;
}

Result<FirmwareDescriptor> choose_firmware(const FirmwareWish& wish,
                                           const std::vector<FirmwareDescriptor>& descriptors) {
    if (wish.what.find('/') != std::string::npos) {
        FirmwareDescriptor named = TRY(read_descriptor(wish.what));
        const std::string why = obstacle(named, wish);
        if (!why.empty()) return Error::make("it %s", why.c_str());
        return named;
    }
    std::string name = wish.what;
    if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
    std::vector<std::string> names;
    for (const FirmwareDescriptor& d : descriptors) {
        const std::string why = obstacle(d, wish);
        if (d.name == name && !why.empty()) return Error::make("it %s", why.c_str());
        if ((d.name == name || holds(d.interfaces, name)) && why.empty()) return d;
        if (why.empty()) names.push_back(d.name);
    }
    return Error::make("there is no such firmware for %s%s%s", wish.machine.c_str(),
                       wish.feature.empty() ? "" : " with ", wish.feature.c_str())
        .with_hint("uefi, bios, a descriptor's path or one of: %s", join(names, ", ").c_str());
}

}  // namespace vmm::cli
