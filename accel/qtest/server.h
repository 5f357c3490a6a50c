// Server: the test client's protocol. One request a line: words separated by single blanks, numbers as in C.
// One line of answer each: OK [VALUE], FAIL TEXT; lines "IRQ raise N" and "IRQ lower N" come when a watched
// interrupt pin changes. The protocol is the one of QEMU's docs/devel/testing/qtest.rst, so its test programs
// speak to this. Accesses take a guest's way: through the address spaces to RAM, ROM and devices.
//
//     endianness; in{b,w,l} PORT; out{b,w,l} PORT VALUE; read{b,w,l,q} ADDR; write{b,w,l,q} ADDR VALUE;
//     read ADDR SIZE; write ADDR SIZE 0xHEX; b64read ADDR SIZE; b64write ADDR SIZE BASE64;
//     memset ADDR SIZE BYTE; clock_step [NS]; clock_set NS; irq_intercept_in PATH; irq_intercept_out PATH;
//     set_irq_in PATH NAME NUMBER LEVEL; module_load PREFIX NAME
//
// Loop thread, except that pins may change on any. Serves whether the machine is stopped or not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "system/irq/tap.h"
#include "system/memory/address_space.h"
#include "util/event_loop.h"
#include "util/mutex.h"

namespace vmm {
class ManualClock;
class SoftIoEvents;
}  // namespace vmm

namespace vmm::qtest {

enum class PinSide : uint8_t { In, Out };

// What the requests act on; everything is borrowed and outlives the server.
struct ServerWorld {
    EventLoop& loop;
    AddressSpace& memory;
    AddressSpace& ports;
    ManualClock* clock = nullptr;       // null: the clock is not the client's
    SoftIoEvents* io_events = nullptr;  // null: the accelerator's own business
    // The pins of the device at this path of the object tree, or of the one device whose path ends so.
    std::function<IrqTap*(std::string_view path, PinSide side)> pins;
};

class Server {
  public:
    // send: takes whole lines. log: one line without its end; may be empty.
    Server(ServerWorld world, std::function<void(std::string_view)> send,
           std::function<void(std::string_view)> log);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // A client came or went: what the last one left half said, or was watching, is forgotten.
    void opened();
    void closed();
    void receive(std::span<const uint8_t> bytes);

  private:
    using Words = std::vector<std::string_view>;
    struct Request {
        std::string_view name;
        size_t least, most;  // words after the name
        std::string (Server::*serve)(const Words& words);
    };
    static const Request* find_request(std::string_view name);

    std::string serve(std::string_view line);
    std::string endianness(const Words& words);
    std::string port_in(const Words& words);
    std::string port_out(const Words& words);
    std::string memory_read(const Words& words);
    std::string memory_write(const Words& words);
    std::string bulk_read(const Words& words);
    std::string bulk_write(const Words& words);
    std::string base64_read(const Words& words);
    std::string base64_write(const Words& words);
    std::string fill(const Words& words);
    std::string clock_step(const Words& words);
    std::string clock_set(const Words& words);
    std::string intercept(const Words& words);
    std::string set_irq(const Words& words);
    std::string module_load(const Words& words);

    std::string store_bytes(uint64_t address, std::span<const uint8_t> bytes);
    std::string move_clock(uint64_t to_ns);
    void note_pin(unsigned pin, bool level);
    void end_watch();
    void flush_notes();
    void answer(const std::string& text);
    void log(char kind, std::string_view text);

    const ServerWorld world_;
    const std::function<void(std::string_view)> send_;
    const std::function<void(std::string_view)> log_;
    AddressSpace::Lookup memory_;
    AddressSpace::Lookup ports_;
    std::string input_;
    int64_t started_ns_;
    IrqTap* watched_ = nullptr;
    PinSide watched_side_ = PinSide::In;
    Mutex notes_mutex_{LockRank::Leaf, "qtest notes"};
    std::string notes_ GUARDED_BY(notes_mutex_);  // IRQ lines not sent yet
    bool posted_ GUARDED_BY(notes_mutex_) = false;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // for what is posted to the loop
};

}  // namespace vmm::qtest
