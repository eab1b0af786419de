#include "governor/driver/host_driver/streams.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace governor {
namespace {

// Handles look like pointers: CUDA's own low numbers are the default streams.
constexpr uintptr_t kHandleStep = 16;

// Of a thread, for all drivers in the process: CUDA has one.
thread_local CUstreamCaptureMode capture_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

int64_t NowNanos() {
  return std::chrono::steady_clock::now().time_since_epoch() /
         std::chrono::nanoseconds(1);
}

}  // namespace

Streams::Streams(Contexts& contexts, Graphs& graphs,
                 std::function<void(CUresult)> on_late_failure)
    : contexts_(contexts),
      graphs_(graphs),
      queues_(std::move(on_late_failure)) {}

bool Streams::IsDefault(CUstream stream) {
  return stream == nullptr || stream == CU_STREAM_LEGACY ||
         stream == CU_STREAM_PER_THREAD;
}

CUstream Streams::CreateStream(ContextId context, unsigned int flags,
                               int priority) {
  MutexLock lock(mutex_);
  const CUstream handle = reinterpret_cast<CUstream>(next_);
  next_ += kHandleStep;
  auto stream = std::make_shared<Stream>();
  stream->properties = {context, flags, priority};
  stream->blocking = (flags & CU_STREAM_NON_BLOCKING) == 0;
  stream->queue = queues_.NewQueue();
  streams_.emplace(handle, std::move(stream));
  return handle;
}

CUresult Streams::DestroyStream(CUstream stream) {
  std::shared_ptr<WorkQueues::Queue> queue;
  {
    MutexLock lock(mutex_);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return CUDA_ERROR_INVALID_HANDLE;
    const std::shared_ptr<Capture> capture = found->second->capture;
    if (capture != nullptr && capture->origin == found->second.get()) {
      Leave(capture);
      graphs_.Destroy(capture->graph);
    } else if (capture != nullptr) {
      capture->valid = false;
    }
    queue = found->second->queue;
    streams_.erase(found);
  }
  // Nobody could any more.
  queues_.Release(queue);
  return CUDA_SUCCESS;
}

CUresult Streams::CheckStream(CUstream stream) {
  Properties properties;
  return Describe(stream, &properties);
}

CUresult Streams::Enqueue(CUstream stream, CUgraphNodeType kind, Work work) {
  return Submit(stream, kind, std::move(work), WorkQueues::Thread::kAny);
}

CUresult Streams::EnqueueGraph(CUstream stream, Work work,
                               WorkQueues::Thread thread) {
  CUgraph graph = nullptr;
  std::vector<CUgraphNode> dependencies;
  if (CUresult result = CapturedGraph(stream, &graph, &dependencies)) {
    return result;
  }
  if (graph != nullptr) {
    InvalidateCapture(stream);
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return Submit(stream, CU_GRAPH_NODE_TYPE_GRAPH, std::move(work), thread);
}

CUresult Streams::EnqueueHostFunction(CUstream stream, Work work) {
  return Submit(stream, CU_GRAPH_NODE_TYPE_HOST, std::move(work),
                WorkQueues::Thread::kOwn);
}

CUresult Streams::Run(CUstream stream, Work work) {
  CUresult result = CUDA_SUCCESS;
  WorkQueues::Point point;
  {
    StreamPointer found;
    std::vector<WorkQueues::Point> before;
    {
      MutexLock lock(mutex_);
      if (CUresult found_result = Find(stream, &found)) return found_result;
      if (found->capture != nullptr) {
        found->capture->valid = false;
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
      }
      if (CUresult implicit = CheckImplicit(*found)) return implicit;
      before = Before(*found);
    }
    // The work may be dropped only with the driver, when no call runs.
    point = queues_
                .Submit(found->queue, before,
                        [&result, &work] {
                          result = work();
                          return CUDA_SUCCESS;
                        })
                .point;
  }
  queues_.Wait(point);
  return result;
}

CUresult Streams::LaneOf(CUstream stream, const void** lane) {
  MutexLock lock(mutex_);
  StreamPointer found;
  if (CUresult result = Find(stream, &found)) return result;
  *lane = found->queue.get();
  return CUDA_SUCCESS;
}

CUresult Streams::Describe(CUstream stream, Properties* properties) {
  MutexLock lock(mutex_);
  StreamPointer found;
  if (CUresult result = Find(stream, &found)) return result;
  *properties = found->properties;
  return CUDA_SUCCESS;
}

CUresult Streams::Query(CUstream stream) {
  std::vector<WorkQueues::Point> points;
  {
    MutexLock lock(mutex_);
    StreamPointer found;
    if (CUresult result = Find(stream, &found)) return result;
    if (found->capture != nullptr) {
      found->capture->valid = false;
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (CUresult result = CheckImplicit(*found)) return result;
    if (found->legacy) points = Before(*found);
    points.push_back(queues_.Last(found->queue));
  }
  if (CUresult result = CheckUnsafe()) return result;
  return std::all_of(points.begin(), points.end(),
                     [this](const WorkQueues::Point& point) {
                       return queues_.Done(point);
                     })
             ? CUDA_SUCCESS
             : CUDA_ERROR_NOT_READY;
}

CUresult Streams::Synchronize(CUstream stream) {
  // What it waits for is what a query asks about, at this moment.
  std::vector<WorkQueues::Point> points;
  const CUresult now = Query(stream);
  if (now != CUDA_ERROR_NOT_READY) return now;
  {
    MutexLock lock(mutex_);
    StreamPointer found;
    if (CUresult result = Find(stream, &found)) return result;
    if (found->legacy) points = Before(*found);
    points.push_back(queues_.Last(found->queue));
  }
  for (const WorkQueues::Point& point : points) queues_.Wait(point);
  return CUDA_SUCCESS;
}

void Streams::WaitForContext(ContextId context) {
  WaitForAll([context](const Stream& stream) {
    return stream.properties.context == context;
  });
}

void Streams::WaitForAllContexts() {
  WaitForAll([](const Stream&) { return true; });
}

template <typename Choose>
void Streams::WaitForAll(Choose choose) {
  std::vector<WorkQueues::Point> points;
  {
    MutexLock lock(mutex_);
    ForEach([&](const Stream& stream) {
      if (choose(stream)) points.push_back(queues_.Last(stream.queue));
    });
  }
  for (const WorkQueues::Point& point : points) queues_.Wait(point);
}

CUresult Streams::Hold(CUstream stream) {
  MutexLock lock(mutex_);
  StreamPointer found;
  if (CUresult result = Find(stream, &found)) return result;
  queues_.Hold(found->queue);
  return CUDA_SUCCESS;
}

CUresult Streams::Release(CUstream stream) {
  StreamPointer found;
  {
    MutexLock lock(mutex_);
    if (CUresult result = Find(stream, &found)) return result;
  }
  queues_.Release(found->queue);  // runs what it held back
  return CUDA_SUCCESS;
}

CUevent Streams::CreateEvent(ContextId context, unsigned int flags) {
  MutexLock lock(mutex_);
  const CUevent event = reinterpret_cast<CUevent>(next_);
  next_ += kHandleStep;
  events_[event] = {.context = context, .flags = flags};
  return event;
}

CUresult Streams::DestroyEvent(CUevent event) {
  MutexLock lock(mutex_);
  return events_.erase(event) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult Streams::CheckEvent(CUevent event) {
  MutexLock lock(mutex_);
  return events_.contains(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult Streams::FlagsOf(CUevent event, unsigned int* flags) {
  MutexLock lock(mutex_);
  const auto known = events_.find(event);
  if (known == events_.end()) return CUDA_ERROR_INVALID_HANDLE;
  *flags = known->second.flags;
  return CUDA_SUCCESS;
}

CUresult Streams::Record(CUevent event, CUstream stream) {
  const auto recorded = std::make_shared<Recorded>();
  StreamPointer found;
  std::vector<WorkQueues::Point> before;
  {
    MutexLock lock(mutex_);
    if (CUresult result = Find(stream, &found)) return result;
    const auto known = events_.find(event);
    if (known == events_.end() ||
        known->second.context != found->properties.context) {
      return CUDA_ERROR_INVALID_HANDLE;
    }
    if (found->capture != nullptr) {
      if (!found->capture->valid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
      recorded->capture = found->capture;
      recorded->tail = found->tail;
      known->second.recorded = recorded;
      return CUDA_SUCCESS;
    }
    if (CUresult result = CheckImplicit(*found)) return result;
    before = Before(*found);
  }
  recorded->point = queues_
                        .Submit(found->queue, before,
                                [recorded] {
                                  recorded->at_ns = NowNanos();
                                  return CUDA_SUCCESS;
                                })
                        .point;
  MutexLock lock(mutex_);
  const auto known = events_.find(event);
  if (known != events_.end()) known->second.recorded = recorded;
  return CUDA_SUCCESS;
}

CUresult Streams::WaitEvent(CUstream stream, CUevent event) {
  StreamPointer found;
  std::vector<WorkQueues::Point> before;
  {
    MutexLock lock(mutex_);
    if (CUresult result = Find(stream, &found)) return result;
    const auto known = events_.find(event);
    if (known == events_.end()) return CUDA_ERROR_INVALID_HANDLE;
    const std::shared_ptr<Recorded> recorded = known->second.recorded;
    if (CUresult result = CheckImplicit(*found)) return result;
    if (recorded == nullptr) return CUDA_SUCCESS;
    if (recorded->capture != nullptr) {
      if (recorded->capture->over) return CUDA_ERROR_INVALID_VALUE;  // measured
      if (!recorded->capture->valid) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
      }
      if (found->legacy) {  // measured: it cannot join
        recorded->capture->valid = false;
        return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
      }
      if (found->capture != nullptr && found->capture != recorded->capture) {
        found->capture->valid = recorded->capture->valid = false;
        return CUDA_ERROR_STREAM_CAPTURE_MERGE;
      }
      found->capture = recorded->capture;
      for (const CUgraphNode node : recorded->tail) {
        if (std::find(found->tail.begin(), found->tail.end(), node) ==
            found->tail.end()) {
          found->tail.push_back(node);
        }
      }
      return CUDA_SUCCESS;
    }
    if (found->capture != nullptr) {
      found->capture->valid = false;
      return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    }
    if (queues_.Done(recorded->point)) return CUDA_SUCCESS;
    before = Before(*found);
    before.push_back(recorded->point);
  }
  queues_.Submit(found->queue, before, [] { return CUDA_SUCCESS; });
  return CUDA_SUCCESS;
}

CUresult Streams::QueryEvent(CUevent event) {
  std::shared_ptr<Recorded> recorded;
  {
    MutexLock lock(mutex_);
    const auto known = events_.find(event);
    if (known == events_.end()) return CUDA_ERROR_INVALID_HANDLE;
    recorded = known->second.recorded;
    if (recorded == nullptr) return CUDA_SUCCESS;
    if (recorded->capture != nullptr) {
      if (recorded->capture->over) return CUDA_ERROR_INVALID_VALUE;  // measured
      recorded->capture->valid = false;
      return CUDA_ERROR_CAPTURED_EVENT;
    }
  }
  if (CUresult result = CheckUnsafe()) return result;  // measured
  return queues_.Done(recorded->point) ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

CUresult Streams::SynchronizeEvent(CUevent event) {
  const CUresult now = QueryEvent(event);
  if (now != CUDA_ERROR_NOT_READY) return now;
  WorkQueues::Point point;
  {
    MutexLock lock(mutex_);
    const auto known = events_.find(event);
    if (known == events_.end()) return CUDA_ERROR_INVALID_HANDLE;
    point = known->second.recorded->point;
  }
  queues_.Wait(point);
  return CUDA_SUCCESS;
}

CUresult Streams::Elapsed(CUevent start, CUevent end, float* milliseconds) {
  std::shared_ptr<Recorded> from, to;
  {
    MutexLock lock(mutex_);
    const auto first = events_.find(start);
    const auto last = events_.find(end);
    for (const auto& event : {first, last}) {
      if (event == events_.end() || event->second.recorded == nullptr ||
          (event->second.flags & CU_EVENT_DISABLE_TIMING) != 0) {
        return CUDA_ERROR_INVALID_HANDLE;
      }
    }
    from = first->second.recorded;
    to = last->second.recorded;
  }
  for (const auto& recorded : {from, to}) {
    if (recorded->capture != nullptr) return CUDA_ERROR_CAPTURED_EVENT;
    if (!queues_.Done(recorded->point)) return CUDA_ERROR_NOT_READY;
  }
  *milliseconds = static_cast<float>(to->at_ns - from->at_ns) / 1e6f;
  return CUDA_SUCCESS;
}

CUresult Streams::BeginCapture(CUstream stream, CUstreamCaptureMode mode) {
  MutexLock lock(mutex_);
  StreamPointer found;
  if (CUresult result = Find(stream, &found)) return result;
  if (found->legacy) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (found->capture != nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  const auto capture = std::make_shared<Capture>();
  capture->graph = graphs_.Create(DeviceOfContext(found->properties.context));
  capture->origin = found.get();
  capture->mode = mode;
  capture->thread = std::this_thread::get_id();
  captures_.push_back(capture);
  ++capture_count_;
  found->capture = capture;
  found->tail.clear();
  return CUDA_SUCCESS;
}

CUresult Streams::EndCapture(CUstream stream, CUgraph* graph) {
  MutexLock lock(mutex_);
  StreamPointer found;
  if (CUresult result = Find(stream, &found)) return result;
  const std::shared_ptr<Capture> capture = found->capture;
  if (capture == nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  if (capture->origin != found.get()) {
    capture->valid = false;
    return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  }
  CUresult result = CUDA_SUCCESS;
  if (!capture->valid) {
    result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  } else if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED &&
             capture->thread != std::this_thread::get_id()) {
    // Measured: the capture is over all the same.
    result = CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
  } else {
    for (const CUgraphNode leaf : capture->leaves) {
      if (std::find(found->tail.begin(), found->tail.end(), leaf) ==
          found->tail.end()) {
        result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
      }
    }
  }
  Leave(capture);
  if (result == CUDA_SUCCESS) {
    *graph = capture->graph;
  } else {
    graphs_.Destroy(capture->graph);
    *graph = nullptr;
  }
  return result;
}

CUresult Streams::CaptureStatus(CUstream stream,
                                CUstreamCaptureStatus* status) {
  MutexLock lock(mutex_);
  StreamPointer found;
  if (CUresult result = Find(stream, &found)) return result;
  if (CUresult result = FindImplicit(*found, /*end=*/false)) return result;
  *status = found->capture == nullptr ? CU_STREAM_CAPTURE_STATUS_NONE
            : found->capture->valid   ? CU_STREAM_CAPTURE_STATUS_ACTIVE
                                      : CU_STREAM_CAPTURE_STATUS_INVALIDATED;
  return CUDA_SUCCESS;
}

CUresult Streams::CapturedGraph(CUstream stream, CUgraph* graph,
                                std::vector<CUgraphNode>* dependencies) {
  *graph = nullptr;
  if (capture_count_.load() == 0) return CheckStream(stream);
  MutexLock lock(mutex_);
  StreamPointer found;
  if (CUresult result = Find(stream, &found)) return result;
  if (found->capture == nullptr) return CUDA_SUCCESS;
  if (!found->capture->valid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  *graph = found->capture->graph;
  *dependencies = found->tail;
  return CUDA_SUCCESS;
}

void Streams::SetCapturedTail(CUstream stream, CUgraphNode node) {
  MutexLock lock(mutex_);
  StreamPointer found;
  if (Find(stream, &found) != CUDA_SUCCESS || found->capture == nullptr) return;
  for (const CUgraphNode old : found->tail) found->capture->leaves.erase(old);
  found->capture->leaves.insert(node);
  found->tail = {node};
}

void Streams::InvalidateCapture(CUstream stream) {
  MutexLock lock(mutex_);
  StreamPointer found;
  if (Find(stream, &found) == CUDA_SUCCESS && found->capture != nullptr) {
    found->capture->valid = false;
  }
}

CUresult Streams::CheckUnsafe() {
  if (capture_count_.load() == 0) return CUDA_SUCCESS;
  if (capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_SUCCESS;
  CUresult result = CUDA_SUCCESS;
  MutexLock lock(mutex_);
  for (const std::shared_ptr<Capture>& capture : captures_) {
    const bool own = capture->thread == std::this_thread::get_id() &&
                     capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED;
    const bool anyone = capture_mode == CU_STREAM_CAPTURE_MODE_GLOBAL &&
                        capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL;
    if (!own && !anyone) continue;
    capture->valid = false;
    result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return result;
}

CUresult Streams::CheckContextWait(ContextId context) {
  if (capture_count_.load() == 0) return CUDA_SUCCESS;
  CUresult result = CUDA_SUCCESS;
  MutexLock lock(mutex_);
  ForEach([&](const Stream& stream) {
    if (stream.capture == nullptr || stream.properties.context != context) {
      return;
    }
    stream.capture->valid = false;
    result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  });
  return result;
}

CUstreamCaptureMode Streams::ExchangeCaptureMode(CUstreamCaptureMode mode) {
  return std::exchange(capture_mode, mode);
}

void Streams::DestroyAll(ContextId context) {
  std::vector<std::shared_ptr<WorkQueues::Queue>> queues;
  {
    MutexLock lock(mutex_);
    std::vector<std::shared_ptr<Capture>> over;
    ForEach([&](const Stream& stream) {
      if (stream.properties.context != context) return;
      queues.push_back(stream.queue);
      if (stream.capture != nullptr) over.push_back(stream.capture);
    });
    for (const std::shared_ptr<Capture>& capture : over) {
      capture->valid = false;
      if (std::find(captures_.begin(), captures_.end(), capture) ==
          captures_.end()) {
        continue;
      }
      Leave(capture);
      graphs_.Destroy(capture->graph);
    }
    std::erase_if(defaults_, [&](const auto& item) {
      return item.first.first == context;
    });
    absl::erase_if(streams_, [&](const auto& item) {
      return item.second->properties.context == context;
    });
    absl::erase_if(events_, [&](const auto& item) {
      return item.second.context == context;
    });
  }
  // Work that was asked for uses what dies with the context still.
  for (const auto& queue : queues) queues_.Release(queue);
  for (const auto& queue : queues) queues_.Wait(queues_.Last(queue));
}

int Streams::blocked() { return queues_.blocked(); }

void Streams::CountLive(LiveObjects& live) {
  MutexLock lock(mutex_);
  live.streams = streams_.size();
  live.events = events_.size();
}

CUresult Streams::Find(CUstream stream, StreamPointer* found) {
  if (!IsDefault(stream)) {
    const auto known = streams_.find(stream);
    if (known == streams_.end()) return CUDA_ERROR_INVALID_HANDLE;
    *found = known->second;
    return CUDA_SUCCESS;
  }
  ContextId context = 0;
  if (CUresult result = contexts_.Current(&context)) return result;
  *found = Default(context, stream == CU_STREAM_PER_THREAD
                                ? std::this_thread::get_id()
                                : std::thread::id());
  return CUDA_SUCCESS;
}

Streams::StreamPointer Streams::Default(ContextId context,
                                        std::thread::id thread) {
  StreamPointer& stream = defaults_[{context, thread}];
  if (stream == nullptr) {
    stream = std::make_shared<Stream>();
    stream->properties.context = context;
    stream->legacy = thread == std::thread::id();
    stream->queue = queues_.NewQueue();
  }
  return stream;
}

std::vector<WorkQueues::Point> Streams::Before(const Stream& stream) {
  std::vector<WorkQueues::Point> points;
  if (!stream.blocking) return points;
  const ContextId context = stream.properties.context;
  if (!stream.legacy) {
    const auto legacy = defaults_.find({context, std::thread::id()});
    if (legacy != defaults_.end()) {
      points.push_back(queues_.Last(legacy->second->queue));
    }
    return points;
  }
  ForEach([&](const Stream& other) {
    if (other.blocking && !other.legacy &&
        other.properties.context == context) {
      points.push_back(queues_.Last(other.queue));
    }
  });
  return points;
}

template <typename Visit>
void Streams::ForEach(Visit visit) {
  for (const auto& [handle, stream] : streams_) visit(*stream);
  for (const auto& [key, stream] : defaults_) visit(*stream);
}

CUresult Streams::CheckImplicit(const Stream& stream) {
  return FindImplicit(stream, /*end=*/true);
}

CUresult Streams::FindImplicit(const Stream& stream, bool end) {
  if (!stream.legacy || captures_.empty()) return CUDA_SUCCESS;
  CUresult result = CUDA_SUCCESS;
  ForEach([&](const Stream& other) {
    if (other.capture == nullptr || !other.blocking ||
        other.properties.context != stream.properties.context) {
      return;
    }
    if (end) other.capture->valid = false;
    result = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  });
  return result;
}

void Streams::Leave(const std::shared_ptr<Capture>& capture) {
  capture->over = true;
  ForEach([&](Stream& stream) {
    if (stream.capture != capture) return;
    stream.capture = nullptr;
    stream.tail.clear();
  });
  capture_count_ -= static_cast<int>(std::erase(captures_, capture));
}

CUresult Streams::Submit(CUstream stream, CUgraphNodeType kind, Work work,
                         WorkQueues::Thread thread) {
  StreamPointer found;
  std::vector<WorkQueues::Point> before;
  {
    MutexLock lock(mutex_);
    if (CUresult result = Find(stream, &found)) return result;
    if (found->capture != nullptr) {
      Capture& capture = *found->capture;
      if (!capture.valid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
      CUgraphNode node = nullptr;
      if (CUresult result =
              graphs_.Add(capture.graph, found->tail.data(), found->tail.size(),
                          {.type = kind, .work = std::move(work)}, &node)) {
        return result;
      }
      for (const CUgraphNode old : found->tail) capture.leaves.erase(old);
      capture.leaves.insert(node);
      found->tail = {node};
      return CUDA_SUCCESS;
    }
    if (CUresult result = CheckImplicit(*found)) return result;
    before = Before(*found);
  }
  return queues_.Submit(found->queue, before, std::move(work), thread)
      .result.value_or(CUDA_SUCCESS);
}

}  // namespace governor
