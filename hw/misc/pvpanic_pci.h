// PvPanicPci (pvpanic-pci, 1b36:0011): the panic byte of pvpanic.h at the start of a memory BAR. Spec: as
// pvpanic. Missing: nothing. Thread: any, no lock but the function's.
#pragma once

#include <memory>
#include <string>

#include "hw/core/device_type.h"
#include "hw/misc/pvpanic.h"
#include "hw/pci/function.h"
#include "hw/pci/function_config.h"

namespace vmm {

class PvPanicPci final : public pci::Function {
    struct Token {};

  public:
    struct Config : pci::FunctionConfig {
        uint8_t events = PvPanic::kPanicked | PvPanic::kCrashLoaded;
    };
    static constexpr auto kProps =
        join_props(pci::function_props<Config>(),
                   std::array{prop<Config, &Config::events>(
                       "events", "what the guest may report: 1 panicked, 2 crash kernel loaded")});
    static constexpr DeviceInfo kInfo = {.name = "pvpanic-pci",
                                         .parent = "pci-device",
                                         .bus = "PCI",
                                         .description = "a byte by which a guest says that it panicked",
                                         .category = DeviceCategory::Misc};
    static Result<std::unique_ptr<PvPanicPci>> create(const Config& values, DeviceEnv& env,
                                                      const std::string& id);
    PvPanicPci(Token, const Config& values, DeviceEnv& env, const std::string& id);
    std::string_view type() const override { return kInfo.name; }

  private:
    static constexpr uint64_t kBarSize = 16;  // the smallest there is
    PvPanic port_;
    MemoryRegion byte_;
    MemoryRegion bar_ = MemoryRegion::container("pvpanic-pci", kBarSize);
};

}  // namespace vmm
