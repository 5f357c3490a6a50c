#include "hw/acpi/vmgenid_table.h"

#include "hw/acpi/aml.h"

namespace vmm::acpi {

using namespace aml;

Table build_generation_ssdt(const TableIds& ids) {
    constexpr uint8_t kNameOp = 0x08, kDoubleWord = 0x0c;
    TableIds own = ids;
    own.oem_table_id = "VMGENID";
    const Term device_term = scope(
        "\\_SB",
        {device("VGEN", {
                            name("_HID", string("PNMB0001")),  // drivers go by the next
                            name("_CID", string("VM_Gen_Counter")),
                            name("_DDN", string("VM_Gen_Counter")),
                            method("_STA", 0, Serialization::NotSerialized,
                                   {
                                       if_then(equal(path("\\VGIA"), integer(0)), {return_value(integer(0))}),
                                       return_value(integer(0x0f)),
                                   }),
                            method("ADDR", 0, Serialization::NotSerialized,
                                   {
                                       store(package({integer(0), integer(0)}), local(0)),
                                       store(add(path("\\VGIA"), integer(kGenerationOffset)),
                                             index(local(0), integer(0))),
                                       return_value(local(0)),
                                   }),
                        })});
    const Term event =
        scope("\\_GPE",
              {method("_E05", 0, Serialization::NotSerialized, {notify(path("\\_SB.VGEN"), integer(0x80))})});
    TableBuilder table("SSDT", 1, own);
    table.u8(kNameOp).raw(name_segment("VGIA")).u8(kDoubleWord).pointer_to(kGenerationFile, 4);
    return table.raw(block({device_term, event}).bytes).finish();
}

}  // namespace vmm::acpi
