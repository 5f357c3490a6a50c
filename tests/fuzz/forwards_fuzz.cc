// Rules of user networking, from a user: none crashes the parsers, a refusal quotes the rule, and the host's
// end of a rule is read as it is read in the rule.
#include "backends/net/options.h"
#include "util/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace vmm;
    const std::string text(data, data + size);
    (void)net::parse_guest_forward(text);
    const Result<net::HostForward> rule = net::parse_host_forward(text);
    if (!rule) {
        CHECK(rule.error().message().find(text.c_str()) != std::string::npos, "which rule is wrong?");
        return 0;
    }
    CHECK(rule->guest_port != 0, "a rule to no port");
    const Result<net::HostForward> end = net::parse_host_port(text.substr(0, text.find('-')));
    CHECK(end && end->udp == rule->udp && end->host.s_addr == rule->host.s_addr &&
              end->host_port == rule->host_port,
          "the host's end is another");
    return 0;
}
