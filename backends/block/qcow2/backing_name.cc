#include "backends/block/qcow2/backing_name.h"

namespace vmm::qcow2 {
namespace {

// "scheme:", as in json: or nbd:, before any slash.
bool has_scheme(std::string_view name) {
    size_t colon = name.find(':');
    return colon != std::string_view::npos && name.find('/') >= colon;
}

}  // namespace

Result<std::string> backing_path(std::string_view image_file, std::string_view backing_file) {
    if (backing_file.empty()) return Error::make("an empty name is no backing file's");
    if (backing_file.front() == '/' || has_scheme(backing_file)) return std::string(backing_file);
    constexpr std::string_view kFile = "file:";
    if (image_file.starts_with(kFile)) image_file.remove_prefix(kFile.size());
    if (image_file.empty() || has_scheme(image_file))
        return Error::make("Cannot use relative backing file names for '%s'",
                           std::string(image_file).c_str());
    size_t slash = image_file.rfind('/');
    std::string directory(slash == std::string_view::npos ? std::string_view()
                                                          : image_file.substr(0, slash + 1));
    return directory + std::string(backing_file);
}

}  // namespace vmm::qcow2
