// Seconds since 1970 and the calendar, both ways, for any year 0..9999. Pure, header only.
#pragma once

#include <cstdint>

namespace vmm {

struct CalendarTime {
    int year = 1970;
    int month = 1;  // 1..12
    int day = 1;    // 1..31
    int hour = 0, minute = 0, second = 0;
    int weekday = 5;  // 1 Sunday .. 7 Saturday
    bool operator==(const CalendarTime&) const = default;
};

// Days since 1970-01-01 of a day of the proleptic Gregorian calendar; months and days out of range carry.
constexpr int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    // Years start in March, so that the leap day is the last of its year.
    year += (month - 1 - ((month - 1) % 12 + 12) % 12) / 12;
    month = ((month - 1) % 12 + 12) % 12 + 1;
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

constexpr int64_t to_seconds(const CalendarTime& t) {
    return days_from_civil(t.year, t.month, t.day) * 86400 + t.hour * 3600 + t.minute * 60 + t.second;
}

constexpr CalendarTime to_calendar(int64_t seconds) {
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        --days;
    }
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    CalendarTime t;
    t.day = static_cast<int>(day_of_year - (153 * m + 2) / 5 + 1);
    t.month = static_cast<int>(m < 10 ? m + 3 : m - 9);
    t.year = static_cast<int>(year_of_era + era * 400 + (t.month <= 2 ? 1 : 0));
    t.hour = static_cast<int>(rest / 3600);
    t.minute = static_cast<int>(rest / 60 % 60);
    t.second = static_cast<int>(rest % 60);
    t.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7 + 1);
    return t;
}

}  // namespace vmm
