// Memory of the process that the driver pins. What becomes of each kind of
// mapping was measured on an H200 with driver 580.159.04.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/conformance/child_process.h"
#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr size_t kSize = 4 << 20;
constexpr unsigned kMap = CU_MEMHOSTREGISTER_DEVICEMAP;
constexpr unsigned kMapReadOnly =
    CU_MEMHOSTREGISTER_DEVICEMAP | CU_MEMHOSTREGISTER_READ_ONLY;
// An answer comes within 0.2 s, or never.
constexpr absl::Duration kPatience = absl::Seconds(8);

// A mapping of a file of its own whose bytes are all 0x5a, or of no file.
class Mapping {
 public:
  // `flags` are of mmap.
  Mapping(int protection, int flags) {
    int fd = -1;
    if ((flags & MAP_ANONYMOUS) == 0) {
      const char* const folder = std::getenv("TEST_TMPDIR");
      std::string path = absl::StrCat(folder == nullptr ? "/var/tmp" : folder,
                                      "/mappedXXXXXX");
      fd = mkstemp(path.data());
      unlink(path.c_str());
      const std::string bytes(kSize, '\x5a');
      if (write(fd, bytes.data(), kSize) != static_cast<ssize_t>(kSize)) return;
    }
    memory_ = mmap(nullptr, kSize, protection, flags, fd, 0);
    close(fd);
  }
  ~Mapping() { munmap(memory_, kSize); }

  bool ok() const { return memory_ != MAP_FAILED; }
  char* get() const { return static_cast<char*>(memory_); }

 private:
  void* memory_ = MAP_FAILED;
};

// How much of the mapping is this process's own, and no longer the file's.
size_t PrivateBytes(const void* memory) {
  std::ifstream smaps("/proc/self/smaps");
  const std::string start =
      absl::StrCat(absl::Hex(reinterpret_cast<uintptr_t>(memory)), "-");
  std::string line;
  bool inside = false;
  while (std::getline(smaps, line)) {
    if (absl::StartsWith(line, start)) inside = true;
    uint64_t kilobytes = 0;
    if (inside && absl::StartsWith(line, "Anonymous:") &&
        absl::SimpleAtoi(
            absl::string_view(line).substr(10, line.size() - 10 - 3),
            &kilobytes)) {
      return kilobytes << 10;
    }
  }
  return 0;
}

class HostRegisterConformance : public ConformanceTest {
 protected:
  // Registered, the device reads the bytes.
  void ReadsAndUnregisters(char* memory, uint32_t expected) {
    CUdeviceptr address = 0;
    EXPECT_OK(MemHostGetDevicePointer, &address, memory, 0);
    EXPECT_EQ(Pointer(address), memory);  // attribute 91
    const CUdeviceptr linear = NewLinear(kSize);
    EXPECT_OK(MemcpyHtoD, linear, memory, kSize);
    EXPECT_EQ(Read(linear + kSize - 4), expected);
    EXPECT_OK(MemHostUnregister, memory);
  }
};

// What was measured on an H200, and is data of its personality.
class HostRegisterMeasured : public HostRegisterConformance {
 protected:
  void SetUp() override {
    HostRegisterConformance::SetUp();
    if (device().Attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) != 9) {
      GTEST_SKIP() << "measured on an H200 alone";
    }
  }
};

TEST_F(HostRegisterMeasured, SharedReadOnlyFileWantsTheFlag) {
  const Mapping mapping(PROT_READ, MAP_SHARED);
  ASSERT_TRUE(mapping.ok());
  EXPECT_REFUSED(INVALID_VALUE, MemHostRegister, mapping.get(), kSize, kMap);
}

TEST_F(HostRegisterMeasured, SharedReadOnlyFileWithTheFlag) {
  const Mapping mapping(PROT_READ, MAP_SHARED);
  ASSERT_TRUE(mapping.ok());
  ASSERT_OK(MemHostRegister, mapping.get(), kSize, kMapReadOnly);
  EXPECT_EQ(PrivateBytes(mapping.get()), 0u);
  ReadsAndUnregisters(mapping.get(), 0x5a5a5a5a);
}

TEST_F(HostRegisterMeasured, SharedWritableFileWantsTheFlag) {
  const Mapping mapping(PROT_READ | PROT_WRITE, MAP_SHARED);
  ASSERT_TRUE(mapping.ok());
  EXPECT_REFUSED(INVALID_VALUE, MemHostRegister, mapping.get(), kSize, kMap);
}

TEST_F(HostRegisterMeasured, SharedWritableFileWithTheFlag) {
  const Mapping mapping(PROT_READ | PROT_WRITE, MAP_SHARED);
  ASSERT_TRUE(mapping.ok());
  ASSERT_OK(MemHostRegister, mapping.get(), kSize, kMapReadOnly);
  ReadsAndUnregisters(mapping.get(), 0x5a5a5a5a);
}

TEST_F(HostRegisterMeasured, PrivateReadOnlyFileWithoutTheFlag) {
  const Mapping mapping(PROT_READ, MAP_PRIVATE);
  ASSERT_TRUE(mapping.ok());
  EXPECT_REFUSED(INVALID_VALUE, MemHostRegister, mapping.get(), kSize, kMap);
}

// It works, and costs a second copy: each page becomes the process's own.
TEST_F(HostRegisterMeasured, PrivateWritableFileIsCopied) {
  const Mapping mapping(PROT_READ | PROT_WRITE, MAP_PRIVATE);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(PrivateBytes(mapping.get()), 0u);
  ASSERT_OK(MemHostRegister, mapping.get(), kSize, kMap);
  EXPECT_EQ(PrivateBytes(mapping.get()), kSize);
  ReadsAndUnregisters(mapping.get(), 0x5a5a5a5a);
}

TEST_F(HostRegisterConformance, AnonymousMemory) {
  const Mapping mapping(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  ASSERT_TRUE(mapping.ok());
  std::memset(mapping.get(), 7, kSize);
  ASSERT_OK(MemHostRegister, mapping.get(), kSize, kMap);
  ReadsAndUnregisters(mapping.get(), 0x07070707);
}

TEST_F(HostRegisterMeasured, AnonymousMemoryReadOnly) {
  const Mapping mapping(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  ASSERT_TRUE(mapping.ok());
  std::memset(mapping.get(), 7, kSize);
  ASSERT_OK(MemHostRegister, mapping.get(), kSize, kMapReadOnly);
  ReadsAndUnregisters(mapping.get(), 0x07070707);
}

// Registers a private file in a process that may be lost. Prints a line before
// and after the call.
int RegistersAPrivateFile(const std::vector<std::string>& arguments) {
  const int protection =
      arguments.at(0) == "write" ? PROT_READ | PROT_WRITE : PROT_READ;
  EXPECT_OK(CtxSetCurrent, ConformanceDevice::Get().context());
  const Mapping mapping(protection, MAP_PRIVATE);
  static const char kCalling[] = "calling\n", kCame[] = "an answer came\n";
  if (write(STDOUT_FILENO, kCalling, sizeof(kCalling) - 1) < 0) return 1;
  GOVERNOR_CALL(MemHostRegister, mapping.get(), kSize, kMapReadOnly);
  if (write(STDOUT_FILENO, kCame, sizeof(kCame) - 1) < 0) return 1;
  return 0;
}
GOVERNOR_CHILD(RegistersAPrivateFile);

TEST_F(HostRegisterMeasured, PrivateReadOnlyFileWithTheFlagHangs) {
  const ChildResult child =
      RunChild("RegistersAPrivateFile", {"read"}, kPatience);
  EXPECT_TRUE(child.hung);
  EXPECT_EQ(child.output, "calling\n");
}

TEST_F(HostRegisterMeasured, PrivateWritableFileWithTheFlagHangs) {
  const ChildResult child =
      RunChild("RegistersAPrivateFile", {"write"}, kPatience);
  EXPECT_TRUE(child.hung);
  EXPECT_EQ(child.output, "calling\n");
}

TEST_F(HostRegisterConformance, RegistersOnce) {
  const Mapping mapping(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  ASSERT_OK(MemHostRegister, mapping.get(), kSize, 0);
  EXPECT_REFUSED(HOST_MEMORY_ALREADY_REGISTERED, MemHostRegister, mapping.get(),
                 kSize, 0);
  EXPECT_REFUSED(HOST_MEMORY_ALREADY_REGISTERED, MemHostRegister,
                 mapping.get() + kSize / 2, kSize / 2, 0);
  EXPECT_OK(MemHostUnregister, mapping.get());
}

TEST_F(HostRegisterConformance, RefusesMisuse) {
  const Mapping mapping(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  EXPECT_REFUSED(INVALID_VALUE, MemHostRegister, nullptr, kSize, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemHostRegister, mapping.get(), 0, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemHostRegister, mapping.get(), kSize, 0x100);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemHostRegister, mapping.get(), kSize, 0);
}

TEST_F(HostRegisterConformance, UnregisterRefusesMisuse) {
  const Mapping mapping(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  EXPECT_REFUSED(HOST_MEMORY_NOT_REGISTERED, MemHostUnregister, mapping.get());
  EXPECT_REFUSED(INVALID_VALUE, MemHostUnregister, nullptr);
  ASSERT_OK(MemHostRegister, mapping.get(), kSize, 0);
  EXPECT_OK(MemHostUnregister, mapping.get());
  EXPECT_REFUSED(HOST_MEMORY_NOT_REGISTERED, MemHostUnregister, mapping.get());
}

}  // namespace
}  // namespace governor
