// Names of the backend kinds; see backend_config.h.
#include "backends/memory/backend_config.h"

#include "util/check.h"

namespace vmm {

const char* memory_backend_type_name(MemoryBackendKind kind) {
    switch (kind) {
        case MemoryBackendKind::Ram:
            return "memory-backend-ram";
        case MemoryBackendKind::Memfd:
            return "memory-backend-memfd";
        case MemoryBackendKind::File:
            return "memory-backend-file";
        case MemoryBackendKind::GuestMemfd:
            return "memory-backend-guest-memfd";
    }
    UNREACHABLE();
}

}  // namespace vmm
