// Keys to changes of a line; see line_editor.h.
#include "system/control/hmp/line_editor.h"

#include <algorithm>

namespace vmm {

namespace {

constexpr char kEscape = 0x1b;
constexpr uint8_t ctrl(char letter) {
    return static_cast<uint8_t>(letter - '@');
}

std::string common_beginning(const std::vector<std::string>& texts) {
    std::string common = texts[0];
    for (const std::string& text : texts) {
        const auto differ = std::mismatch(common.begin(), common.end(), text.begin(), text.end());
        common.erase(differ.first, common.end());
    }
    return common;
}

}  // namespace

std::string LineEditor::show() const {
    return redraw();
}

// Carriage return, the whole line, the rest of the terminal's line erased, the cursor where it belongs.
std::string LineEditor::redraw() const {
    std::string out = "\r" + prompt_ + line_ + "\033[K";
    if (cursor_ < line_.size()) out += "\033[" + std::to_string(line_.size() - cursor_) + "D";
    return out;
}

void LineEditor::clear() {
    line_.clear();
    cursor_ = 0;
    escape_.clear();
    history_at_ = 0;
}

std::optional<std::string> LineEditor::feed(uint8_t byte, std::string& show) {
    const bool second_of_crlf = byte == '\n' && after_cr_;
    after_cr_ = byte == '\r';
    if (second_of_crlf) return std::nullopt;
    if (!escape_.empty() || byte == static_cast<uint8_t>(kEscape)) {
        escape(byte, show);
        return std::nullopt;
    }
    if (byte == '\r' || byte == '\n') {
        show += "\r\n";
        std::string line = line_;
        clear();
        if (!line.empty() && (history_.empty() || history_.front() != line)) history_.push_front(line);
        if (history_.size() > kMostHistory) history_.pop_back();
        return line;
    }
    if (byte < 0x20 || byte == 0x7f)
        control(byte, show);
    else
        insert(static_cast<char>(byte), show);
    return std::nullopt;
}

void LineEditor::insert(char c, std::string& show) {
    if (line_.size() >= kLongest) return;
    line_.insert(cursor_++, 1, c);
    if (cursor_ == line_.size())
        show += c;
    else
        show += redraw();
}

void LineEditor::control(uint8_t byte, std::string& show) {
    switch (byte) {
        case ctrl('A'):
            return move(0, show);
        case ctrl('B'):
            return move(cursor_ == 0 ? 0 : cursor_ - 1, show);
        case ctrl('C'):
            clear();
            show += "\r\n" + redraw();
            return;
        case ctrl('D'):
            return erase(cursor_, show);
        case ctrl('E'):
            return move(line_.size(), show);
        case ctrl('F'):
            return move(cursor_ + 1, show);
        case '\b':
        case 0x7f:
            if (cursor_ > 0) erase(cursor_ - 1, show);
            return;
        case '\t':
            return complete(show);
        case ctrl('K'):
            line_.resize(cursor_);
            show += redraw();
            return;
        case ctrl('L'):
            show += "\033[2J\033[H" + redraw();
            return;
        case ctrl('N'):
            return history(-1, show);
        case ctrl('P'):
            return history(1, show);
        case ctrl('U'):
            line_.erase(0, cursor_);
            cursor_ = 0;
            show += redraw();
            return;
        default:
            return;
    }
}

// ESC [ letter, ESC [ digit ~, ESC O letter; others are swallowed.
void LineEditor::escape(uint8_t byte, std::string& show) {
    constexpr size_t kLongestSequence = 8;
    escape_ += static_cast<char>(byte);
    if (escape_.size() == 1) return;
    if (escape_.size() == 2 && (byte == '[' || byte == 'O')) return;
    const bool final = byte >= 0x40 && byte < 0x7f;
    if (!final && escape_.size() > 2 && escape_.size() < kLongestSequence && byte >= 0x20) return;
    const std::string key = escape_.substr(1);
    escape_.clear();
    if (key == "[A" || key == "OA") return history(1, show);
    if (key == "[B" || key == "OB") return history(-1, show);
    if (key == "[C" || key == "OC") return move(cursor_ + 1, show);
    if (key == "[D" || key == "OD") return move(cursor_ == 0 ? 0 : cursor_ - 1, show);
    if (key == "[H" || key == "OH" || key == "[1~") return move(0, show);
    if (key == "[F" || key == "OF" || key == "[4~") return move(line_.size(), show);
    if (key == "[3~") return erase(cursor_, show);
}

void LineEditor::erase(size_t at, std::string& show) {
    if (at >= line_.size()) return;
    line_.erase(at, 1);
    if (at < cursor_) --cursor_;
    show += redraw();
}

void LineEditor::move(size_t to, std::string& show) {
    to = std::min(to, line_.size());
    if (to == cursor_) return;
    cursor_ = to;
    show += redraw();
}

void LineEditor::replace(std::string line, std::string& show) {
    line_ = std::move(line);
    cursor_ = line_.size();
    show += redraw();
}

void LineEditor::history(int step, std::string& show) {
    if (step > 0 && history_at_ < history_.size())
        ++history_at_;
    else if (step < 0 && history_at_ > 0)
        --history_at_;
    else
        return;
    replace(history_at_ == 0 ? std::string() : history_[history_at_ - 1], show);
}

void LineEditor::complete(std::string& show) {
    std::vector<std::string> choices = complete_(std::string_view(line_).substr(0, cursor_));
    if (choices.empty()) return;
    std::string common = common_beginning(choices);
    if (choices.size() == 1) common += ' ';
    if (common.size() > cursor_ && line_.size() + common.size() < kLongest) {
        std::string after = line_.substr(cursor_);
        cursor_ = common.size();
        line_ = common + after;
        show += redraw();
        return;
    }
    show += "\r\n";
    for (const std::string& choice : choices)
        show += choice + "  ";
    show += "\r\n" + redraw();
}

}  // namespace vmm
