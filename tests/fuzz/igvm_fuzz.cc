// IGVM files: no input crashes the parser, the planner or the readers of contexts, and what is accepted stays
// inside what it claims. The checksum is made right so that mutations get past it.
#include <cstdint>

#include "target/i386/confidential/igvm/context.h"
#include "target/i386/confidential/igvm/plan.h"
#include "tests/fakes/igvm_builder.h"

using namespace vmm;
using namespace vmm::igvm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::vector<uint8_t> bytes(data, data + size);
    if (bytes.size() >= 24) store_le<uint32_t>(&bytes[16], static_cast<uint32_t>(bytes.size()));
    fakes::IgvmBuilder::seal(bytes);
    auto file = parse(bytes);
    if (!file) {
        CHECK(file.error().message().find('\n') == std::string::npos, "an error of two lines");
        return 0;
    }
    GuestFacts facts;
    facts.apic_ids = {0, 1};
    facts.memory = {{0, 1 << 20, MemoryType::Memory}};
    facts.command_line = "words";
    facts.madt = std::vector<uint8_t>(44);
    for (const Platform& platform : file->platforms) {
        auto plan = make_plan(*file, platform.type, facts);
        if (!plan) continue;
        for (const Load& load : plan->loads) {
            CHECK(load.size != 0 && load.gpa % 4096 == 0 && load.size % 4096 == 0,
                  "a load that is not pages");
            CHECK(load.contents.empty() || load.contents.size() == load.size, "contents of another size");
        }
        CHECK(firmware_size(*file, platform.type, 16 << 20) <= 16 << 20, "a firmware that is too large");
        for (const VpContext& context : plan->contexts) {
            (void)static_cast<bool>(native_context(context));
            (void)static_cast<bool>(vmsa_context(context));
        }
        if (plan->id_block) (void)snp_id_pages(*plan->id_block, 0);
    }
    return 0;
}
