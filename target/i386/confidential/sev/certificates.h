// The certificates that an SEV-SNP guest gets with its attestation report, from a file of the host: the table
// of AMD's GHCB specification (4.1.8.1), as it is. Read at each request, under a shared lock that is held
// until the kernel has made the report, so that the file may be replaced while guests run. Any vCPU thread.
#pragma once

#include <cstdint>
#include <string>

#include "linux-headers/sev_abi.h"
#include "system/memory/address_space.h"
#include "util/fd.h"
#include "util/result.h"

namespace vmm::sev {

class Certificates {
  public:
    // Empty path: an empty table.
    explicit Certificates(std::string path) : path_(std::move(path)) {}
    // Answers the exit: pages and result. The file, locked, when the guest got what is in it: whoever asked
    // lets go of it once the kernel took the answer. Otherwise nothing.
    Fd answer(abi::SnpRequestCertsExit& request, AddressSpace& memory) const;
    // Whether the file can be read and holds a table; for start-up.
    Status check() const;

  private:
    const std::string path_;
};

}  // namespace vmm::sev
