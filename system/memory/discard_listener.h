// DiscardListener: who must know which pages of guest memory a device may reach (VFIO maps and unmaps them, a
// vhost backend is told). A page is populated while every source says so: it is shared, and nothing else has
// taken it away (populated.h). Calls come from the converting thread, in no particular thread, never two at
// once for overlapping pages; the listener never changes the memory map and never converts from here.
#pragma once

#include "system/memory/address.h"
#include "util/result.h"

namespace vmm {

class RamBlock;

class DiscardListener {
  public:
    virtual ~DiscardListener() = default;
    // The pages are there from now on. An error undoes what brought them.
    virtual Status on_populate(RamBlock& block, RamRange range) = 0;
    // The pages go as soon as this returns: nothing may use them any more.
    virtual void on_discard(RamBlock& block, RamRange range) = 0;
};

}  // namespace vmm
