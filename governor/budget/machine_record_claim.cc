// How tenants that ask at the same time come to one answer.
#include <sched.h>
#include <time.h>

#include "governor/budget/machine_record.h"
#include "governor/budget/machine_record_mapping.h"
#include "governor/budget/machine_record_words.h"

namespace governor {
namespace {

using machine_record::kAskedMax;
using machine_record::SaturatingAdd;
using machine_record::Slot;
using machine_record::Word;

// An answer takes a microsecond, unless whoever is to give it does not run. So
// often the processor is given away, and then so often a pause is made: 50 ms
// and more, as long as a busy machine lets a thread wait for its turn.
constexpr int kYields = 64;
constexpr int kPauses = 200;
constexpr timespec kPause = {.tv_sec = 0, .tv_nsec = 250'000};

class Patience {
 public:
  explicit Patience(const MachineRecord& record) : record_(record) {}

  // Waits a little; false: that was long enough.
  bool Wait() {
    if (waits_ == kYields + kPauses) return false;
    ++waits_;
    if (waits_ <= kYields) {
      ::sched_yield();
      return true;
    }
    // Whoever is waited for may have died.
    if (waits_ == kYields + 1) record_.LookAfterTenants();
    ::nanosleep(&kPause, nullptr);
    return true;
  }

 private:
  const MachineRecord& record_;
  int waits_ = 0;
};

// A request of this tenant, seen by all from Begin to End.
class Request {
 public:
  Request(Word& word, Bytes size) : word_(word), size_(size) {}
  ~Request() { End(); }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  // Threads of one tenant ask one after the other. False: another still does.
  bool Begin() {
    if (asks_) return true;
    uint64_t last = word_.load();
    if ((last & kAskedMax) != 0) return false;
    number_ = (last | kAskedMax) + 1;
    asks_ = word_.compare_exchange_strong(last, number_ | size_.count());
    return asks_;
  }
  // Release: whoever still reads that it asks only waits.
  void End() {
    if (asks_) word_.store(number_, std::memory_order_release);
    asks_ = false;
  }

 private:
  Word& word_;
  const Bytes size_;
  uint64_t number_ = 0;
  bool asks_ = false;
};

// The words of those who live, as one who asks reads them.
struct Sum {
  uint64_t taken = 0;        // by all
  uint64_t fingerprint = 0;  // of what each has taken
  uint64_t asked = 0;        // by others
  // The lowest slot of those others.
  int first = -1;
  uint64_t generation = 0;
  uint64_t asking = 0;
};

}  // namespace

// Each asks before it looks at the others, and all accesses are seq_cst: of two
// who ask, at least one sees the other. What was asked for is in flight before
// it is no longer asked for, while a reader reads what is asked for first, so
// that it finds the bytes in one place at least. Hence two never both take what
// fits only once, and none is refused for what another asks for in vain.
bool MachineRecord::TryClaim(Bytes size, Bytes spare, absl::Duration reading) {
  Mapping& mapping = *mapping_;
  Slot* const mine = mapping.mine();
  if (mine == nullptr || size > spare || size.count() > kAskedMax) return false;
  const Slot* const slots = mapping.file.image().slots;
  const uint64_t since = machine_record::MomentOf(reading);

  // Alone there is nobody to come to an answer with. Whoever joins after this
  // looked finds the bytes, which were added before.
  if (mapping.used() == 1 && &slots[0] == mine) {
    machine_record::Add(mine->in_flight, size.count());
    const bool fits = machine_record::OnItsWay(*mine, since) <= spare.count();
    if (fits && mapping.used() == 1) return true;
    machine_record::Subtract(mine->in_flight, size.count());
    if (!fits) return false;
  }

  const auto look = [&] {
    Sum sum;
    MachineRecordLiveness::Moment moment;
    const int used = mapping.used();
    for (int i = 0; i < used; ++i) {
      const Slot& slot = slots[i];
      const uint64_t generation = slot.generation.load();
      if (generation % 2 == 0) continue;
      // In this order.
      const uint64_t asking = &slot == mine ? 0 : slot.asking.load();
      const uint64_t asked = asking & kAskedMax;
      const uint64_t taken = machine_record::OnItsWay(slot, since);
      if (asked == 0 && taken == 0) continue;
      if (&slot != mine && !mapping.liveness.Lives(i, generation, moment)) {
        continue;
      }
      sum.taken = SaturatingAdd(sum.taken, taken);
      sum.fingerprint = (sum.fingerprint ^ taken ^ i) * 1099511628211u;
      sum.asked = SaturatingAdd(sum.asked, asked);
      if (asked == 0 || sum.first >= 0) continue;
      sum.first = i;
      sum.generation = generation;
      sum.asking = asking;
    }
    return sum;
  };
  const auto fits_with = [&](uint64_t others) {
    return SaturatingAdd(others, size.count()) <= spare.count();
  };
  const auto is_asking = [&](const Sum& sum) {
    MachineRecordLiveness::Moment moment;
    return slots[sum.first].asking.load() == sum.asking &&
           mapping.liveness.Lives(sum.first, sum.generation, moment);
  };

  // What went from one tenant to another while they were read was counted
  // twice. What did not change was there.
  const auto is_certain = [&](const Sum& sum) {
    return look().fingerprint == sum.fingerprint;
  };

  Patience patience(*this);
  Request request(mine->asking, size);
  do {
    // Whoever was refused looks before it asks again, so that it is not in the
    // way of others all the time.
    if (mapping.was_refused.load(std::memory_order_relaxed)) {
      const Sum before = look();
      if (!fits_with(before.taken) && is_certain(before)) return false;
    }
    if (!request.Begin()) continue;
    const Sum sum = look();
    if (fits_with(SaturatingAdd(sum.taken, sum.asked))) {
      machine_record::Add(mine->in_flight, size.count());
      request.End();
      if (mapping.was_refused.load(std::memory_order_relaxed)) {
        mapping.was_refused.store(false, std::memory_order_relaxed);
      }
      return true;
    }
    if (!fits_with(sum.taken)) {
      if (!is_certain(sum)) continue;
      mapping.was_refused.store(true, std::memory_order_relaxed);
      return false;
    }
    if (&slots[sum.first] < mine) {
      // The lower slot goes first. It waits only for those who give way, so
      // that somebody always comes to an answer.
      request.End();
      while (is_asking(sum)) {
        if (!patience.Wait()) return false;
      }
    }
  } while (patience.Wait());
  return false;
}

}  // namespace governor
