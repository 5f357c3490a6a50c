#include "hw/acpi/linker_script.h"

#include <cstring>
#include <string_view>

#include "util/check.h"
#include "util/endian.h"

namespace vmm::acpi {

namespace {

constexpr size_t kEntrySize = 128, kFileNameSize = 56;
constexpr uint32_t kFileAlignment = 4096;
enum class Command : uint32_t { Allocate = 1, AddPointer = 2, AddChecksum = 3, WritePointer = 4 };
enum class Zone : uint8_t { High = 1, FSegment = 2 };

class Entry {
  public:
    Entry(std::vector<uint8_t>& script, Command command) : script_(script), end_(script.size() + kEntrySize) {
        number(static_cast<uint32_t>(command), 4);
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { script_.resize(end_); }

    Entry& file(std::string_view name) {
        CHECK(name.size() < kFileNameSize, "fw_cfg name of %zu characters", name.size());
        script_.insert(script_.end(), name.begin(), name.end());
        script_.resize(script_.size() + kFileNameSize - name.size());
        return *this;
    }
    Entry& number(uint64_t v, unsigned width) {
        script_.resize(script_.size() + width);
        store_le_sized(script_.data() + script_.size() - width, v, width);
        return *this;
    }

  private:
    std::vector<uint8_t>& script_;
    const size_t end_;
};

const char* file_of(Blob blob) {
    return blob == Blob::Tables ? kTablesFile : kRsdpFile;
}

}  // namespace

std::vector<uint8_t> linker_script(const AcpiImage& image) {
    std::vector<uint8_t> script;
    Entry(script, Command::Allocate)
        .file(kRsdpFile)
        .number(kRsdpAlignment, 4)
        .number(static_cast<uint8_t>(Zone::FSegment), 1);
    Entry(script, Command::Allocate)
        .file(kTablesFile)
        .number(kTablesAlignment, 4)
        .number(static_cast<uint8_t>(Zone::High), 1);
    for (const ImageFile& file : image.files)
        Entry(script, Command::Allocate)
            .file(file.name)
            .number(kFileAlignment, 4)
            .number(static_cast<uint8_t>(Zone::High), 1);
    for (const ImagePointer& p : image.pointers)
        Entry(script, Command::AddPointer)
            .file(file_of(p.in))
            .file(p.field.file.empty() ? kTablesFile : p.field.file)
            .number(p.field.offset, 4)
            .number(p.field.width, 1);
    for (const ImageChecksum& c : image.checksums)
        Entry(script, Command::AddChecksum)
            .file(file_of(c.in))
            .number(c.at, 4)
            .number(c.start, 4)
            .number(c.length, 4);
    for (const ImageFile& file : image.files)
        Entry(script, Command::WritePointer)
            .file(file.address_file)
            .file(file.name)
            .number(0, 4)
            .number(file.told_offset, 4)
            .number(sizeof(uint64_t), 1);
    return script;
}

}  // namespace vmm::acpi
