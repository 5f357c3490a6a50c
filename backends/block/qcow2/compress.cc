#include "backends/block/qcow2/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <cerrno>

namespace vmm::qcow2 {
namespace {

constexpr int kWindowBits = 12;  // raw deflate with a 4 KiB window

Error damaged(const char* why) {
    return Error::from_errno(EIO, "a compressed cluster is damaged (%s)", why);
}

Status inflate_raw(std::span<const uint8_t> from, std::span<uint8_t> into) {
    z_stream stream = {};
    if (inflateInit2(&stream, -kWindowBits) != Z_OK) return Error::from_errno(ENOMEM, "zlib cannot start");
    stream.next_in = const_cast<Bytef*>(from.data());
    stream.avail_in = static_cast<uInt>(from.size());
    stream.next_out = into.data();
    stream.avail_out = static_cast<uInt>(into.size());
    int end = inflate(&stream, Z_FINISH);
    bool whole = stream.avail_out == 0;
    inflateEnd(&stream);
    // The input is rounded up to sectors: a full output is the end, whatever follows.
    if (end != Z_STREAM_END && !(end == Z_BUF_ERROR && whole)) return damaged("not deflate data");
    if (!whole) return damaged("too short");
    return {};
}

struct FreeContext {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Status unpack_zstd(std::span<const uint8_t> from, std::span<uint8_t> into) {
    std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
    if (!context) return Error::from_errno(ENOMEM, "zstd cannot start");
    ZSTD_inBuffer in{from.data(), from.size(), 0};
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos < out.size) {
        size_t before_in = in.pos, before_out = out.pos;
        size_t left = ZSTD_decompressStream(context.get(), &out, &in);
        if (ZSTD_isError(left)) return damaged(ZSTD_getErrorName(left));
        if (left == 0 && out.pos < out.size) return damaged("too short");
        if (in.pos == before_in && out.pos == before_out) return damaged("cut off");
    }
    return {};
}

}  // namespace

Status Decompressor::run(std::span<const uint8_t> from, std::span<uint8_t> into) {
    return type_ == Compression::Zstd ? unpack_zstd(from, into) : inflate_raw(from, into);
}

}  // namespace vmm::qcow2
