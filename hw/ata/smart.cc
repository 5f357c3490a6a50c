// SMART pages; see smart.h.
#include "hw/ata/smart.h"

#include "util/endian.h"

namespace vmm::ata {

namespace {

struct Attribute {
    uint8_t id;
    uint16_t flags;  // 1: its failure means that the disk fails; 2: collected online
    uint8_t value, worst;
    std::array<uint8_t, 4> raw;
    uint8_t threshold;
};
constexpr Attribute kAttributes[] = {
    {1, 0x0003, 100, 100, {}, 6},                         // read errors
    {3, 0x0003, 100, 100, {16, 0, 0, 0}, 0},              // spin-up time
    {4, 0x0002, 100, 100, {100, 0, 0, 0}, 20},            // starts and stops
    {5, 0x0003, 100, 100, {}, 36},                        // remapped sectors
    {9, 0x0003, 100, 100, {1, 0, 0, 0}, 0},               // hours
    {12, 0x0003, 100, 100, {}, 0},                        // power cycles
    {190, 0x0003, 69, 69, {0x1f, 0x00, 0x1f, 0x1f}, 50},  // temperature
};
constexpr size_t kAttributeSize = 12;
constexpr size_t kMostTests = 21;  // of the self-test log

enum LogAddress : uint8_t { kDirectory = 0x00, kSummaryErrors = 0x01, kSelfTests = 0x06 };

void put_checksum(Smart::Page& page) {
    uint8_t sum = 0;
    for (size_t i = 0; i < 511; ++i)
        sum = static_cast<uint8_t>(sum + page[i]);
    page[511] = static_cast<uint8_t>(-sum);
}

}  // namespace

bool Smart::run_self_test(uint8_t kind) {
    constexpr uint8_t kCaptive = 0x80, kOffline = 0, kShort = 1, kExtended = 2, kAbort = 0x7f;
    const uint8_t test = kind & 0x7f;
    if (kind == kAbort) return true;
    if (test > kExtended || (kind == (kCaptive | kOffline))) return false;
    last_test_status_ = 0;
    if (test == kShort || test == kExtended) {
        if (tests_.size() == kMostTests) tests_.erase(tests_.begin());
        tests_.push_back(kind);
    }
    return true;
}

Smart::Page Smart::data() const {
    Page page{};
    page[0] = 1;  // structure version
    size_t at = 2;
    for (const Attribute& a : kAttributes) {
        page[at] = a.id;
        store_le<uint16_t>(&page[at + 1], a.flags);
        page[at + 3] = a.value;
        page[at + 4] = a.worst;
        for (size_t i = 0; i < a.raw.size(); ++i)
            page[at + 5 + i] = a.raw[i];
        at += kAttributeSize;
    }
    page[362] = static_cast<uint8_t>(0x02 | (autosave_ ? 0x80 : 0));  // offline collection has been done
    page[363] = last_test_status_;
    store_le<uint16_t>(&page[364], 288);  // seconds of offline collection
    page[367] = 0x19;                     // offline collection and self-tests can be had
    store_le<uint16_t>(&page[368], 0x0003);
    page[370] = 1;   // errors are logged
    page[372] = 2;   // minutes of a short test,
    page[373] = 54;  // an extended one,
    page[374] = 1;   // one after transport
    put_checksum(page);
    return page;
}

Smart::Page Smart::thresholds() const {
    Page page{};
    page[0] = 1;
    size_t at = 2;
    for (const Attribute& a : kAttributes) {
        page[at] = a.id;
        page[at + 1] = a.threshold;
        at += kAttributeSize;
    }
    put_checksum(page);
    return page;
}

std::optional<Smart::Page> Smart::log(uint8_t address) const {
    Page page{};
    page[0] = 1;
    switch (address) {
        case kDirectory:
            page[2 * size_t{kSummaryErrors}] = 1;  // sectors of each log
            page[2 * size_t{kSelfTests}] = 1;
            return page;
        case kSummaryErrors:
            put_checksum(page);
            return page;
        case kSelfTests: {
            constexpr size_t kEntrySize = 24;
            size_t at = 2;
            for (uint8_t kind : tests_) {
                page[at] = kind;
                store_le<uint16_t>(&page[at + 2], 1);  // in the first hour
                at += kEntrySize;
            }
            page[508] = static_cast<uint8_t>(tests_.size());  // the newest
            put_checksum(page);
            return page;
        }
        default:
            return std::nullopt;
    }
}

}  // namespace vmm::ata
