// DebugCon (isa-debugcon): a port whose written bytes go to a chardev; reading gives a constant, by which
// firmware finds it. Spec: none, a convention of virtual machines. Missing: nothing. The port cannot make a
// guest wait, so a bounded number of bytes waits for a slow other end. Thread: any; lock: one, rank Device;
// the chardev is called after it.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "backends/chardev/chardev.h"
#include "hw/core/device_type.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class DebugCon final : public Device, public IoOps, private CharClient {
    struct Token {};

  public:
    struct Config {
        uint32_t iobase = 0xe9;
        uint32_t readback = 0xe9;
        std::string chardev;
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::iobase>("iobase", "its port"),
        prop<Config, &Config::readback>("readback", "what reading it gives, by which guests find it"),
        prop<Config, &Config::chardev>("chardev", "id of the chardev that gets the bytes")};
    static constexpr DeviceInfo kInfo = {.name = "isa-debugcon",
                                         .parent = "isa-device",
                                         .bus = "ISA",
                                         .description = "a port that prints what is written to it",
                                         .hotpluggable = false};
    static constexpr size_t kMostWaiting = 256 * 1024;
    static Status check(const Config& config);
    static Result<std::unique_ptr<DebugCon>> create(const Config& config, DeviceEnv& env,
                                                    const std::string& id);

    // The chardev is borrowed.
    DebugCon(Token, const Config& config, Chardev& chardev, std::string id);
    std::span<const PortWindow> ports() override { return {&window_, 1}; }
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
    const PortWindow window_;
    Mutex mutex_{LockRank::Device, "debugcon"};
    std::vector<uint8_t> waiting_ GUARDED_BY(mutex_);
    bool pumping_ GUARDED_BY(mutex_) = false;     // a thread is writing to the chardev
    bool pump_again_ GUARDED_BY(mutex_) = false;  // and must look once more
};

}  // namespace vmm
