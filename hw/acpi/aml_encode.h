// The two odd encodings of AML: package lengths and name strings (ACPI 6.4, sections 20.2.2 and 20.2.4).
// Called by the term and resource builders only. Pure; a malformed name is our bug and is CHECKed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace vmm::aml {

using Bytes = std::vector<uint8_t>;

// A number up to 2^28-1 in 1..4 bytes, as field lists use it.
Bytes package_number(size_t number);
// The same for the length of a package: counts its own bytes too.
Bytes package_length(size_t body_size);

// "\\_SB.PCI0", "^LNKA", "_STA": root and parent prefixes, segments of 1..4 characters (padded with '_').
// "" is the null name.
Bytes name_string(std::string_view path);
// Exactly one segment, padded to four characters.
Bytes name_segment(std::string_view segment);

}  // namespace vmm::aml
