// The rows of board_subjects.cc as fuzz targets: one program a row (FUZZ_BOARD names it; meson.build lists
// them). No input may crash the machine, hang it, or break an invariant it checks.
#include <cstring>

#include "tests/fuzz/board_world.h"
#include "util/check.h"

using vmm::fuzz::BoardSubject;

namespace {

const BoardSubject& subject() {
    for (const BoardSubject& row : vmm::fuzz::board_subjects())
        if (std::strcmp(row.name, FUZZ_BOARD) == 0) return row;
    CHECK(false, "there is no row '%s'", FUZZ_BOARD);
    UNREACHABLE();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    vmm::fuzz::run_on_board(subject(), {data, size});
    return 0;
}
