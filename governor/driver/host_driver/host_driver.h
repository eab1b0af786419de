#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_DRIVER_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_DRIVER_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/driver_call.h"
#include "governor/driver/host_driver/fault_plan.h"
#include "governor/driver/host_driver/live_objects.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

class HostCalls;
struct HostState;

// The CUDA driver API over host memory, for machines without a GPU and for
// tests. It is as strict about misuse as the real driver, counts what it gives
// out, and fails on demand. It runs no kernels, and it is not a model of speed.
//
// Device memory is host memory: one sparse memfd for each device, mapped where
// the caller reserved addresses. A page appears when it is first touched, read
// or written, and goes back to the system when its allocation is really freed.
// So physical_bytes() is what may come to exist; the host sees what was
// touched, or, with a personality of `pages=now`, all of it at once. The CPU
// may use a mapping directly once cuMemSetAccess allowed it. A range without
// access faults on the CPU; the driver's own copies and sets check first and
// answer CUDA_ERROR_INVALID_VALUE.
//
// Work on streams is done before the call that asks for it returns, but for
// host functions, which have threads of their own, what is behind those, and
// what a test holds back with HoldStream. Work that fails later than its call
// leaves CUDA_ERROR_ILLEGAL_ADDRESS behind for every call after it.
//
// What it answers to misuse is what an H200 with driver 580.159.04 answered,
// but for these, on purpose. A stale or foreign handle is refused, where that
// driver may crash or go on. So are a mapping that runs past the end of its
// reservation, access set across a gap (that driver says yes and sets a part),
// and a set whose size wraps. cuMemAlloc takes whole pages, not 2 MiB at a
// time.
//
// Pinned and managed memory is memory of the process that the CPU and every
// device may use. What cuMemHostRegister does with a mapping is what was
// measured or reported of the personality's device, one that hangs included.
// Chunks that may be exported have a memfd of their own each; that and
// cuIpcGetMemHandle work between the processes of a user.
//
// Stream-ordered memory comes from pools in steps of 32 MiB, as measured, and
// the memory of graphs, too; what is freed in one stream is given to another
// when its work is done, never by an event that orders the two. Arrays take
// 64 KiB at a time.
//
// Not there, and answered as by a driver that cannot do it: pools and events
// for other processes, though their attributes are as measured; fabric handles;
// I/O memory.
//
// Thread-safe, every driver function included. In a forked child every driver
// call answers CUDA_ERROR_NOT_INITIALIZED, but for the three that read
// constants (cuDriverGetVersion, cuGetErrorName, cuGetErrorString), and the
// destructor does nothing.
class HostDriver {
 public:
  // How many may live in one process at the same time.
  static constexpr int kMaxInstances = 16;

  // RESOURCE_EXHAUSTED: kMaxInstances live already, or the system has no file
  // descriptor left. INVALID_ARGUMENT: ValidatePersonality refuses.
  static absl::StatusOr<std::unique_ptr<HostDriver>> Create(
      const Personality& personality);

  // Frees all that is left, mappings included. No call may be running in
  // another thread, but for those that hang. Copies of api() answer
  // CUDA_ERROR_DEINITIALIZED from then on, until another HostDriver takes this
  // one's place.
  ~HostDriver();

  HostDriver(const HostDriver&) = delete;
  HostDriver& operator=(const HostDriver&) = delete;

  // Every row is filled, optional ones too. Valid as long as this object.
  const DriverApi& api() const { return api_; }

  const Personality& personality() const;
  FaultPlan& faults();

  // The books of physical memory, of all devices together: handles of
  // cuMemCreate until they are released and unmapped, wherever they are
  // located, and allocations in whole pages. Contexts are not in it, nor is
  // what has books of its own below. They change where memory is given out and
  // taken back and nowhere else: up before the caller gets it, down after it is
  // gone. Lock-free.
  Bytes physical_bytes() const;
  // The most that physical_bytes() ever was.
  Bytes physical_high_water() const;
  // Page-locked host memory, allocated or registered, in whole pages. On an
  // integrated device what was allocated is taken from its free memory too.
  Bytes pinned_bytes() const;
  // Managed memory in whole pages, which may be more than there is.
  Bytes managed_bytes() const;
  // Chunks and allocations of other processes that are open here. These have
  // them in their own books.
  Bytes imported_bytes() const;

  // Of what physical_bytes() counts, and of what is kept, the bytes that are
  // pages of the host now, which may be fewer: see `pages` in Personality. A
  // system call for each device, one for the host and one for each chunk that
  // may be exported.
  Bytes host_resident_bytes() const;

  // How many calls hang now, as the real driver does in places; see
  // RegisterOutcome::kHangs. A call hangs until ReleaseHungCalls, or the end of
  // this object, and answers CUDA_ERROR_UNKNOWN then.
  uint64_t hung_calls() const;
  void ReleaseHungCalls();

  LiveObjects live_objects() const;

  // What a personality that keeps released pages has kept, of all devices; and
  // what the system does when it wants them.
  Bytes kept_bytes() const;
  void RunShrinker();

  // From now on no work of this stream begins, and nothing behind it: queries
  // say NOT_READY, waits wait. Until ReleaseStream, which runs what was held
  // back, or the stream's end. A default stream is that of the caller's current
  // context. What cuStreamSynchronize would say of the stream, if not success.
  CUresult HoldStream(CUstream stream);
  CUresult ReleaseStream(CUstream stream);
  // How many calls wait for work of streams at this moment.
  int blocked_calls() const;

  // Calls made so far, those that failed included. Lock-free.
  uint64_t calls(DriverCall call) const;
  uint64_t total_calls() const;

 private:
  HostDriver(std::unique_ptr<HostState> state, int slot);

  std::unique_ptr<HostState> state_;
  std::unique_ptr<HostCalls> calls_;
  int slot_;
  DriverApi api_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HOST_DRIVER_H_
