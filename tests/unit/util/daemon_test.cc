// Pid files and daemons: one holder at a time, nothing left behind, the parent leaves with the child's
// verdict.
#include "util/daemon.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace vmm {
namespace {

std::string scratch_path(const char* name) {
    return "/tmp/penumbra-daemon-test." + std::to_string(getpid()) + "." + name;
}

// Runs the work in a forked process and returns its exit status.
template <typename Work>
int in_child(Work work) {
    pid_t child = fork();
    if (child == 0) _exit(work());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

TEST(PidFile, HoldsThePidAndGoesAway) {
    std::string path = scratch_path("pid");
    {
        auto file = PidFile::create(path);
        ASSERT_TRUE(file) << file.error().message();
        auto contents = read_file(path, 100);
        ASSERT_TRUE(contents);
        EXPECT_EQ(std::string(contents->begin(), contents->end()), std::to_string(getpid()) + "\n");
        auto second = PidFile::create(path);
        ASSERT_FALSE(second);
        EXPECT_NE(second.error().text().find("held by another process"), std::string::npos);
    }
    EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(PidFile, StaleFileIsTakenOver) {
    std::string path = scratch_path("stale");
    { ASSERT_TRUE(open_file(path, O_CREAT | O_WRONLY)); }
    { EXPECT_TRUE(PidFile::create(path)); }
    EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(PidFile, GoesAwayFromAnotherFolderToo) {
    const std::string path = scratch_path("relative");
    EXPECT_EQ(in_child([&] {
                  if (chdir("/tmp") != 0) return 9;
                  auto file = PidFile::create(path.substr(5));
                  return file && chdir("/") == 0 ? 0 : 8;
              }),
              0);
    EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(PidFile, SomebodyElsesFileStays) {
    const std::string path = scratch_path("replaced");
    {
        ASSERT_TRUE(PidFile::create(path));
        auto file = PidFile::create(path);
        ASSERT_TRUE(file);
        ASSERT_EQ(unlink(path.c_str()), 0);
        ASSERT_TRUE(open_file(path, O_CREAT | O_EXCL | O_WRONLY, 0600));
    }
    EXPECT_EQ(unlink(path.c_str()), 0);
}

TEST(PidFile, OnlyAHeldLockIsSaidToBeHeld) {
    auto cannot = PidFile::create("/tmp");  // a folder
    ASSERT_FALSE(cannot);
    EXPECT_EQ(cannot.error().text().find("held"), std::string::npos) << cannot.error().text();
    EXPECT_NE(cannot.error().text().find("open"), std::string::npos) << cannot.error().text();
}

TEST(Daemon, ParentLeavesWithZeroWhenReady) {
    std::string path = scratch_path("ready");
    int status = in_child([&] {
        auto daemon = Daemon::enter();
        if (!daemon || !open_file(path, O_CREAT | O_WRONLY)) return 9;
        return daemon->ready() ? 0 : 8;
    });
    EXPECT_EQ(status, 0);
    EXPECT_EQ(unlink(path.c_str()), 0) << "what the child did before ready() is there when the parent leaves";
}

TEST(Daemon, ParentLeavesWithTheChildsStatus) {
    EXPECT_EQ(in_child([] {
                  auto daemon = Daemon::enter();
                  return 3;
              }),
              3);
    EXPECT_EQ(in_child([] {
                  auto daemon = Daemon::enter();
                  abort();
                  return 0;
              }),
              1);
}

}  // namespace
}  // namespace vmm
