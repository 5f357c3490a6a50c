// Items and directory; see fw_cfg_items.h. The directory is big-endian: a count, then 64 bytes for each file.
#include "hw/nvram/fw_cfg_items.h"

#include <algorithm>

#include "util/endian.h"

namespace vmm {

namespace {
constexpr size_t kDirectoryEntry = 64;
constexpr uint16_t key_number(FwCfgKey key) {
    return static_cast<uint16_t>(key);
}
}  // namespace

void FwCfgItems::set(FwCfgKey key, std::vector<uint8_t> bytes) {
    CHECK(key != FwCfgKey::FileDirectory, "the fw_cfg directory is made, not set");
    numbered_[key_number(key)] = FwCfgItem{std::move(bytes), {}};
}

void FwCfgItems::set_number(FwCfgKey key, uint64_t number, unsigned bytes) {
    std::vector<uint8_t> blob(bytes);
    store_le_sized(blob.data(), number, bytes);
    set(key, std::move(blob));
}

Status FwCfgItems::add_file(std::string_view name, std::vector<uint8_t> bytes,
                            std::function<void()> written) {
    std::string text(name);
    if (name.empty() || name.size() > kMaxFileName) {
        return Error::make("fw_cfg file name '%s' has %zu characters; 1 to %zu are allowed", text.c_str(),
                           name.size(), kMaxFileName);
    }
    if (files_.size() >= kMaxFiles) return Error::make("fw_cfg has no room for file '%s'", text.c_str());
    if (files_.contains(text)) return Error::make("fw_cfg has a file '%s' already", text.c_str());
    files_.emplace(std::move(text), FwCfgItem{std::move(bytes), std::move(written)});
    directory_stale_ = true;
    return {};
}

void FwCfgItems::replace_file(std::string_view name, std::vector<uint8_t> bytes) {
    CHECK(!name.empty() && name.size() <= kMaxFileName, "fw_cfg file name of %zu characters", name.size());
    files_[std::string(name)].bytes = std::move(bytes);
    directory_stale_ = true;
}

void FwCfgItems::build_directory() {
    std::vector<uint8_t> directory(4 + files_.size() * kDirectoryEntry);
    store_be(directory.data(), static_cast<uint32_t>(files_.size()));
    by_key_.clear();
    uint16_t key = key_number(FwCfgKey::FirstFile);
    uint8_t* entry = directory.data() + 4;
    for (auto& [name, item] : files_) {
        store_be(entry, static_cast<uint32_t>(item.bytes.size()));
        store_be(entry + 4, key++);
        std::copy(name.begin(), name.end(), entry + 8);
        by_key_.push_back(&item);
        entry += kDirectoryEntry;
    }
    numbered_[key_number(FwCfgKey::FileDirectory)] = FwCfgItem{std::move(directory), {}};
    directory_stale_ = false;
}

FwCfgItem* FwCfgItems::find(uint16_t key) {
    if (directory_stale_) build_directory();
    uint16_t first = key_number(FwCfgKey::FirstFile);
    if (key >= first && key < first + by_key_.size()) return by_key_[key - first];
    auto found = numbered_.find(key);
    return found == numbered_.end() ? nullptr : &found->second;
}

const FwCfgItem* FwCfgItems::find_file(std::string_view name) const {
    auto found = files_.find(name);
    return found == files_.end() ? nullptr : &found->second;
}

std::vector<std::string> FwCfgItems::file_names() const {
    std::vector<std::string> names;
    for (const auto& [name, item] : files_)
        names.push_back(name);
    return names;
}

}  // namespace vmm
