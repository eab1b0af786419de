// What tenants publish for people to see, and how others read it.
#include <algorithm>
#include <optional>
#include <utility>

#include "governor/budget/machine_record.h"
#include "governor/budget/machine_record_mapping.h"
#include "governor/budget/machine_record_text.h"

namespace governor {
namespace {

using machine_record::kRefusals;
using machine_record::RefusalEntry;
using machine_record::Slot;

int64_t PidIn(const Slot& slot) {
  return static_cast<int64_t>(slot.pid.load() & INT32_MAX);
}

MachineRecord::Figures FiguresIn(const Slot& slot) {
  const uint64_t both = slot.priority_and_device.load();
  return {
      .budget = Bytes(slot.budget.load()),
      .granted = Bytes(slot.granted.load()),
      .unmanaged = Bytes(slot.unmanaged.load()),
      .debt = Bytes(slot.debt.load()),
      .priority = static_cast<int32_t>(static_cast<uint32_t>(both >> 32)),
      .device = static_cast<int32_t>(static_cast<uint32_t>(both)),
  };
}

// The refusal in `entry`; nothing when there is none, when it changes under us
// time and again, and when it is absurd.
std::optional<MachineRecord::RememberedRefusal> ReadEntry(
    const RefusalEntry& entry) {
  constexpr int kTries = 4;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t before = entry.sequence.load();
    if (before % 2 != 0) continue;
    MachineRecord::RememberedRefusal read;
    const int64_t when = static_cast<int64_t>(entry.when.load());
    read.when = absl::FromUnixNanos(when);
    read.refusal.asked = Bytes(entry.asked.load());
    read.refusal.granted = Bytes(entry.granted.load());
    read.refusal.limit = Bytes(entry.limit.load());
    read.refusal.headroom = Bytes(entry.headroom.load());
    read.refusal.limited_by = machine_record::ReadText(entry.limited_by);
    read.refusal.tag = machine_record::ReadText(entry.tag);
    if (entry.sequence.load() != before) continue;
    if (when <= 0 || read.refusal.asked.is_zero() ||
        read.refusal.limited_by.empty()) {
      return std::nullopt;
    }
    return read;
  }
  return std::nullopt;
}

}  // namespace

void MachineRecord::Publish(const Figures& figures) {
  PublishLatest([&] { return figures; });
}

void MachineRecord::PublishLatest(absl::FunctionRef<Figures()> read) {
  Slot* const slot = mapping_->mine();
  if (slot == nullptr) return;
  MutexLock lock(mapping_->mutex);
  const Figures figures = read();
  slot->budget.store(figures.budget.count());
  slot->granted.store(figures.granted.count());
  slot->unmanaged.store(figures.unmanaged.count());
  slot->debt.store(figures.debt.count());
  slot->priority_and_device.store(
      uint64_t{static_cast<uint32_t>(figures.priority)} << 32 |
      static_cast<uint32_t>(figures.device));
}

void MachineRecord::RememberRefusal(const Refusal& refusal, absl::Time when) {
  Slot* const slot = mapping_->mine();
  if (slot == nullptr) return;
  MutexLock lock(mapping_->mutex);
  RefusalEntry& entry =
      slot->refusals[slot->refusals_written.fetch_add(1) % kRefusals];
  const uint64_t writing = entry.sequence.load() | 1;
  entry.sequence.store(writing);
  entry.when.store(static_cast<uint64_t>(absl::ToUnixNanos(when)));
  entry.asked.store(refusal.asked.count());
  entry.granted.store(refusal.granted.count());
  entry.limit.store(refusal.limit.count());
  entry.headroom.store(refusal.headroom.count());
  machine_record::WriteText(entry.limited_by, refusal.limited_by);
  machine_record::WriteText(entry.tag, refusal.tag);
  entry.sequence.store(writing + 1);
}

std::vector<MachineRecord::Tenant> MachineRecord::Tenants() const {
  std::vector<Tenant> tenants;
  Mapping& mapping = *mapping_;
  if (!mapping.epoch.is_current()) return tenants;
  for (int i = 0; i < mapping.used(); ++i) {
    const Slot& slot = mapping.file.image().slots[i];
    const uint64_t generation = slot.generation.load();
    if (generation % 2 == 0) continue;
    if (!mapping.liveness.LivesNow(i, generation)) continue;
    Tenant tenant = {
        .name = machine_record::ReadText(slot.name),
        .pid = PidIn(slot),
        .figures = FiguresIn(slot),
        .in_flight = Bytes(slot.in_flight.load()),
        .is_self = &slot == mapping.own,
    };
    // Left meanwhile: then these are nobody's figures.
    if (slot.generation.load() == generation) {
      tenants.push_back(std::move(tenant));
    }
  }
  return tenants;
}

std::vector<MachineRecord::RememberedRefusal> MachineRecord::Refusals(
    size_t limit) const {
  std::vector<RememberedRefusal> refusals;
  Mapping& mapping = *mapping_;
  if (!mapping.epoch.is_current()) return refusals;
  for (int i = 0; i < mapping.used(); ++i) {
    const Slot& slot = mapping.file.image().slots[i];
    const uint64_t generation = slot.generation.load();
    if (generation % 2 == 0) continue;
    if (!mapping.liveness.LivesNow(i, generation)) continue;
    const size_t before = refusals.size();
    const std::string name = machine_record::ReadText(slot.name);
    for (const RefusalEntry& entry : slot.refusals) {
      std::optional<RememberedRefusal> read = ReadEntry(entry);
      if (!read) continue;
      read->tenant = name;
      read->pid = PidIn(slot);
      refusals.push_back(*std::move(read));
    }
    if (slot.generation.load() != generation) {
      refusals.erase(refusals.begin() + before, refusals.end());
    }
  }
  std::stable_sort(refusals.begin(), refusals.end(),
                   [](const RememberedRefusal& a, const RememberedRefusal& b) {
                     return a.when > b.when;
                   });
  if (refusals.size() > limit) {
    refusals.erase(refusals.begin() + limit, refusals.end());
  }
  return refusals;
}

}  // namespace governor
