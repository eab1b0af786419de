// Chunks of memory as file descriptors.

#include <unistd.h>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr auto kFd = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;

class ShareConformance : public ConformanceTest {
 protected:
  CUmemGenericAllocationHandle NewShareable() {
    CUmemAllocationProp properties = PlainProperties();
    properties.requestedHandleTypes = kFd;
    CUmemGenericAllocationHandle chunk = 0;
    EXPECT_OK(MemCreate, &chunk, block(), &properties, 0);
    return chunk;
  }

  static void* AsHandle(int fd) {
    return reinterpret_cast<void*>(static_cast<intptr_t>(fd));
  }
};

// The bytes are the same seen through either handle, and taken once.
TEST_F(ShareConformance, ImportsWhatItExported) {
  const size_t before = Free();
  const CUmemGenericAllocationHandle ours = NewShareable();
  int fd = -1;
  ASSERT_OK(MemExportToShareableHandle, &fd, ours, kFd, 0);
  EXPECT_GE(fd, 0);
  CUmemGenericAllocationHandle theirs = 0;
  ASSERT_OK(MemImportFromShareableHandle, &theirs, AsHandle(fd), kFd);
  EXPECT_EQ(close(fd), 0);
  EXPECT_EQ(before - Free(), block());

  const CUdeviceptr base = Reserve(2 * block());
  const CUmemAccessDesc access = Access();
  EXPECT_OK(MemMap, base, block(), 0, ours, 0);
  EXPECT_OK(MemMap, base + block(), block(), 0, theirs, 0);
  EXPECT_OK(MemSetAccess, base, 2 * block(), &access, 1);
  EXPECT_OK(MemsetD32, base + 128, 42, 1);
  EXPECT_EQ(Read(base + block() + 128), 42u);
  EXPECT_OK(MemsetD32, base + block() + 256, 43, 1);
  EXPECT_EQ(Read(base + 256), 43u);

  // The memory lives as long as one of the two.
  EXPECT_OK(MemUnmap, base, block());
  EXPECT_OK(MemRelease, ours);
  EXPECT_EQ(before - Free(), block());
  EXPECT_EQ(Read(base + block() + 128), 42u);
  EXPECT_OK(MemUnmap, base + block(), block());
  EXPECT_OK(MemRelease, theirs);
  EXPECT_EQ(Free(), before);
}

// An exported descriptor keeps the memory, handle or not.
TEST_F(ShareConformance, TheDescriptorKeepsTheMemory) {
  const CUmemGenericAllocationHandle ours = NewShareable();
  int fd = -1;
  ASSERT_OK(MemExportToShareableHandle, &fd, ours, kFd, 0);
  EXPECT_OK(MemRelease, ours);
  CUmemGenericAllocationHandle theirs = 0;
  ASSERT_OK(MemImportFromShareableHandle, &theirs, AsHandle(fd), kFd);
  EXPECT_OK(MemRelease, theirs);
  EXPECT_EQ(close(fd), 0);
}

TEST_F(ShareConformance, ExportRefusesMisuse) {
  const CUmemGenericAllocationHandle plain = NewChunk(block());
  const CUmemGenericAllocationHandle ours = NewShareable();
  int fd = -1;
  EXPECT_REFUSED(INVALID_VALUE, MemExportToShareableHandle, &fd, plain, kFd, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemExportToShareableHandle, nullptr, ours, kFd,
                 0);
  EXPECT_REFUSED(INVALID_VALUE, MemExportToShareableHandle, &fd, ours, kFd, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemExportToShareableHandle, &fd, 0, kFd, 0);
  EXPECT_EQ(fd, -1);
  EXPECT_OK(MemRelease, ours);
}

// Measured: a descriptor of something else is an unknown error.
TEST_F(ShareConformance, ImportRefusesMisuse) {
  const CUmemGenericAllocationHandle ours = NewShareable();
  int fd = -1;
  ASSERT_OK(MemExportToShareableHandle, &fd, ours, kFd, 0);
  CUmemGenericAllocationHandle theirs = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemImportFromShareableHandle, nullptr,
                 AsHandle(fd), kFd);
  EXPECT_REFUSED(INVALID_VALUE, MemImportFromShareableHandle, &theirs,
                 AsHandle(fd), CU_MEM_HANDLE_TYPE_NONE);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_REFUSED(UNKNOWN, MemImportFromShareableHandle, &theirs,
                 AsHandle(ends[0]), kFd);
  EXPECT_REFUSED(UNKNOWN, MemImportFromShareableHandle, &theirs, AsHandle(-1),
                 kFd);
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(close(fd), 0);
  EXPECT_OK(MemRelease, ours);
}

// Fabric handles are for those whom the system's administrator lets in.
TEST_F(ShareConformance, FabricNeedsPermission) {
  CUmemAllocationProp properties = PlainProperties();
  properties.requestedHandleTypes = CU_MEM_HANDLE_TYPE_FABRIC;
  CUmemGenericAllocationHandle chunk = 0;
  EXPECT_REFUSED(NOT_PERMITTED, MemCreate, &chunk, block(), &properties, 0);
}

}  // namespace
}  // namespace governor
