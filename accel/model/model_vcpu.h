// ModelVcpu: what the model of the kernel knows of one vCPU. Plain data, header only.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <map>
#include <vector>

namespace vmm::model {

struct ModelVcpu {
    uint32_t id = 0;
    unsigned index = 0;                                   // in the order of making
    kvm_run* run = nullptr;                               // our own mapping of its page
    std::map<unsigned long, std::vector<uint8_t>> state;  // SET request -> the bytes last set
    std::vector<kvm_cpuid_entry2> cpuid;
    std::map<uint32_t, uint64_t> msrs;
    std::vector<uint32_t> interrupts;
    unsigned runs = 0;
    unsigned nmis = 0;
    bool state_hidden = false;  // registers are the guest's own by now
};

}  // namespace vmm::model
