// Secret: bytes that others name by an id and that are never shown: the object "secret". Read once, when it
// is made. Encrypted secrets (keyid, iv) are not there. Main thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"

namespace vmm {

struct SecretConfig {
    std::string id;
    std::optional<std::string> data;
    std::optional<std::string> file;  // exactly one of the two
    bool base64 = false;              // of what was given
};

class Secret {
    struct Token {
        explicit Token() = default;
    };

  public:
    static constexpr size_t kMost = 1u << 20;  // bytes that a file may have

    // What can be said without opening anything.
    static Status check(const SecretConfig& config);
    static Result<std::unique_ptr<Secret>> create(const SecretConfig& config);
    Secret(Token, std::string id, std::vector<uint8_t> bytes)
        : id_(std::move(id)), bytes_(std::move(bytes)) {}
    ~Secret();
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;

    const std::string& id() const { return id_; }
    const std::vector<uint8_t>& bytes() const { return bytes_; }

  private:
    const std::string id_;
    std::vector<uint8_t> bytes_;
};

}  // namespace vmm
