// Every device that a guest reaches, on a whole board: one row a device (board_subjects_test.cc sees to it).
// A row's name is in meson.build too, which makes a program of it.
#include "tests/fuzz/board_world.h"

namespace vmm::fuzz {

namespace {

constexpr bool kPort = true, kMemory = false;
#define NULL_DISK "-blockdev", "null-co,node-name=d,size=1048576,read-zeroes=on"

const BoardSubject kSubjects[] = {
    {"platform",
     {"-serial", "null", "-smp", "2,maxcpus=4"},
     {{kPort, 0x00, 16},
      {kPort, 0x20, 2},
      {kPort, 0x40, 4},
      {kPort, 0x60, 5},
      {kPort, 0x70, 2},
      {kPort, 0x80, 32},
      {kPort, 0xa0, 2},
      {kPort, 0xb2, 2},
      {kPort, 0xc0, 32},
      {kPort, 0x3f8, 8},
      {kPort, 0x4d0, 2},
      {kPort, 0x510, 12},
      {kPort, 0x600, 128},
      {kPort, 0x700, 64},
      {kPort, 0xcf8, 8},
      {kMemory, 0xfec00000, 0x100},
      {kMemory, 0xfed00000, 0x400},
      {kMemory, 0xb0000000, 0x8000},
      {kMemory, 0xfed1c000, 0x4000},
      {kPort, 0xcd8, 32}},
     true},
    {"virtio_blk", {NULL_DISK, "-device", "virtio-blk-pci,drive=d,addr=4"}, {}},
    {"virtio_blk_legacy", {NULL_DISK, "-device", "virtio-blk-pci,drive=d,addr=4,disable-modern=on"}, {}},
    {"virtio_scsi", {NULL_DISK, "-device", "virtio-scsi-pci,addr=4", "-device", "scsi-hd,drive=d"}, {}},
    {"virtio_scsi_cd",
     {"-blockdev", "null-co,node-name=d,size=1048576,read-zeroes=on,read-only=on", "-device",
      "virtio-scsi-pci,addr=4", "-device", "scsi-cd,drive=d"},
     {}},
    {"virtio_input",
     {"-device", "virtio-keyboard-pci,addr=4", "-device", "virtio-tablet-pci,addr=5", "-device",
      "virtio-mouse-pci,addr=6"},
     {}},
    {"virtio_serial",
     {"-device", "virtio-serial-pci,addr=4", "-chardev", "null,id=c", "-device", "virtconsole,chardev=c",
      "-chardev", "null,id=p", "-device", "virtserialport,chardev=p,name=p"},
     {}},
    {"virtio_balloon", {"-device", "virtio-balloon-pci,addr=4"}, {}},
    {"virtio_rng", {"-device", "virtio-rng-pci,addr=4"}, {}},
    // What one card sends the other gets.
    {"virtio_net",
     {"-netdev", "hubport,hubid=0,id=n0", "-netdev", "hubport,hubid=0,id=n1", "-device",
      "virtio-net-pci,netdev=n0,addr=4,packed=on,mq=on", "-device", "virtio-net-pci,netdev=n1,addr=5,mq=on"},
     {}},
    {"virtio_net_legacy",
     {"-netdev", "hubport,hubid=0,id=n0", "-netdev", "hubport,hubid=0,id=n1", "-device",
      "virtio-net-pci,netdev=n0,addr=4,disable-modern=on", "-device",
      "virtio-net-pci,netdev=n1,addr=5,disable-modern=on"},
     {}},
    {"pflash",
     {"-blockdev", "null-co,node-name=f0,size=131072,read-zeroes=on", "-blockdev",
      "null-co,node-name=f1,size=65536,read-zeroes=on", "-machine", "pflash0=f0,pflash1=f1"},
     {{kMemory, 0xfffe0000, 0x20000}, {kMemory, 0xfffd0000, 0x10000}, {kMemory, 0xe0000, 0x20000}}},
    // Two devices whose accesses and messages it translates, and what they do without its tables.
    {"iommu",
     {NULL_DISK, "-device", "intel-iommu,aw-bits=48", "-device", "edu,addr=4,dma_mask=0xffffffff", "-device",
      "virtio-rng-pci,addr=5", "-device", "ide-hd,drive=d,bus=ide.0"},
     {{kMemory, 0xfed90000, 0x230}, {kMemory, 0xfed90080, 0x10}, {kMemory, 0xfec00000, 0x100}}},
    {"ahci", {NULL_DISK, "-device", "ide-hd,drive=d,bus=ide.0"}, {}},
    {"ahci_cd", {NULL_DISK, "-device", "ide-cd,drive=d,bus=ide.1"}, {}},
    {"ahci_card", {NULL_DISK, "-device", "ich9-ahci,id=a,addr=4", "-device", "ide-hd,drive=d,bus=a.0"}, {}},
    {"ports_and_bridges",
     {"-device", "pcie-root-port,id=rp,addr=3,chassis=1", "-device", "pcie-pci-bridge,bus=rp,id=br",
      "-device", "pci-testdev,bus=br,addr=1", "-device", "ioh3420,addr=5,chassis=2"},
     {}},
    // The registers by which processors, memory and cards of conventional slots come and go.
    {"plugging",
     {"-m", "size=16M,slots=2,maxmem=1G", "-smp", "1,maxcpus=4", "-device",
      "pci-bridge,id=b,addr=3,chassis_nr=1", "-device", "i82801b11-bridge,id=d,addr=4", "-device",
      "pci-testdev,bus=b,addr=1", "-device", "pcie-root-port,id=rp,addr=5,chassis=2", "-device",
      "x3130-upstream,id=up,bus=rp", "-device", "xio3130-downstream,bus=up,chassis=3"},
     {{kPort, 0xa00, 24}, {kPort, 0xcc0, 24}, {kPort, 0xcd8, 12}, {kPort, 0x620, 16}}},
    {"small_devices",
     {"-device",  "pvpanic-pci,addr=4", "-device", "i6300esb,addr=5",
      "-device",  "pci-testdev,addr=6", "-device", "pvpanic",
      "-device",  "pc-testdev",         "-device", "vmgenid,guid=auto",
      "-device",  "vmcoreinfo",         "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
      "-chardev", "null,id=c",          "-device", "isa-debugcon,iobase=0x402,chardev=c",
      "-chardev", "null,id=s",          "-device", "isa-serial,chardev=s,index=1"},
     {{kPort, 0x505, 1},
      {kPort, 0xf4, 4},
      {kPort, 0x402, 1},
      {kPort, 0x2f8, 8},
      {kPort, 0x510, 12},
      {kPort, 0xe0, 12},
      {kPort, 0x2000, 24},
      {kMemory, 0xff000000, 0x1000}}},
};

}  // namespace

std::span<const BoardSubject> board_subjects() {
    return kSubjects;
}

}  // namespace vmm::fuzz
