// Cd: a CD or DVD drive with a read-only medium, a tray that guests lock and open, and events about both.
// MMC-6. The unit of scsi-cd, and of ide-cd behind the ATAPI wire (identity.packet_interface).
//
// Missing: audio, sub-channels, writing, READ CD of anything but user data and whole sectors, disc changers.
//
// Thread: see unit.h. Tray and events are under the unit's mutex.
#pragma once

#include "hw/scsi/mmc.h"
#include "hw/scsi/mode_pages.h"
#include "hw/scsi/unit.h"

namespace vmm {
class EventLoop;
}

namespace vmm::scsi {

class Cd final : public Unit {
  public:
    // The main loop, where the tray's moves are told.
    Cd(UnitIdentity identity, EventLoop& main_loop);

    uint64_t sectors() const;  // 0 without a medium
    bool ready() { return !not_ready().has_value(); }

    bool has_tray() const override { return true; }
    bool tray_open() const override;
    bool tray_locked() const override;
    void eject_requested(bool force) override;
    void set_tray(bool open, bool loaded) override;
    void medium_changed(bool loaded) override;

  private:
    void run(Request& request) override;
    void transfer_done(Request& request) override;
    std::optional<Sense> not_ready() override;
    void reset_state() override;
    bool ignores_attention(uint8_t opcode) const override;
    std::optional<Sense> take_attention() override;
    bool run_without_medium(Request& request);
    void run_with_medium(Request& request);
    void answer(Request& request, const MmcReply& what);
    void start_stop(Request& request);
    void move_tray(bool open);
    void read(Request& request);
    void read_cd(Request& request);
    void get_event_status(Request& request);
    void mode_sense_command(Request& request);
    void mode_select_command(Request& request);
    ModeState mode_state() const;
    void loaded_changed(bool loaded);

    EventLoop& main_loop_;
    mutable Mutex tray_mutex_{LockRank::Leaf, "CD tray"};
    bool open_ GUARDED_BY(tray_mutex_) = false;
    bool locked_ GUARDED_BY(tray_mutex_) = false;
    // A packet drive's medium was changed and nobody was told that it was away.
    bool was_away_ GUARDED_BY(tray_mutex_) = false;
    bool swapped_ GUARDED_BY(tray_mutex_) = false;  // the medium, while the tray was open
    MediaEvent event_ GUARDED_BY(tray_mutex_) = MediaEvent::None;
};

}  // namespace vmm::scsi
