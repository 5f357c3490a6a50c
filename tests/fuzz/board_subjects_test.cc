// Each kind of device that users can give a guest is on a board that is fuzzed, and each such board has its
// program: a new device without a row fails here.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>

#include "system/control/type_tables.h"
#include "tests/fuzz/board_world.h"

namespace vmm::fuzz {
namespace {

// What a guest does not reach by registers, configuration or rings.
const std::set<std::string_view> kNothingToReach = {"pc-dimm"};

// The names after -device in all rows.
std::set<std::string> fuzzed_devices() {
    std::set<std::string> names;
    for (const BoardSubject& row : board_subjects()) {
        const std::vector<const char*>& words = row.arguments;
        for (size_t i = 0; i + 1 < words.size(); ++i) {
            const std::string value = words[i + 1];
            if (std::string_view(words[i]) == "-device") names.insert(value.substr(0, value.find(',')));
        }
    }
    return names;
}

// The model and its variants of other ages are one device.
std::string without_age(std::string name) {
    for (const std::string_view suffix : {"-non-transitional", "-transitional"})
        if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
    return name;
}

TEST(BoardSubjects, everyDeviceIsInARow) {
    const std::set<std::string> fuzzed = fuzzed_devices();
    const DeviceTypes types = all_device_types();
    for (const DeviceType& type : types.all()) {
        const DeviceInfo& info = type.info;
        if (!info.user_creatable || info.category == DeviceCategory::Cpu) continue;
        if (kNothingToReach.contains(info.name)) continue;
        const std::string name = without_age(std::string(info.name));
        EXPECT_TRUE(fuzzed.contains(name) || fuzzed.contains(std::string(info.alias)))
            << name << ": a guest reaches it, and no row of board_subjects.cc has it";
    }
}

TEST(BoardSubjects, everyRowIsAProgram) {
    std::istringstream built(BOARD_PROGRAMS);
    std::set<std::string> programs, rows;
    for (std::string name; built >> name;)
        programs.insert(name);
    for (const BoardSubject& row : board_subjects())
        rows.insert(row.name);
    EXPECT_EQ(programs, rows);
}

}  // namespace
}  // namespace vmm::fuzz
