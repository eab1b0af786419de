#include "tests/conformance/conformance_fixture.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace governor {

CUmemAllocationProp PlainProperties(int device) {
  CUmemAllocationProp properties = {};
  properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  properties.location.id = device;
  return properties;
}

CUmemAccessDesc Access(CUmemAccess_flags flags, int device) {
  CUmemAccessDesc access = {};
  access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  access.location.id = device;
  access.flags = flags;
  return access;
}

void ConformanceTest::SetUp() {
  ASSERT_OK(CtxSetCurrent, device().context());
  const CUmemAllocationProp properties = PlainProperties();
  ASSERT_OK(MemGetAllocationGranularity, &block_, &properties,
            CU_MEM_ALLOC_GRANULARITY_MINIMUM);
  if (device().host() != nullptr) {
    live_at_start_ = Live();
  }
}

void ConformanceTest::TearDown() {
  // What a case pushed it also popped.
  int depth = 0;
  CUcontext popped = nullptr;
  while (GOVERNOR_CALL(CtxPopCurrent, &popped) == CUDA_SUCCESS) ++depth;
  EXPECT_LE(depth, 1);
  EXPECT_OK(CtxPushCurrent, device().context());
  while (!later_.empty()) {
    const std::function<void()> work = std::move(later_.back());
    later_.pop_back();
    work();
  }
  EXPECT_OK(CtxSynchronize);
  if (live_at_start_.has_value()) {
    EXPECT_EQ(Live(), *live_at_start_);
  }
}

// Primary contexts stay once they are retained.
LiveObjects ConformanceTest::Live() {
  LiveObjects live = device().host()->live_objects();
  live.primary_context_refs = 0;
  return live;
}

void ConformanceTest::Later(std::function<void()> work) {
  later_.push_back(std::move(work));
}

CUdeviceptr ConformanceTest::NewLinear(size_t size) {
  CUdeviceptr address = 0;
  EXPECT_OK(MemAlloc, &address, size);
  if (address != 0) {
    Later([address] { EXPECT_OK(MemFree, address); });
  }
  return address;
}

CUdeviceptr ConformanceTest::Reserve(size_t size) {
  CUdeviceptr base = 0;
  EXPECT_OK(MemAddressReserve, &base, size, 0, 0, 0);
  if (base != 0) {
    Later([base, size] {
      // As measured: where nothing is mapped, that is no mistake.
      EXPECT_OK(MemUnmap, base, size);
      EXPECT_OK(MemAddressFree, base, size);
    });
  }
  return base;
}

CUmemGenericAllocationHandle ConformanceTest::NewChunk(size_t size) {
  const CUmemAllocationProp properties = PlainProperties();
  CUmemGenericAllocationHandle chunk = 0;
  EXPECT_OK(MemCreate, &chunk, size, &properties, 0);
  if (chunk != 0) {
    Later([chunk] { EXPECT_OK(MemRelease, chunk); });
  }
  return chunk;
}

void ConformanceTest::Commit(CUdeviceptr address, size_t size) {
  const CUmemAllocationProp properties = PlainProperties();
  const CUmemAccessDesc access = Access();
  CUmemGenericAllocationHandle chunk = 0;
  ASSERT_OK(MemCreate, &chunk, size, &properties, 0);
  EXPECT_OK(MemMap, address, size, 0, chunk, 0);
  EXPECT_OK(MemSetAccess, address, size, &access, 1);
  EXPECT_OK(MemRelease, chunk);
}

CUstream ConformanceTest::NewStream(unsigned int flags) {
  CUstream stream = nullptr;
  EXPECT_OK(StreamCreate, &stream, flags);
  if (stream != nullptr) {
    Later([stream] { EXPECT_OK(StreamDestroy, stream); });
  }
  return stream;
}

CUevent ConformanceTest::NewEvent(unsigned int flags) {
  CUevent event = nullptr;
  EXPECT_OK(EventCreate, &event, flags);
  if (event != nullptr) {
    Later([event] { EXPECT_OK(EventDestroy, event); });
  }
  return event;
}

uint32_t ConformanceTest::Read(CUdeviceptr address) {
  uint32_t value = 0xdeadbeef;
  EXPECT_OK(MemcpyDtoH, &value, address, sizeof(value));
  return value;
}

size_t ConformanceTest::Free() {
  size_t free = 0, total = 0;
  EXPECT_OK(CtxSynchronize);
  EXPECT_OK(MemGetInfo, &free, &total);
  return free;
}

NoContext::NoContext() {
  EXPECT_OK(CtxGetCurrent, &before_);
  EXPECT_OK(CtxSetCurrent, nullptr);
}

NoContext::~NoContext() { EXPECT_OK(CtxSetCurrent, before_); }

struct Gate::State {
  std::mutex mutex;
  std::condition_variable condition;
  bool open = false;
};

Gate::Gate(CUstream stream) : state_(new State), stream_(stream) {
  const auto wait = [](void* data) {
    State& state = *static_cast<State*>(data);
    std::unique_lock<std::mutex> lock(state.mutex);
    state.condition.wait(lock, [&] { return state.open; });
  };
  const CUresult result = GOVERNOR_CALL(LaunchHostFunc, stream, wait, state_);
  held_ = result == CUDA_SUCCESS;
  EXPECT_TRUE(Conforms("LaunchHostFunc", CUDA_SUCCESS, result));
}

Gate::~Gate() {
  Open();
  // The function must be done with the state.
  if (held_) {
    EXPECT_OK(StreamSynchronize, stream_);
  }
  delete state_;
}

void Gate::Open() {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  state_->open = true;
  state_->condition.notify_all();
}

}  // namespace governor
