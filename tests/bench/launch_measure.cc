// How fast the launch of an SEV-SNP guest is measured on the model of the kernel: a 2 MiB firmware alone, and
// with a kernel and an initrd whose hashes are measured, as -launch-plan records them. Beside them, in the
// same run and in turns, `openssl speed -evp sha384 -bytes 4096`, which is what pages of 4 KiB could have at
// best. openssl divides by the processor time it used, so the launches' rate is by processor time as well, of
// all threads and with the kernel's part; a busy machine changes neither. usage: launch_measure [FIRMWARE].
// Prints MB/s and ratios; the status is 1 when the launch with kernel and initrd is below 90 %.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "target/i386/confidential/sev/snp_guest.h"
#include "tests/unit/target/i386/confidential/launch_world.h"
#include "util/endian.h"

namespace {

using namespace vmm;

constexpr unsigned kRounds = 5, kLaunchesARound = 9;
constexpr double kGoal = 0.9;
constexpr size_t kKernelSize = 8 * kMiB, kInitrdSize = 24 * kMiB;

// By the wall clock, and of all processors.
struct Cost {
    double wall = 0, cpu = 0;
};

double now(clockid_t clock) {
    timespec t{};
    ::clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

template <typename Work>
Cost cost_of(Work work) {
    const Cost before{now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID)};
    work();
    return {now(CLOCK_MONOTONIC) - before.wall, now(CLOCK_PROCESS_CPUTIME_ID) - before.cpu};
}

// MB/s, as openssl says it on its last line: "sha384  1060797.58k"; 0 without openssl.
double openssl_rate() {
    FILE* pipe = ::popen("openssl speed -seconds 1 -evp sha384 -bytes 4096 2>/dev/null", "r");
    if (pipe == nullptr) return 0;
    std::array<char, 256> line;
    double thousands = 0;
    while (std::fgets(line.data(), line.size(), pipe) != nullptr)
        if (std::strncmp(line.data(), "sha384", 6) == 0) thousands = std::atof(line.data() + 6);
    ::pclose(pipe);
    return thousands / 1000;
}

// Debian's firmware has no place for hashes: its last section becomes one.
void make_place_for_hashes(vectors::Bytes& image) {
    constexpr uint32_t kPlace = 0x80f000, kHashPage = 0x10;
    constexpr uint8_t kGuid[] = {0x1f, 0x37, 0x55, 0x72, 0x3b, 0x3a, 0x04, 0x4b,
                                 0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54};
    const auto guid = std::search(image.begin(), image.end(), std::begin(kGuid), std::end(kGuid));
    CHECK(guid != image.end(), "the firmware's table has no entry for hashes");
    store_le<uint32_t>(&*(guid - 10), kPlace);
    store_le<uint32_t>(&*(guid - 6), 0x400);
    constexpr char kAsev[] = {'A', 'S', 'E', 'V'};
    const auto asev = std::search(image.begin(), image.end(), std::begin(kAsev), std::end(kAsev));
    CHECK(asev != image.end(), "the firmware has no SEV metadata");
    const auto count = load_le<uint32_t>(&*(asev + 12));
    const auto last = asev + 16 + 12 * (count - 1);
    store_le<uint32_t>(&*last, kPlace);
    store_le<uint32_t>(&*(last + 4), kPageSize);
    store_le<uint32_t>(&*(last + 8), kHashPage);
}

// contents: hash what each operation submits once more, for the record, as a plan does and a guard does not.
Cost launch_cost(const vectors::Bytes& firmware, const vectors::Bytes& kernel, const vectors::Bytes& initrd,
                 bool contents) {
    LaunchWorld world(firmware, vmm::abi::kVmSnp);
    sev::SnpConfig config;
    config.common.id = "snp0";
    config.common.reduced_phys_bits = 1;
    config.common.kernel_hashes = !kernel.empty();
    world.make(sev::SnpGuest::create(std::move(config)).take_value());
    if (!kernel.empty()) world.set_kernel(kernel, initrd, "console=ttyS0");
    CHECK(static_cast<bool>(world.prepare_only()), "preparation");
    world.record.hash_contents = contents;
    return cost_of([&] {
        CHECK(static_cast<bool>(world.launch_only()), "launch");
        CHECK(static_cast<bool>(world.guest->finish()), "end of the launch");
    });
}

// The best of all rounds, in MB/s.
struct Rate {
    const char* what;
    size_t bytes;
    double wall = 0, cpu = 0;

    void note(Cost cost) {
        wall = std::max(wall, static_cast<double>(bytes) / cost.wall / 1e6);
        cpu = std::max(cpu, static_cast<double>(bytes) / cost.cpu / 1e6);
    }
    void print(double openssl) const {
        std::printf(
            "%-52s %5zu KiB: %5.0f MB/s by processor time (%3.0f %%), %5.0f by the clock (%3.0f %%)\n", what,
            bytes / kKiB, cpu, 100 * cpu / openssl, wall, 100 * wall / openssl);
    }
};

}  // namespace

int main(int argc, char** argv) {
    auto firmware = vectors::read_whole(argc > 1 ? argv[1] : "/usr/share/ovmf/OVMF.fd");
    if (!firmware) {
        std::fprintf(stderr, "no firmware\n");
        return 77;
    }
    make_place_for_hashes(*firmware);
    const vectors::Bytes kernel(kKernelSize, 0x5a), initrd(kInitrdSize, 0xa5);
    const size_t whole = firmware->size() + kernel.size() + initrd.size();
    double openssl = 0;
    Rate chain{"firmware, its pages' chain of digests", firmware->size()};
    Rate alone{"firmware, recorded (contents are hashed again)", firmware->size()};
    Rate direct{"firmware, kernel and initrd, recorded", whole};
    for (unsigned round = 0; round < kRounds; ++round) {
        openssl = std::max(openssl, openssl_rate());
        for (unsigned i = 0; i < kLaunchesARound; ++i) {
            chain.note(launch_cost(*firmware, {}, {}, false));
            alone.note(launch_cost(*firmware, {}, {}, true));
            direct.note(launch_cost(*firmware, kernel, initrd, true));
        }
    }
    if (openssl == 0) {
        std::fprintf(stderr, "no openssl to compare with\n");
        return 77;
    }
    std::printf(
        "digests by %s; 100 %% is openssl speed -evp sha384 -bytes 4096, by its processor time: %.0f MB/s\n"
        "a launch's rate is the bytes of the files that it measures / its time\n",
        std::string(digest_library()).c_str(), openssl);
    for (const Rate* rate : {&chain, &alone, &direct})
        rate->print(openssl);
    return direct.cpu >= kGoal * openssl ? 0 : 1;
}
