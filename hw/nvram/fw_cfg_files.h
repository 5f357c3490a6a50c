// FwCfgFiles: what devices and tables give the firmware, as files of fw_cfg.
#pragma once

#include "hw/core/device_env.h"
#include "hw/nvram/fw_cfg_items.h"

namespace vmm {

class FwCfgFiles final : public FirmwareFiles {
  public:
    // The items outlive this.
    explicit FwCfgFiles(FwCfgItems& items) : items_(items) {}

    Status add_file(std::string name, std::vector<uint8_t> contents, Written written) override {
        if (!written) return items_.add_file(name, std::move(contents));
        return items_.add_file(name, std::move(contents), [this, name, call = std::move(written)] {
            call(items_.find_file(name)->bytes);
        });
    }

  private:
    FwCfgItems& items_;
};

}  // namespace vmm
