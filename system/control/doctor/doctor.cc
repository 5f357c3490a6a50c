// The parts of "-doctor" in a row; see doctor.h.
#include "system/control/doctor/doctor.h"

#include "qapi/json_writer.h"
#include "system/control/doctor/read_facts.h"
#include "system/control/doctor/report.h"

namespace vmm::doctor {

Answer examine_host(IoctlDoor& kernel, const std::string& device, Format format) {
    const HostFacts facts = read_host(kernel, device);
    const Diagnosis diagnosis = evaluate(facts);
    Answer answer;
    answer.usable = diagnosis.find("kvm")->available;
    answer.text = format == Format::Json ? qapi::to_pretty_json(value_report(facts, diagnosis)) + "\n"
                                         : text_report(facts, diagnosis);
    return answer;
}

}  // namespace vmm::doctor
