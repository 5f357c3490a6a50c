// A virtqueue's ring of the split format over memory that a hostile guest writes.
#include "tests/fuzz/virtqueue_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    vmm::virtio::fuzz_ring({data, size}, false);
    return 0;
}
