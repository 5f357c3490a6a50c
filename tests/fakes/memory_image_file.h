// MemoryImageFile: a host file in memory under the qcow2 code. It can record every write and sync, so that a
// test can rebuild what a crash at any point may have left, and fails on order.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "backends/block/qcow2/image_file.h"

namespace vmm::qcow2 {

class MemoryImageFile final : public ImageFile {
  public:
    struct Event {
        bool sync;
        uint64_t offset;
        std::vector<uint8_t> bytes;
    };

    Status read(uint64_t offset, std::span<uint8_t> into) override {
        if (int number = fails ? fails('r', offset) : 0) return Error::from_errno(number, "read");
        size_t there = offset < data.size() ? std::min<uint64_t>(into.size(), data.size() - offset) : 0;
        if (there > 0) std::memcpy(into.data(), &data[offset], there);
        std::fill(into.begin() + static_cast<std::ptrdiff_t>(there), into.end(), uint8_t{0});
        return {};
    }
    Status write(uint64_t offset, std::span<const uint8_t> from) override {
        if (int number = fails ? fails('w', offset) : 0) return Error::from_errno(number, "write");
        if (offset + from.size() > limit) return Error::from_errno(ENOSPC, "write");
        ++writes;
        if (record) events.push_back({false, offset, {from.begin(), from.end()}});
        apply(data, offset, from);
        return {};
    }
    Status flush() override {
        if (int number = fails ? fails('f', 0) : 0) return Error::from_errno(number, "flush");
        ++flushes;
        if (record) events.push_back({true, 0, {}});
        return {};
    }
    Status discard(uint64_t offset, uint64_t bytes) override {
        ++discards;
        // As a file system does it: zeroes, and no change of size.
        uint64_t end = std::min<uint64_t>(offset + bytes, data.size());
        if (offset < end) {
            std::vector<uint8_t> zeroes(end - offset);
            if (record) events.push_back({false, offset, zeroes});
            apply(data, offset, zeroes);
        }
        return {};
    }
    uint64_t size() const override { return data.size(); }

    static void apply(std::vector<uint8_t>& to, uint64_t offset, std::span<const uint8_t> from) {
        if (offset + from.size() > to.size()) to.resize(offset + from.size());
        std::copy(from.begin(), from.end(), to.begin() + static_cast<std::ptrdiff_t>(offset));
    }

    std::vector<uint8_t> data;
    uint64_t limit = uint64_t{1} << 32;
    bool record = false;
    std::vector<Event> events;
    size_t writes = 0, flushes = 0, discards = 0;
    // ('r' | 'w' | 'f', offset): not 0, the call fails with this errno.
    std::function<int(char, uint64_t)> fails;
};

class MemoryBacking final : public BackingReader {
  public:
    explicit MemoryBacking(std::vector<uint8_t> bytes) : data(std::move(bytes)) {}
    uint64_t size() const override { return data.size(); }
    Status read(uint64_t offset, std::span<uint8_t> into) override {
        std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
        return {};
    }
    std::vector<uint8_t> data;
};

}  // namespace vmm::qcow2
