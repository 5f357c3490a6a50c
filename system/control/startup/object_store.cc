// See object_store.h.
#include "system/control/startup/object_store.h"

#include <algorithm>

#include "hw/core/device_tree.h"
#include "qom/id.h"
#include "system/control/cli/object_options.h"
#include "system/control/startup/storage.h"

namespace vmm {

namespace {

using Parts = ObjectStore::Parts;

auto find_backend(const Parts& parts, const std::string& id) {
    return std::find_if(parts.backends.begin(), parts.backends.end(),
                        [&](const std::unique_ptr<MemoryBackend>& backend) { return backend->id() == id; });
}

auto find_rng(const Parts& parts, const std::string& id) {
    return std::find_if(parts.rngs.begin(), parts.rngs.end(),
                        [&](const std::unique_ptr<Rng>& rng) { return rng->id() == id; });
}

auto find_secret(const Parts& parts, const std::string& id) {
    return std::find_if(parts.secrets.begin(), parts.secrets.end(),
                        [&](const std::unique_ptr<Secret>& secret) { return secret->id() == id; });
}

bool is_there(const Parts& parts, const std::string& id) {
    const auto& guest = parts.configuration.confidential;
    return (guest && guest->id == id) || find_backend(parts, id) != parts.backends.end() ||
           find_rng(parts, id) != parts.rngs.end() || find_secret(parts, id) != parts.secrets.end() ||
           parts.storage.find_iothread(id) != nullptr || parts.storage.groups().find(id) != nullptr;
}

bool is_machine_ram(const Configuration& configuration, const std::string& id) {
    const MemoryConfig& memory = configuration.machine.memory;
    const auto has = [&](const NumaNodeConfig& node) { return node.memory_backend == id; };
    return memory.backend == id || std::any_of(memory.nodes.begin(), memory.nodes.end(), has);
}

// The device that names the object in one of its properties; empty when none does.
std::string user_of(const Parts& parts, const std::string& id) {
    if (parts.devices == nullptr) return {};
    for (const std::unique_ptr<DeviceNode>& node : parts.devices->nodes()) {
        for (std::string_view property : {"iothread", "memdev", "rng", "throttle-group"}) {
            const Property* row = find_property(node->request.type->properties, property);
            if (row == nullptr) continue;
            const qapi::Value value = write_property(*row, node->request.config->data());
            if (value == qapi::Value(id)) return node->path;
        }
    }
    return {};
}

Status add_backend(const Parts& parts, const qapi::ObjectOptions& options) {
    auto backend = TRY(MemoryBackend::create(TRY(cli::memory_backend_config(options))));
    TRY(backend->check(parts.ram));
    if (parts.allocate) {
        TRY(backend->allocate(parts.ram, parts.factory));
        backend->keep_file();
    }
    parts.backends.push_back(std::move(backend));
    return {};
}

}  // namespace

Status ObjectStore::add(const Parts& parts, const qapi::ObjectOptions& options) {
    TRY(check_id(options.id));
    if (is_there(parts, options.id))
        return Error::make("there is an object '%s' already", options.id.c_str());
    if (std::holds_alternative<qapi::IothreadProperties>(options.u) ||
        std::holds_alternative<qapi::ThrottleGroupProperties>(options.u)) {
        block::StorageConfig config;
        TRY(cli::add_storage_object(config, options));
        return parts.storage.add_objects(config);
    }
    if (const auto rng = cli::rng_source_config(options)) {
        parts.rngs.push_back(TRY(make_rng(parts.loop, *rng)));
        return {};
    }
    if (const auto secret = TRY(cli::secret_config(options))) {
        parts.secrets.push_back(TRY(Secret::create(*secret)));
        return {};
    }
    const std::string type(to_text(options.qom_type));
    if (!type.starts_with("memory-backend-"))
        return Error::make("a %s must be there before the machine is made", type.c_str());
    return add_backend(parts, options);
}

Result<std::unique_ptr<Rng>> ObjectStore::make_rng(EventLoop& loop, const RngSourceConfig& config) {
    if (!config.filename) return std::unique_ptr<Rng>(std::make_unique<RngBuiltin>(config.id));
    return RngRandom::open(loop, config.id, *config.filename);
}

Status ObjectStore::remove(const Parts& parts, const std::string& id) {
    if (!is_there(parts, id)) return Error::make("there is no object '%s'", id.c_str());
    if (is_machine_ram(parts.configuration, id))
        return Error::make("object '%s' is in use, it is the machine's RAM", id.c_str());
    if (const std::string user = user_of(parts, id); !user.empty())
        return Error::make("object '%s' is in use by %s", id.c_str(), user.c_str());
    if (const auto backend = find_backend(parts, id); backend != parts.backends.end()) {
        if ((*backend)->lent()) {
            (*backend)->retire();
            parts.retired.push_back(std::move(*backend));
        }
        parts.backends.erase(backend);
        return {};
    }
    if (const auto rng = find_rng(parts, id); rng != parts.rngs.end()) {
        parts.rngs.erase(rng);
        return {};
    }
    if (const auto secret = find_secret(parts, id); secret != parts.secrets.end()) {
        parts.secrets.erase(secret);
        return {};
    }
    if (parts.storage.find_iothread(id) != nullptr) return parts.storage.remove_iothread(id);
    if (parts.storage.groups().find(id) != nullptr) return parts.storage.groups().remove(id);
    return Error::make("object '%s' is what makes the guest a protected one, it stays", id.c_str());
}

}  // namespace vmm
