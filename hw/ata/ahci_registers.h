// Numbers of the AHCI register file. AHCI 1.3.1, chapter 3. Header only.
#pragma once

#include <cstdint>

namespace vmm::ata {

inline constexpr unsigned kAhciMemorySize = 0x1000;
inline constexpr unsigned kFirstPort = 0x100;
inline constexpr unsigned kPortSize = 0x80;
inline constexpr unsigned kSlots = 32;

enum HbaRegister : unsigned { kCap = 0x00, kGhc = 0x04, kIs = 0x08, kPi = 0x0c, kVs = 0x10 };

inline constexpr uint32_t kGhcReset = 1u << 0;
inline constexpr uint32_t kGhcInterrupts = 1u << 1;
inline constexpr uint32_t kGhcAhci = 1u << 31;

enum PortRegister : unsigned {
    kPxClb = 0x00,
    kPxClbu = 0x04,
    kPxFb = 0x08,
    kPxFbu = 0x0c,
    kPxIs = 0x10,
    kPxIe = 0x14,
    kPxCmd = 0x18,
    kPxTfd = 0x20,
    kPxSig = 0x24,
    kPxSsts = 0x28,
    kPxSctl = 0x2c,
    kPxSerr = 0x30,
    kPxSact = 0x34,
    kPxCi = 0x38,
};

// PxIS and PxIE.
inline constexpr uint32_t kIntRegister = 1u << 0;    // DHRS
inline constexpr uint32_t kIntPioSetup = 1u << 1;    // PSS
inline constexpr uint32_t kIntDeviceBits = 1u << 3;  // SDBS
inline constexpr uint32_t kIntConnect = 1u << 6;     // PCS, from PxSERR.DIAG.X
inline constexpr uint32_t kIntPhyReady = 1u << 22;   // PRCS, from PxSERR.DIAG.N
inline constexpr uint32_t kIntHostBus = 1u << 29;    // HBFS
inline constexpr uint32_t kIntTaskFile = 1u << 30;   // TFES
inline constexpr uint32_t kIntAll = 0xfdc000ff;

// PxCMD.
inline constexpr uint32_t kCmdStart = 1u << 0;
inline constexpr uint32_t kCmdSpinUp = 1u << 1;
inline constexpr uint32_t kCmdPowerOn = 1u << 2;
inline constexpr uint32_t kCmdListOverride = 1u << 3;
inline constexpr uint32_t kCmdFisReceive = 1u << 4;
inline constexpr uint32_t kCmdCurrentSlotShift = 8;
inline constexpr uint32_t kCmdCurrentSlotMask = 0x1fu << 8;
inline constexpr uint32_t kCmdFisRunning = 1u << 14;
inline constexpr uint32_t kCmdListRunning = 1u << 15;
inline constexpr uint32_t kCmdAtapi = 1u << 24;
inline constexpr uint32_t kCmdAtapiLed = 1u << 25;

// PxSERR.
inline constexpr uint32_t kSerrPhyReadyChange = 1u << 16;  // DIAG.N
inline constexpr uint32_t kSerrExchanged = 1u << 26;       // DIAG.X

inline constexpr uint32_t kSstsLinked = 0x113;  // device, generation 1, active
inline constexpr uint32_t kSigNone = 0xffffffff;
inline constexpr uint32_t kTfdNone = 0x7f;

// Received FIS area: where each kind of frame goes.
inline constexpr unsigned kRfisPioSetup = 0x20;
inline constexpr unsigned kRfisRegister = 0x40;
inline constexpr unsigned kRfisDeviceBits = 0x58;

}  // namespace vmm::ata
