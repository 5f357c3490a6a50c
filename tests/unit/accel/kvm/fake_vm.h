// A VM of a given type on the model, for tests that are not about making one.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "accel/kvm/vm.h"
#include "tests/fakes/fake_kvm.h"

namespace vmm::kvm {

struct FakeVm {
    explicit FakeVm(uint32_t type = abi::kVmDefault) {
        fake.vm_types = 1u << abi::kVmDefault | 1u << abi::kVmSwProtected;
        Result<std::unique_ptr<Kvm>> opened = Kvm::open(fake, "/dev/null");
        CHECK(static_cast<bool>(opened), "%s", opened.error().text().c_str());
        kvm = std::move(*opened);
        VmRequirements needs;
        needs.vm_type = type;
        Result<std::unique_ptr<Vm>> made = Vm::create(*kvm, needs);
        CHECK(static_cast<bool>(made), "%s", made.error().text().c_str());
        vm = std::move(*made);
    }
    FakeKvm fake;
    std::unique_ptr<Kvm> kvm;
    std::unique_ptr<Vm> vm;
};

}  // namespace vmm::kvm
