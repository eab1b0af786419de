#ifndef GOVERNOR_BUDGET_MACHINE_RECORD_H_
#define GOVERNOR_BUDGET_MACHINE_RECORD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/budget/refusal.h"

namespace governor {

// The record that all governors of a user on one machine join, without a limit:
// what each has in flight, so that two processes that see the same spare memory
// do not both take it, and what each holds, so that `stat` sees everyone. It is
// the first form of the shared ledger: words in a mapped file, each written by
// its owner alone, read by all, seq_cst, no lock, pointer or pid that decides
// anything. The dead hold nothing: a slot counts while the kernel says that its
// owner's lock (an OFD lock held by the mapping) is there.
//
// Every value read is hostile: sums saturate, names are bounded.
//
// Thread-safe. The counting functions make no system call and need no memory.
// In a forked child all of them do nothing, and the child holds no slot.
class MachineRecord {
 public:
  static constexpr int kMaxTenants = 256;
  static constexpr int kMaxRefusals = 16;  // remembered for each tenant
  // For how long at most sums go on counting a tenant that has died.
  static constexpr absl::Duration kLivenessInterval = absl::Milliseconds(100);
  // The oldest reading of the machine that InFlightOfAll knows about.
  static constexpr absl::Duration kMaxReadingAge = absl::Seconds(1);

  // Where the record of this user lives: `share_dir` if not empty (that is
  // GOVERNOR_SHARE_DIR), else /run/governor for root, else
  // $XDG_RUNTIME_DIR/governor (`runtime_dir`), else /dev/shm/governor-UID.
  static std::string DefaultFolder(absl::string_view share_dir,
                                   absl::string_view runtime_dir);

  // Joins the record in `folder`, made 0700 with the file 0600 where they are
  // not there. `name` is what others see of this tenant (its program), cut to
  // 31 bytes. UNAVAILABLE, naming path, reason and remedy: the folder or file
  // cannot be made or is another user's, a link, or of the wrong kind.
  // DATA_LOSS: the file is no record of this version; the message says how to
  // remove it. RESOURCE_EXHAUSTED: kMaxTenants are there. A process may join
  // more than once: each is a tenant. `clock` (real time when null) tells when
  // kLivenessInterval is over, and lives as long as this.
  static absl::StatusOr<std::unique_ptr<MachineRecord>> Join(
      const std::string& folder, absl::string_view name,
      const Clock* clock = nullptr);

  // Leaves: the slot is empty for others at once.
  ~MachineRecord();

  // --- this tenant's words, in bytes ---------------------------------------

  // In flight: granted, and not memory yet.
  void AddInFlight(Bytes size);
  void SubtractInFlight(Bytes size);
  // Moves `size` from in flight to "memory since `now`" (on the machine's
  // monotonic clock): whoever reads the machine later than `now` sees it there,
  // whoever read it earlier finds it here.
  void Settle(Bytes size, absl::Duration now);

  // What all tenants that live, this one included, have on its way to memory,
  // as it concerns somebody whose reading of the machine began at `reading`: in
  // flight, and settled at or after `reading`. Never less than that, and more
  // only by what was settled in the 4.2 ms before `reading` by a tenant that
  // settled since, by what is being settled at this moment, and by what a
  // tenant had that died less than `kLivenessInterval` ago. A reading older
  // than kMaxReadingAge must not be used. Some ns a tenant, no system call but
  // to look after a tenant that may have died, at most once in
  // `kLivenessInterval`.
  Bytes InFlightOfAll(absl::Duration reading) const;

  // Adds `size` to what is in flight if all of InFlightOfAll(reading) then is
  // within `spare`; else changes nothing and is false. Two tenants never both
  // claim what fits only once; and of two whose sizes do not fit together one
  // gets its own: what another asks for and does not get is in nobody's way.
  // Where tenants ask at the same time the lower slot goes first, and the other
  // waits for the answer, which takes a microsecond. Gives up, false, when
  // there is none for 50 ms and more: when a tenant was stopped while it asked.
  bool TryClaim(Bytes size, Bytes spare, absl::Duration reading);

  // Asks the kernel about each tenant now, so that the next sums count nobody
  // who is dead. For whoever is about to refuse. Some us.
  void LookAfterTenants() const;

  // What others see of this tenant.
  struct Figures {
    Bytes budget = Bytes();
    Bytes granted = Bytes();
    Bytes unmanaged = Bytes();
    Bytes debt = Bytes();
    int32_t priority = 0;
    int32_t device = 0;
  };
  void Publish(const Figures& figures);
  // The same, of figures that change while they are read: they are read with
  // the record's lock held, so that the last call has the latest. `read` calls
  // nothing of the record.
  void PublishLatest(absl::FunctionRef<Figures()> read);
  void RememberRefusal(const Refusal& refusal, absl::Time when);

  // --- everyone ---

  struct Tenant {
    std::string name;
    int64_t pid = 0;  // for people; 0 or wrong in another PID namespace
    Figures figures;
    Bytes in_flight;
    bool is_self = false;
  };
  // Those that live, by slot.
  std::vector<Tenant> Tenants() const;

  struct RememberedRefusal {
    std::string tenant;
    int64_t pid = 0;
    absl::Time when;
    Refusal refusal;  // without holders
  };
  // Of tenants that live, the newest first, at most `limit`.
  std::vector<RememberedRefusal> Refusals(size_t limit) const;

  // The same of a record that one only looks at: holds no slot, makes nothing.
  // NOT_FOUND: there is no record. Else as Join.
  static absl::StatusOr<std::unique_ptr<MachineRecord>> Look(
      const std::string& folder);

 private:
  struct Mapping;
  explicit MachineRecord(std::unique_ptr<Mapping> mapping);
  const std::unique_ptr<Mapping> mapping_;  // never null
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_MACHINE_RECORD_H_
