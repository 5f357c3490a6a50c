// DebugCon (isa-debugcon): a port whose written bytes go to a chardev; reading gives a constant, by which
// firmware finds it. Spec: none, a convention of virtual machines. Missing: nothing. The port cannot make a
// guest wait, so a bounded number of bytes waits for a slow other end. Thread: any; lock: one, rank Device;
// the chardev is called after it.
#pragma once

#include <memory>
#include <vector>

#include "backends/chardev/chardev.h"
#include "hw/core/device.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class DebugCon final : public Device, public IoOps, private CharClient {
    struct Token {};

  public:
    struct Config {
        uint32_t iobase = 0xe9;
        uint32_t readback = 0xe9;
    };
    static constexpr uint64_t kSize = 1;
    static constexpr size_t kMostWaiting = 256 * 1024;

    DebugCon(Token, const Config& config, Chardev& chardev, std::string id)
        : Device(std::move(id)), config_(config), chardev_(chardev) {}
    // The chardev is borrowed.
    static Result<std::unique_ptr<DebugCon>> create(const Config& config, Chardev& chardev,
                                                    std::string id = {});
    ~DebugCon() override { chardev_.detach(*this); }

    std::string_view type() const override { return "isa-debugcon"; }
    const Config& config() const { return config_; }
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 1, 1, 1, false}; }

  private:
    size_t room() override { return SIZE_MAX; }
    void writable() override { pump(); }
    void pump();
    void receive(std::span<const uint8_t>) override {}  // nothing reads it; typed bytes are dropped

    const Config config_;
    Chardev& chardev_;
    Mutex mutex_{LockRank::Device, "debugcon"};
    std::vector<uint8_t> waiting_ GUARDED_BY(mutex_);
    bool pumping_ GUARDED_BY(mutex_) = false;     // a thread is writing to the chardev
    bool pump_again_ GUARDED_BY(mutex_) = false;  // and must look once more
};

}  // namespace vmm
