// The name of a backing file as an image has it, to the name that opens it: names are relative to the image,
// not to the process. Pure. Called by whoever opens a qcow2 node's backing child.
#pragma once

#include <string>
#include <string_view>

#include "util/result.h"

namespace vmm::qcow2 {

// "json:{...}" and "scheme:rest" stay as they are; so do absolute paths. A relative path follows the
// directory of the image's own file name; an error when that name has none to offer ("json:" or a scheme
// other than "file:").
Result<std::string> backing_path(std::string_view image_file, std::string_view backing_file);

// How many images may lie on each other; a chain that is longer is a loop or as good as one.
inline constexpr unsigned kMostBackingFiles = 200;

}  // namespace vmm::qcow2
