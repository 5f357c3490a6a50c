// The driver that makes a fuzz target an ordinary test: it runs the corpus, then mutations of it made by a
// fixed sequence of pseudo-random numbers, so that a failure comes again. No instrumentation, no
// dependencies.
//
//     NAME_fuzz CORPUS_DIRECTORY [RUNS | SECONDSs]
//
// With -Dfuzzing=true the same targets are linked with clang's libFuzzer instead and this file is not used.
#include <dirent.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;

constexpr size_t kLongestInput = 4096;
constexpr auto kUsualTime = std::chrono::milliseconds(1500);

// xorshift64*: the same inputs on every machine.
class Random {
  public:
    uint64_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545f4914f6cdd1dULL;
    }
    size_t below(size_t limit) { return limit == 0 ? 0 : static_cast<size_t>(next() % limit); }

  private:
    uint64_t state_ = 0x9e3779b97f4a7c15ULL;
};

void run(const Input& input) {
    // A heap copy of the exact size lets an address sanitizer see a read past the end.
    Input copy(input);
    copy.shrink_to_fit();
    LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

std::vector<Input> load(const std::string& directory) {
    std::vector<std::string> names;
    if (DIR* dir = opendir(directory.c_str())) {
        while (const dirent* entry = readdir(dir))
            if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
        closedir(dir);
    }
    std::sort(names.begin(), names.end());
    std::vector<Input> corpus;
    for (const std::string& name : names) {
        std::ifstream file(directory + "/" + name, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return corpus;
}

void mutate_once(Input& input, const std::vector<Input>& corpus, Random& random) {
    constexpr uint8_t kTelling[] = {0,   1,   0x7f, 0x80, 0xff, '"', '\'', '\\', ',', '.',
                                    '=', '{', '}',  '[',  ']',  '-', '0',  '9',  'e'};
    size_t at = random.below(input.size());
    switch (random.below(7)) {
        case 0:
            if (!input.empty()) input[at] ^= static_cast<uint8_t>(1u << random.below(8));
            break;
        case 1:
            if (!input.empty()) input[at] = kTelling[random.below(std::size(kTelling))];
            break;
        case 2:
            input.insert(input.begin() + static_cast<ptrdiff_t>(at),
                         kTelling[random.below(std::size(kTelling))]);
            break;
        case 3:
            if (!input.empty()) {
                size_t length = 1 + random.below(std::min<size_t>(16, input.size() - at));
                auto from = input.begin() + static_cast<ptrdiff_t>(at);
                input.erase(from, from + static_cast<ptrdiff_t>(length));
            }
            break;
        case 4:
            if (!input.empty()) {
                size_t length = 1 + random.below(std::min<size_t>(64, input.size() - at));
                Input piece(input.begin() + static_cast<ptrdiff_t>(at),
                            input.begin() + static_cast<ptrdiff_t>(at + length));
                input.insert(input.begin() + static_cast<ptrdiff_t>(random.below(input.size())),
                             piece.begin(), piece.end());
            }
            break;
        case 5: {
            const Input& other = corpus[random.below(corpus.size())];
            size_t keep = random.below(other.size() + 1);
            input.resize(at);
            input.insert(input.end(), other.end() - static_cast<ptrdiff_t>(keep), other.end());
            break;
        }
        default:
            if (!input.empty()) input[at] = static_cast<uint8_t>(random.next());
            break;
    }
    if (input.size() > kLongestInput) input.resize(kLongestInput);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY [RUNS | SECONDSs]\n", argv[0]);
        return 2;
    }
    std::vector<Input> corpus = load(argv[1]);
    if (corpus.empty()) {
        std::fprintf(stderr, "%s: no corpus in %s\n", argv[0], argv[1]);
        return 1;
    }
    for (const Input& input : corpus)
        run(input);
    // Without a number: as many as fit in the time, at most what a fast target does in it.
    const std::string amount = argc > 2 ? argv[2] : "";
    const bool in_seconds = amount.ends_with("s");
    const size_t number = std::strtoul(amount.c_str(), nullptr, 10);
    const bool timed = amount.empty() || in_seconds;
    const size_t runs = in_seconds ? SIZE_MAX : amount.empty() ? 200000 : number;
    const std::chrono::milliseconds limit = in_seconds ? std::chrono::seconds(number) : kUsualTime;
    auto start = std::chrono::steady_clock::now();
    Random random;
    size_t done = 0;
    for (; done < runs; ++done) {
        if (timed && done % 16 == 0 && std::chrono::steady_clock::now() - start > limit) break;
        Input input = corpus[random.below(corpus.size())];
        for (size_t steps = 1 + random.below(8); steps > 0; --steps)
            mutate_once(input, corpus, random);
        run(input);
    }
    std::printf("%zu files, %zu mutations\n", corpus.size(), done);
    return 0;
}
