// Launch operations as JSON; see launch_record.h.
#include "accel/model/launch_record.h"

#include <utility>

namespace vmm::model {

qapi::Value to_value(const LaunchOperation& operation) {
    constexpr uint64_t kPage = 4096;
    qapi::Dict out{{"op", operation.op}};
    if (operation.type) out.append("type", *operation.type);
    if (operation.gpa) out.append("gpa", *operation.gpa);
    if (operation.op == "tdx_init_mem_region") {
        out.append("nr_pages", operation.length / kPage);
        out.append("measure", operation.measured.value_or(false) ? 1 : 0);
    } else if (operation.length != 0) {
        out.append("len", operation.length);
    }
    if (!operation.source.empty()) out.append("data", operation.source);
    if (operation.offset != 0) out.append("off", operation.offset);
    if (operation.contents) out.append("sha384", to_hex(*operation.contents));
    for (const auto& [name, value] : operation.more)
        out.append(name, value);
    return out;
}

void LaunchRecord::set_source(std::string source, const uint8_t* start, uint64_t offset) {
    source_ = std::move(source);
    start_ = start;
    offset_ = offset;
}

void LaunchRecord::add(LaunchOperation operation, const uint8_t* data) {
    if (operation.source.empty() && data != nullptr) {
        operation.source = source_;
        operation.offset = offset_ + (start_ != nullptr ? static_cast<uint64_t>(data - start_) : 0);
    }
    operations_.push_back(std::move(operation));
}

}  // namespace vmm::model
