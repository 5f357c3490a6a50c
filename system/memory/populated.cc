// Which pages are there for devices; see populated.h.
#include "system/memory/populated.h"

#include "util/check.h"

namespace vmm {

void Populated::add_source(const PopulatedSource& source) {
    sources_.push_back(&source);
}
void Populated::remove_source(const PopulatedSource& source) {
    CHECK(std::erase(sources_, &source) == 1, "populated source unknown");
}
void Populated::add_listener(DiscardListener& listener) {
    listeners_.push_back(&listener);
}
void Populated::remove_listener(DiscardListener& listener) {
    CHECK(std::erase(listeners_, &listener) == 1, "discard listener unknown");
}

std::vector<RamRange> Populated::runs(const RamBlock& block, RamRange range,
                                      const PopulatedSource* except) const {
    std::vector<RamRange> runs{range};
    for (const PopulatedSource* source : sources_) {
        if (source == except) continue;
        std::vector<RamRange> left;
        for (RamRange run : runs)
            source->visit_populated(block, run, [&](RamRange part) { left.push_back(part); });
        runs = std::move(left);
    }
    return runs;
}

Status Populated::populate(RamBlock& block, RamRange range, const PopulatedSource& source) const {
    if (listeners_.empty()) return {};
    const std::vector<RamRange> parts = runs(block, range, &source);
    for (size_t p = 0; p < parts.size(); ++p) {
        for (size_t l = 0; l < listeners_.size(); ++l) {
            Status told = listeners_[l]->on_populate(block, parts[p]);
            if (told) continue;
            while (l-- > 0)
                listeners_[l]->on_discard(block, parts[p]);
            while (p-- > 0)
                for (size_t all = listeners_.size(); all-- > 0;)
                    listeners_[all]->on_discard(block, parts[p]);
            return told;
        }
    }
    return {};
}

void Populated::discard(RamBlock& block, RamRange range, const PopulatedSource& source) const {
    if (listeners_.empty()) return;
    for (RamRange part : runs(block, range, &source))
        for (size_t l = listeners_.size(); l-- > 0;)
            listeners_[l]->on_discard(block, part);
}

}  // namespace vmm
