// The immutable list of sections; see flat_view.h.
#include "system/memory/flat_view.h"

#include <algorithm>

#include "util/check.h"

namespace vmm {

FlatView::FlatView(std::vector<FlatSection> sections) : sections_(std::move(sections)) {
    for (size_t i = 1; i < sections_.size(); ++i)
        CHECK(sections_[i - 1].range.last() < sections_[i].range.first(), "flat view sections out of order");
}

[[gnu::hot]] const FlatSection* FlatView::find(Gpa address) const {
    auto ends_before = [](const FlatSection& s, Gpa a) { return s.range.last() < a; };
    auto at = std::lower_bound(sections_.begin(), sections_.end(), address, ends_before);
    return at != sections_.end() && at->range.contains(address) ? &*at : nullptr;
}

const FlatSection* FlatView::find_from(Gpa address) const {
    auto ends_before = [](const FlatSection& s, Gpa a) { return s.range.last() < a; };
    auto at = std::lower_bound(sections_.begin(), sections_.end(), address, ends_before);
    return at != sections_.end() ? &*at : nullptr;
}

}  // namespace vmm
