// LineEditor: a line of input on a terminal - cursor keys, the usual control keys, history, completion. Bytes
// go in, what the terminal must show comes out; a finished line is handed over. Pure; knows nothing of
// commands.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmm {

class LineEditor {
  public:
    // What a beginning of a line could become.
    using Complete = std::function<std::vector<std::string>(std::string_view)>;
    LineEditor(std::string prompt, Complete complete)
        : prompt_(std::move(prompt)), complete_(std::move(complete)) {}

    // The prompt and what has been typed, for a new connection or after output.
    std::string show() const;
    // The line that this byte finished. What the terminal must show is appended.
    std::optional<std::string> feed(uint8_t byte, std::string& show);
    void clear();

    static constexpr size_t kLongest = 4095;
    static constexpr size_t kMostHistory = 64;

  private:
    void insert(char c, std::string& show);
    void control(uint8_t byte, std::string& show);
    void escape(uint8_t byte, std::string& show);
    void erase(size_t at, std::string& show);
    void move(size_t to, std::string& show);
    void replace(std::string line, std::string& show);
    void history(int step, std::string& show);
    void complete(std::string& show);
    std::string redraw() const;

    const std::string prompt_;
    const Complete complete_;
    std::string line_;
    size_t cursor_ = 0;
    std::string escape_;  // an escape sequence so far
    std::deque<std::string> history_;
    size_t history_at_ = 0;  // from the newest; 0: the line being typed
    bool after_cr_ = false;
};

}  // namespace vmm
