// Resource descriptors (ACPI 6.4, section 6.4) and the template buffer that _CRS, _PRS and _SRS carry. Called
// by AML builders. Pure. Ranges are (first, last), both inclusive.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/acpi/aml.h"

namespace vmm::aml {

using Descriptor = Bytes;

enum class Width { Word, DWord, QWord };
enum class Trigger { Level, Edge };
enum class Polarity { ActiveHigh, ActiveLow };
enum class Sharing { Exclusive, Shared };
enum class Caching { NonCacheable, Cacheable };

// Small descriptors, 16-bit ports and legacy lines.
Descriptor io_ports(uint16_t first, uint8_t alignment, uint8_t length);
Descriptor irq_lines(const std::vector<unsigned>& lines);        // edge, active high, exclusive
Descriptor dma_channels(const std::vector<unsigned>& channels);  // 8-bit, not a bus master
Descriptor memory32_fixed(uint32_t first, uint32_t length);      // read-write
Descriptor interrupts(const std::vector<uint32_t>& gsis, Trigger trigger, Polarity polarity,
                      Sharing sharing);  // consumer
// What a device itself takes (consumer, both ends fixed), 64 bits wide: the first and last address and the
// length, 8 bytes each, lie at these offsets for methods that fill them in.
Descriptor memory_taken(uint64_t first, uint64_t last, Caching caching);
inline constexpr unsigned kTakenFirst = 14, kTakenLast = 22, kTakenLength = 38;
// What a bridge passes on (producer, both ends fixed, positively decoded).
Descriptor bus_numbers(uint16_t first, uint16_t last);
Descriptor io_window(uint16_t first, uint16_t last);
Descriptor memory_window(Width width, uint64_t first, uint64_t last, Caching caching);  // DWord or QWord

// The descriptors and the end tag as a buffer.
Term resource_template(const std::vector<Descriptor>& descriptors);

}  // namespace vmm::aml
