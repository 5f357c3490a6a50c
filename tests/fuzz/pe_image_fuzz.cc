// PE images of any shape: hashed or refused, nothing outside them read; a quote's answer of any shape
// likewise.
#include <cstdlib>

#include "target/i386/confidential/tdx/authenticode.h"
#include "target/i386/confidential/tdx/quote_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto digest = vmm::tdx::authenticode_digest({data, size});
    if (!digest && digest.error().text().empty()) abort();
    const auto quote = vmm::tdx::quote_in_response({data, size}, 4096);
    if (quote &&
        (quote->data() < data || quote->data() + quote->size() > data + size || quote->size() > 4096))
        abort();
    return 0;
}
