// The exits whose contents a guest chooses: conversion hypercalls and memory faults. Whatever it asks for,
// either a whole, page-aligned range reaches the converter, or nothing does and the answer is an error.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "target/i386/kvm/hypercall.h"
#include "util/align.h"

namespace {

class CheckingConverter final : public vmm::kvm::GuestConverter {
  public:
    Answer convert(vmm::GpaRange range, vmm::Visibility) override {
        CHECK(range.aligned(vmm::kPageSize), "half a page was asked for");
        asked++;
        return {};
    }
    unsigned asked = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace vmm;
    kvm::FaultGuard guard;
    while (size >= 1 + sizeof(abi::HypercallExit)) {
        CheckingConverter converter;
        if (data[0] % 2 == 0) {
            abi::HypercallExit call;
            std::memcpy(&call, data + 1, sizeof(call));
            if (data[0] % 4 == 0) call.number = abi::kHypercallMapGpaRange;
            kvm::HypercallAnswer answer = kvm::serve_hypercall(call, &converter);
            CHECK((answer.result == 0) == (converter.asked == 1),
                  "an answer that does not fit what was done");
        } else {
            abi::MemoryFaultExit fault;
            std::memcpy(&fault, data + 1, sizeof(fault));
            kvm::FaultVerdict verdict = kvm::serve_memory_fault(fault, EFAULT, &converter, guard);
            CHECK(verdict.resume == verdict.report.empty(), "neither resumed nor reported");
        }
        data += 1 + sizeof(abi::HypercallExit);
        size -= 1 + sizeof(abi::HypercallExit);
    }
    return 0;
}
