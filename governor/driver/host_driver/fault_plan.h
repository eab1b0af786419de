#ifndef GOVERNOR_DRIVER_HOST_DRIVER_FAULT_PLAN_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_FAULT_PLAN_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/driver_call.h"

namespace governor {

// Which calls of one HostDriver fail, as data. A call that fails by plan has no
// effect at all, but is counted, here and by HostDriver::calls(). Several plans
// may stand together; of those that a call meets, the one made first answers.
// Thread-safe. Costs a call one load while nothing is planned.
//
// `n` counts from the call after this one: n = 1 is the very next. n = 0 never
// comes.
class FaultPlan {
 public:
  // The nth call of the kind fails, once.
  void FailNth(DriverCall call, uint64_t n, CUresult result);
  // The nth call of the kind fails, and every one after it.
  void FailFrom(DriverCall call, uint64_t n, CUresult result);
  // The same, counting calls of every kind together.
  void FailNthCall(uint64_t n, CUresult result);
  void FailCallsFrom(uint64_t n, CUresult result);

  // From now on every call answers `result`, as after a sticky error, but for
  // cuGetErrorName, cuGetErrorString and cuDriverGetVersion.
  void Stick(CUresult result);

  // What cuMemGetInfo and nothing else calls free, whatever is true. A total
  // below it is not changed: drivers have answered so.
  void SetFree(Bytes free);
  // Figures for the next calls of cuMemGetInfo, one each; after the last, again
  // what SetFree said, or the truth.
  void ServeFree(std::vector<Bytes> figures);

  // Forgets all of the above.
  void Clear();

  // For the host driver: counts one call; what it must answer at once, if so.
  std::optional<CUresult> OnCall(DriverCall call);
  // For the host driver: the figure planned for this call of cuMemGetInfo.
  std::optional<Bytes> NextFree();

 private:
  struct Rule {
    std::optional<DriverCall> call;  // nullopt: any kind
    uint64_t first;
    bool once;
    CUresult result;
    uint64_t seen = 0;
  };

  void Add(Rule rule);

  mutable Mutex mutex_;
  std::atomic<bool> armed_{false};  // whether rules_ or sticky_ has anything
  std::vector<Rule> rules_ ABSL_GUARDED_BY(mutex_);
  std::optional<CUresult> sticky_ ABSL_GUARDED_BY(mutex_);
  std::optional<Bytes> free_ ABSL_GUARDED_BY(mutex_);
  std::deque<Bytes> free_figures_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_FAULT_PLAN_H_
