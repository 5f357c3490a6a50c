// The real-time clock; see mc146818.h.
#include "hw/rtc/mc146818.h"

#include <time.h>

#include <algorithm>

#include "util/bits.h"
#include "util/check.h"
#include "util/text.h"

namespace vmm {

namespace {

constexpr int64_t kMostOwed = 8192;  // ticks: eight seconds at the usual 1024 Hz
constexpr int64_t kOwedRate = 2;     // a tick that is owed comes in half a period
constexpr int64_t kSecond = 1'000'000'000;
// UIP rises this long before the update.
constexpr int64_t kUpdateWarning = 8 * 1'000'000'000LL / 32768;  // eight cycles of the crystal, 244.14 us
constexpr int64_t kHalfSecond = kSecond / 2;

enum : uint8_t {
    kAUip = 1 << 7,
    kARate = 0x0f,
    kADivider = 0x70,
    kALastTimeBase = 0x20,  // of the divider: three time bases, then values that hold it
    kBSet = 1 << 7,
    kBPeriodic = 1 << 6,
    kBAlarm = 1 << 5,
    kBUpdate = 1 << 4,
    kBBinary = 1 << 2,
    kB24Hours = 1 << 1,
    kCIrq = 1 << 7,
    kCFlags = 0x70,  // the same bits as in B
    kDValid = 1 << 7,
    kHourPm = 1 << 7,
    kAlarmAny = 0xc0,
};

__int128 floor_to_second(__int128 ns) {
    __int128 rest = ns % kSecond;
    return ns - (rest < 0 ? rest + kSecond : rest);
}
int64_t whole_seconds(__int128 ns) {
    return static_cast<int64_t>(floor_to_second(ns) / kSecond);
}
bool divider_runs_in(uint8_t reg_a) {
    return (reg_a & kADivider) <= kALastTimeBase;
}
__int128 to_ns(int64_t seconds) {
    return __int128{seconds} * kSecond;
}

}  // namespace

Mc146818::Mc146818(const Config& config, Clock& clock, IrqLine irq)
    : clock_(clock),
      irq_(irq),
      slew_(config.slew),
      ram_(config.ram),
      timer_(clock.make_timer([this] { fired(); })) {
    offset_ns_ = to_ns(config.start_seconds) - clock.now_ns();
    seen_ns_ = to_ns(config.start_seconds);
    period_start_ = clock.now_ns();
    ram_[cmos::kRegA] = 0x26;  // 32 kHz, 1024 Hz
    ram_[cmos::kRegB] = kB24Hours;
    ram_[cmos::kRegC] = 0;
    ram_[cmos::kRegD] = kDValid;
}

// The time, the RAM and the alarm live on the battery; reset ends interrupts.
void Mc146818::reset_hold() {
    Locked l(mutex_);
    catch_up();
    ram_[cmos::kRegB] &= static_cast<uint8_t>(~(kBPeriodic | kBAlarm | kBUpdate));
    ram_[cmos::kRegC] = 0;
    owed_ = next_owed_ = 0;
    index_ = 0;
    update_irq();
    arm();
}

uint64_t Mc146818::read(uint64_t offset, unsigned) {
    if ((offset & 1) == 0) return 0xff;  // the index cannot be read
    Locked l(mutex_);
    return load(index_);
}

void Mc146818::write(uint64_t offset, uint64_t value, unsigned) {
    Locked l(mutex_);
    if ((offset & 1) == 0) {
        index_ = value & 0x7f;
    } else {
        store(index_, static_cast<uint8_t>(value));
    }
}

uint8_t Mc146818::ram(unsigned index) {
    Locked l(mutex_);
    return ram_.at(index % cmos::kBytes);
}

void Mc146818::set_ram(unsigned index, uint8_t value) {
    CHECK(index > cmos::kRegD && index < cmos::kBytes, "CMOS byte %u is not RAM", index);
    Locked l(mutex_);
    ram_[index] = value;
}

CalendarTime Mc146818::now() {
    Locked l(mutex_);
    return calendar();
}

Mc146818::Shown Mc146818::shown_ns() const {
    return frozen_ ? frozen_ns_ : clock_.now_ns() + offset_ns_;
}

bool Mc146818::updating() const {
    if (frozen_) return false;
    Shown shown = shown_ns();
    return shown - floor_to_second(shown) >= kSecond - kUpdateWarning;
}

CalendarTime Mc146818::calendar() const {
    return to_calendar(whole_seconds(shown_ns()));
}

void Mc146818::set_calendar(const CalendarTime& t) {
    Shown old = shown_ns();
    Shown shown = to_ns(to_seconds(t)) + (old - floor_to_second(old));
    frozen_ns_ = shown;
    offset_ns_ = shown - clock_.now_ns();
    seen_ns_ = shown;
}

uint8_t Mc146818::encode(int value) const {
    if ((ram_[cmos::kRegB] & kBBinary) != 0) return static_cast<uint8_t>(value);
    return static_cast<uint8_t>(((value / 10) << 4) | (value % 10));
}

int Mc146818::decode(uint8_t value) const {
    if ((ram_[cmos::kRegB] & kBBinary) != 0) return value;
    return (value >> 4) * 10 + (value & 0xf);
}

uint8_t Mc146818::encode_hour(int hour) const {
    if ((ram_[cmos::kRegB] & kB24Hours) != 0) return encode(hour);
    int twelve = hour % 12 == 0 ? 12 : hour % 12;
    return static_cast<uint8_t>(encode(twelve) | (hour >= 12 ? kHourPm : 0));
}

int Mc146818::decode_hour(uint8_t value) const {
    if ((ram_[cmos::kRegB] & kB24Hours) != 0) return decode(value);
    return decode(value & 0x7f) % 12 + ((value & kHourPm) != 0 ? 12 : 0);
}

uint8_t Mc146818::load(unsigned index) {
    CalendarTime t = calendar();
    switch (index) {
        case cmos::kSeconds:
            return encode(t.second);
        case cmos::kMinutes:
            return encode(t.minute);
        case cmos::kHours:
            return encode_hour(t.hour);
        case cmos::kDayOfWeek:
            return encode(t.weekday);
        case cmos::kDayOfMonth:
            return encode(t.day);
        case cmos::kMonth:
            return encode(t.month);
        case cmos::kYear:
            return encode(t.year % 100);
        case cmos::kCentury: {
            int century = t.year / 100;
            return static_cast<uint8_t>(((century / 10) << 4) | (century % 10));
        }
        case cmos::kRegA:
            return static_cast<uint8_t>(ram_[cmos::kRegA] | (updating() ? kAUip : 0));
        case cmos::kRegC: {
            catch_up();
            uint8_t value = ram_[cmos::kRegC];
            ram_[cmos::kRegC] = 0;
            if (owed_ > 0 && (value & kBPeriodic) != 0)
                next_owed_ = clock_.now_ns() + period_ns() / kOwedRate;
            update_irq();
            arm();
            return value;
        }
        default:
            return ram_[index];
    }
}

void Mc146818::store(unsigned index, uint8_t value) {
    switch (index) {
        case cmos::kSeconds:
        case cmos::kMinutes:
        case cmos::kHours:
        case cmos::kDayOfWeek:
        case cmos::kDayOfMonth:
        case cmos::kMonth:
        case cmos::kYear:
        case cmos::kCentury:
            catch_up();
            store_time(index, value);
            arm();
            break;
        case cmos::kSecondsAlarm:
        case cmos::kMinutesAlarm:
        case cmos::kHoursAlarm:
            catch_up();
            ram_[index] = value;
            arm();
            break;
        case cmos::kRegA:
            store_reg_a(value);
            break;
        case cmos::kRegB:
            store_reg_b(value);
            break;
        case cmos::kRegC:
        case cmos::kRegD:
            break;  // read only
        default:
            ram_[index] = value;
            break;
    }
}

void Mc146818::store_time(unsigned index, uint8_t value) {
    CalendarTime t = calendar();
    switch (index) {
        case cmos::kSeconds:
            t.second = decode(value);
            break;
        case cmos::kMinutes:
            t.minute = decode(value);
            break;
        case cmos::kHours:
            t.hour = decode_hour(value);
            break;
        case cmos::kDayOfWeek:
            return;  // follows from the date
        case cmos::kDayOfMonth:
            t.day = decode(value);
            break;
        case cmos::kMonth:
            t.month = decode(value);
            break;
        case cmos::kYear:
            t.year = t.year / 100 * 100 + decode(value) % 100;
            break;
        default:
            t.year = ((value >> 4) * 10 + (value & 0xf)) % 100 * 100 + t.year % 100;
            break;
    }
    set_calendar(t);
}

void Mc146818::store_reg_a(uint8_t value) {
    catch_up();
    uint8_t old = ram_[cmos::kRegA];
    ram_[cmos::kRegA] = value & 0x7f;
    bool ran = divider_runs_in(old);
    if (ran != divider_runs()) restart();
    // After the divider is let go the first update comes half a second later.
    if (!ran && divider_runs()) {
        offset_ns_ = floor_to_second(shown_ns()) + kHalfSecond - clock_.now_ns();
        seen_ns_ = shown_ns();
    }
    if (((old ^ value) & kARate) != 0 || !ran) {
        period_start_ = clock_.now_ns();
        owed_ = next_owed_ = 0;
    }
    arm();
}

void Mc146818::store_reg_b(uint8_t value) {
    catch_up();
    uint8_t old = ram_[cmos::kRegB];
    if ((value & kBSet) != 0) value &= static_cast<uint8_t>(~kBUpdate);
    ram_[cmos::kRegB] = value;
    if (((old ^ value) & kBSet) != 0) restart();
    if ((value & kBPeriodic) != 0 && (old & kBPeriodic) == 0) {
        period_start_ = clock_.now_ns();
        owed_ = next_owed_ = 0;
    }
    update_irq();
    arm();
}

bool Mc146818::divider_runs() const {
    return divider_runs_in(ram_[cmos::kRegA]);
}

// Time stands still while SET is 1 or the divider does not run, and goes on from where it stood.
void Mc146818::restart() {
    bool freeze = (ram_[cmos::kRegB] & kBSet) != 0 || !divider_runs();
    if (freeze == frozen_) return;
    if (freeze) {
        frozen_ns_ = clock_.now_ns() + offset_ns_;
    } else {
        offset_ns_ = frozen_ns_ - clock_.now_ns();
        seen_ns_ = frozen_ns_;
    }
    frozen_ = freeze;
}

bool Mc146818::alarm_matches(const CalendarTime& t) const {
    auto matches = [this](unsigned index, int now, bool hour) {
        uint8_t wanted = ram_[index];
        return (wanted & kAlarmAny) == kAlarmAny || (hour ? decode_hour(wanted) : decode(wanted)) == now;
    };
    return matches(cmos::kSecondsAlarm, t.second, false) && matches(cmos::kMinutesAlarm, t.minute, false) &&
           matches(cmos::kHoursAlarm, t.hour, true);
}

// The first second after `after` at which the alarm matches; INT64_MAX when none within a day does.
int64_t Mc146818::next_alarm_second(int64_t after) const {
    CalendarTime t = to_calendar(after + 1);
    int64_t day_start = after + 1 - (t.hour * 3600 + t.minute * 60 + t.second);
    for (int64_t hour = t.hour; hour < t.hour + 25; ++hour) {
        CalendarTime probe = to_calendar(day_start + hour * 3600);
        uint8_t wanted_hour = ram_[cmos::kHoursAlarm];
        if ((wanted_hour & kAlarmAny) != kAlarmAny && decode_hour(wanted_hour) != probe.hour) continue;
        for (int64_t second = 0; second < 3600; ++second) {
            int64_t at = day_start + hour * 3600 + second;
            if (at <= after) continue;
            probe.minute = static_cast<int>(second / 60);
            probe.second = static_cast<int>(second % 60);
            if (alarm_matches(probe)) return at;
        }
    }
    return INT64_MAX;
}

int64_t Mc146818::period_ns() const {
    unsigned rate = ram_[cmos::kRegA] & kARate;
    if (rate == 0 || !divider_runs()) return 0;
    if (rate <= 2) rate += 7;  // 1 and 2 repeat 8 and 9
    return (kSecond << (rate - 1)) / 32768;
}

void Mc146818::catch_up() {
    if (!frozen_) {
        Shown shown = shown_ns();
        int64_t from = whole_seconds(seen_ns_), to = whole_seconds(shown);
        if (to > from) {
            ram_[cmos::kRegC] |= kBUpdate;
            bool told = (ram_[cmos::kRegC] & kBAlarm) != 0;
            if (!told && next_alarm_second(from) <= to) ram_[cmos::kRegC] |= kBAlarm;
        }
        seen_ns_ = shown;
    }
    count_ticks();
    update_irq();
}

void Mc146818::count_ticks() {
    const int64_t period = period_ns(), now = clock_.now_ns();
    if (period <= 0) return;
    uint8_t& flags = ram_[cmos::kRegC];
    const bool told = (flags & kBPeriodic) != 0;
    if (const int64_t ticks = (now - period_start_) / period; ticks > 0) {
        // Ticks nobody could have seen apart are one.
        flags |= kBPeriodic;
        period_start_ += ticks * period;
        if (slew_ && (ram_[cmos::kRegB] & kBPeriodic) != 0)
            owed_ = std::min(owed_ + ticks - (told ? 0 : 1), kMostOwed);
    } else if (next_owed_ != 0 && now >= next_owed_ && !told) {
        flags |= kBPeriodic;
        next_owed_ = 0;
        --owed_;
    }
}

void Mc146818::update_irq() {
    bool level = (ram_[cmos::kRegB] & ram_[cmos::kRegC] & kCFlags) != 0;
    if (level)
        ram_[cmos::kRegC] |= kCIrq;
    else
        ram_[cmos::kRegC] &= static_cast<uint8_t>(~kCIrq);
    irq_.set(level);
}

// For the next event that would raise an interrupt; flags without one are found by catch_up when read.
void Mc146818::arm() {
    int64_t next = INT64_MAX;
    uint8_t wanted = ram_[cmos::kRegB] & static_cast<uint8_t>(~ram_[cmos::kRegC]);
    if (!frozen_) {
        int64_t second = whole_seconds(seen_ns_);
        if ((wanted & kBUpdate) != 0) next = static_cast<int64_t>(to_ns(second + 1) - offset_ns_);
        if ((wanted & kBAlarm) != 0) {
            int64_t alarm = next_alarm_second(second);
            if (alarm != INT64_MAX) next = std::min(next, static_cast<int64_t>(to_ns(alarm) - offset_ns_));
        }
    }
    if ((wanted & kBPeriodic) != 0 && period_ns() > 0) {
        next = std::min(next, period_start_ + period_ns());
        if (next_owed_ != 0) next = std::min(next, next_owed_);
    }
    if (next == INT64_MAX) {
        timer_->disarm();
    } else {
        timer_->arm(next);
    }
}

void Mc146818::fired() {
    bool alarm;
    {
        Locked l(mutex_);
        const uint8_t told = ram_[cmos::kRegC];
        catch_up();
        arm();
        alarm = (ram_[cmos::kRegB] & ram_[cmos::kRegC] & ~told & kBAlarm) != 0;
    }
    if (alarm) hear_alarm_();
}

std::optional<int64_t> rtc_start_seconds(std::string_view base, int64_t host_now_ns) {
    int64_t now = host_now_ns / kSecond;
    if (base == "utc") return now;
    if (base == "localtime") {
        time_t host = now;
        tm local = {};
        if (::localtime_r(&host, &local) == nullptr) return std::nullopt;
        return now + local.tm_gmtoff;
    }
    std::vector<std::string_view> halves = split(base, 'T');
    std::vector<std::string_view> date = split(halves[0], '-');
    if (halves.size() > 2 || date.size() != 3) return std::nullopt;
    std::vector<std::string_view> clock = {"0", "0", "0"};
    if (halves.size() == 2) clock = split(halves[1], ':');
    if (clock.size() != 3) return std::nullopt;
    auto number = [](std::string_view text, uint64_t low, uint64_t high) -> std::optional<int> {
        std::optional<uint64_t> n = parse_u64(text, 10);
        if (!n || *n < low || *n > high) return std::nullopt;
        return static_cast<int>(*n);
    };
    std::optional<int> year = number(date[0], 1970, 9999), month = number(date[1], 1, 12),
                       day = number(date[2], 1, 31), hour = number(clock[0], 0, 23),
                       minute = number(clock[1], 0, 59), second = number(clock[2], 0, 59);
    if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
    CalendarTime t{*year, *month, *day, *hour, *minute, *second, 1};
    // A day that the month does not have would come back as another one.
    if (to_calendar(to_seconds(t)).day != *day) return std::nullopt;
    return to_seconds(t);
}

}  // namespace vmm
