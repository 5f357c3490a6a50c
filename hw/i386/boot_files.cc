#include "hw/i386/boot_files.h"

#include <fcntl.h>
#include <libfdt.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "hw/i386/linux_image.h"
#include "hw/i386/multiboot_image.h"
#include "hw/i386/pvh_image.h"
#include "util/align.h"
#include "util/fd.h"

namespace vmm {

namespace {

// Where distributions put the option ROM by which SeaBIOS starts a kernel from fw_cfg.
constexpr std::array kLoaderRoms = {"/usr/share/qemu/linuxboot_dma.bin",
                                    "/usr/share/qemu-kvm/linuxboot_dma.bin"};

enum class Emptiness { Refused, Allowed };

Result<MappedRegion> map_file(const std::string& path, Emptiness emptiness) {
    const Fd fd = TRY(open_file(path, O_RDONLY));
    struct stat info = {};
    if (::fstat(fd.get(), &info) < 0) return Error::from_errno(errno, "fstat of '%s'", path.c_str());
    if (!S_ISREG(info.st_mode)) return Error::make("'%s' is not a regular file", path.c_str());
    if (info.st_size == 0) {
        if (emptiness == Emptiness::Allowed) return MappedRegion();
        return Error::make("'%s' is empty", path.c_str());
    }
    return MappedRegion::map(static_cast<size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd.get());
}

Status check_kernel(std::span<const uint8_t> file, bool firmware) {
    if (looks_like_linux(file)) {
        const LinuxImage image = TRY(parse_linux_image(file));
        if (firmware || image.entry_64) return {};
        return Error::make("the kernel has no 64-bit entry").with_hint("boot it through firmware (-bios)");
    }
    const bool multiboot = looks_like_multiboot(file);
    if (!multiboot && !looks_like_elf(file))
        return Error::make("neither a bzImage nor a multiboot or ELF file");
    if (firmware)
        return Error::make("firmware starts bzImage kernels only, not multiboot or ELF files")
            .with_hint("leave out -bios");
    if (multiboot) {
        TRY(parse_multiboot_image(file));
        return {};
    }
    const PvhImage image = TRY(parse_pvh_image(file));
    CHECK(!image.segments.empty(), "PVH image without segments");
    return {};
}

// "FILE WORDS,FILE WORDS"; two commas stand for one.
Result<std::vector<BootFiles::Module>> open_modules(const std::string& list) {
    std::vector<std::string> entries;
    for (size_t i = 0; i < list.size(); ++i) {
        if (entries.empty()) entries.emplace_back();
        if (list[i] != ',') {
            entries.back() += list[i];
        } else if (i + 1 < list.size() && list[i + 1] == ',') {
            entries.back() += list[++i];
        } else {
            entries.emplace_back();
        }
    }
    std::vector<BootFiles::Module> modules;
    for (const std::string& entry : entries) {
        Result<MappedRegion> file = map_file(entry.substr(0, entry.find(' ')), Emptiness::Allowed);
        if (!file) return std::move(file).take_error().while_doing("could not load the module");
        modules.push_back({std::move(*file), entry});
    }
    return modules;
}

Status check_dtb(std::span<const uint8_t> blob) {
    if (blob.size() < sizeof(fdt_header) || fdt_check_full(blob.data(), blob.size()) != 0)
        return Error::make("not a device tree blob");
    return {};
}

}  // namespace

FwCfgKernel BootFiles::for_firmware(const std::string& command_line) const {
    auto copy = [](const MappedRegion& m) {
        return std::vector<uint8_t>(m.bytes().begin(), m.bytes().end());
    };
    FwCfgKernel k{copy(kernel), copy(initrd), command_line, {}, false};
    for (const char* path : kLoaderRoms) {
        Result<MappedRegion> rom = map_file(path, Emptiness::Refused);
        if (!rom) continue;
        k.loader_rom = copy(*rom);
        break;
    }
    return k;
}

Result<std::optional<BootFiles>> open_boot_files(const BootConfig& config) {
    if (config.kernel.empty()) return std::optional<BootFiles>();
    BootFiles files;
    Result<MappedRegion> kernel = map_file(config.kernel, Emptiness::Refused);
    if (!kernel)
        return std::move(kernel).take_error().while_doing("could not load kernel '%s'",
                                                          config.kernel.c_str());
    files.kernel = std::move(*kernel);
    if (Status checked = check_kernel(files.kernel.bytes(), !config.bios.empty()); !checked)
        return std::move(checked).take_error().while_doing("-kernel '%s'", config.kernel.c_str());
    files.multiboot = looks_like_multiboot(files.kernel.bytes()) && !looks_like_linux(files.kernel.bytes());
    if (files.multiboot) {
        files.modules = TRY(open_modules(config.initrd));
    } else if (!config.initrd.empty()) {
        Result<MappedRegion> initrd = map_file(config.initrd, Emptiness::Allowed);
        if (!initrd) return std::move(initrd).take_error().while_doing("could not load the initrd");
        files.initrd = std::move(*initrd);
    }
    if (!config.dtb.empty()) {
        Result<MappedRegion> dtb = map_file(config.dtb, Emptiness::Refused);
        if (!dtb) return std::move(dtb).take_error().while_doing("could not load the device tree");
        if (Status checked = check_dtb(dtb->bytes()); !checked)
            return std::move(checked).take_error().while_doing("-dtb '%s'", config.dtb.c_str());
        files.dtb = std::move(*dtb);
    }
    return std::optional<BootFiles>(std::move(files));
}

}  // namespace vmm
