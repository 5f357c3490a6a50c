// Witness: a door that passes every request on to another, and shows those that matter for a launch to a
// model of the kernel first, so that the measurement is known before the launch ends. If it is not the
// expected one, the request that would end the launch is refused here with EKEYREJECTED; a new VM is
// judged anew. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "accel/model/kernel_model.h"

namespace vmm::model {

class Witness final : public IoctlDoor {
  public:
    // Both are borrowed. The model has its protection set, and no VM yet.
    Witness(IoctlDoor& kernel, KernelModel& model, std::vector<uint8_t> expected)
        : kernel_(kernel), model_(model), expected_(std::move(expected)) {}

    int call(int fd, unsigned long request, void* argument) override;
    Result<Fd> open_device(const std::string& path) override { return kernel_.open_device(path); }
    // What was measured instead, once a launch was refused.
    std::optional<Measurement> mismatch() const;

  private:
    // A command that the kernel did not take yet (EAGAIN, EINTR) and that comes again as it was.
    struct Command {
        int fd;
        abi::EncryptCommand head;
        std::vector<uint8_t> argument;
        bool operator==(const Command& other) const;
    };
    void adopt(int fd, unsigned long request, int made, void* argument);
    int show(int fd, unsigned long request, void* argument);
    bool look_at_command(int fd, abi::EncryptCommand& command);
    std::optional<Command> copy_command(int fd, const abi::EncryptCommand& command) const;
    bool is_as_expected(bool ends);
    int model_fd(int fd) const;

    IoctlDoor& kernel_;
    KernelModel& model_;
    const std::vector<uint8_t> expected_;
    mutable std::mutex mutex_;
    std::map<int, int> descriptors_;  // the kernel's -> the model's
    std::vector<Fd> owned_;           // the model's
    bool judged_ = false;             // this VM's launch
    std::optional<Command> pending_;  // shown, and not done
    std::optional<Measurement> mismatch_;
};

}  // namespace vmm::model
