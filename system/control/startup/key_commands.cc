// send-key and sendkey; see query_commands.h. Keys go to the PS/2 keyboard.
#include <algorithm>
#include <memory>

#include "hw/i386/q35_board.h"
#include "qapi/commands_input.h"
#include "system/control/hmp/table.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "util/event_loop.h"
#include "util/text.h"

namespace vmm {

namespace {

// Scan codes of set 1, in the order of QKeyCode; 0xe0 in front is the prefix.
constexpr uint16_t kCodes[] = {
    0x01,   0x02,   0x03,   0x04,   0x05,   0x06,   0x07,   0x08,   0x09,   0x0a,   0x0b,   0x0c,   0x0d,
    0x0e,   0x0f,   0x10,   0x11,   0x12,   0x13,   0x14,   0x15,   0x16,   0x17,   0x18,   0x19,   0x1a,
    0x1b,   0x1c,   0x1d,   0x1e,   0x1f,   0x20,   0x21,   0x22,   0x23,   0x24,   0x25,   0x26,   0x27,
    0x28,   0x29,   0x2a,   0x2b,   0x2c,   0x2d,   0x2e,   0x2f,   0x30,   0x31,   0x32,   0x33,   0x34,
    0x35,   0x36,   0x37,   0x37,   0x38,   0x39,   0x3a,   0x3b,   0x3c,   0x3d,   0x3e,   0x3f,   0x40,
    0x41,   0x42,   0x43,   0x44,   0x45,   0x46,   0x47,   0x48,   0x49,   0x4a,   0x4b,   0x4c,   0x4d,
    0x4e,   0x4f,   0x50,   0x51,   0x52,   0x53,   0x54,   0x56,   0x57,   0x58,   0xe01c, 0xe01d, 0xe035,
    0xe037, 0xe038, 0xe047, 0xe048, 0xe049, 0xe04b, 0xe04d, 0xe04f, 0xe050, 0xe051, 0xe052, 0xe053, 0xe05b,
    0xe05c, 0xe05d, 0xe05d, 0xe05e, 0xe05f, 0xe063,
};
constexpr uint16_t kExtended = 0xe000;
constexpr size_t kMostKeys = 16;
constexpr int64_t kUsualHold = 100, kLongestHold = 60'000;  // milliseconds

// Holds keys down until their time is over; pressing again lets go of the ones before.
class KeyHolder {
  public:
    KeyHolder(EventLoop& loop, MachineView& view) : view_(view), timer_(loop, [this] { release(); }) {}

    Status press(std::vector<uint16_t> codes, int64_t milliseconds) {
        if (view_.board() == nullptr) return Error::make("this machine has no keyboard");
        release();
        for (uint16_t code : codes) {
            if (!set(code, true)) return Error::make("there is no keyboard that takes the keys");
            held_.push_back(code);
        }
        timer_.arm_at(monotonic_ns() + milliseconds * 1'000'000);
        return {};
    }

  private:
    bool set(uint16_t code, bool down) {
        return view_.board()->press_key(code & 0x7f, (code & kExtended) != 0, down);
    }
    void release() {
        if (view_.board() == nullptr) held_.clear();
        while (!held_.empty()) {
            set(held_.back(), false);
            held_.pop_back();
        }
    }

    MachineView& view_;
    std::vector<uint16_t> held_;
    LoopTimer timer_;
};

Result<uint16_t> code_of(const qapi::KeyValue& key) {
    if (const auto* name = std::get_if<qapi::KeyName>(&key.u)) return kCodes[static_cast<size_t>(name->data)];
    const int64_t number = std::get_if<qapi::KeyNumber>(&key.u)->data;
    if (number <= 0 || number > 0xff || (number & 0x7f) == 0)
        return Error::make("Parameter 'keys' expects scan codes from 1 to 255, not %lld",
                           static_cast<long long>(number));
    return static_cast<uint16_t>((number & 0x7f) | ((number & 0x80) != 0 ? kExtended : 0));
}

Status send(KeyHolder& holder, const qapi::SendKeyArguments& asked) {
    std::vector<uint16_t> codes;
    if (asked.keys.empty() || asked.keys.size() > kMostKeys)
        return Error::make("Parameter 'keys' expects 1 to %zu keys", kMostKeys);
    for (const qapi::KeyValue& key : asked.keys)
        codes.push_back(TRY(code_of(key)));
    const int64_t hold = asked.hold_time.value_or(kUsualHold);
    if (hold < 0 || hold > kLongestHold)
        return Error::make("Parameter 'hold-time' expects 0 to %lld milliseconds",
                           static_cast<long long>(kLongestHold));
    return holder.press(std::move(codes), hold);
}

// "ctrl-alt-delete" or "0x1d-0x38"; a dash alone is no key.
Result<qapi::List> parse_keys(const std::string& text) {
    qapi::List keys;
    for (std::string_view part : split(text, '-')) {
        const std::optional<uint64_t> number = part.starts_with("0x") ? parse_u64(part) : std::nullopt;
        if (number)
            keys.push_back(qapi::Dict{{"type", "number"}, {"data", *number}});
        else
            keys.push_back(qapi::Dict{{"type", "qcode"}, {"data", std::string(part)}});
    }
    return keys;
}

}  // namespace

void register_key_commands(qapi::CommandTable& table, HmpTable& human, EventLoop& loop, MachineView& view) {
    auto holder = std::make_shared<KeyHolder>(loop, view);
    table.add<qapi::SendKeyCommand>(
        [holder](const qapi::SendKeyArguments& asked) { return send(*holder, asked); });
    human.add({"sendkey", "keys [milliseconds]", "presses keys together: ctrl-alt-delete, or 0x1d-0x38",
               [&human](const HmpLine& line) -> Result<std::string> {
                   qapi::Dict arguments{{"keys", TRY(parse_keys(line.word(0)))}};
                   if (line.words.size() > 1) {
                       const std::optional<uint64_t> hold = parse_u64(line.word(1));
                       if (!hold || *hold > INT32_MAX)
                           return Error::make("sendkey takes KEYS and milliseconds");
                       arguments.set("hold-time", *hold);
                   }
                   TRY(human.qmp("send-key", arguments));
                   return std::string();
               }});
}

}  // namespace vmm
