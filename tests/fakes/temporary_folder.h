// A folder of a test's own. It goes away with everything in it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "util/check.h"

namespace vmm {

class TemporaryFolder {
  public:
    explicit TemporaryFolder(const std::string& below = "/tmp") : path_(below + "/penumbra-test.XXXXXX") {
        CHECK(::mkdtemp(path_.data()) != nullptr, "no folder for a test");
    }
    ~TemporaryFolder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
        CHECK(!error, "a test's folder stays");
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

}  // namespace vmm
