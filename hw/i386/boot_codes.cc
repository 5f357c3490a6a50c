// See boot_codes.h.
#include "hw/i386/boot_codes.h"

namespace vmm {

namespace {

constexpr uint8_t code_of(char letter) {
    switch (letter) {
        case 'a':
        case 'b':
            return 1;
        case 'c':
            return 2;
        case 'd':
            return 3;
        case 'n':
            return 4;
        default:
            return 0;
    }
}

}  // namespace

Result<BootCodes> boot_codes(std::string_view letters) {
    BootCodes codes = {};
    if (letters.size() > codes.size())
        return Error::make("'%.*s' names more than %zu boot devices", static_cast<int>(letters.size()),
                           letters.data(), codes.size());
    for (size_t i = 0; i < letters.size(); ++i) {
        codes[i] = code_of(letters[i]);
        if (codes[i] == 0)
            return Error::make("there is no boot device '%c'", letters[i])
                .with_hint("a and b are floppies, c is the hard disk, d the CD-ROM, n the network");
        if (letters.find(letters[i]) != i) return Error::make("boot device '%c' is given twice", letters[i]);
    }
    return codes;
}

}  // namespace vmm
