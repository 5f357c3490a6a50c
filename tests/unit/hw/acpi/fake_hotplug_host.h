// A HotplugHost that notes what it was told.
#pragma once

#include <utility>
#include <vector>

#include "hw/acpi/hotplug_host.h"

namespace vmm::acpi {

struct FakeHotplugHost final : HotplugHost {
    void raise_event() override { ++events; }
    void eject(unsigned slot) override { ejected.push_back(slot); }
    void ost_reported(unsigned slot, const OstReport& report) override { reports.emplace_back(slot, report); }

    int events = 0;
    std::vector<unsigned> ejected;
    std::vector<std::pair<unsigned, OstReport>> reports;
};

}  // namespace vmm::acpi
