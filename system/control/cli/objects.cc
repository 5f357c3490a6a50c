// -object, and the memory that objects and -m give the machine together.
#include <algorithm>

#include "backends/memory/backend_check.h"
#include "qapi/convert.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"
#include "system/control/cli/object_options.h"
#include "util/size_text.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

constexpr uint64_t kPage = 4096;
constexpr unsigned kMostSlots = 256;

void copy_properties(MemoryBackendConfig& to, const qapi::MemoryBackendProperties& from) {
    constexpr HostMemPolicy kPolicies[] = {HostMemPolicy::Default, HostMemPolicy::Preferred,
                                           HostMemPolicy::Bind, HostMemPolicy::Interleave};
    to.size = from.size;
    to.share = from.share;
    to.merge = from.merge;
    to.dump = from.dump;
    to.reserve = from.reserve;
    to.prealloc = from.prealloc;
    to.prealloc_threads = from.prealloc_threads;
    to.prealloc_context = from.prealloc_context;
    to.host_nodes = from.host_nodes.value_or(std::vector<uint16_t>());
    to.policy = kPolicies[static_cast<size_t>(from.policy.value_or(qapi::HostMemPolicy::Default))];
    to.private_memory = from.private_;
}

void copy_memfd(MemoryBackendConfig& to, const qapi::MemoryBackendMemfdProperties& from) {
    to.hugetlb = from.hugetlb;
    to.hugetlb_size = from.hugetlbsize;
    to.seal = from.seal;
    to.guest_memfd = from.guest_memfd;
}

void copy_file(MemoryBackendConfig& to, const qapi::MemoryBackendFileProperties& from) {
    to.mem_path = from.mem_path;
    to.align = from.align;
    to.offset = from.offset;
    to.discard_data = from.discard_data;
    to.pmem = from.pmem;
    to.readonly = from.readonly;
    if (from.rom) to.rom = std::string(to_text(*from.rom));
}

}  // namespace

Result<MemoryBackendConfig> memory_backend_config(const qapi::ObjectOptions& object) {
    MemoryBackendConfig config;
    config.id = object.id;
    const qapi::MemoryBackendProperties* common = nullptr;
    if (auto* file = std::get_if<qapi::MemoryBackendFileProperties>(&object.u)) {
        config.kind = MemoryBackendKind::File;
        copy_file(config, *file);
        common = file;
    } else if (auto* memfd = std::get_if<qapi::MemoryBackendMemfdProperties>(&object.u)) {
        config.kind = MemoryBackendKind::Memfd;
        copy_memfd(config, *memfd);
        common = memfd;
    } else {
        config.kind = object.qom_type == qapi::ObjectType::MemoryBackendGuestMemfd
                          ? MemoryBackendKind::GuestMemfd
                          : MemoryBackendKind::Ram;
        common = std::get_if<qapi::MemoryBackendProperties>(&object.u);
    }
    copy_properties(config, *common);
    TRY(check_backend_properties(config));
    TRY(NumaPolicy::make(config.policy, config.host_nodes));
    return config;
}

namespace {

const MemoryBackendConfig* find_backend(const Configuration& configuration, const std::string& id) {
    for (const MemoryBackendConfig& backend : configuration.memory_backends)
        if (backend.id == id) return &backend;
    return nullptr;
}

Error no_such_backend(const Builder& builder, const char* where, const std::string& id) {
    for (const qapi::ObjectOptions& object : builder.objects)
        if (object.id == id)
            return Error::make("%s: '%s' is a %s, not a memory backend", where, id.c_str(),
                               std::string(to_text(object.qom_type)).c_str());
    return Error::make("%s: there is no object '%s'", where, id.c_str())
        .with_hint("add -object memory-backend-ram,id=%s,size=SIZE", id.c_str());
}

Status check_size_option(const Builder& builder) {
    if (!builder.machine.memory) return {};
    const qapi::MemorySizeConfiguration& memory = *builder.machine.memory;
    uint64_t size = memory.size.value_or(MemoryConfig().size);
    if (memory.size && size == 0) return Error::make("-m 0: the size must be more than 0");
    if (size % kPage != 0)
        return Error::make("-m: the size expects a multiple of 4096, not %llu",
                           static_cast<unsigned long long>(size));
    if (memory.max_size && *memory.max_size < size)
        return Error::make("-m: maxmem=%s is less than the size %s", size_text(*memory.max_size).c_str(),
                           size_text(size).c_str());
    const unsigned slots = memory.slots.value_or(0);
    if (slots > kMostSlots)
        return Error::make("-m: slots=%u is more than the %u there can be", slots, kMostSlots);
    if (slots != 0 && !memory.max_size)
        return Error::make("-m: slots=%u are for more memory, whose limit is missing", slots)
            .with_hint("add maxmem=SIZE");
    if (slots != 0 && *memory.max_size == size)
        return Error::make("-m: slots=%u are of no use, maxmem=%s is the size already", slots,
                           size_text(size).c_str());
    if (memory.max_size && *memory.max_size % kPage != 0)
        return Error::make("-m: maxmem expects a multiple of 4096, not %llu",
                           static_cast<unsigned long long>(*memory.max_size));
    return {};
}

// One backend is all of the RAM: -machine memory-backend=, or the one that -m asks for.
Status finish_single(Builder& builder, std::optional<uint64_t> asked) {
    Configuration& out = builder.line.configuration;
    MemoryConfig& memory = out.machine.memory;
    if (builder.machine.memory_backend) {
        memory.backend = *builder.machine.memory_backend;
        const MemoryBackendConfig* backend = find_backend(out, memory.backend);
        if (backend == nullptr) return no_such_backend(builder, "-machine memory-backend", memory.backend);
        if (asked && *asked != *backend->size)
            return Error::make("-m %s contradicts memory backend '%s', which has %s",
                               size_text(*asked).c_str(), backend->id.c_str(),
                               size_text(*backend->size).c_str())
                .with_hint("give the same size, or leave -m out");
        memory.size = *backend->size;
        return {};
    }
    const bool bare = out.machine.type == kNoMachine;
    memory.size = asked.value_or(bare ? 0 : memory.size);
    if (memory.size == 0) return {};
    memory.backend = bare ? "ram" : "pc.ram";
    if (find_backend(out, memory.backend) != nullptr)
        return Error::make("-object: the id '%s' is taken by the machine's own RAM", memory.backend.c_str())
            .with_hint("choose another id, or add -machine memory-backend=%s", memory.backend.c_str());
    MemoryBackendConfig ram;
    ram.id = memory.backend;
    ram.size = memory.size;
    out.memory_backends.push_back(ram);
    return {};
}

// The NUMA nodes name a backend each.
Status finish_nodes(Builder& builder, std::optional<uint64_t> asked) {
    Configuration& out = builder.line.configuration;
    MemoryConfig& memory = out.machine.memory;
    if (builder.machine.memory_backend)
        return Error::make("-machine memory-backend=%s contradicts -numa node,memdev=",
                           builder.machine.memory_backend->c_str())
            .with_hint("name the memory in one of them");
    uint64_t sum = 0;
    std::vector<std::string> used;
    for (const NumaNodeConfig& node : memory.nodes) {
        if (node.memory_backend.empty()) continue;
        const MemoryBackendConfig* backend = find_backend(out, node.memory_backend);
        if (backend == nullptr) return no_such_backend(builder, "-numa node,memdev", node.memory_backend);
        if (std::find(used.begin(), used.end(), backend->id) != used.end())
            return Error::make("-numa: memory backend '%s' is named by two nodes", backend->id.c_str());
        used.push_back(backend->id);
        if (__builtin_add_overflow(sum, *backend->size, &sum))
            return Error::make("-numa: the nodes' memory adds up to more than 2^64 bytes");
    }
    // More nodes may come.
    const bool more = out.preconfig && asked && sum < *asked;
    if (asked && *asked != sum && !more)
        return Error::make("-m %s contradicts the nodes of -numa, which have %s together",
                           size_text(*asked).c_str(), size_text(sum).c_str())
            .with_hint("give the same size, or leave -m out");
    memory.size = more ? *asked : sum;
    memory.backend.clear();
    return {};
}

// What may be plugged in besides the RAM.
Status finish_modules(Builder& builder) {
    if (!builder.machine.memory || !builder.machine.memory->max_size) return {};
    MemoryConfig& memory = builder.line.configuration.machine.memory;
    const uint64_t most = *builder.machine.memory->max_size;
    if (most < memory.size)
        return Error::make("-m: maxmem=%s is less than the size %s", size_text(most).c_str(),
                           size_text(memory.size).c_str());
    memory.slots = builder.machine.memory->slots.value_or(0);
    memory.module_bytes = most - memory.size;
    return {};
}

}  // namespace

std::optional<RngSourceConfig> rng_source_config(const qapi::ObjectOptions& object) {
    if (object.qom_type == qapi::ObjectType::RngBuiltin) return RngSourceConfig{object.id, {}};
    if (object.qom_type != qapi::ObjectType::RngRandom) return std::nullopt;
    const auto& properties = *std::get_if<qapi::RngRandomProperties>(&object.u);
    return RngSourceConfig{object.id, properties.filename.value_or("/dev/urandom")};
}

Result<std::optional<SecretConfig>> secret_config(const qapi::ObjectOptions& object) {
    const auto* properties = std::get_if<qapi::SecretProperties>(&object.u);
    if (properties == nullptr) return std::optional<SecretConfig>();
    SecretConfig config{.id = object.id,
                        .data = properties->data,
                        .file = properties->file,
                        .base64 = properties->format == qapi::SecretFormat::Base64};
    TRY(Secret::check(config));
    return std::optional<SecretConfig>(std::move(config));
}

Status take_object(Builder& builder, const std::string& value) {
    bool json = false;
    qapi::KeyvalStyle style{.implied_key = "qom-type", .repeatable = {"host-nodes"}};
    qapi::Keyval parsed = TRY(qapi::parse_keyval_or_json(value, style, &json));
    if (parsed.help) {
        const qapi::Value* type = parsed.dict.find("qom-type");
        builder.print(type == nullptr ? branches_help("Objects", qapi::kObjectOptionsInfo)
                                      : branch_members_help(*type->if_string(), qapi::kObjectOptionsInfo));
        return {};
    }
    auto object = TRY(json ? qapi::from_value<qapi::ObjectOptions>(parsed.dict)
                           : qapi::from_keyval<qapi::ObjectOptions>(parsed.dict));
    TRY(check_id(object.id));
    for (const qapi::ObjectOptions& other : builder.objects)
        if (other.id == object.id) return Error::make("the id '%s' is already in use", object.id.c_str());
    if (object.qom_type == qapi::ObjectType::Iothread || object.qom_type == qapi::ObjectType::ThrottleGroup)
        TRY(take_storage_object(builder, object));
    else if (auto rng = rng_source_config(object))
        builder.line.configuration.rngs.push_back(std::move(*rng));
    else if (auto secret = TRY(secret_config(object)))
        builder.line.configuration.secrets.push_back(std::move(*secret));
    else if (std::string(to_text(object.qom_type)).starts_with("memory-backend-"))
        builder.line.configuration.memory_backends.push_back(TRY(memory_backend_config(object)));
    builder.objects.push_back(std::move(object));
    return {};
}

Status finish_memory(Builder& builder) {
    MemoryConfig& memory = builder.line.configuration.machine.memory;
    memory.max_ram_below_4g = builder.machine.max_ram_below_4g;
    if (memory.max_ram_below_4g && *memory.max_ram_below_4g < (1u << 20))
        return Error::make("-machine max-ram-below-4g expects at least 1M, not %s",
                           size_text(*memory.max_ram_below_4g).c_str());
    TRY(check_size_option(builder));
    std::optional<uint64_t> asked;
    if (builder.machine.memory) asked = builder.machine.memory->size;
    bool named = std::any_of(memory.nodes.begin(), memory.nodes.end(),
                             [](const NumaNodeConfig& node) { return !node.memory_backend.empty(); });
    if (named) {
        TRY(finish_nodes(builder, asked));
        return finish_modules(builder);
    }
    if (memory.nodes.size() > 1)
        return Error::make("-numa: none of the %zu nodes has memory", memory.nodes.size())
            .with_hint("name a backend for each: -numa node,memdev=ID");
    TRY(finish_single(builder, asked));
    TRY(finish_modules(builder));
    if (!memory.nodes.empty()) memory.nodes[0].memory_backend = memory.backend;
    return {};
}

}  // namespace vmm::cli
