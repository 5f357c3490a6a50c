// ModelHost: a host whose kernel is the model of accel/model, for running the whole program where no
// processor protects guests: every technology is there, each call is noted, chosen calls fail, and a guest is
// a script - it resets itself so many times and then powers off. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "accel/model/kernel_model.h"
#include "accel/model/launch_record.h"
#include "target/i386/confidential/model/sev_model.h"
#include "util/result.h"

namespace vmm {

struct ModelScript {
    // The call of this number (from 1; 0: none) fails, and the next ones as long as they ask the same.
    unsigned failing_call = 0;
    int error = 0;
    unsigned times = 1;
    unsigned resets = 0;
    uint64_t address = 0;        // that the guest reads first, 8 bytes; 0: none
    bool dies = false;           // it asks for its end as its technology has it, in place of a power-off
    unsigned pages_at_once = 0;  // of LAUNCH_UPDATE and INIT_MEM_REGION; 0: all
    std::string notes;           // the file for what was asked; empty: none
};

// From words such as "fail=12:5"; the words that penumbra_modelled explains.
Result<ModelScript> parse_model_script(const std::vector<std::string>& words);

class ModelHost final : public model::KernelModel {
  public:
    explicit ModelHost(ModelScript script);

    int call(int fd, unsigned long request, void* argument) override;
    Result<Fd> open_device(const std::string& path) override;
    // One line a call ("12 c008aeba 160 0": its number, the request, the command that an encryption call
    // carries, the answer), "run" where the guest runs, "read exit 5a00000000000000" or "read slot ..." for
    // what it reads and from where, and at the end what was measured.
    Status write_notes();

  private:
    int run(Vcpu& cpu) override;
    bool reads(Vcpu& cpu);
    void dies(kvm_run& run) const;
    // The number of the call, and whether it fails.
    bool fails(unsigned long request, uint32_t command);
    void note_answer(unsigned long request, uint32_t command, int answer);

    const ModelScript script_;
    model::SevFirmware firmware_;
    model::LaunchRecord record_;
    std::mutex notes_mutex_;
    std::string notes_;
    unsigned calls_made_ = 0;
    unsigned failures_left_ = 0;
    unsigned long failing_request_ = 0;
    uint32_t failing_command_ = 0;
    std::atomic<unsigned> starts_ = 0;
    enum class Reading { NotYet, Asked, Done } reading_ = Reading::NotYet;  // the first processor's own
};

}  // namespace vmm
