// Completing and refusing CPU topologies.
#include "hw/core/smp.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

struct Case {
    SmpRequest asked;
    SmpTopology got;
};

TEST(Smp, whatIsLeftOutIsFilledIn) {
    const Case cases[] = {
        {{}, {1, 1, 1, 1, 1, 1}},
        {{.cpus = 2}, {2, 2, 1, 1, 2, 1}},
        {{.cpus = 2, .sockets = 1}, {2, 2, 1, 1, 2, 1}},
        {{.cpus = 4, .threads = 2}, {4, 4, 1, 1, 2, 2}},
        {{.cpus = 4, .cores = 2}, {4, 4, 2, 1, 2, 1}},
        {{.cpus = 2, .max_cpus = 8, .sockets = 2}, {2, 8, 2, 1, 4, 1}},
        {{.cpus = 8, .sockets = 2, .cores = 2}, {8, 8, 2, 1, 2, 2}},
        {{.cpus = 2, .max_cpus = 8, .sockets = 2, .cores = 2, .threads = 2}, {2, 8, 2, 1, 2, 2}},
        {{.sockets = 2, .dies = 2, .cores = 3, .threads = 2}, {24, 24, 2, 2, 3, 2}},
    };
    for (const Case& c : cases) {
        Result<SmpTopology> got = resolve_smp(c.asked, 288);
        ASSERT_TRUE(got) << got.error().text();
        EXPECT_EQ(*got, c.got) << got->sockets << "/" << got->dies << "/" << got->cores << "/"
                               << got->threads;
    }
}

TEST(Smp, whatDoesNotMultiplyOutIsRefused) {
    const SmpRequest wrong[] = {
        {.cpus = 3, .cores = 2},
        {.cpus = 2, .sockets = 2, .cores = 2, .threads = 2},
        {.cpus = 4, .max_cpus = 2},
        {.cpus = 2, .max_cpus = 6, .sockets = 4},
        {.cpus = 289},
        {.max_cpus = 300},
        {.sockets = 100, .cores = 100},
    };
    for (const SmpRequest& request : wrong)
        EXPECT_FALSE(resolve_smp(request, 288)) << request.cpus << " " << request.max_cpus;
}

}  // namespace
}  // namespace vmm
