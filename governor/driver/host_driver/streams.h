#ifndef GOVERNOR_DRIVER_HOST_DRIVER_STREAMS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_STREAMS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/contexts.h"
#include "governor/driver/host_driver/graphs.h"
#include "governor/driver/host_driver/live_objects.h"
#include "governor/driver/host_driver/work_queues.h"

namespace governor {

// Streams and events of a HostDriver, and the capture of streams into graphs.
// Each stream and event belongs to a context. Work is done before the call that
// asks for it returns, unless a test holds its stream back, or it waits for
// such a stream. Thread-safe; no lock is held while work runs.
//
// The default streams of a context are made when they are first used: one for
// all threads, which waits for every blocking stream and is waited for by them,
// and one for each thread.
//
// A CUstream or CUevent here is a number that is never given twice, so that a
// stale one is always noticed.
class Streams {
 public:
  using Work = WorkQueues::Work;

  // `on_late_failure` hears of work that failed after its call had returned.
  Streams(Contexts& contexts, Graphs& graphs,
          std::function<void(CUresult)> on_late_failure);

  // Null, CU_STREAM_LEGACY or CU_STREAM_PER_THREAD.
  static bool IsDefault(CUstream stream);

  CUstream CreateStream(ContextId context, unsigned int flags, int priority);
  // Work that it has is done all the same. INVALID_HANDLE, from here on: not a
  // live stream or event of this driver. For a default stream, what
  // Contexts::Current answers.
  CUresult DestroyStream(CUstream stream);
  CUresult CheckStream(CUstream stream);

  // Runs `work` in the stream's order, at once if nothing holds it back. It may
  // run later, after the call returned, and more than once, when it is captured
  // into a graph: it owns all that it uses. The result is that of `work` if it
  // ran. `kind` is what a captured node of it is called.
  CUresult Enqueue(CUstream stream, CUgraphNodeType kind, Work work);
  // The same, and waits until it ran: for calls that return when all is done.
  CUresult Run(CUstream stream, Work work);
  // The same for what cannot be captured: STREAM_CAPTURE_UNSUPPORTED.
  CUresult EnqueueGraph(CUstream stream, Work work,
                        WorkQueues::Thread thread = WorkQueues::Thread::kAny);
  // The same as Enqueue, in a thread of its own: `work` may wait for what the
  // caller does next.
  CUresult EnqueueHostFunction(CUstream stream, Work work);
  // What is the same for all work of a stream, and no other.
  CUresult LaneOf(CUstream stream, const void** lane);

  struct Properties {
    ContextId context = 0;
    unsigned int flags = 0;
    int priority = 0;
  };
  CUresult Describe(CUstream stream, Properties* properties);

  // NOT_READY: there is work left.
  CUresult Query(CUstream stream);
  CUresult Synchronize(CUstream stream);
  // Waits for all streams of a context, or of all there are.
  void WaitForContext(ContextId context);
  void WaitForAllContexts();

  // From now on no work of the stream begins, until Release.
  CUresult Hold(CUstream stream);
  CUresult Release(CUstream stream);

  CUevent CreateEvent(ContextId context, unsigned int flags);
  CUresult DestroyEvent(CUevent event);
  CUresult CheckEvent(CUevent event);
  CUresult FlagsOf(CUevent event, unsigned int* flags);
  // INVALID_HANDLE, too: the event and the stream are of different contexts.
  CUresult Record(CUevent event, CUstream stream);
  CUresult WaitEvent(CUstream stream, CUevent event);
  // NOT_READY: what was last recorded is not done. CAPTURED_EVENT: it was
  // recorded in a capture, which is spoilt now. INVALID_VALUE: in one that is
  // over. What CheckUnsafe answers.
  CUresult QueryEvent(CUevent event);
  CUresult SynchronizeEvent(CUevent event);
  // INVALID_HANDLE: not both recorded, or without timing.
  CUresult Elapsed(CUevent start, CUevent end, float* milliseconds);

  // Begins a capture into a new graph. ILLEGAL_STATE: the stream is in one.
  // STREAM_CAPTURE_UNSUPPORTED: it is the default stream of all threads.
  CUresult BeginCapture(CUstream stream, CUstreamCaptureMode mode);
  // Ends it. ILLEGAL_STATE: there is none. STREAM_CAPTURE_UNMATCHED: it began
  // on another stream. STREAM_CAPTURE_WRONG_THREAD. STREAM_CAPTURE_INVALIDATED:
  // it had been ended by a call that it cannot have.
  // STREAM_CAPTURE_UNJOINED: a stream that joined did not come back.
  CUresult EndCapture(CUstream stream, CUgraph* graph);
  CUresult CaptureStatus(CUstream stream, CUstreamCaptureStatus* status);
  // The graph that the stream is captured into, and what a new node there
  // depends on; a null graph: no capture. STREAM_CAPTURE_INVALIDATED.
  CUresult CapturedGraph(CUstream stream, CUgraph* graph,
                         std::vector<CUgraphNode>* dependencies);
  // The node was added for the stream's last work.
  void SetCapturedTail(CUstream stream, CUgraphNode node);
  // The stream's capture had a call that it cannot have.
  void InvalidateCapture(CUstream stream);

  // What a call that a capture may not see answers, which it then ends:
  // STREAM_CAPTURE_UNSUPPORTED. CUDA_SUCCESS: no capture forbids it. Costs a
  // load while there is no capture.
  CUresult CheckUnsafe();
  // The same for a call that waits for a whole context, which every capture
  // there forbids.
  CUresult CheckContextWait(ContextId context);
  // The calling thread's mode, for CheckUnsafe; gives the old one.
  CUstreamCaptureMode ExchangeCaptureMode(CUstreamCaptureMode mode);

  // Destroys what belongs to a context, as its end does, and waits for the work
  // that was asked for. What a test holds back is released.
  void DestroyAll(ContextId context);

  // How many calls wait for work at this moment.
  int blocked();

  // Fills what it knows of.
  void CountLive(LiveObjects& live);

 private:
  struct Capture {
    CUgraph graph = nullptr;
    const void* origin = nullptr;  // its stream
    CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
    std::thread::id thread;
    bool valid = true;
    bool over = false;             // ended, one way or another
    std::set<CUgraphNode> leaves;  // that no other node depends on
  };
  struct Stream {
    Properties properties;
    bool blocking = true;
    bool legacy = false;  // the default stream of all threads
    std::shared_ptr<WorkQueues::Queue> queue;
    std::shared_ptr<Capture> capture;  // null: none
    std::vector<CUgraphNode> tail;     // what its next node depends on
  };
  using StreamPointer = std::shared_ptr<Stream>;
  struct Recorded {
    WorkQueues::Point point;
    std::atomic<int64_t> at_ns{0};  // when it was done
    // In a capture, instead:
    std::shared_ptr<Capture> capture;
    std::vector<CUgraphNode> tail;
  };
  struct Event {
    ContextId context = 0;
    unsigned int flags = 0;
    std::shared_ptr<Recorded> recorded = nullptr;  // never
  };
  // Default streams: that of all threads has no thread.
  using DefaultKey = std::pair<ContextId, std::thread::id>;

  // Finds a stream, or makes a default one.
  CUresult Find(CUstream stream, StreamPointer* found)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StreamPointer Default(ContextId context, std::thread::id thread)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What work of the stream waits for, beside its own.
  std::vector<WorkQueues::Point> Before(const Stream& stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Waits for the streams for which `choose` says true.
  template <typename Choose>
  void WaitForAll(Choose choose) ABSL_LOCKS_EXCLUDED(mutex_);
  // Every stream there is, default ones included.
  template <typename Visit>
  void ForEach(Visit visit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Work on the default stream of all threads would join every capture of a
  // blocking stream: ends those, and says STREAM_CAPTURE_IMPLICIT.
  CUresult CheckImplicit(const Stream& stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CUresult FindImplicit(const Stream& stream, bool end)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The capture is over: no stream is in it.
  void Leave(const std::shared_ptr<Capture>& capture)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CUresult Submit(CUstream stream, CUgraphNodeType kind, Work work,
                  WorkQueues::Thread thread);

  Contexts& contexts_;
  Graphs& graphs_;
  WorkQueues queues_;
  Mutex mutex_;
  uintptr_t next_ ABSL_GUARDED_BY(mutex_) = 0x10000;
  absl::flat_hash_map<CUstream, StreamPointer> streams_ ABSL_GUARDED_BY(mutex_);
  std::map<DefaultKey, StreamPointer> defaults_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<CUevent, Event> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Capture>> captures_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> capture_count_{0};
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_STREAMS_H_
