// Every technology's model; see protections.h.
#include "target/i386/confidential/model/protections.h"

#include "target/i386/confidential/tdx/td_model.h"

namespace vmm::model {

void add_protections(KernelModel& kernel, const SevFirmware& firmware, LaunchRecord* record,
                     tdx::MrtdOrder order) {
    kernel.set_protection([&firmware, record, order](uint32_t vm_type, KernelModel& of) {
        if (vm_type == abi::kVmTdx) {
            // Who keeps no record looks on while a real kernel is asked, which has judged already.
            auto host = record != nullptr ? tdx::TdModel::usual_host() : tdx::TdModel::any_host();
            host.order = order;
            return std::unique_ptr<ProtectionModel>(std::make_unique<tdx::TdModel>(of, record, host));
        }
        return make_sev_model(vm_type, of, firmware, record);
    });
    kernel.other_devices = [&firmware](unsigned long request, void* argument) {
        return sev_device_call(firmware, request, argument);
    };
    kernel.set_device_attributes([&firmware](uint32_t group, uint64_t attribute, uint64_t* value) {
        return sev_device_attribute(firmware, group, attribute, value);
    });
}

}  // namespace vmm::model
