#ifndef GOVERNOR_POLICY_PRESSURED_MACHINE_H_
#define GOVERNOR_POLICY_PRESSURED_MACHINE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/policy/pressure.h"

namespace governor {

// A machine of 4 KiB pages whose counters grow at the rates that a test sets.
class PressuredMachine {
 public:
  // A second; 1 is all of it.
  double stalled = 0;
  double stalled_full = 0;
  // MiB a second.
  double swap_in = 0;
  double swap_out = 0;
  double growth = 0;  // of resident anonymous memory
  double refaults = 0;
  double scanned = 0;
  double stolen = 0;

  HostSnapshot now;

  PressuredMachine() {
    now.meminfo.emplace();
    now.meminfo->anonymous = GiB(20);
    now.meminfo->inactive_file = GiB(1);
    now.meminfo->swap_total = GiB(16);
    now.stall.emplace();
    now.vmstat = HostSnapshot::Vmstat();
    now.vmstat->page_size = KiB(4);
  }

  // Lets `time` pass and hands the readings to the judge, `step` apart.
  // What it says at the end.
  PressureVerdict Run(absl::Duration time,
                      absl::Duration step = absl::Milliseconds(100)) {
    for (absl::Duration end = now.taken_at + time; now.taken_at < end;) {
      Pass(step);
      judge.Observe(now);
    }
    return judge.verdict();
  }

  void Pass(absl::Duration step) {
    const double seconds = absl::ToDoubleSeconds(step);
    const auto pages = [&](double mib) {
      return static_cast<uint64_t>(mib * 256 * seconds + 0.5);
    };
    now.taken_at += step;
    if (now.stall) {
      now.stall->some += step * stalled;
      now.stall->full += step * stalled_full;
    }
    if (now.vmstat) {
      now.vmstat->swapped_in += pages(swap_in);
      now.vmstat->swapped_out += pages(swap_out);
      now.vmstat->refaulted_anonymous += pages(swap_in);
      now.vmstat->refaulted_file += pages(refaults);
      now.vmstat->scanned_direct += pages(scanned);
      now.vmstat->stolen_direct += pages(stolen);
    }
    now.meminfo->anonymous += KiB(4) * pages(growth);
  }

  PressureJudge judge;
};

}  // namespace governor

#endif  // GOVERNOR_POLICY_PRESSURED_MACHINE_H_
