// File names that say more than a path; see drive_config.h.
#include <sys/stat.h>

#include "backends/block/options/drive_config.h"
#include "qapi/json_parser.h"

namespace vmm::block {

namespace {

// The protocol before the first ':' that stands before any '/'; empty for a path.
std::string_view protocol_of(std::string_view name) {
    size_t colon = name.find(':');
    if (colon == std::string_view::npos || name.find('/') < colon) return {};
    return name.substr(0, colon);
}

qapi::Dict plain_file(const std::string& path) {
    struct stat is = {};
    bool device = ::stat(path.c_str(), &is) == 0 && (S_ISBLK(is.st_mode) || S_ISCHR(is.st_mode));
    return {{"driver", device ? "host_device" : "file"}, {"filename", path}};
}

Result<qapi::Dict> blkdebug(const std::string& rest) {
    size_t colon = rest.find(':');
    if (colon == std::string::npos)
        return Error::make("a blkdebug file name is blkdebug:RULES:IMAGE, RULES may be empty");
    qapi::Dict image = TRY(parse_filename(rest.substr(colon + 1)));
    qapi::Dict node{{"driver", "blkdebug"}, {"image", std::move(image)}};
    if (colon > 0) node.append("config", rest.substr(0, colon));
    return node;
}

Result<qapi::Dict> json(const std::string& text) {
    qapi::Value value = TRY(qapi::parse_json(text));
    if (value.if_dict() == nullptr) return Error::make("json: wants an object");
    return *value.if_dict();
}

}  // namespace

Result<qapi::Dict> parse_filename(const std::string& name) {
    std::string protocol(protocol_of(name));
    if (protocol.empty()) return plain_file(name);
    std::string rest = name.substr(protocol.size() + 1);
    if (protocol == "null-co" || protocol == "null-aio") {
        if (rest != "//")
            return Error::make("The %s driver takes no name after '%s://'", protocol.c_str(),
                               protocol.c_str());
        return qapi::Dict{{"driver", protocol}};
    }
    if (protocol == "file") return plain_file(rest);
    if (protocol == "host_device") return qapi::Dict{{"driver", "host_device"}, {"filename", rest}};
    if (protocol == "blkdebug") return blkdebug(rest);
    if (protocol == "json") return json(rest);
    return Error::make("Unknown protocol %s", qapi::brief(protocol).c_str());
}

}  // namespace vmm::block
