// PtyChardev: a new pseudo terminal; whoever opens its other side is the console. While nobody has it open,
// output is lost and the terminal is looked at once a second.
#pragma once

#include <optional>

#include "backends/chardev/fd_chardev.h"

namespace vmm {

class PtyChardev final : public FdChardev {
    struct Token {};

  public:
    PtyChardev(Token, EventLoop& loop, std::string id);
    static Result<std::unique_ptr<PtyChardev>> create(EventLoop& loop, std::string id,
                                                      const ChardevPty& config);
    ~PtyChardev() override;
    std::string filename() const override { return "pty:" + name_; }
    const std::string& name() const { return name_; }
    bool connected() const override { return stream_open(); }

  private:
    void look();
    void ended() override;
    void output_failed() override { ended(); }

    std::string name_;
    std::optional<std::string> link_;
    Fd master_;
    LoopTimer timer_;
};

}  // namespace vmm
