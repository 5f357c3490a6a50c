// Writing kdump's compressed format; see kdump.h.
#include "system/control/dump/kdump.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "util/align.h"
#include "util/endian.h"
#include "util/scope_exit.h"

namespace vmm::dump {

namespace {

// The header in block 0, for 64-bit kernels: the time is two aligned words of 64 bits.
struct DiskDumpHeader {
    char signature[8] = {'K', 'D', 'U', 'M', 'P', ' ', ' ', ' '};
    Le32 version = 6;
    char system[4][65] = {};  // uname: sysname, nodename, release, version
    char machine[65] = {};
    char domain[65] = {};
    uint8_t padding_and_time[22] = {};
    Le32 status;
    Le32 block_size;
    Le32 sub_header_blocks;
    Le32 bitmap_blocks;
    Le32 pages;
    Le32 total_ram_blocks, device_blocks, written_blocks;
    Le32 current_cpu;
    Le32 cpus;
};
static_assert(sizeof(DiskDumpHeader) == 464);

struct SubHeader {
    Le64 kernel_base;
    Le32 level;
    Le32 split;
    Le64 first_page, last_page;
    Le64 kernel_note_offset, kernel_note_size;
    Le64 notes_offset, notes_size;
    Le64 erase_offset, erase_size;
    Le64 first_page_64, last_page_64;
    Le64 pages;
};
static_assert(sizeof(SubHeader) == 104);

struct PageDescriptor {
    Le64 offset;
    Le32 size;
    Le32 flags;
    Le64 page_flags;
};
static_assert(sizeof(PageDescriptor) == 24);

constexpr uint32_t kZlib = 1;

// Pieces of the file in any order: each with its place and size in front.
class Flattened {
  public:
    explicit Flattened(DumpSink& sink) : sink_(sink) {}

    Status begin() {
        constexpr size_t kSize = 4096;
        std::vector<uint8_t> head(kSize);
        std::memcpy(head.data(), "makedumpfile", 12);
        store_be<uint64_t>(&head[16], 1);  // the type of this form
        store_be<uint64_t>(&head[24], 1);  // its version
        return sink_.write(head);
    }
    Status put(uint64_t at, std::span<const uint8_t> bytes) {
        TRY(mark(at, bytes.size()));
        return sink_.write(bytes);
    }
    Status end() { return mark(~uint64_t{0}, ~uint64_t{0}); }

  private:
    Status mark(uint64_t at, uint64_t size) {
        uint8_t head[16];
        store_be<uint64_t>(&head[0], at);
        store_be<uint64_t>(&head[8], size);
        return sink_.write(head);
    }
    DumpSink& sink_;
};

// A run of the file that is written in order.
class Stream {
  public:
    Stream(Flattened& file, uint64_t at) : file_(file), at_(at) {}
    uint64_t position() const { return at_ + bytes_.size(); }
    Status add(std::span<const uint8_t> bytes) {
        constexpr size_t kFull = 256u << 10;
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return bytes_.size() < kFull ? Status() : flush();
    }
    Status flush() {
        if (bytes_.empty()) return {};
        TRY(file_.put(at_, bytes_));
        at_ += bytes_.size();
        bytes_.clear();
        return {};
    }

  private:
    Flattened& file_;
    uint64_t at_;
    std::vector<uint8_t> bytes_;
};

class Writer {
  public:
    Writer(const DumpPlan& plan, const DumpMemory& memory, DumpSink& sink, std::atomic<uint64_t>& done)
        : plan_(plan), memory_(memory), file_(sink), done_(done) {}
    ~Writer() { ::deflateEnd(&zlib_); }
    Writer(const Writer&) = delete;

    Status write() {
        if (::deflateInit(&zlib_, Z_BEST_SPEED) != Z_OK) return Error::make("zlib cannot be used");
        for (const MemoryBlock& block : plan_.blocks)
            pages_ = std::max(pages_, (block.first + block.size) / kPageSize);
        TRY(file_.begin());
        TRY(write_headers());
        TRY(write_bitmaps());
        TRY(write_pages());
        return file_.end();
    }

  private:
    uint64_t sub_header_blocks() const { return blocks_of(sizeof(SubHeader) + plan_.notes.size()); }
    uint64_t bitmap_bytes() const { return align_up(pages_ / 8 + 1, kPageSize); }
    static uint64_t blocks_of(uint64_t bytes) { return align_up(bytes, kPageSize) / kPageSize; }
    uint64_t bitmaps_at() const { return (1 + sub_header_blocks()) * kPageSize; }

    Status write_headers() {
        DiskDumpHeader header;
        std::memcpy(header.machine, plan_.long_mode ? "x86_64" : "i686", plan_.long_mode ? 6 : 4);
        header.status = kZlib;
        header.block_size = kPageSize;
        header.sub_header_blocks = static_cast<uint32_t>(sub_header_blocks());
        header.bitmap_blocks = static_cast<uint32_t>(2 * bitmap_bytes() / kPageSize);
        header.pages = static_cast<uint32_t>(std::min<uint64_t>(pages_, UINT32_MAX));
        header.cpus = plan_.cpus;
        TRY(file_.put(0, bytes_of(header)));
        constexpr uint64_t kNotesAt = kPageSize + sizeof(SubHeader);
        SubHeader sub;
        sub.kernel_base = plan_.kernel_base;
        sub.level = 1;  // pages of zeros are not stored each
        sub.pages = pages_;
        if (plan_.kernel_note_size != 0) {
            sub.kernel_note_offset = kNotesAt + plan_.kernel_note_offset;
            sub.kernel_note_size = plan_.kernel_note_size;
        }
        sub.notes_offset = kNotesAt;
        sub.notes_size = plan_.notes.size();
        TRY(file_.put(kPageSize, bytes_of(sub)));
        return file_.put(kNotesAt, plan_.notes);
    }

    // The first has the pages that there are, the second those that are in the file.
    Status write_bitmaps() {
        std::vector<uint8_t> present(bitmap_bytes()), dumped(bitmap_bytes());
        for (const MemoryBlock& block : plan_.blocks) {
            for (uint64_t at = block.first; at < block.first + block.size; at += kPageSize) {
                const uint64_t page = at / kPageSize;
                const auto bit = static_cast<uint8_t>(1u << page % 8);
                present[page / 8] |= bit;
                if (memory_.hidden(at)) continue;
                dumped[page / 8] |= bit;
                ++dumped_pages_;
            }
        }
        TRY(file_.put(bitmaps_at(), present));
        return file_.put(bitmaps_at() + bitmap_bytes(), dumped);
    }

    Status write_pages() {
        const uint64_t descriptors_at = bitmaps_at() + 2 * bitmap_bytes();
        Stream descriptors(file_, descriptors_at);
        Stream data(file_, descriptors_at + dumped_pages_ * sizeof(PageDescriptor));
        PageDescriptor zero;
        zero.offset = data.position();
        zero.size = kPageSize;
        std::vector<uint8_t> page(kPageSize);
        TRY(data.add(page));
        for (const MemoryBlock& block : plan_.blocks) {
            for (uint64_t at = block.first; at < block.first + block.size; at += kPageSize) {
                if (!memory_.hidden(at)) {
                    if (!memory_.read(at, page)) std::fill(page.begin(), page.end(), 0);
                    const bool empty =
                        std::all_of(page.begin(), page.end(), [](uint8_t b) { return b == 0; });
                    TRY(descriptors.add(bytes_of(empty ? zero : TRY(store(page, data)))));
                }
                done_.fetch_add(kPageSize, std::memory_order_relaxed);
            }
        }
        TRY(descriptors.flush());
        return data.flush();
    }

    Result<PageDescriptor> store(std::span<uint8_t> page, Stream& data) {
        PageDescriptor descriptor;
        descriptor.offset = data.position();
        if (::deflateReset(&zlib_) != Z_OK) return Error::make("zlib cannot be used");
        zlib_.next_in = page.data();
        zlib_.avail_in = static_cast<uInt>(page.size());
        zlib_.next_out = compressed_;
        zlib_.avail_out = sizeof compressed_;
        const bool smaller = ::deflate(&zlib_, Z_FINISH) == Z_STREAM_END && zlib_.total_out < page.size();
        const std::span<const uint8_t> stored =
            smaller ? std::span<const uint8_t>(compressed_, zlib_.total_out) : std::span<const uint8_t>(page);
        descriptor.size = static_cast<uint32_t>(stored.size());
        descriptor.flags = smaller ? kZlib : 0;
        TRY(data.add(stored));
        return descriptor;
    }

    const DumpPlan& plan_;
    const DumpMemory& memory_;
    Flattened file_;
    std::atomic<uint64_t>& done_;
    uint64_t pages_ = 0, dumped_pages_ = 0;
    z_stream zlib_{};
    uint8_t compressed_[kPageSize] = {};
};

}  // namespace

Status write_kdump(const DumpPlan& plan, const DumpMemory& memory, DumpSink& sink,
                   std::atomic<uint64_t>& done) {
    return Writer(plan, memory, sink, done).write();
}

}  // namespace vmm::dump
