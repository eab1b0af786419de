#include <sys/mman.h>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// Takes all the mappings that the system lets a process have
// (vm.max_map_count), as long as it lives.
class MappingHog {
 public:
  MappingHog() {
    // A readable page next to one without access is a mapping of its own.
    region_ = static_cast<char*>(
        mmap(nullptr, kPages * page_, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    int page = 0;
    while (page < kPages &&
           mprotect(region_ + page * page_, page_, PROT_READ) == 0) {
      page += 2;
    }
    reached_limit_ = page < kPages;
  }
  ~MappingHog() { munmap(region_, kPages * page_); }

  bool reached_limit() const { return reached_limit_; }

 private:
  static constexpr int kPages = 1 << 18;

  const size_t page_ = sysconf(_SC_PAGESIZE);
  char* region_ = nullptr;
  bool reached_limit_ = false;
};

// A system that refuses is an error like any other: nothing has changed, and
// once it relents the same calls work.
TEST_F(HostDriverTest, SurvivesTheSystemsLimitOfMappings) {
  // Three chunks in a row, which are one mapping to the system, and a fourth to
  // be mapped in the midst of what is free: each step below needs more.
  const CUdeviceptr base = Reserve(16 * kBlock);
  for (int block = 0; block < 3; ++block) {
    Map(base + block * kBlock, kBlock, NewChunk());
  }
  const CUdeviceptr middle = base + kBlock, elsewhere = base + 8 * kBlock;
  const CUmemGenericAllocationHandle chunk = NewChunk();
  const CUmemAccessDesc access = Access(CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
  const LiveObjects live = driver_->live_objects();
  const Bytes physical = driver_->physical_bytes();
  bool reached = false;
  CUresult results[3] = {};
  {
    // No expectations in here: they would want memory.
    const MappingHog hog;
    reached = hog.reached_limit();
    results[0] = api_.MemMap(elsewhere, kBlock, 0, chunk, 0);
    results[1] = api_.MemSetAccess(middle, kBlock, &access, 1);
    results[2] = api_.MemUnmap(middle, kBlock);
  }
  ASSERT_TRUE(reached) << "vm.max_map_count is too high for this test";
  for (const CUresult result : results) {
    EXPECT_EQ(result, CUDA_ERROR_OUT_OF_MEMORY);
  }
  EXPECT_EQ(driver_->live_objects(), live);
  EXPECT_EQ(driver_->physical_bytes(), physical);
  EXPECT_FALSE(CpuCanRead(middle));
  EXPECT_FALSE(CpuCanRead(elsewhere));

  Map(elsewhere, kBlock, chunk);
  Allow(middle, kBlock);
  EXPECT_EQ(Read(middle), 0u);
  EXPECT_EQ(api_.MemUnmap(middle, kBlock), CUDA_SUCCESS);
}

}  // namespace
}  // namespace governor
