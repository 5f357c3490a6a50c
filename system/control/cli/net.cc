// -netdev, -nic and -net: network back ends, and the cards that the short forms bring along.
#include <algorithm>

#include "backends/net/options.h"
#include "qapi/convert.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"

namespace vmm::cli {
namespace {

constexpr std::string_view kModel = "virtio-net-pci";
const std::vector<std::string_view> kLists = {"hostfwd", "guestfwd", "dnssearch"};

// Text has "hostfwd=A,hostfwd=B" where the schema has a list of objects.
void make_lists(qapi::Dict& options) {
    for (const std::string_view key : kLists) {
        qapi::Value* value = options.find(key);
        if (value == nullptr) continue;
        qapi::List given;
        if (const std::string* one = value->if_string()) given.emplace_back(*one);
        if (const qapi::List* several = value->if_list()) given = *several;
        for (qapi::Value& one : given)
            if (const std::string* text = one.if_string()) one = qapi::Value(qapi::Dict{{"str", *text}});
        *value = qapi::Value(std::move(given));
    }
}

Status add_netdev(Builder& builder, const qapi::Netdev& netdev) {
    std::vector<net::NetdevConfig>& all = builder.line.configuration.netdevs;
    for (const net::NetdevConfig& other : all)
        if (other.id == netdev.id) return Error::make("Duplicate ID '%s' for netdev", netdev.id.c_str());
    all.push_back(TRY(net::netdev_config(netdev, nullptr)));
    return {};
}

void print_help(Builder& builder, const qapi::Dict& options) {
    const qapi::Value* type = options.find("type");
    const std::string* name = type != nullptr ? type->if_string() : nullptr;
    builder.print(name == nullptr ? branches_help("Network back ends", qapi::kNetdevInfo)
                                  : branch_members_help(*name, qapi::kNetdevInfo));
}

// The text's value of the key, taken out.
std::optional<std::string> take(qapi::Dict& options, std::string_view key) {
    const qapi::Value* value = options.find(key);
    if (value == nullptr || value->if_string() == nullptr) return std::nullopt;
    std::string text = *value->if_string();
    options.erase(key);
    return text;
}

// A back end of a short form; its id.
Result<std::string> add_short_netdev(Builder& builder, qapi::Dict options) {
    std::string id = take(options, "id").value_or("");
    if (id.empty()) id = "net-" + std::to_string(builder.unnamed_netdevs++);
    options.set("id", id);
    make_lists(options);
    TRY(add_netdev(builder, TRY(qapi::from_keyval<qapi::Netdev>(options))));
    return id;
}

Result<std::string> card_model(const std::optional<std::string>& model) {
    if (!model || *model == "virtio" || *model == "virtio-net") return std::string(kModel);
    return *model;
}

void add_card(Builder& builder, qapi::Dict card) {
    std::string text;
    for (const qapi::Dict::Entry& entry : card)
        text += (text.empty() ? "" : ",") + entry.key + "=" + *entry.value.if_string();
    builder.devices.push_back({std::move(text), std::move(card), Spelling::Text});
}

// "-net nic,...": what the card is made of.
Result<qapi::Dict> card_of(qapi::Dict options) {
    options.erase("type");
    qapi::Dict card{{"driver", TRY(card_model(take(options, "model")))}};
    static constexpr std::pair<const char*, const char*> kNames[] = {
        {"macaddr", "mac"}, {"netdev", "netdev"}, {"addr", "addr"}, {"vectors", "vectors"}};
    for (const auto& [written, property] : kNames)
        if (std::optional<std::string> value = take(options, written)) card.append(property, *value);
    std::optional<std::string> id = take(options, "id"), name = take(options, "name");
    if (id || name) card.append("id", id ? *id : *name);
    if (!options.empty()) return Error::make("Parameter '%s' is unexpected", options.begin()->key.c_str());
    return card;
}

}  // namespace

Status take_netdev(Builder& builder, const std::string& value) {
    bool json = false;
    qapi::Keyval parsed =
        TRY(qapi::parse_keyval_or_json(value, {.implied_key = "type", .repeatable = kLists}, &json));
    if (parsed.help) {
        print_help(builder, parsed.dict);
        return {};
    }
    if (!json) make_lists(parsed.dict);
    return add_netdev(builder, TRY(json ? qapi::from_value<qapi::Netdev>(parsed.dict)
                                        : qapi::from_keyval<qapi::Netdev>(parsed.dict)));
}

Status take_nic(Builder& builder, const std::string& value) {
    if (value == "none") return {};
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.implied_key = "type", .repeatable = kLists}));
    if (parsed.help) {
        print_help(builder, parsed.dict);
        return {};
    }
    qapi::Dict card{{"driver", TRY(card_model(take(parsed.dict, "model")))}};
    for (const char* property : {"mac", "addr"})
        if (std::optional<std::string> text = take(parsed.dict, property)) card.append(property, *text);
    card.append("netdev", TRY(add_short_netdev(builder, std::move(parsed.dict))));
    add_card(builder, std::move(card));
    return {};
}

Status take_net(Builder& builder, const std::string& value) {
    if (value == "none") return {};
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.implied_key = "type", .repeatable = kLists}));
    if (parsed.help) {
        print_help(builder, parsed.dict);
        return {};
    }
    const qapi::Value* type = parsed.dict.find("type");
    if (type != nullptr && *type == qapi::Value("nic")) {
        qapi::Dict card = TRY(card_of(std::move(parsed.dict)));
        if (card.contains("netdev"))
            add_card(builder, std::move(card));
        else
            builder.shared_nics.push_back(std::move(card));
        return {};
    }
    builder.shared_netdevs.push_back(TRY(add_short_netdev(builder, std::move(parsed.dict))));
    return {};
}

Status finish_networks(Builder& builder) {
    // One of each needs no segment between them.
    const bool pair = builder.shared_nics.size() <= 1 && builder.shared_netdevs.size() <= 1;
    auto add_port = [&builder](const std::string& netdev) -> Result<std::string> {
        return add_short_netdev(builder, {{"type", "hubport"}, {"hubid", "0"}, {"netdev", netdev}});
    };
    if (!pair)
        for (const std::string& netdev : builder.shared_netdevs)
            TRY(add_port(netdev));
    for (qapi::Dict& card : builder.shared_nics) {
        if (!pair)
            card.append("netdev", TRY(add_short_netdev(builder, {{"type", "hubport"}, {"hubid", "0"}})));
        else if (!builder.shared_netdevs.empty())
            card.append("netdev", builder.shared_netdevs[0]);
        add_card(builder, std::move(card));
    }
    for (net::NetdevConfig& netdev : builder.line.configuration.netdevs) {
        auto* user = std::get_if<net::UserConfig>(&netdev.backend);
        if (user == nullptr) continue;
        for (size_t i = 0; i < user->guest_forwards.size(); ++i) {
            net::GuestForward& forward = user->guest_forwards[i];
            if (!forward.command.empty()) continue;
            LegacyChardev made =
                TRY(parse_legacy_chardev(forward.chardev, netdev.id + "-guestfwd" + std::to_string(i)));
            if (made.chardev) builder.chardevs.push_back(std::move(*made.chardev));
            forward.chardev = made.id;
        }
    }
    return {};
}

}  // namespace vmm::cli
