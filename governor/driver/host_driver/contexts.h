#ifndef GOVERNOR_DRIVER_HOST_DRIVER_CONTEXTS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_CONTEXTS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/functional/function_ref.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/context_id.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

// The contexts of a HostDriver, and which of them is current to each thread:
// one primary context for each device, counted, and those that cuCtxCreate
// made. A context is only a name and a few settings: what it costs and what
// dies with it is the caller's affair. Thread-safe.
class Contexts {
 public:
  // At most this many live in one process, each with a slot of its own.
  static constexpr int kMaxSlots = 16;

  // What a context knows of itself. It goes with the context, but for the flags
  // of a primary one.
  struct Settings {
    unsigned int flags = 0;
    std::map<CUlimit, size_t> limits;  // those that were set
    std::set<ContextId> peers;         // whose memory it may use
  };

  explicit Contexts(int slot);

  // `begin` and `end`, from here on, are called where a context comes to life
  // and dies. No other context does meanwhile, but this object may be asked. If
  // `begin` refuses, its answer is the result and nothing changed.

  // Counts one more reference to a primary context. Brings it to life if it is
  // not.
  CUresult Retain(int device, absl::FunctionRef<CUresult()> begin);
  // Counts one less. The last ends it. INVALID_CONTEXT: there was none.
  CUresult Release(int device, absl::FunctionRef<void()> end);
  // Ends a primary context, whoever retained it. They still release it.
  void Reset(int device, absl::FunctionRef<void()> end);

  // Another context on a device.
  CUresult Create(int device, unsigned int flags,
                  absl::FunctionRef<CUresult()> begin, CUcontext* context);
  // INVALID_CONTEXT: a primary one, or none that lives.
  CUresult Destroy(CUcontext context, absl::FunctionRef<void(ContextId)> end);

  // Of the primary context, alive or not.
  void SetPrimaryFlags(int device, unsigned int flags);
  unsigned int PrimaryFlags(int device) const;
  bool IsActive(int device) const;
  uint64_t references() const;
  // How many that cuCtxCreate made are alive.
  uint64_t created() const;

  // The primary context of a device has the same name each time it is retained.
  // No name is given to two contexts.
  CUcontext ContextOf(ContextId id) const;
  // nullopt: not a context of this driver. A dead one still has its device.
  std::optional<int> DeviceOf(CUcontext context) const;
  // INVALID_CONTEXT: not a context of this driver. CONTEXT_IS_DESTROYED: it is
  // dead, or was never alive.
  CUresult Check(CUcontext context, ContextId* id) const;

  // Calls `visit` with the settings of a context, under the lock. Its answer,
  // or Check's.
  CUresult Visit(CUcontext context,
                 absl::FunctionRef<CUresult(Settings&)> visit);

  // The calling thread's stack of current contexts, which may be empty.
  std::vector<CUcontext>& Stack();

  // The calling thread's current context, for calls that need one.
  // INVALID_CONTEXT: there is none. CONTEXT_IS_DESTROYED: it is dead.
  CUresult Current(ContextId* id);
  CUresult CurrentDevice(int* device);
  CUresult VisitCurrent(absl::FunctionRef<CUresult(Settings&)> visit);

 private:
  struct Context {
    ContextId id = 0;
    std::atomic<bool> alive{false};
    std::atomic<uint64_t> references{0};  // of a primary one
    Settings settings;                    // guarded by mutex_
  };

  // nullptr: not a context of this driver.
  Context* Find(CUcontext context) const;
  void MarkDead(Context& context);

  const int slot_;
  const uint64_t serial_;  // differs between any two instances of the process
  Mutex change_;           // held while a context comes to life or dies
  mutable Mutex mutex_;    // a leaf: over the settings and the table below
  std::array<Context, kMaxHostDevices> primaries_;
  // By name, and for ever, so that a stale name is always noticed.
  std::map<CUcontext, std::unique_ptr<Context>> created_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_CONTEXTS_H_
