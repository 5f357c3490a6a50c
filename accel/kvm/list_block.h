// The argument of a request that ends in a list: a head and its entries in one block. Header only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "linux-headers/kvm_abi.h"

namespace vmm::kvm {

// Zeroed; the entries follow the head directly, as the kernel reads them.
template <typename Head, typename Entry>
class ListBlock {
  public:
    explicit ListBlock(size_t room) : words_((sizeof(Head) + room * sizeof(Entry) + 7) / 8) {}
    Head& head() { return *static_cast<Head*>(static_cast<void*>(words_.data())); }
    std::span<Entry> entries(size_t count) { return {abi::list_entries<Entry>(head()), count}; }

  private:
    std::vector<uint64_t> words_;
};

}  // namespace vmm::kvm
