// Certificates for guests; see certificates.h.
#include "target/i386/confidential/sev/certificates.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <vector>

#include "system/memory/dma_space.h"
#include "util/align.h"
#include "util/endian.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/read_open_file.h"

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

Fd Certificates::answer(abi::SnpRequestCertsExit& request, AddressSpace& memory) const {
    request.result = EIO;
    std::vector<uint8_t> bytes(kEntrySize);
    Fd file;
    if (!path_.empty()) {
        Result<Fd> opened = open_file(path_, O_RDONLY);
        if (!opened) {
            log_warning("%s", opened.error().message().c_str());
            return Fd();
        }
        file = std::move(*opened);
        if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) request.result = EAGAIN;
            return Fd();
        }
        auto read = read_open_file(file.get(), kMostBytes);  // what is locked, not what has the name by now
        if (!read) {
            log_warning("certs-path '%s': %s", path_.c_str(), read.error().message().c_str());
            return Fd();
        }
        bytes = std::move(*read);
    }
    const uint64_t needed = align_up(bytes.size(), kPageSize) / kPageSize;
    if (request.pages < needed) {
        request.pages = needed;
        request.result = ENOSPC;
        return Fd();
    }
    const DmaSpace guest(memory);
    if (!guest.write(Gpa(request.gpa), bytes)) {
        log_guest_error("SEV-SNP: certificates asked for at 0x%llx, where no shared memory is",
                        static_cast<unsigned long long>(request.gpa));
        return Fd();
    }
    request.result = 0;
    return file;
}

}  // namespace vmm::sev
