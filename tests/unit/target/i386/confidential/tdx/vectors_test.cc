// Known answers: MRTDs that four independent tools agree on, TD HOBs and event digests from real TDs' signed
// logs, an Authenticode digest, a quote's frames. The answers are in tests/vectors/tdx.json. Firmware that is
// not part of the tree is looked for where Debian puts it, and in the directory that PENUMBRA_LAUNCH_VECTORS
// names, or shared/vectors beside the tree; without it the vector is skipped and says what is missing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "qapi/json_parser.h"
#include "target/i386/confidential/tdx/authenticode.h"
#include "target/i386/confidential/tdx/mrtd.h"
#include "target/i386/confidential/tdx/quote_protocol.h"
#include "target/i386/confidential/tdx/rtmr.h"
#include "target/i386/confidential/tdx/td_hob.h"
#include "util/align.h"
#include "util/endian.h"
#include "util/text.h"

namespace vmm::tdx {
namespace {

using qapi::Dict;
using qapi::List;
using qapi::Value;

std::optional<std::vector<uint8_t>> read_whole(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return std::nullopt;
    return std::vector<uint8_t>(std::istreambuf_iterator<char>(in), {});
}

std::optional<std::vector<uint8_t>> find_input(const std::string& name, const std::string& digest) {
    const char* given = std::getenv("PENUMBRA_LAUNCH_VECTORS");
    const std::string folders[] = {
        VECTORS_DIR, given != nullptr ? given : VECTORS_DIR "/../../../shared/vectors", "/usr/share/ovmf"};
    for (const std::string& folder : folders) {
        if (folder.empty()) continue;
        auto bytes = read_whole(folder + "/" + name);
        if (bytes && to_hex(sha256(*bytes)) == digest) return bytes;
    }
    return std::nullopt;
}

const Dict& object(const Dict& in, const char* key) {
    static const Dict empty;
    const Value* found = in.find(key);
    return found != nullptr && found->if_dict() != nullptr ? *found->if_dict() : empty;
}
std::string text(const Dict& in, const char* key) {
    const Value* found = in.find(key);
    return found != nullptr && found->if_string() != nullptr ? *found->if_string() : "";
}
uint64_t number(const Dict& in, const char* key) {
    const Value* found = in.find(key);
    if (found == nullptr) return 0;
    if (found->if_string() != nullptr) return parse_u64(*found->if_string()).value_or(0);
    return found->as_u64().value_or(0);
}

const std::vector<Dict>& vectors() {
    static const std::vector<Dict> all = [] {
        std::vector<Dict> out;
        const auto bytes = read_whole(std::string(VECTORS_DIR) + "/tdx.json");
        if (!bytes) return out;
        const auto parsed = qapi::parse_json(std::string(bytes->begin(), bytes->end()));
        if (!parsed || parsed->if_dict() == nullptr) return out;
        for (const Value& v : *parsed->if_dict()->find("vectors")->if_list())
            out.push_back(*v.if_dict());
        return out;
    }();
    return all;
}

class Vector : public testing::TestWithParam<size_t> {
  protected:
    const Dict& vector() const { return vectors()[GetParam()]; }
    const Dict& inputs() const { return object(vector(), "inputs"); }
    const Dict& expected() const { return object(vector(), "expected"); }

    void check_mrtd();
    void check_hob();
    void check_digests();
    void check_log();
    void check_authenticode();
    void check_quote();

    // Empty after a skip.
    std::vector<uint8_t> input(const char* name_key, const char* digest_key) {
        auto bytes = find_input(text(inputs(), name_key), text(inputs(), digest_key));
        if (bytes) return *bytes;
        skip_ = text(inputs(), name_key) + " with SHA-256 " + text(inputs(), digest_key) + " is not here";
        return {};
    }
    std::string skip_;
};

void Vector::check_mrtd() {
    const std::vector<uint8_t> image = input("firmware", "firmware_sha256");
    if (image.empty()) return;
    const auto firmware = parse_tdvf(image);
    ASSERT_TRUE(firmware) << firmware.error().text();
    EXPECT_EQ(to_hex(mrtd_of(image, *firmware, MrtdOrder::Interleaved, PageAug::Accepted)),
              text(expected(), "mrtd_interleaved"));
    if (expected().contains("mrtd_two_pass")) {
        EXPECT_EQ(to_hex(mrtd_of(image, *firmware, MrtdOrder::TwoPass, PageAug::Accepted)),
                  text(expected(), "mrtd_two_pass"));
    }
}

// RAM of a q35 as QEMU splits it.
std::vector<RamRange> q35_ram(uint64_t bytes) {
    if (bytes < 0xb0000000) return {{0, bytes}};
    return {{0, 2 * kGiB}, {4 * kGiB, bytes - 2 * kGiB}};
}

void Vector::check_hob() {
    Tdvf firmware;
    if (const Value* sections = inputs().find("sections")) {
        for (const Value& v : *sections->if_list()) {
            const Dict& s = *v.if_dict();
            const TdvfType type = text(s, "type") == "TD_HOB" ? TdvfType::TdHob : TdvfType::TempMem;
            firmware.sections.push_back({0, 0, number(s, "gpa"), number(s, "size"), type, 0});
        }
    } else {
        const std::vector<uint8_t> image = input("firmware", "firmware_sha256");
        if (image.empty()) return;
        auto parsed = parse_tdvf(image);
        ASSERT_TRUE(parsed) << parsed.error().text();
        firmware = *parsed;
    }
    const auto ranges = divide_ram(q35_ram(number(inputs(), "ram_bytes")), firmware);
    ASSERT_TRUE(ranges) << ranges.error().text();
    const auto hob = build_td_hob(firmware.hob()->gpa, firmware.hob()->size, *ranges);
    ASSERT_TRUE(hob) << hob.error().text();
    EXPECT_EQ(to_hex(*hob), text(expected(), "hob_bytes_hex"));
    EXPECT_EQ(hob->size() - kHobEndSize, number(expected(), "measured_len"));
    EXPECT_EQ(to_hex(td_hob_digest(*hob)), text(expected(), "event_digest_sha384"));
}

void Vector::check_digests() {
    auto expect = [&](const char* key, const Sha384Digest& digest) {
        EXPECT_EQ(to_hex(digest), text(expected(), key)) << key;
    };
    expect("EV_SEPARATOR 00000000", separator_digest());
    for (const char* action : {"Calling EFI Application from Boot Option", "Exit Boot Services Invocation",
                               "Exit Boot Services Returned with Success"}) {
        const bool first = std::string_view(action).starts_with("Calling");
        expect((first ? std::string("EFI action: ") + action : std::string(action)).c_str(),
               action_digest(action));
    }
    expect("SecureBoot (empty)", variable_digest(kGlobalVariable, "SecureBoot", {}));
    expect("PK (empty)", variable_digest(kGlobalVariable, "PK", {}));
    expect("KEK (empty)", variable_digest(kGlobalVariable, "KEK", {}));
    expect("db (empty)", variable_digest(kSecurityDatabase, "db", {}));
    expect("dbx (empty)", variable_digest(kSecurityDatabase, "dbx", {}));
    const uint16_t order[] = {0};
    expect("BootOrder = 0000", sha384(boot_order_of(order)));
    expect("Boot0000 UiApp load option", sha384(load_option(ovmf_ui_app())));
    if (const auto vars = read_whole("/usr/share/OVMF/OVMF_VARS_4M.fd"))
        expect("CFV of a 4 MiB OVMF with Debian OVMF_VARS_4M.fd (0x84000 bytes at 0xffc00000)",
               sha384(*vars));
}

Sha384Digest digest_of(const Dict& event) {
    Sha384Digest digest{};
    const auto bytes = from_hex(text(event, "digest")).value_or(std::vector<uint8_t>());
    EXPECT_EQ(bytes.size(), digest.size());
    std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
    return digest;
}

MeasuredTable logged_table(const Value& event) {
    return {"table", digest_of(*event.if_dict())};
}

void Vector::check_log() {
    for (const char* name : {"rtmr0", "rtmr1", "rtmr2"}) {
        const Dict& log = object(expected(), name);
        std::vector<MeasuredEvent> events;
        for (const Value& v : *log.find("events")->if_list()) {
            MeasuredEvent event;
            event.type = static_cast<uint32_t>(number(*v.if_dict(), "type"));
            event.digest = digest_of(*v.if_dict());
            events.push_back(event);
        }
        EXPECT_EQ(to_hex(replay(events)), text(log, "value")) << name;
    }
    // What we would have predicted of this TD: all events in their order; ACPI's contents are that VMM's.
    const Dict& rtmr0 = object(expected(), "rtmr0");
    const List& logged = *rtmr0.find("events")->if_list();
    const std::vector<MeasuredEvent> predicted =
        rtmr0_events({.hob = {},
                      .configuration_volumes = {},
                      .tables = {logged_table(logged[8]), logged_table(logged[9]), logged_table(logged[10])},
                      .starts_kernel = true});
    ASSERT_EQ(predicted.size(), logged.size() - 2);
    for (size_t i = 0; i < predicted.size(); ++i) {
        const Dict& event = *logged[i + 2].if_dict();  // behind the HOB and the variables' volume
        EXPECT_EQ(predicted[i].type, number(event, "type")) << i;
        EXPECT_EQ(to_hex(predicted[i].digest), text(event, "digest")) << i;
    }
}

void Vector::check_authenticode() {
    const std::vector<uint8_t> image = input("file", "sha256");
    if (image.empty()) return;
    const auto digest = authenticode_digest(image);
    ASSERT_TRUE(digest) << digest.error().text();
    EXPECT_EQ(to_hex(*digest), text(expected(), "digest"));
}

void Vector::check_quote() {
    std::vector<uint8_t> report(1024), quote(5006);
    for (size_t i = 0; i < report.size(); ++i)
        report[i] = static_cast<uint8_t>(3 * i + 1);
    for (size_t i = 0; i < quote.size(); ++i)
        quote[i] = static_cast<uint8_t>(7 * i + 5);
    const std::vector<uint8_t> request = quote_request(report);
    EXPECT_EQ(to_hex(std::span(request).first(28)), text(expected(), "request_head_hex"));
    EXPECT_EQ(to_hex(sha256(request)), text(expected(), "request_sha256"));
    std::vector<uint8_t> response;
    const std::string head = text(expected(), "response_head_hex");
    for (size_t i = 0; i < head.size(); i += 2)
        response.push_back(static_cast<uint8_t>(*parse_u64(head.substr(i, 2), 16)));
    response.insert(response.end(), quote.begin(), quote.end());
    EXPECT_EQ(to_hex(sha256(response)), text(expected(), "response_sha256"));
    const auto length = response_length(std::span(response).first<4>(), 8192);
    ASSERT_TRUE(length);
    EXPECT_EQ(*length, response.size() - 4);
    const auto got = quote_in_response(std::span(response).subspan(4), 8192);
    ASSERT_TRUE(got) << got.error().text();
    EXPECT_EQ(got->size(), number(expected(), "guest_out_len"));
    EXPECT_TRUE(std::equal(got->begin(), got->end(), quote.begin(), quote.end()));
}

TEST_P(Vector, Passes) {
    const std::string kind = text(vector(), "kind");
    if (kind == "tdx_mrtd") {
        check_mrtd();
    } else if (kind == "td_hob") {
        check_hob();
    } else if (kind == "tdx_event_digests") {
        check_digests();
    } else if (kind == "tdx_event_log") {
        check_log();
    } else if (kind == "authenticode_sha384") {
        check_authenticode();
    } else if (kind == "qgs_get_quote") {
        check_quote();
    } else {
        FAIL() << "unknown kind " << kind;
    }
    if (!skip_.empty()) GTEST_SKIP() << skip_;
}

std::string name_of(const testing::TestParamInfo<size_t>& row) {
    std::string name = row.param < vectors().size() ? text(vectors()[row.param], "id") : "missing";
    for (char& c : name)
        if (!isalnum(static_cast<unsigned char>(c))) c = '_';
    return name;
}
INSTANTIATE_TEST_SUITE_P(Tdx, Vector, testing::Range(size_t{0}, size_t{14}), name_of);

TEST(Vectors, AllAreThere) {
    EXPECT_EQ(vectors().size(), 14u);
}

}  // namespace
}  // namespace vmm::tdx
