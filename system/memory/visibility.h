// Whether the host may see a page of guest memory. Header only.
#pragma once

namespace vmm {

enum class Visibility { Shared, Private };

constexpr const char* visibility_name(Visibility v) {
    return v == Visibility::Private ? "private" : "shared";
}
constexpr Visibility opposite(Visibility v) {
    return v == Visibility::Private ? Visibility::Shared : Visibility::Private;
}

}  // namespace vmm
