// StdioChardev: the process's standard input and output; FileChardev and PipeChardev: named files. A terminal
// is put in raw mode while the chardev lives and again after the process was stopped and continued.
#pragma once

#include <termios.h>

#include <optional>

#include "backends/chardev/fd_chardev.h"

namespace vmm {

class StdioChardev final : public FdChardev {
    struct Token {};

  public:
    StdioChardev(Token, EventLoop& loop, std::string id, bool signals)
        : FdChardev(loop, std::move(id)), signals_(signals) {}
    static Result<std::unique_ptr<StdioChardev>> create(EventLoop& loop, std::string id,
                                                        const ChardevStdio& config);
    ~StdioChardev() override;
    std::string filename() const override { return "stdio"; }

  private:
    void make_raw();
    Status watch_continue();

    const bool signals_;
    std::optional<termios> before_;  // the terminal as it was found
    Fd continued_;                   // signalfd of SIGCONT
    std::optional<FdWatch> continue_watch_;
};

class FileChardev final : public FdChardev {
    struct Token {};

  public:
    FileChardev(Token, EventLoop& loop, std::string id) : FdChardev(loop, std::move(id)) {}
    static Result<std::unique_ptr<FileChardev>> create(EventLoop& loop, std::string id,
                                                       const ChardevFile& config, const FdStore& fds);
    std::string filename() const override { return "file"; }
};

class PipeChardev final : public FdChardev {
    struct Token {};

  public:
    PipeChardev(Token, EventLoop& loop, std::string id) : FdChardev(loop, std::move(id)) {}
    static Result<std::unique_ptr<PipeChardev>> create(EventLoop& loop, std::string id,
                                                       const ChardevPipe& config);
    std::string filename() const override { return "pipe"; }
};

}  // namespace vmm
