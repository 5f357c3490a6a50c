// IgvmBuilder: puts an IGVM file together for tests, right or wrong: headers as given, data behind them, the
// checksum last. Header only.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <span>
#include <vector>

#include "target/i386/confidential/igvm/format.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm::fakes {

class IgvmBuilder {
  public:
    using Bytes = std::vector<uint8_t>;

    // Numbers one behind the other, each as wide as its type.
    template <typename... Numbers>
    static Bytes body(Numbers... numbers) {
        Bytes out;
        (append(out, numbers), ...);
        return out;
    }

    IgvmBuilder& header(igvm::HeaderType type, const Bytes& content) {
        return raw_header(static_cast<uint32_t>(type), content);
    }
    IgvmBuilder& raw_header(uint32_t type, const Bytes& content) {
        append(headers_, type);
        append(headers_, static_cast<uint32_t>(content.size()));
        headers_.insert(headers_.end(), content.begin(), content.end());
        headers_.resize(align_up(headers_.size(), 8));
        return *this;
    }
    IgvmBuilder& platform(uint32_t mask, uint8_t type) {
        return header(igvm::HeaderType::SupportedPlatform,
                      body(mask, uint8_t{0}, type, uint16_t{1}, uint64_t{0}));
    }
    // Data of a page, filled with one byte; without: a page of zeros.
    IgvmBuilder& page(uint64_t gpa, int fill, uint16_t type = 0, uint32_t flags = 0, uint32_t mask = 1) {
        const size_t size = (flags & igvm::kPage2MiB) != 0 ? igvm::kLargePage : kPageSize;
        const uint32_t at = fill < 0 ? 0 : data(Bytes(size, static_cast<uint8_t>(fill)));
        return data_header(igvm::HeaderType::PageData, body(gpa, mask, at, flags, type, uint16_t{0}), 12);
    }
    IgvmBuilder& area(uint64_t size, uint32_t index) {
        return header(igvm::HeaderType::ParameterArea, body(size, index, uint32_t{0}));
    }
    IgvmBuilder& parameter(igvm::HeaderType type, uint32_t area, uint32_t offset) {
        return header(type, body(area, offset));
    }
    IgvmBuilder& insert(uint64_t gpa, uint32_t area, uint32_t mask = 1) {
        return header(igvm::HeaderType::ParameterInsert, body(gpa, mask, area));
    }
    IgvmBuilder& context(uint64_t gpa, const Bytes& content, uint16_t index = 0, uint32_t mask = 1) {
        const uint32_t at = data(content);
        return data_header(igvm::HeaderType::VpContext, body(gpa, mask, at, index, uint16_t{0}), 12);
    }

    uint32_t version = 1;
    uint32_t architecture = 0, page_size = 4096;

    Bytes build() const {
        Bytes out = body(igvm::kMagic, version);
        const size_t fixed = version == 2 ? igvm::kFixedHeaderV2 : igvm::kFixedHeaderV1;
        Bytes headers = headers_;
        for (size_t at : data_fields_)
            store_le<uint32_t>(&headers[at], load_le<uint32_t>(&headers[at]) - kRelative +
                                                 static_cast<uint32_t>(fixed + headers.size()));
        append(out, static_cast<uint32_t>(fixed));
        append(out, static_cast<uint32_t>(headers.size()));
        append(out, static_cast<uint32_t>(fixed + headers.size() + data_.size()));
        append(out, uint32_t{0});
        if (version == 2) {
            append(out, architecture);
            append(out, page_size);
        }
        out.insert(out.end(), headers.begin(), headers.end());
        out.insert(out.end(), data_.begin(), data_.end());
        seal(out);
        return out;
    }

    // Makes the checksum right again after a change.
    static void seal(Bytes& file) {
        if (file.size() < igvm::kFixedHeaderV1) return;
        const uint64_t end = uint64_t{load_le<uint32_t>(&file[8])} + load_le<uint32_t>(&file[12]);
        if (end > file.size()) return;
        store_le<uint32_t>(&file[20], 0);
        store_le<uint32_t>(&file[20], static_cast<uint32_t>(::crc32(0, file.data(), static_cast<uInt>(end))));
    }

  private:
    // Offsets of data are known when all headers are: until then they are counted from here.
    static constexpr uint32_t kRelative = 0x80000000;

    template <typename Number>
    static void append(Bytes& out, Number number) {
        uint8_t raw[sizeof(Number)];
        store_le<Number>(raw, number);
        out.insert(out.end(), raw, raw + sizeof(raw));
    }
    uint32_t data(const Bytes& content) {
        const auto at = static_cast<uint32_t>(data_.size());
        data_.insert(data_.end(), content.begin(), content.end());
        return at + kRelative;
    }
    IgvmBuilder& data_header(igvm::HeaderType type, const Bytes& content, size_t field) {
        if (load_le<uint32_t>(&content[field]) >= kRelative)
            data_fields_.push_back(headers_.size() + 8 + field);
        return header(type, content);
    }

    Bytes headers_, data_;
    std::vector<size_t> data_fields_;
};

}  // namespace vmm::fakes
