#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// What the books ought to say, kept by a model that knows no more than the
// documentation: chunks with their references and mappings, blocks of one
// reservation, linear allocations.
class BooksTest : public HostDriverTest {
 protected:
  static constexpr int kBlocks = 24;
  static constexpr uint64_t kMemory = 32 << 20;

  BooksTest() : HostDriverTest("gb10,memory=32MiB,context=0") {
    base_ = Reserve(kBlocks * kBlock);
  }

  struct Chunk {
    uint64_t size = 0;
    int references = 0;
    int mappings = 0;
  };

  uint64_t Physical() const {
    uint64_t sum = 0;
    for (const auto& [handle, chunk] : chunks_) sum += chunk.size;
    for (const auto& [address, size] : linear_) sum += size;
    return sum;
  }

  void Perform(uint32_t what, uint32_t pick) {
    switch (what % 7) {
      case 0:
        return Create(1 + pick % 3);
      case 1:
        return Release(pick);
      case 2:
        return MapOne(pick);
      case 3:
        return UnmapSome(pick);
      case 4:
        return AllocateLinear(pick);
      case 5:
        return FreeLinear(pick);
      default:
        return RetainOne(pick);
    }
  }

  void Create(uint64_t blocks) {
    const CUmemAllocationProp properties = PlainProperties();
    CUmemGenericAllocationHandle handle = 0;
    const bool fits = Physical() + blocks * kBlock <= kMemory;
    ASSERT_EQ(api_.MemCreate(&handle, blocks * kBlock, &properties, 0),
              fits ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY);
    if (fits) chunks_[handle] = {.size = blocks * kBlock, .references = 1};
  }

  // A handle seen at some time, live or not.
  CUmemGenericAllocationHandle AnyHandle(uint32_t pick) {
    for (const auto& [handle, chunk] : chunks_) seen_.insert(handle);
    if (seen_.empty()) return 0;
    return *std::next(seen_.begin(), pick % seen_.size());
  }

  void Release(uint32_t pick) {
    const CUmemGenericAllocationHandle handle = AnyHandle(pick);
    const auto found = chunks_.find(handle);
    const bool named = found != chunks_.end() && found->second.references > 0;
    ASSERT_EQ(api_.MemRelease(handle),
              named ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
    if (!named) return;
    --found->second.references;
    Bury(handle);
  }

  void MapOne(uint32_t pick) {
    const CUmemGenericAllocationHandle handle = AnyHandle(pick);
    const auto found = chunks_.find(handle);
    if (found == chunks_.end() || found->second.references == 0) return;
    const uint64_t blocks = found->second.size / kBlock;
    const uint64_t first = pick / 64 % kBlocks;
    bool free = first + blocks <= kBlocks;
    for (const auto& [at, mapped] : mapped_) {
      const uint64_t size = chunks_[mapped].size / kBlock;
      free &= at + size <= first || first + blocks <= at;
    }
    ASSERT_EQ(
        api_.MemMap(base_ + first * kBlock, blocks * kBlock, 0, handle, 0),
        free ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
    if (!free) return;
    ++found->second.mappings;
    mapped_[first] = handle;
    Allow(base_ + first * kBlock, blocks * kBlock);
  }

  void UnmapSome(uint32_t pick) {
    const uint64_t first = pick % kBlocks;
    const uint64_t blocks = 1 + pick / 64 % (kBlocks - first);
    std::vector<uint64_t> inside;
    bool cut = false;
    for (const auto& [at, handle] : mapped_) {
      const uint64_t end = at + chunks_[handle].size / kBlock;
      if (end <= first || first + blocks <= at) continue;
      cut |= at < first || first + blocks < end;
      inside.push_back(at);
    }
    ASSERT_EQ(api_.MemUnmap(base_ + first * kBlock, blocks * kBlock),
              cut ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS);
    if (cut) return;
    for (const uint64_t at : inside) {
      const CUmemGenericAllocationHandle handle = mapped_[at];
      --chunks_[handle].mappings;
      mapped_.erase(at);
      Bury(handle);
    }
  }

  void RetainOne(uint32_t pick) {
    if (mapped_.empty()) return;
    const auto& [at, handle] =
        *std::next(mapped_.begin(), pick % mapped_.size());
    CUmemGenericAllocationHandle got = 0;
    ASSERT_EQ(api_.MemRetainAllocationHandle(
                  &got, reinterpret_cast<void*>(base_ + at * kBlock)),
              CUDA_SUCCESS);
    ASSERT_EQ(got, handle);
    ++chunks_[handle].references;
  }

  void AllocateLinear(uint32_t pick) {
    const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    const uint64_t size = 1 + pick % (3 * kBlock);
    const uint64_t pages = (size + page - 1) / page * page;
    const bool fits = Physical() + pages <= kMemory;
    CUdeviceptr address = 0;
    ASSERT_EQ(api_.MemAlloc(&address, size),
              fits ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY);
    if (fits) linear_[address] = pages;
  }

  void FreeLinear(uint32_t pick) {
    if (linear_.empty()) return;
    const auto found = std::next(linear_.begin(), pick % linear_.size());
    ASSERT_EQ(api_.MemFree(found->first), CUDA_SUCCESS);
    linear_.erase(found);
  }

  void Bury(CUmemGenericAllocationHandle handle) {
    const Chunk& chunk = chunks_[handle];
    if (chunk.references > 0 || chunk.mappings > 0) return;
    seen_.insert(handle);
    chunks_.erase(handle);
  }

  void CheckInvariants() {
    high_water_ = std::max(high_water_, Physical());
    ASSERT_EQ(driver_->physical_bytes(), Bytes(Physical()));
    ASSERT_EQ(driver_->physical_high_water(), Bytes(high_water_));
    ASSERT_EQ(Free(), Bytes(kMemory - Physical()));
    ASSERT_EQ(driver_->live_objects(),
              (LiveObjects{.handles = chunks_.size(),
                           .reservations = 1,
                           .mappings = mapped_.size(),
                           .linear_allocations = linear_.size(),
                           .primary_context_refs = 1}));
  }

  CUdeviceptr base_ = 0;
  uint64_t high_water_ = 0;
  std::map<CUmemGenericAllocationHandle, Chunk> chunks_;
  std::set<CUmemGenericAllocationHandle> seen_;
  std::map<uint64_t, CUmemGenericAllocationHandle> mapped_;  // by first block
  std::map<CUdeviceptr, uint64_t> linear_;
};

TEST_F(BooksTest, AgreeWithAModelUnderRandomOperations) {
  std::mt19937 random(20261121);
  for (int step = 0; step < 20000; ++step) {
    const uint32_t what = random();
    ASSERT_NO_FATAL_FAILURE(Perform(what, random())) << "step " << step;
    ASSERT_NO_FATAL_FAILURE(CheckInvariants()) << "step " << step;
  }
}

// Every byte is its writer's: each block is filled with its own number, moved,
// and read back, so that two chunks on one offset would be seen.
TEST_F(BooksTest, NoByteBelongsToTwo) {
  std::mt19937 random(7);
  std::map<uint64_t, uint32_t> written;
  uint32_t next = 1;
  for (int step = 0; step < 3000; ++step) {
    const uint64_t block = random() % 12;
    const CUdeviceptr at = base_ + block * kBlock;
    if (written.contains(block)) {
      ASSERT_EQ(Read(at), written[block]);
      ASSERT_EQ(Read(at + kBlock - 4), written[block]);
      ASSERT_EQ(api_.MemUnmap(at, kBlock), CUDA_SUCCESS);
      written.erase(block);
    } else {
      Commit(at);
      ASSERT_EQ(Read(at), 0u);
      ASSERT_EQ(Read(at + kBlock - 4), 0u);
      ASSERT_EQ(api_.MemsetD32(at, next, 1), CUDA_SUCCESS);
      ASSERT_EQ(api_.MemsetD32(at + kBlock - 4, next, 1), CUDA_SUCCESS);
      written[block] = next++;
    }
  }
}

class LargeRegionTest : public HostDriverTest {
 protected:
  static constexpr uint64_t kChunks = 32768;

  LargeRegionTest() : HostDriverTest("gb10,memory=65GiB,context=0") {}
};

size_t LinesOf(const std::string& path) {
  std::ifstream file(path);
  return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
}

// 64 GiB in 2 MiB chunks: within the file descriptors and the mappings that a
// process is given.
TEST_F(LargeRegionTest, HoldsAChunkForEveryBlock) {
  rlimit files = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 64);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);

  const CUdeviceptr base = Reserve(kChunks * kBlock);
  const size_t maps_before = LinesOf("/proc/self/maps");
  std::vector<CUmemGenericAllocationHandle> chunks(kChunks);
  for (uint64_t i = 0; i < kChunks; ++i) {
    chunks[i] = NewChunk();
    ASSERT_EQ(api_.MemMap(base + i * kBlock, kBlock, 0, chunks[i], 0),
              CUDA_SUCCESS)
        << i;
  }
  Allow(base, kChunks * kBlock);
  EXPECT_EQ(driver_->physical_bytes(), GiB(64));
  // In a row in the file and in memory: few mappings for the system.
  EXPECT_LT(LinesOf("/proc/self/maps"), maps_before + 100);
  for (uint64_t i = 0; i < kChunks; i += 1024) {
    ASSERT_EQ(api_.MemsetD32(base + i * kBlock, i + 1, 1), CUDA_SUCCESS);
  }

  // Every odd one out: the most mappings that the system will ever count.
  for (uint64_t i = 1; i < kChunks; i += 2) {
    ASSERT_EQ(api_.MemUnmap(base + i * kBlock, kBlock), CUDA_SUCCESS) << i;
    ASSERT_EQ(api_.MemRelease(chunks[i]), CUDA_SUCCESS);
  }
  EXPECT_EQ(driver_->physical_bytes(), GiB(32));
  for (uint64_t i = 0; i < kChunks; i += 1024) {
    ASSERT_EQ(Read(base + i * kBlock), i + 1);
  }
  for (uint64_t i = 1; i < kChunks; i += 2) Commit(base + i * kBlock);
  EXPECT_EQ(driver_->physical_bytes(), GiB(64));

  EXPECT_EQ(api_.MemUnmap(base, kChunks * kBlock), CUDA_SUCCESS);
  for (uint64_t i = 0; i < kChunks; i += 2) {
    ASSERT_EQ(api_.MemRelease(chunks[i]), CUDA_SUCCESS);
  }
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(driver_->physical_high_water(), GiB(64));
}

class ThreadsTest : public HostDriverTest {
 protected:
  ThreadsTest() : HostDriverTest("gb10,memory=64MiB,context=0,devices=2") {}

  // One thread's life: chunks in its own part of a region, linear memory,
  // streams, copies. It may be refused memory, and nothing else.
  void Live(CUdeviceptr region, uint32_t seed) {
    ASSERT_EQ(api_.CtxSetCurrent(context_), CUDA_SUCCESS);
    const CUmemAllocationProp properties = PlainProperties();
    std::mt19937 random(seed);
    for (int round = 0; round < 150; ++round) {
      CUmemGenericAllocationHandle chunk = 0;
      const CUdeviceptr at = region + random() % 4 * kBlock;
      const CUresult created = api_.MemCreate(&chunk, kBlock, &properties, 0);
      if (created == CUDA_SUCCESS) {
        Map(at, kBlock, chunk);
        Allow(at, kBlock);
        ASSERT_EQ(Read(at + 64), 0u);
        ASSERT_EQ(api_.MemsetD32(at + 64, seed, 1), CUDA_SUCCESS);
        ASSERT_EQ(api_.MemRelease(chunk), CUDA_SUCCESS);
        ASSERT_EQ(Read(at + 64), seed);
        ASSERT_EQ(api_.MemUnmap(at, kBlock), CUDA_SUCCESS);
      } else {
        ASSERT_EQ(created, CUDA_ERROR_OUT_OF_MEMORY);
      }
      CUdeviceptr linear = 0;
      if (api_.MemAlloc(&linear, 1 + random() % kBlock) == CUDA_SUCCESS) {
        ASSERT_EQ(api_.MemsetD8(linear, 1, 1), CUDA_SUCCESS);
        ASSERT_EQ(api_.MemFree(linear), CUDA_SUCCESS);
      }
      CUstream stream = nullptr;
      ASSERT_EQ(api_.StreamCreate(&stream, 0), CUDA_SUCCESS);
      ASSERT_EQ(api_.StreamSynchronize(stream), CUDA_SUCCESS);
      ASSERT_EQ(api_.StreamDestroy(stream), CUDA_SUCCESS);
      CUcontext other = nullptr;
      ASSERT_EQ(api_.DevicePrimaryCtxRetain(&other, 1), CUDA_SUCCESS);
      ASSERT_EQ(api_.DevicePrimaryCtxRelease(1), CUDA_SUCCESS);
      ASSERT_LE(driver_->physical_bytes(), MiB(64));
      ASSERT_LE(Free(), MiB(64));
    }
  }
};

TEST_F(ThreadsTest, SixteenLeaveNothingBehind) {
  constexpr int kThreads = 16;
  const CUdeviceptr region = Reserve(kThreads * 4 * kBlock);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back(
        [this, region, i] { Live(region + i * 4 * kBlock, i + 1); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(driver_->live_objects(),
            (LiveObjects{.reservations = 1, .primary_context_refs = 1}));
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_LE(driver_->physical_high_water(), MiB(64));
  EXPECT_GT(driver_->physical_high_water(), Bytes());
  EXPECT_EQ(driver_->calls(DriverCall::kMemCreate), kThreads * 150u);
}

}  // namespace
}  // namespace governor
