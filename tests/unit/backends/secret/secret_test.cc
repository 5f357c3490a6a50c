// Secrets from text and from files, raw and in base64; what is no secret is refused.
#include "backends/secret/secret.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/fd.h"

namespace vmm {
namespace {

std::string text_of(const Result<std::unique_ptr<Secret>>& secret) {
    if (!secret) return "error: " + secret.error().message();
    return {(*secret)->bytes().begin(), (*secret)->bytes().end()};
}

// A file with these bytes, which goes with the object.
class File {
  public:
    explicit File(std::string_view bytes) {
        Fd file(::mkstemp(path_.data()));
        EXPECT_TRUE(write_full(file.get(), {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}));
    }
    ~File() { ::unlink(path_.c_str()); }
    const std::string& path() const { return path_; }

  private:
    std::string path_ = "/tmp/secret-test-XXXXXX";
};

TEST(Secret, comesFromTextOrFile) {
    EXPECT_EQ(text_of(Secret::create({.id = "s", .data = "letmein"})), "letmein");
    EXPECT_EQ(text_of(Secret::create({.id = "s", .data = "bGV0bWVpbg==", .base64 = true})), "letmein");
    const File raw(std::string_view("a\0b\n", 4));
    EXPECT_EQ(text_of(Secret::create({.id = "s", .file = raw.path()})), std::string("a\0b\n", 4));
    const File coded("bGV0\nbWVpbg==\n");
    EXPECT_EQ(text_of(Secret::create({.id = "s", .file = coded.path(), .base64 = true})), "letmein");
}

TEST(Secret, whatIsNoneIsRefused) {
    EXPECT_FALSE(Secret::create({.id = "s"}));
    EXPECT_FALSE(Secret::create({.id = "s", .data = "a", .file = "/dev/null"}));
    EXPECT_FALSE(Secret::create({.id = "s", .file = "/nowhere/at/all"}));
    EXPECT_FALSE(Secret::create({.id = "s", .data = "not-base64!", .base64 = true}));
    EXPECT_EQ(text_of(Secret::create({.id = "s", .file = "/dev/zero"})),
              "error: secret 's': '/dev/zero' has more than the 1048576 bytes that a secret may have");
}

}  // namespace
}  // namespace vmm
