// Text forms of PCI addresses.
#include "hw/pci/address.h"

#include <optional>

#include "util/text.h"

namespace vmm::pci {

namespace {

std::optional<uint8_t> hex_below(std::string_view text, unsigned limit) {
    if (text.starts_with("0x")) text.remove_prefix(2);
    if (text.empty() || text.size() > 2) return std::nullopt;
    std::optional<uint64_t> number = parse_u64(text, 16);
    if (!number || *number >= limit || text.find_first_of("xX+- ") != text.npos) return std::nullopt;
    return static_cast<uint8_t>(*number);
}

}  // namespace

std::string DevFn::text() const {
    return strf("%02x.%x", device, function);
}

Result<DevFn> DevFn::parse(std::string_view text) {
    const size_t dot = text.find('.');
    std::optional<uint8_t> device = hex_below(text.substr(0, dot), 32);
    std::optional<uint8_t> function = dot == text.npos ? 0 : hex_below(text.substr(dot + 1), 8);
    if (!device || !function)
        return Error::make("'%.*s' is not a PCI address: give device.function in hexadecimal, 00.0 to 1f.7",
                           static_cast<int>(text.size()), text.data());
    return DevFn{*device, *function};
}

}  // namespace vmm::pci
