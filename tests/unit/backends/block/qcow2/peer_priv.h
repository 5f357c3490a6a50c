// Running qemu-img on images made here and loading ones it made. Tests that need it are skipped where it is
// missing.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fakes/temporary_folder.h"
#include "util/fd.h"
#include "util/text.h"

namespace vmm::qcow2 {

class Peer {
  public:
    static bool there() {
        return system("qemu-img --version >/dev/null 2>&1 && qemu-io --version >/dev/null 2>&1") == 0;
    }

    std::string path(const std::string& name) const { return directory_ / name; }
    // The command runs in the directory; tells its exit status.
    int run(const std::string& command) {
        int status = system(("cd " + directory_.path() + " && " + command + " >out 2>&1").c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    }
    std::string output() const {
        std::ifstream in(path("out"));
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void save(const std::string& name, const std::vector<uint8_t>& bytes) {
        std::ofstream out(path(name), std::ios::binary | std::ios::trunc);
        std::copy(bytes.begin(), bytes.end(), std::ostreambuf_iterator<char>(out));
    }
    std::vector<uint8_t> load(const std::string& name) {
        auto bytes = read_file(path(name), uint64_t{1} << 30);
        EXPECT_TRUE(bytes);
        return bytes ? std::move(bytes).take_value() : std::vector<uint8_t>();
    }

  private:
    TemporaryFolder directory_;
};

#define ASSERT_RUNS(peer, command) ASSERT_EQ((peer).run(command), 0) << (command) << "\n" << (peer).output()

}  // namespace vmm::qcow2
