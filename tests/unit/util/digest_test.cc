// Digests against the published answers (FIPS 180-4 examples, RFC 4231).
#include "util/digest.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace vmm {
namespace {

std::vector<uint8_t> bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

TEST(Digest, KnownAnswers) {
    EXPECT_EQ(to_hex(sha256(bytes_of("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_hex(sha384(bytes_of("abc"))),
              "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
              "8086072ba1e7cc2358baeca134c825a7");
}

TEST(Digest, InPiecesIsAsInOne) {
    std::vector<uint8_t> data(10000);
    for (size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<uint8_t>(i * 7);
    Hasher hasher(HashKind::Sha384);
    for (size_t at = 0; at < data.size();) {
        const size_t piece = std::min<size_t>(data.size() - at, at % 130 + 1);
        hasher.update(std::span(data).subspan(at, piece));
        at += piece;
    }
    Sha384Digest got;
    hasher.finish(got);
    EXPECT_EQ(got, sha384(data));
}

TEST(Digest, ACopyGoesItsOwnWay) {
    Hasher first(HashKind::Sha256);
    first.update(bytes_of("ab"));
    Hasher second(first);
    first.update(bytes_of("c"));
    Sha256Digest a, b;
    first.finish(a);
    second.finish(b);
    EXPECT_EQ(a, sha256(bytes_of("abc")));
    EXPECT_EQ(b, sha256(bytes_of("ab")));
}

TEST(Digest, KeyedKnownAnswers) {
    EXPECT_EQ(to_hex(hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    const std::vector<uint8_t> long_key(131, 0xaa);
    EXPECT_EQ(
        to_hex(hmac_sha256(long_key, bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"))),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, TheLibraryIsFound) {
    EXPECT_TRUE(digest_library() == "libcrypto" || digest_library() == "glib");
}

}  // namespace
}  // namespace vmm
