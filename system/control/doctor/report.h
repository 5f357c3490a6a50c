// A diagnosis as text for people and as a value for programs (docs/doctor.md says which members are stable).
#pragma once

#include <string>

#include "qapi/value.h"
#include "system/control/doctor/evaluate.h"

namespace vmm::doctor {

std::string text_report(const HostFacts& facts, const Diagnosis& diagnosis);
qapi::Value value_report(const HostFacts& facts, const Diagnosis& diagnosis);

}  // namespace vmm::doctor
