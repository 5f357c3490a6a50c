// GPtr<T, release>: owns a GLib object and gives it back with the named function. Header only.
#pragma once

#include <memory>

namespace vmm {

template <auto Release>
struct GRelease {
    template <typename T>
    void operator()(T* object) const {
        Release(object);
    }
};
template <typename T, auto Release>
using GPtr = std::unique_ptr<T, GRelease<Release>>;

}  // namespace vmm
