// The keys of -drive; see drive_config.h.
#include "backends/block/options/drive_config.h"

#include <array>

#include "qapi/convert.h"
#include "util/size_text.h"
#include "util/text.h"

namespace vmm::block {

namespace {

using qapi::Dict;

// Takes keys out of the option's, typed; what is left at the end is the image's.
class Keys {
  public:
    explicit Keys(const Dict& all) : left_(all) {}

    std::optional<std::string> text(std::string_view key) {
        qapi::Value* found = left_.find(key);
        if (found == nullptr) return std::nullopt;
        std::string value = found->if_string() != nullptr ? *found->if_string() : "";
        left_.erase(key);
        return value;
    }
    Result<std::optional<bool>> flag(std::string_view key) {
        std::optional<std::string> value = text(key);
        if (!value) return std::optional<bool>();
        std::optional<bool> on = qapi::parse_bool(*value);
        if (!on) return wrong(key, "'on' or 'off'");
        return on;
    }
    Result<std::optional<uint64_t>> number(std::string_view key) {
        std::optional<std::string> value = text(key);
        if (!value) return std::optional<uint64_t>();
        std::optional<uint64_t> number = parse_u64(*value);
        if (!number) return wrong(key, "a number");
        return number;
    }
    // One of the spellings; which.
    Result<std::optional<size_t>> choice(std::string_view key, std::span<const std::string_view> allowed) {
        std::optional<std::string> value = text(key);
        if (!value) return std::optional<size_t>();
        for (size_t i = 0; i < allowed.size(); ++i) {
            if (*value == allowed[i]) return std::optional<size_t>(i);
        }
        std::string list;
        for (std::string_view one : allowed)
            list += (list.empty() ? "" : ", ") + std::string(one);
        return Error::make("Parameter '%s' expects one of %s, not %s", std::string(key).c_str(), list.c_str(),
                           qapi::brief(*value).c_str());
    }
    // Old and new name of one thing; giving both is a mistake.
    Status rename(std::string_view from, std::string_view to) {
        std::optional<std::string> value = text(from);
        if (!value) return {};
        if (left_.contains(to))
            return Error::make("'%s' and its alias '%s' can't be used at the same time",
                               std::string(to).c_str(), std::string(from).c_str());
        left_.append(std::string(to), std::move(*value));
        return {};
    }
    Dict& left() { return left_; }

  private:
    static Error wrong(std::string_view key, const char* wanted) {
        return Error::make("Parameter '%s' expects %s", std::string(key).c_str(), wanted);
    }
    Dict left_;
};

struct ThrottleKey {
    const char* old_name;
    const char* name;
};
// In the order of ThrottleKind.
constexpr ThrottleKey kThrottleKeys[kThrottleKinds] = {{"bps", "bps-total"},     {"bps_rd", "bps-read"},
                                                       {"bps_wr", "bps-write"},  {"iops", "iops-total"},
                                                       {"iops_rd", "iops-read"}, {"iops_wr", "iops-write"}};

Result<std::optional<uint64_t>> throttle_number(Keys& keys, const std::string& old_name,
                                                const std::string& name) {
    TRY(keys.rename(old_name, "throttling." + name));
    return keys.number("throttling." + name);
}

Status take_throttling(Keys& keys, DriveConfig& drive) {
    for (size_t i = 0; i < kThrottleKinds; ++i) {
        ThrottleLimit& limit = drive.throttle.limits[i];
        std::string old_name = kThrottleKeys[i].old_name, name = kThrottleKeys[i].name;
        limit.average = TRY(throttle_number(keys, old_name, name)).value_or(0);
        limit.burst = TRY(throttle_number(keys, old_name + "_max", name + "-max")).value_or(0);
        limit.burst_length =
            TRY(throttle_number(keys, old_name + "_max_length", name + "-max-length")).value_or(1);
    }
    drive.throttle.op_size = TRY(throttle_number(keys, "iops_size", "iops-size")).value_or(0);
    TRY(keys.rename("group", "throttling.group"));
    drive.throttle_group = keys.text("throttling.group").value_or("");
    return drive.throttle.check();
}

Result<OnError> take_policy(Keys& keys, std::string_view key, bool write) {
    static constexpr std::string_view kNames[] = {"report", "ignore", "stop", "enospc"};
    static constexpr OnError kPolicies[] = {OnError::Report, OnError::Ignore, OnError::Stop, OnError::Enospc};
    std::optional<size_t> which = TRY(keys.choice(key, std::span(kNames).first(write ? 4 : 3)));
    return which ? kPolicies[*which] : OnError::Auto;
}

Status take_place(Keys& keys, DriveConfig& drive) {
    static constexpr std::string_view kInterfaces[] = {"none", "ide", "scsi", "virtio", "pflash"};
    if (auto which = TRY(keys.choice("if", kInterfaces)))
        drive.interface = static_cast<DriveInterface>(*which);
    struct {
        const char* key;
        std::optional<unsigned>& into;
    } places[] = {{"index", drive.index}, {"bus", drive.bus}, {"unit", drive.unit}};
    for (auto& [key, into] : places) {
        std::optional<uint64_t> number = TRY(keys.number(key));
        if (number && *number > 1000) return Error::make("Parameter '%s' is out of range", key);
        if (number) into = static_cast<unsigned>(*number);
    }
    if (drive.index && (drive.bus || drive.unit))
        return Error::make("index cannot be used with bus and unit");
    static constexpr std::string_view kMedia[] = {"disk", "cdrom"};
    drive.cdrom = TRY(keys.choice("media", kMedia)).value_or(0) == 1;
    if (drive.cdrom && drive.interface == DriveInterface::Virtio)
        return Error::make("if=virtio and media=cdrom do not go together");
    return {};
}

// cache= is short for three settings, which may also be given by themselves.
Status take_cache(Keys& keys, DriveConfig& drive) {
    static constexpr std::string_view kModes[] = {"none", "writeback", "unsafe", "directsync",
                                                  "writethrough"};
    struct Mode {
        bool direct, no_flush, write_back;
    };
    static constexpr Mode kMeaning[] = {{true, false, true},
                                        {false, false, true},
                                        {false, true, true},
                                        {true, false, false},
                                        {false, false, false}};
    std::optional<size_t> which = TRY(keys.choice("cache", kModes));
    Mode mode = kMeaning[which.value_or(1)];
    if (auto on = TRY(keys.flag("cache.writeback"))) mode.write_back = *on;
    drive.write_cache = mode.write_back;
    if (!which) return {};
    if (!keys.left().contains("cache.direct")) keys.left().append("cache.direct", mode.direct ? "on" : "off");
    if (!keys.left().contains("cache.no-flush"))
        keys.left().append("cache.no-flush", mode.no_flush ? "on" : "off");
    return {};
}

// "a.b.c" = x into nested objects; the keys were flat because "file" is a name and an object at once.
Status unfold(Dict& into, std::string_view key, const qapi::Value& value) {
    Dict* at = &into;
    std::vector<std::string_view> parts = split(key, '.');
    if (parts.size() > 16) return Error::make("Parameter %s is nested too deeply", qapi::brief(key).c_str());
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
        qapi::Value* inner = at->find(parts[i]);
        if (inner == nullptr) inner = &at->append(std::string(parts[i]), Dict());
        if (inner->if_dict() == nullptr)
            return Error::make("Parameter %s is given as a value and with keys of its own",
                               qapi::brief(parts[i]).c_str());
        at = const_cast<Dict*>(inner->if_dict());
    }
    if (at->contains(parts.back()))
        return Error::make("Parameter %s is given twice", qapi::brief(key).c_str());
    at->append(std::string(parts.back()), value);
    return {};
}

// Of the parent's settings a file takes those that it was not given itself.
void inherit(const Dict& parent, Dict& file) {
    for (std::string_view key : {"read-only", "auto-read-only", "force-share"}) {
        const qapi::Value* value = parent.find(key);
        if (value != nullptr && !file.contains(key)) file.append(std::string(key), *value);
    }
    const qapi::Value* cache = parent.find("cache");
    if (cache != nullptr && !file.contains("cache")) file.append("cache", *cache);
    if (!file.contains("discard")) file.append("discard", "unmap");
}

// Empty where there is none, or keys of its own instead.
std::string text_of(const Dict& dict, std::string_view key) {
    const qapi::Value* value = dict.find(key);
    return value != nullptr && value->if_string() != nullptr ? *value->if_string() : "";
}

Result<qapi::BlockdevOptions> typed(const Dict& dict) {
    return qapi::from_keyval<qapi::BlockdevOptions>(dict);
}

bool is_format(const std::string& driver) {
    return driver == "raw" || driver == "qcow2" || driver == "throttle";
}

// Keys that the user gave beside a file name, added to what the name says.
Status add_given(Dict& file, const Dict& given, const std::string& place, const std::string& filename) {
    for (const Dict::Entry& entry : given) {
        qapi::Value* named = file.find(entry.key);
        if (named == nullptr) {
            file.append(entry.key, entry.value);
        } else if (named->if_dict() != nullptr && entry.value.if_dict() != nullptr) {
            TRY(add_given(*named->if_dict(), *entry.value.if_dict(), place + entry.key + ".", filename));
        } else {
            return Error::make("%s contradicts the file name %s", qapi::brief(place + entry.key).c_str(),
                               qapi::brief(filename).c_str());
        }
    }
    return {};
}

// The node that the file name and the file.* keys describe.
Result<Dict> file_options(const std::string& filename, Dict given) {
    std::string inner_name = text_of(given, "filename");
    if (filename.empty() && !inner_name.empty() && !given.contains("driver")) {
        given.erase("filename");
        return file_options(inner_name, std::move(given));
    }
    if (filename.empty()) return given;
    Dict file = TRY(parse_filename(filename));
    TRY(add_given(file, given, "file.", filename));
    return file;
}

// What is left of the keys becomes the image's options.
Status take_image(Keys& keys, DriveConfig& drive) {
    drive.filename = keys.text("file").value_or("");
    TRY(keys.rename("format", "driver"));
    TRY(keys.rename("readonly", "read-only"));
    if (TRY(keys.flag("copy-on-read")).value_or(false))
        return Error::make("copy-on-read is not there in this version");
    if (!keys.left().contains("read-only") && drive.cdrom) keys.left().append("read-only", "on");
    Dict image;
    for (const Dict::Entry& entry : keys.left()) {
        std::string key = entry.key == "aio" || entry.key == "locking" ? "file." + entry.key : entry.key;
        TRY(unfold(image, key, entry.value));
    }
    drive.read_only = qapi::parse_bool(text_of(image, "read-only")).value_or(false);
    Dict inner;
    if (qapi::Value* file = image.find("file")) {
        if (file->if_dict() != nullptr) inner = *file->if_dict();
        image.erase("file");
    }
    std::string format = text_of(image, "driver");
    if (format.empty() && image.contains("driver"))
        return Error::make("Parameter 'driver' expects the name of a driver");
    if (drive.filename.empty() && inner.empty() && format.empty()) {
        drive.rest = std::move(image);
        return {};
    }
    if (!image.contains("auto-read-only") && !image.contains("read-only"))
        image.append("auto-read-only", "on");
    if (!format.empty() && !is_format(format)) {
        // The driver of the file itself: everything is one node.
        if (!drive.filename.empty() && format != "blkdebug") image.set("filename", drive.filename);
        for (const Dict::Entry& entry : inner)
            if (!image.contains(entry.key)) image.append(entry.key, entry.value);
        drive.image = TRY(typed(image));
        return {};
    }
    Dict file = TRY(file_options(drive.filename, std::move(inner)));
    if (drive.filename.empty()) drive.filename = text_of(file, "filename");
    inherit(image, file);
    if (format.empty()) {
        drive.file = TRY(typed(file));
        drive.rest = std::move(image);
        return {};
    }
    image.append("file", std::move(file));
    drive.image = TRY(typed(image));
    return {};
}

}  // namespace

Result<DriveConfig> parse_drive(const Dict& options) {
    DriveConfig drive;
    Keys keys(options);
    drive.id = keys.text("id").value_or("");
    TRY(take_place(keys, drive));
    drive.rerror = TRY(take_policy(keys, "rerror", false));
    drive.werror = TRY(take_policy(keys, "werror", true));
    drive.snapshot = TRY(keys.flag("snapshot")).value_or(false);
    TRY(take_throttling(keys, drive));
    TRY(take_cache(keys, drive));
    TRY(take_image(keys, drive));
    return drive;
}

}  // namespace vmm::block
