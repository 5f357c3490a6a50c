// Certificates for guests; see certificates.h.
#include "target/i386/confidential/sev/certificates.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <vector>

#include "system/memory/dma_space.h"
#include "util/align.h"
#include "util/endian.h"
#include "util/log.h"

namespace vmm::sev {

namespace {

constexpr uint64_t kMostBytes = 4 * kMiB;
constexpr size_t kEntrySize = 24;  // GUID, u32 offset, u32 length

bool is_zero(std::span<const uint8_t> bytes) {
    for (const uint8_t byte : bytes)
        if (byte != 0) return false;
    return true;
}

// Entries up to an empty one; each points into the file.
Status check_table(std::span<const uint8_t> bytes) {
    for (size_t at = 0; at + kEntrySize <= bytes.size(); at += kEntrySize) {
        const auto entry = bytes.subspan(at, kEntrySize);
        if (is_zero(entry)) return {};
        const uint64_t offset = load_le<uint32_t>(&entry[16]), length = load_le<uint32_t>(&entry[20]);
        if (offset + length > bytes.size())
            return Error::make("entry %zu is outside the file's %zu bytes", at / kEntrySize, bytes.size());
    }
    return Error::make("no empty entry ends the table");
}

}  // namespace

Status Certificates::check() const {
    if (path_.empty()) return {};
    auto bytes = read_file(path_, kMostBytes);
    if (!bytes) return std::move(bytes).take_error().while_doing("certs-path");
    if (Status good = check_table(*bytes); !good)
        return std::move(good).take_error().while_doing("certs-path '%s'", path_.c_str());
    return {};
}

void Certificates::answer(abi::SnpRequestCertsExit& request, AddressSpace& memory) const {
    request.result = EIO;
    std::vector<uint8_t> bytes(kEntrySize);
    Fd lock;
    if (!path_.empty()) {
        Result<Fd> opened = open_file(path_, O_RDONLY);
        if (!opened) return log_warning("%s", opened.error().message().c_str());
        lock = std::move(*opened);
        if (::flock(lock.get(), LOCK_SH | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) request.result = EAGAIN;
            return;
        }
        auto read = read_file(path_, kMostBytes);
        if (!read) return log_warning("%s", read.error().message().c_str());
        bytes = std::move(*read);
    }
    const uint64_t needed = align_up(bytes.size(), kPageSize) / kPageSize;
    if (request.pages < needed) {
        request.pages = needed;
        request.result = ENOSPC;
        return;
    }
    const DmaSpace guest(memory);
    if (!guest.write(Gpa(request.gpa), bytes))
        return log_guest_error("SEV-SNP: certificates asked for at 0x%llx, where no shared memory is",
                               static_cast<unsigned long long>(request.gpa));
    request.result = 0;
}

}  // namespace vmm::sev
