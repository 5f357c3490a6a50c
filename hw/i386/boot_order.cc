// Boot order in the CMOS; see boot_order.h.
#include "hw/i386/boot_order.h"

#include "hw/rtc/mc146818.h"

namespace vmm {

namespace {

BootCodes good_codes(std::string_view letters) {
    Result<BootCodes> codes = boot_codes(letters);
    CHECK(codes, "boot order: %s", codes.error().text().c_str());
    return *codes;
}

}  // namespace

BootOrder::BootOrder(const BootConfig& config, Mc146818& rtc)
    : rtc_(rtc),
      lasting_(good_codes(config.order)),
      floppy_check_(config.floppy_check),
      resets_left_(config.once ? 1 : 0) {
    store(config.once ? good_codes(*config.once) : lasting_);
}

void BootOrder::reset_hold() {
    if (resets_left_ != 0)
        --resets_left_;
    else
        store(lasting_);
}

void BootOrder::store(const BootCodes& codes) {
    std::array<uint8_t, cmos::kBytes> ram = {};
    cmos::store_boot_order(ram, codes, floppy_check_);
    for (const cmos::Byte at : {cmos::kBootDevices, cmos::kBootDevice3})
        rtc_.set_ram(at, ram[at]);
}

}  // namespace vmm
