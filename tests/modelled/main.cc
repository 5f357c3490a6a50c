// penumbra_modelled: the whole program on a model of the kernel (model_host.h): command line, start-up,
// machine, monitors and end are penumbra's own. Says what is left open when everything was taken down.
//
// usage: penumbra_modelled [WORD...] -- PENUMBRA'S WORDS
//   fail=CALL:ERRNO[:TIMES]  the call of this number (from 1) fails with this errno, so many times
//   resets=N                 the guest resets itself so many times before it powers off
//   read=ADDRESS             the guest's first act is to read 8 bytes there
//   dies=1                   the guest ends by a request for its end (SEV-ES, SEV-SNP, TDX)
//   pages-at-once=N          a launch takes no more pages in one call
//   notes=FILE               what was asked, and what was measured
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>

#include "system/control/program.h"
#include "tests/modelled/model_host.h"
#include "util/log.h"

namespace {

namespace fs = std::filesystem;
constexpr int kWrongUse = 2, kLeftSomething = 90;

std::map<int, std::string> open_files() {
    std::map<int, std::string> open;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
        std::error_code gone;  // the directory itself
        const fs::path target = fs::read_symlink(entry.path(), gone);
        if (!gone) open.emplace(std::stoi(entry.path().filename()), target.string());
    }
    return open;
}

int count_threads() {
    int count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/task"))
        ++count;
    return count;
}

// Whether nothing is there that was not before.
bool is_clean(const std::map<int, std::string>& before) {
    bool clean = true;
    for (const auto& [fd, target] : open_files()) {
        if (before.contains(fd)) continue;
        std::fprintf(stderr, "left open: descriptor %d, %s\n", fd, target.c_str());
        clean = false;
    }
    if (const int threads = count_threads(); threads != 1) {
        std::fprintf(stderr, "left running: %d threads\n", threads - 1);
        clean = false;
    }
    return clean;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace vmm;
    std::vector<std::string> words;
    std::vector<const char*> program{argv[0]};
    int at = 1;
    for (; at < argc && std::string_view(argv[at]) != "--"; ++at)
        words.emplace_back(argv[at]);
    program.insert(program.end(), argv + std::min(at + 1, argc), argv + argc);
    Result<ModelScript> script = parse_model_script(words);
    if (!script) {
        log_error("%s", script.error().message().c_str());
        return kWrongUse;
    }
    const auto before = open_files();
    int status = 0;
    Status noted;
    {
        ModelHost host(std::move(*script));
        status = run_program(program, {host, kvm::CpuSource::Wish});
        noted = host.write_notes();
    }
    if (!noted) log_error("%s", noted.error().message().c_str());
    return is_clean(before) ? status : kLeftSomething;
}
