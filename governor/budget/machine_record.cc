#include "governor/budget/machine_record.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/budget/machine_record_mapping.h"
#include "governor/budget/machine_record_text.h"
#include "governor/budget/machine_record_words.h"

namespace governor {
namespace {

using machine_record::BucketOf;
using machine_record::kBucketBytesMax;
using machine_record::kBuckets;
using machine_record::kBucketShift;
using machine_record::SaturatingAdd;
using machine_record::Slot;
using machine_record::Word;

static_assert(MachineRecord::kMaxTenants == machine_record::kSlots);
static_assert(MachineRecord::kMaxRefusals == machine_record::kRefusals);
// The bucket of the reading is one of those that are kept.
static_assert(absl::Nanoseconds((int64_t{kBuckets} - 1) << kBucketShift) >=
              MachineRecord::kMaxReadingAge);

const Clock& SystemClock() {
  static const RealClock& clock = *new RealClock;
  return clock;
}

}  // namespace

MachineRecord::Mapping::Mapping(MachineRecordFile opened, const Clock& clock)
    : file(std::move(opened)), liveness(file, clock) {
  if (file.slot() >= 0) own = &file.image().slots[file.slot()];
}

MachineRecord::Mapping::~Mapping() {
  if (!epoch.is_current()) {
    file.Abandon();
    return;
  }
  if (own == nullptr) return;
  own->generation.fetch_add(1);
}

Slot* MachineRecord::Mapping::mine() const {
  return epoch.is_current() ? own : nullptr;
}

int MachineRecord::Mapping::used() const {
  return static_cast<int>(std::min<uint64_t>(file.image().header.used.load(),
                                             machine_record::kSlots));
}

MachineRecord::MachineRecord(std::unique_ptr<Mapping> mapping)
    : mapping_(std::move(mapping)) {}

MachineRecord::~MachineRecord() = default;

std::string MachineRecord::DefaultFolder(absl::string_view share_dir,
                                         absl::string_view runtime_dir) {
  if (!share_dir.empty()) return std::string(share_dir);
  const uid_t user = ::geteuid();
  if (user == 0) return "/run/governor";
  if (!runtime_dir.empty()) return absl::StrCat(runtime_dir, "/governor");
  return absl::StrCat("/dev/shm/governor-", user);
}

absl::StatusOr<std::unique_ptr<MachineRecord>> MachineRecord::Join(
    const std::string& folder, absl::string_view name, const Clock* clock) {
  absl::StatusOr<MachineRecordFile> file = MachineRecordFile::Join(folder);
  if (!file.ok()) return file.status();
  auto mapping = std::make_unique<Mapping>(
      *std::move(file), clock == nullptr ? SystemClock() : *clock);
  Slot& slot = *mapping->own;
  machine_record::WriteText(slot.name, name);
  slot.pid.store(static_cast<uint64_t>(::getpid()));
  slot.generation.fetch_add(1);  // odd: others see it from here on
  return std::unique_ptr<MachineRecord>(new MachineRecord(std::move(mapping)));
}

absl::StatusOr<std::unique_ptr<MachineRecord>> MachineRecord::Look(
    const std::string& folder) {
  absl::StatusOr<MachineRecordFile> file = MachineRecordFile::Look(folder);
  if (!file.ok()) return file.status();
  return std::unique_ptr<MachineRecord>(new MachineRecord(
      std::make_unique<Mapping>(*std::move(file), SystemClock())));
}

void MachineRecord::AddInFlight(Bytes size) {
  if (Slot* const slot = mapping_->mine()) {
    machine_record::Add(slot->in_flight, size.count());
  }
}

void MachineRecord::SubtractInFlight(Bytes size) {
  if (Slot* const slot = mapping_->mine()) {
    machine_record::Subtract(slot->in_flight, size.count());
  }
}

// Adds to the bucket before it subtracts from what is in flight, and a reader
// reads what is in flight first. All accesses are seq_cst, so they have one
// order: a reader that finds the bytes no longer in flight reads `newest` and
// the bucket after they were written, and finds the bytes there, if `now` is
// not before its reading. One that reads in between finds them twice, which is
// safe.
void MachineRecord::Settle(Bytes size, absl::Duration now) {
  Slot* const slot = mapping_->mine();
  if (slot == nullptr) return;
  const uint64_t moment = machine_record::MomentOf(now);
  const uint64_t bucket = BucketOf(moment);
  uint64_t newest = slot->newest.load();
  while (newest < moment &&
         !slot->newest.compare_exchange_weak(newest, moment)) {
  }
  Word& word = slot->settled[bucket % kBuckets];
  uint64_t old = word.load();
  for (;;) {
    // A thread that was held up for a lap: every reading in use is later than
    // its `now`, and the bucket is a newer one's, who wrote `newest` first.
    newest = BucketOf(slot->newest.load());
    if (newest >= bucket && newest - bucket >= kBuckets) break;
    const uint64_t before =
        machine_record::LapIn(old) == machine_record::LapOf(bucket)
            ? machine_record::BytesIn(old)
            : uint64_t{0};
    const uint64_t bytes =
        std::min(SaturatingAdd(before, size.count()), kBucketBytesMax);
    if (word.compare_exchange_weak(old, machine_record::LapOf(bucket) | bytes))
      break;
  }
  machine_record::Subtract(slot->in_flight, size.count());
}

Bytes MachineRecord::InFlightOfAll(absl::Duration reading) const {
  Mapping& mapping = *mapping_;
  if (!mapping.epoch.is_current()) return Bytes();
  const uint64_t since = machine_record::MomentOf(reading);
  MachineRecordLiveness::Moment moment;
  const int used = mapping.used();
  uint64_t sum = 0;
  for (int i = 0; i < used; ++i) {
    const Slot& slot = mapping.file.image().slots[i];
    const uint64_t generation = slot.generation.load();
    if (generation % 2 == 0) continue;
    const uint64_t of_slot = machine_record::OnItsWay(slot, since);
    if (of_slot == 0) continue;
    if (&slot != mapping.own &&
        !mapping.liveness.Lives(i, generation, moment)) {
      continue;
    }
    sum = SaturatingAdd(sum, of_slot);
  }
  return Bytes(sum);
}

void MachineRecord::LookAfterTenants() const {
  Mapping& mapping = *mapping_;
  if (!mapping.epoch.is_current()) return;
  for (int i = 0; i < mapping.used(); ++i) {
    const uint64_t generation = mapping.file.image().slots[i].generation.load();
    if (generation % 2 != 0) mapping.liveness.LivesNow(i, generation);
  }
}

}  // namespace governor
