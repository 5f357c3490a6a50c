// The options of user networking; see options.h.
#include <arpa/inet.h>

#include <bit>

#include "backends/net/options.h"
#include "util/text.h"

namespace vmm::net {

namespace {

// What is in front of the separator, which goes too; empty when it is not there.
std::optional<std::string> cut(std::string& text, char separator) {
    const size_t at = text.find(separator);
    if (at == std::string::npos) return std::nullopt;
    std::string head = text.substr(0, at);
    text.erase(0, at + 1);
    return head;
}

// The library reads up to a NUL, which a JSON string may hold.
bool parse_address(int family, const std::string& text, void* into) {
    return text.find('\0') == std::string::npos && ::inet_pton(family, text.c_str(), into) == 1;
}

bool parse_v4(const std::string& text, in_addr& into) {
    return parse_address(AF_INET, text, &into);
}

Status take_v4(const std::optional<std::string>& text, const char* name, in_addr& into) {
    if (!text || parse_v4(*text, into)) return {};
    return Error::make("Parameter '%s' expects an IPv4 address, not '%s'", name, text->c_str());
}

Status take_v6(const std::optional<std::string>& text, const char* name, in6_addr& into) {
    if (!text || parse_address(AF_INET6, *text, &into)) return {};
    return Error::make("Parameter '%s' expects an IPv6 address, not '%s'", name, text->c_str());
}

in_addr offset_by(in_addr network, uint32_t count) {
    return {htonl(ntohl(network.s_addr) + count)};
}

// Of an address without one: by its class.
uint32_t class_mask(uint32_t address) {
    if ((address & 0x80000000) == 0) return 0xff000000;
    if ((address & 0xfff00000) == 0xac100000) return 0xfff00000;
    if ((address & 0xc0000000) == 0x80000000) return 0xffff0000;
    if ((address & 0xffff0000) == 0xc0a80000) return 0xffff0000;
    return 0xffffff00;
}

Status take_network(const std::string& given, UserConfig& config) {
    std::string rest = given;
    const std::optional<std::string> address = cut(rest, '/');
    const auto bad = [&] {
        return Error::make("Parameter 'net' expects ADDRESS[/BITS or /MASK], not '%s'", given.c_str());
    };
    if (!parse_v4(address.value_or(given), config.network)) return bad();
    uint32_t mask = class_mask(ntohl(config.network.s_addr));
    if (address) {
        in_addr dotted;
        const std::optional<uint64_t> bits = parse_u64(rest, 10);
        if (bits && *bits >= 4 && *bits <= 32)
            mask = static_cast<uint32_t>(uint64_t{0xffffffff} << (32 - *bits));
        else if (!bits && parse_v4(rest, dotted))
            mask = ntohl(dotted.s_addr);
        else
            return bad();
    }
    if (std::countl_one(mask) + std::countr_zero(mask) != 32) return bad();
    config.mask = {htonl(mask)};
    config.network.s_addr &= config.mask.s_addr;
    return {};
}

Status take_v4_addresses(const qapi::NetdevUserOptions& options, UserConfig& config) {
    TRY(take_network(options.net.value_or("10.0.2.0/24"), config));
    config.host = offset_by(config.network, 2);
    config.dns = offset_by(config.network, 3);
    config.dhcp_start = offset_by(config.network, 15);
    TRY(take_v4(options.host, "host", config.host));
    TRY(take_v4(options.dns, "dns", config.dns));
    TRY(take_v4(options.dhcpstart, "dhcpstart", config.dhcp_start));
    const auto inside = [&](in_addr a) { return (a.s_addr & config.mask.s_addr) == config.network.s_addr; };
    if (!inside(config.host)) return Error::make("Host doesn't belong to network");
    if (!config.restricted && !inside(config.dns)) return Error::make("DNS doesn't belong to network");
    if (config.dns.s_addr == config.host.s_addr) return Error::make("DNS must be different from host");
    if (!inside(config.dhcp_start)) return Error::make("DHCP doesn't belong to network");
    if (config.dhcp_start.s_addr == config.host.s_addr || config.dhcp_start.s_addr == config.dns.s_addr)
        return Error::make("DHCP must be different from host and DNS");
    return {};
}

Status take_v6_addresses(const qapi::NetdevUserOptions& options, UserConfig& config) {
    config.prefix6_bits = options.ipv6_prefixlen.value_or(64);
    if (config.prefix6_bits > 126)
        return Error::make("Invalid IPv6 prefix provided (IPv6 prefix length must be between 0 and 126)");
    TRY(take_v6(options.ipv6_prefix.value_or("fec0::"), "ipv6-prefix", config.prefix6));
    config.host6 = config.dns6 = config.prefix6;
    config.host6.s6_addr[15] |= 2;
    config.dns6.s6_addr[15] |= 3;
    TRY(take_v6(options.ipv6_host, "ipv6-host", config.host6));
    TRY(take_v6(options.ipv6_dns, "ipv6-dns", config.dns6));
    return {};
}

// A mention of one says no to the other, unless that is mentioned, too.
Status take_families(const qapi::NetdevUserOptions& options, UserConfig& config) {
    config.ipv4 = options.ipv4.value_or(!options.ipv6.value_or(false));
    config.ipv6 = options.ipv6.value_or(!options.ipv4.value_or(false));
    if (!config.ipv4 && !config.ipv6) return Error::make("IPv4 and IPv6 disabled");
    return {};
}

bool take_port(const std::string& text, uint16_t& port, bool zero) {
    const std::optional<uint64_t> number = parse_u64(text, 10);
    if (!number || *number > 65535 || (*number == 0 && !zero)) return false;
    port = static_cast<uint16_t>(*number);
    return true;
}

// Takes "[tcp|udp]:[HOST]:" off the text; what is wrong with it, or null.
const char* take_host_address(std::string& text, HostForward& forward) {
    const std::optional<std::string> protocol = cut(text, ':'), host = cut(text, ':');
    if (!protocol || (*protocol != "tcp" && *protocol != "udp" && !protocol->empty()))
        return "Bad protocol name";
    forward.udp = *protocol == "udp";
    return !host || (!host->empty() && !parse_v4(*host, forward.host)) ? "Bad host address" : nullptr;
}

}  // namespace

Result<HostForward> parse_host_forward(const std::string& text) {
    std::string rest = text;
    HostForward forward;
    const auto bad = [&](const char* why) {
        return Error::make("Invalid host forwarding rule '%s' (%s)", text.c_str(), why)
            .with_hint("it is [tcp|udp]:[HOST]:PORT-[GUEST]:PORT");
    };
    if (const char* why = take_host_address(rest, forward)) return bad(why);
    const std::optional<std::string> port = cut(rest, '-'), guest = cut(rest, ':');
    if (!port || !take_port(*port, forward.host_port, true)) return bad("Bad host port");
    if (!guest || (!guest->empty() && !parse_v4(*guest, forward.guest))) return bad("Bad guest address");
    if (!take_port(rest, forward.guest_port, false)) return bad("Bad guest port");
    return forward;
}

Result<HostForward> parse_host_port(const std::string& text) {
    std::string rest = text;
    HostForward forward;
    const char* why = take_host_address(rest, forward);
    if (why == nullptr && !take_port(rest, forward.host_port, true)) why = "Bad host port";
    if (why == nullptr) return forward;
    return Error::make("Invalid host forwarding rule '%s' (%s)", text.c_str(), why)
        .with_hint("it is [tcp|udp]:[HOST]:PORT");
}

Result<GuestForward> parse_guest_forward(const std::string& text) {
    std::string rest = text;
    GuestForward forward;
    const std::optional<std::string> protocol = cut(rest, ':'), server = cut(rest, ':'),
                                     port = cut(rest, '-');
    const bool good = protocol && (protocol->empty() || *protocol == "tcp") && server &&
                      (server->empty() || parse_v4(*server, forward.server)) && port &&
                      take_port(*port, forward.port, false) && !rest.empty();
    if (!good)
        return Error::make("Invalid guest forwarding rule '%s'", text.c_str())
            .with_hint("it is [tcp]:SERVER:PORT-CHARDEV or [tcp]:SERVER:PORT-cmd:COMMAND");
    if (rest.starts_with("cmd:"))
        forward.command = rest.substr(4);
    else
        forward.chardev = rest;
    return forward;
}

Result<UserConfig> user_config(const qapi::NetdevUserOptions& options) {
    UserConfig config;
    config.restricted = options.restrict.value_or(false);
    TRY(take_families(options, config));
    TRY(take_v4_addresses(options, config));
    TRY(take_v6_addresses(options, config));
    config.hostname = options.hostname.value_or("");
    config.domain = options.domainname.value_or("");
    config.tftp = options.tftp.value_or("");
    config.bootfile = options.bootfile.value_or("");
    config.tftp_server = options.tftp_server_name.value_or("");
    constexpr size_t kMostName = 255;
    if (config.domain.size() > kMostName)
        return Error::make("'domainname' parameter cannot exceed 255 bytes");
    if (config.hostname.size() > 32) return Error::make("'hostname' parameter cannot exceed 32 bytes");
    if (config.tftp_server.size() > kMostName)
        return Error::make("'tftp-server-name' parameter cannot exceed 255 bytes");
    if (config.bootfile.size() > 127) return Error::make("'bootfile' parameter cannot exceed 127 bytes");
    if (options.dnssearch)
        for (const qapi::NetString& domain : *options.dnssearch)
            config.dns_search.push_back(domain.str);
    if (options.hostfwd)
        for (const qapi::NetString& rule : *options.hostfwd)
            config.host_forwards.push_back(TRY(parse_host_forward(rule.str)));
    if (options.guestfwd)
        for (const qapi::NetString& rule : *options.guestfwd)
            config.guest_forwards.push_back(TRY(parse_guest_forward(rule.str)));
    return config;
}

}  // namespace vmm::net
