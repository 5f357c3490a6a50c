// The common half of the reading visitors; see value_reader_priv.h.
#include <algorithm>

#include "qapi/value_reader_priv.h"
#include "util/text.h"

namespace vmm::qapi {

std::string ValueReader::path_to(std::string_view name) const {
    std::string path;
    for (size_t i = 0; i < frames_.size(); ++i) {
        const Frame& frame = frames_[i];
        bool innermost = i + 1 == frames_.size();
        if (frame.list != nullptr) {
            path += "[" + std::to_string(frame.next - (frame.next > 0 ? 1 : 0)) + "]";
            continue;
        }
        std::string_view member = innermost ? name : std::string_view(frames_[i + 1].name);
        if (!path.empty() && !member.empty()) path += ".";
        path += member;
    }
    return path;
}

Error ValueReader::wrong(std::string_view name, const Value& value, const std::string& what) const {
    std::string path = path_to(name);
    if (path.empty()) return Error::make("expected %s, not %s", what.c_str(), brief(value).c_str());
    return Error::make("Parameter '%s' expects %s, not %s", path.c_str(), what.c_str(), brief(value).c_str());
}

Result<const Value*> ValueReader::take(std::string_view name) {
    if (frames_.empty()) return &root_;
    Frame& frame = frames_.back();
    if (frame.list != nullptr) return &(*frame.list)[frame.next++];
    frame.asked.push_back(name);
    const Value* value = frame.dict->find(name);
    if (value == nullptr) return Error::make("Parameter '%s' is missing", path_to(name).c_str());
    return value;
}

Result<const Value*> ValueReader::peek(std::string_view name) const {
    if (frames_.empty()) return &root_;
    const Frame& frame = frames_.back();
    if (frame.list != nullptr) return &(*frame.list)[frame.next];
    const Value* value = frame.dict->find(name);
    if (value == nullptr) return Error::make("Parameter '%s' is missing", path_to(name).c_str());
    return value;
}

std::string ValueReader::kinds_text(std::span<const Value::Kind> kinds) {
    std::vector<std::string> texts;
    for (Value::Kind kind : kinds)
        texts.emplace_back(kind_text(kind));
    return join(texts, " or ");
}

Status ValueReader::begin_struct(std::string_view name) {
    const Value* value = TRY(take(name));
    if (value->if_dict() == nullptr) return wrong(name, *value, "an object");
    frames_.push_back({.name = std::string(name), .dict = value->if_dict()});
    return {};
}

Error ValueReader::unexpected_member(const Frame& frame, std::string_view key) const {
    constexpr size_t kLongest = 60;
    std::string path = brief(Value(path_to(key)));
    std::string_view near = key.size() > kLongest ? std::string_view() : nearest(key, frame.asked);
    if (!near.empty())
        return Error::make("Parameter %s is unexpected", path.c_str())
            .with_hint("did you mean '%s'?", std::string(near).c_str());
    std::vector<std::string> known(frame.asked.begin(), frame.asked.end());
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    Error error = Error::make("Parameter %s is unexpected", path.c_str());
    if (known.empty()) return std::move(error).with_hint("there are no parameters here");
    return std::move(error).with_hint("known: %s", join(known, ", ").c_str());
}

Status ValueReader::end_struct() {
    const Frame& frame = frames_.back();
    for (const Dict::Entry& entry : *frame.dict)
        if (std::find(frame.asked.begin(), frame.asked.end(), entry.key) == frame.asked.end())
            return unexpected_member(frame, entry.key);
    frames_.pop_back();
    return {};
}

Status ValueReader::begin_list(std::string_view name, size_t& size) {
    const Value* value = TRY(take(name));
    const List* list = TRY(as_list(name, *value));
    size = list->size();
    frames_.push_back({.name = std::string(name), .list = list});
    return {};
}

void ValueReader::end_list() {
    frames_.pop_back();
}

bool ValueReader::has(std::string_view name, bool) {
    if (frames_.empty() || frames_.back().dict == nullptr) return true;
    frames_.back().asked.push_back(name);
    return frames_.back().dict->contains(name);
}

Status ValueReader::any(std::string_view name, Value& value) {
    value = *TRY(take(name));
    return {};
}

Status ValueReader::enum_from_text(std::string_view name, const Value& value, size_t& index,
                                   const EnumInfo& info) const {
    const std::string* text = value.if_string();
    for (size_t i = 0; text != nullptr && i < info.values.size(); ++i) {
        if (info.values[i] != *text) continue;
        index = i;
        return {};
    }
    std::vector<std::string> values(info.values.begin(), info.values.end());
    Error error = wrong(name, value, "one of " + join(values, ", "));
    constexpr size_t kLongest = 60;
    std::string_view near;
    if (text != nullptr && text->size() > 2 && text->size() < kLongest)
        near = nearest(*text, {info.values.begin(), info.values.end()});
    if (near.empty()) return error;
    return std::move(error).with_hint("did you mean '%s'?", std::string(near).c_str());
}

}  // namespace vmm::qapi
