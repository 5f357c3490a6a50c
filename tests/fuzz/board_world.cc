// Building the board and doing what the input says; see board_world.h.
#include "tests/fuzz/board_world.h"

#include <algorithm>
#include <array>
#include <optional>

#include "backends/chardev/chardev_set.h"
#include "hw/core/device_reports.h"
#include "hw/i386/q35_board.h"
#include "system/clock/loop_clock.h"
#include "system/clock/manual_clock.h"
#include "system/control/cli/command_line.h"
#include "system/control/startup/back_ends.h"
#include "system/control/startup/networks.h"
#include "system/control/startup/storage.h"
#include "system/control/type_tables.h"
#include "system/memory/address_space.h"
#include "system/run/loop_requests.h"
#include "system/run/reset.h"
#include "target/i386/qtest/x86_accelerator.h"
#include "util/align.h"
#include "util/endian.h"
#include "util/fd_store.h"

namespace vmm::fuzz {

namespace {

constexpr unsigned kMostSteps = 400, kMostTurns = 16;
constexpr uint64_t kRamSize = 16 * kMiB, kPlayground = kMiB;  // where rings and buffers are written
constexpr uint16_t kConfigAddress = 0xcf8, kConfigData = 0xcfc;

class Input {
  public:
    explicit Input(std::span<const uint8_t> bytes) : bytes_(bytes) {}
    bool empty() const { return bytes_.empty(); }
    uint64_t number(unsigned size) {
        uint64_t value = 0;
        for (unsigned i = 0; i < size; ++i)
            value |= uint64_t{byte()} << (8 * i);
        return value;
    }
    uint8_t byte() {
        if (bytes_.empty()) return 0;
        const uint8_t first = bytes_[0];
        bytes_ = bytes_.subspan(1);
        return first;
    }

  private:
    std::span<const uint8_t> bytes_;
};

Configuration configuration_of(const BoardSubject& subject, const DeviceTypes& types) {
    std::vector<const char*> argv = {
        "penumbra", "-accel", "qtest", "-nodefaults", "-m",
        "16",       "-bios",  "none",  "-rtc",        "clock=vm,base=2020-01-01"};
    argv.insert(argv.end(), subject.arguments.begin(), subject.arguments.end());
    Result<CommandLine> line = parse_command_line(argv, types);
    CHECK(line, "%s: %s", subject.name, line.error().message().c_str());
    return std::move(line->configuration);
}

// Devices report; no monitor is there to hear it.
class NobodyAsks final : public DeviceReports {
  public:
    void balloon_changed(uint64_t) override {}
    void port_opened(const std::string&, bool) override {}
};

class World final : private RequestHandler {
  public:
    explicit World(const BoardSubject& subject)
        : config_(configuration_of(subject, types_)), windows_(subject.windows), chipset_(subject.chipset) {
        requests_.set_handler(this);
        for (const ChardevOptions& options : config_.chardevs)
            CHECK(chardevs_.add(options), "%s: chardev", subject.name);
        Status opened = storage_->open(config_.storage);
        CHECK(opened, "%s: %s", subject.name, opened.error().message().c_str());
        for (const net::NetdevConfig& netdev : config_.netdevs)
            CHECK(networks_.add(netdev), "%s: netdev", subject.name);
        networks_.run_changed(true, RunState::Running);
        Q35Files files;
        if (config_.machine.boot.flash[0].empty())
            files.firmware = RamBlock::anonymous("bios", 64 * kKiB).take_value();
        const Q35Parts parts{.loop = loop_,
                             .requests = requests_,
                             .virtual_clock = clock_,
                             .host_clock = host_clock_,
                             .ram = {ram_.get()},
                             .back_ends = back_ends_};
        Result<std::unique_ptr<Q35Board>> board = Q35Board::create(
            config_.machine, parts, std::make_unique<qtest::X86Accelerator>(loop_), std::move(files));
        CHECK(board, "%s: %s", subject.name, board.error().message().c_str());
        board_ = std::move(*board);
        find_functions();
    }
    ~World() override {
        turn_loop();
        board_.reset();
        requests_.set_handler(nullptr);
    }

    void run(Input& input) {
        for (unsigned step = 0; step < kMostSteps && !input.empty(); ++step)
            one_step(input);
    }

  private:
    void do_reset(ShutdownCause) override {
        board_->resets().reset();
        find_functions();
    }
    void do_shutdown(ShutdownCause) override {}
    void do_watchdog() override {}
    void do_crash_loaded() override {}
    void do_exit(int) override {}
    void do_internal_error(const std::string& text) override { CHECK(false, "%s", text.c_str()); }

    uint32_t config(uint32_t function, unsigned offset, std::optional<uint32_t> value = {}) {
        board_->ports().store(Gpa(kConfigAddress), 0x80000000u | function << 8 | (offset & 0xfc), 4);
        if (value) board_->ports().store(Gpa(kConfigData), *value, 4);
        return value ? 0 : static_cast<uint32_t>(board_->ports().load(Gpa(kConfigData), 4));
    }
    // Places every BAR of the first two buses; the functions beyond the board's own are the device's.
    void find_functions() {
        functions_.clear();
        bars_.clear();
        next_port_ = 0xc000;
        next_memory_ = 0xe0000000;
        for (uint32_t function = 0; function < 256; ++function) {
            const uint32_t id = config(function, 0);
            if (id == 0xffffffff) continue;
            const bool own = function == 0 || function >> 3 == 0x1f;
            if (!own || chipset_) functions_.push_back(function);
            if (!own || function == 0xfa) place_bars(function);
        }
    }
    void place_bars(uint32_t function) {
        const bool bridge = (config(function, 0x0c) >> 16 & 0x7f) == 1;
        for (unsigned at = 0x10; at < (bridge ? 0x18u : 0x28u); at += 4) {
            config(function, at, 0xffffffff);
            const uint32_t mask = config(function, at);
            const bool port = (mask & 1) != 0, wide = (mask & 7) == 4;
            const uint32_t low = mask & (port ? ~3u : ~15u);
            if (low != 0) {
                const uint32_t size = low & (~low + 1);
                uint64_t& next = port ? next_port_ : next_memory_;
                next = align_up(next, uint64_t{size});
                config(function, at, static_cast<uint32_t>(next));
                bars_.push_back({port, next, size});
                next += size;
            }
            if (wide) config(function, at += 4, 0);
        }
        config(function, 4, 7);
    }

    void turn_loop() {
        for (unsigned turn = 0; turn < kMostTurns && loop_.iterate(false); ++turn) {
        }
    }
    void access(AddressSpace& space, uint64_t address, unsigned size, bool write, Input& input) {
        if (write)
            space.store(Gpa(address), input.number(size), size);
        else
            (void)space.load(Gpa(address), size);
    }
    void register_access(Input& input, unsigned size, bool write) {
        const size_t count = windows_.size() + bars_.size();
        if (count == 0) return;
        const size_t number = input.byte() % count;
        const Window& window = number < windows_.size() ? windows_[number] : bars_[number - windows_.size()];
        const auto offset = static_cast<uint32_t>(input.number(window.size > 256 ? 2 : 1)) % window.size;
        access(window.port ? board_->ports() : board_->memory(), window.base + offset, size, write, input);
    }
    void config_access(Input& input, unsigned size, bool write) {
        if (functions_.empty()) return;
        const uint32_t function = functions_[input.byte() % functions_.size()];
        const unsigned offset = input.byte() & ~(size - 1);
        board_->ports().store(Gpa(kConfigAddress), 0x80000000u | function << 8 | (offset & 0xfc), 4);
        access(board_->ports(), kConfigData + (offset & 3), std::min(size, 4u), write, input);
    }
    // Bytes of rings, or a pointer into the playground.
    void fill_memory(Input& input, bool pointer) {
        const uint64_t at = kPlayground + input.number(2);
        if (pointer) {
            std::array<uint8_t, 8> bytes;
            store_le<uint64_t>(bytes.data(), kPlayground + input.number(2));
            (void)board_->memory().write(Gpa(at), bytes);
            return;
        }
        std::vector<uint8_t> bytes(input.byte() % 65);
        for (uint8_t& byte : bytes)
            byte = input.byte();
        if (!bytes.empty()) (void)board_->memory().write(Gpa(at), bytes);
    }
    void one_step(Input& input) {
        const uint8_t what = input.byte();
        const unsigned size = 1u << (what >> 4 & 3);
        const bool write = (what & 0x80) != 0;
        switch (what & 0xf) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4:
                return register_access(input, size, write);
            case 5:
            case 6:
                return config_access(input, std::min(size, 4u), write);
            case 7:
            case 8:
                return fill_memory(input, false);
            case 9:
            case 10:
                return fill_memory(input, true);
            case 11:
                clock_.advance_to(clock_.now_ns() + static_cast<int64_t>(input.number(2)) * 1000);
                return;
            case 12:
                clock_.advance_to(
                    std::min(clock_.next_deadline().value_or(0), clock_.now_ns() + int64_t{10'000'000'000}));
                return;
            case 13:
                if ((what & 0xf0) == 0xf0) return requests_.request_reset(ShutdownCause::GuestReset);
                [[fallthrough]];
            default:
                return turn_loop();
        }
    }

    const DeviceTypes types_ = all_device_types();
    const Configuration config_;
    EventLoop loop_;
    LoopRequests requests_{loop_};
    ManualClock clock_{loop_};
    HostClock host_clock_{loop_};
    FdStore descriptors_;
    ChardevSet chardevs_{loop_, descriptors_, [] {}};
    std::unique_ptr<Storage> storage_ = Storage::create(loop_, nullptr).take_value();
    const ProcessBackEnds::Rngs rngs_;
    Networks networks_{loop_, chardevs_};
    NobodyAsks reports_;
    ProcessBackEnds back_ends_{chardevs_, *storage_, rngs_, networks_, reports_};
    std::unique_ptr<RamBlock> ram_ = RamBlock::anonymous("ram", kRamSize).take_value();
    std::unique_ptr<Q35Board> board_;
    std::vector<uint32_t> functions_;
    const std::vector<Window> windows_;
    std::vector<Window> bars_;
    const bool chipset_;
    uint64_t next_port_ = 0, next_memory_ = 0;
};

}  // namespace

void run_on_board(const BoardSubject& subject, std::span<const uint8_t> bytes) {
    World world(subject);
    Input input(bytes);
    world.run(input);
}

}  // namespace vmm::fuzz
