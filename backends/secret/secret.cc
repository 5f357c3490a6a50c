// See secret.h.
#include "backends/secret/secret.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>

#include "util/fd.h"

namespace vmm {

namespace {

Result<std::string> read_all(const std::string& path) {
    Fd file = TRY(open_file(path, O_RDONLY | O_NOCTTY));
    std::string out;
    char piece[4096];
    for (;;) {
        const ssize_t got = ::read(file.get(), piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error::from_errno(errno, "Unable to read '%s'", path.c_str());
        if (got == 0) break;
        out.append(piece, static_cast<size_t>(got));
        if (out.size() > Secret::kMost)
            return Error::make("'%s' has more than the %zu bytes that a secret may have", path.c_str(),
                               Secret::kMost);
    }
    explicit_bzero(piece, sizeof piece);
    return out;
}

Result<std::vector<uint8_t>> decode(const std::string& text) {
    for (char c : text)
        if (!g_ascii_isalnum(c) && c != '+' && c != '/' && c != '=' && !g_ascii_isspace(c))
            return Error::make("the secret is not valid base64");
    gsize size = 0;
    guchar* bytes = g_base64_decode(text.c_str(), &size);
    std::vector<uint8_t> out(bytes, bytes + size);
    explicit_bzero(bytes, size);
    g_free(bytes);
    return out;
}

}  // namespace

Status Secret::check(const SecretConfig& config) {
    if (config.data && config.file)
        return Error::make("secret '%s': Parameters 'data' and 'file' exclude each other", config.id.c_str());
    if (!config.data && !config.file)
        return Error::make("secret '%s': one of the parameters 'data' and 'file' is needed",
                           config.id.c_str());
    return {};
}

Result<std::unique_ptr<Secret>> Secret::create(const SecretConfig& config) {
    TRY(check(config));
    Result<std::string> text = config.data ? Result<std::string>(*config.data) : read_all(*config.file);
    if (!text) return std::move(text).take_error().while_doing("secret '%s'", config.id.c_str());
    std::vector<uint8_t> bytes(text->begin(), text->end());
    if (config.base64) {
        Result<std::vector<uint8_t>> decoded = decode(*text);
        if (!decoded) return std::move(decoded).take_error().while_doing("secret '%s'", config.id.c_str());
        bytes = std::move(*decoded);
    }
    explicit_bzero(text->data(), text->size());
    return std::make_unique<Secret>(Token(), config.id, std::move(bytes));
}

Secret::~Secret() {
    if (!bytes_.empty()) explicit_bzero(bytes_.data(), bytes_.size());
}

}  // namespace vmm
