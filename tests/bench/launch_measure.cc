// How fast the launch of an SEV-SNP guest with a 2 MiB firmware, a kernel and an initrd is measured on the
// model of the kernel, beside one digest over as many bytes: what `openssl speed sha384` shows, in the same
// run. usage: launch_measure [FIRMWARE]. Prints MB/s of both and their ratio.
#include <chrono>
#include <cstdio>

#include "target/i386/confidential/sev/snp_guest.h"
#include "tests/unit/target/i386/confidential/launch_world.h"

namespace {

using namespace vmm;

template <typename Work>
double seconds(Work work) {
    const auto before = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
}

// The best of some rounds: others use this machine as well.
template <typename Work>
double best_of(Work work) {
    double best = 1e9;
    for (int i = 0; i < 9; ++i)
        best = std::min(best, seconds(work));
    return best;
}

}  // namespace

int main(int argc, char** argv) {
    auto firmware = vectors::read_whole(argc > 1 ? argv[1] : "/usr/share/ovmf/OVMF.fd");
    if (!firmware) {
        std::fprintf(stderr, "no firmware\n");
        return 1;
    }
    constexpr size_t kBlock = 16384;  // as `openssl speed` takes them
    const std::vector<uint8_t> bytes(firmware->size());
    const double plain = best_of([&] {
        for (size_t at = 0; at < bytes.size(); at += kBlock)
            (void)sha384(std::span(bytes).subspan(at, std::min(kBlock, bytes.size() - at)));
    });
    const double chain = best_of([&] {
        sev::SnpLaunchDigest digest;
        digest.add(sev::PageType::Normal, 0, firmware->size(), *firmware);
    });
    // What the launch adds to the digests: the calls, the model's accounts, the record.
    double launch = 1e9;
    for (int i = 0; i < 9; ++i) {
        LaunchWorld world(*firmware, vmm::abi::kVmSnp);
        sev::SnpConfig config;
        config.common.id = "snp0";
        config.common.reduced_phys_bits = 1;
        world.make(sev::SnpGuest::create(std::move(config)).take_value());
        world.record.hash_contents = false;
        CHECK(static_cast<bool>(world.prepare_only()), "preparation");
        launch = std::min(launch, seconds([&] {
                              CHECK(static_cast<bool>(world.launch_only()), "launch");
                              CHECK(static_cast<bool>(world.guest->finish()), "end of the launch");
                          }));
    }
    const auto rate = [&](double time) { return static_cast<double>(firmware->size()) / time / 1e6; };
    std::printf("%s: sha384 %.0f MB/s, page chain %.0f MB/s (%.0f %%), whole launch %.0f MB/s (%.0f %%)\n",
                std::string(digest_library()).c_str(), rate(plain), rate(chain), 100 * plain / chain,
                rate(launch), 100 * plain / launch);
    return 0;
}
