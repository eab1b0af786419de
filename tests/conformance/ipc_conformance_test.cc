// Legacy interprocess communication: memory and events by handles of bytes.

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/conformance/child_process.h"
#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr size_t kSize = 2 << 20;
constexpr unsigned kLazy = CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS;

template <typename Handle>
std::string ToText(const Handle& handle) {
  return absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(&handle), sizeof(handle)));
}

template <typename Handle>
Handle FromText(const std::string& text) {
  Handle handle;
  const std::string bytes = absl::HexStringToBytes(text);
  std::memcpy(&handle, bytes.data(), sizeof(handle));
  return handle;
}

class IpcConformance : public ConformanceTest {};

int OpensMemory(const std::vector<std::string>& arguments) {
  const auto handle = FromText<CUipcMemHandle>(arguments.at(0));
  CUdeviceptr address = 0;
  {
    const NoContext none;
    EXPECT_REFUSED(INVALID_CONTEXT, IpcOpenMemHandle, &address, handle, kLazy);
  }
  EXPECT_OK(CtxSetCurrent, ConformanceDevice::Get().context());
  EXPECT_REFUSED(INVALID_VALUE, IpcOpenMemHandle, nullptr, handle, kLazy);
  EXPECT_REFUSED(INVALID_VALUE, IpcOpenMemHandle, &address, handle, 2);
  EXPECT_OK(IpcOpenMemHandle, &address, handle, kLazy);
  if (address == 0) return 1;
  uint32_t value = 0;
  EXPECT_OK(MemcpyDtoH, &value, address, 4);
  EXPECT_EQ(value, 42u);
  EXPECT_OK(MemsetD32, address + 4, 43, 1);
  EXPECT_OK(CtxSynchronize);
  EXPECT_OK(IpcCloseMemHandle, address);
  EXPECT_REFUSED(INVALID_VALUE, IpcCloseMemHandle, address);
  return 0;
}
GOVERNOR_CHILD(OpensMemory);

TEST_F(IpcConformance, AnotherProcessOpensMemory) {
  const CUdeviceptr linear = NewLinear(kSize);
  EXPECT_OK(MemsetD32, linear, 42, 2);
  EXPECT_OK(CtxSynchronize);
  CUipcMemHandle handle = {};
  ASSERT_OK(IpcGetMemHandle, &handle, linear);
  EXPECT_EQ(RunChild("OpensMemory", {ToText(handle)}).exit_code, 0);
  EXPECT_EQ(Read(linear + 4), 43u);
}

TEST_F(IpcConformance, ItsOwnProcessDoesNotOpenMemory) {
  const CUdeviceptr linear = NewLinear(kSize);
  CUipcMemHandle handle = {};
  ASSERT_OK(IpcGetMemHandle, &handle, linear);
  CUdeviceptr address = 0;
  EXPECT_REFUSED(INVALID_CONTEXT, IpcOpenMemHandle, &address, handle, kLazy);
}

TEST_F(IpcConformance, GetRefusesMisuse) {
  const CUdeviceptr linear = NewLinear(kSize);
  int on_the_stack = 0;
  CUipcMemHandle handle = {};
  EXPECT_REFUSED(INVALID_VALUE, IpcGetMemHandle, nullptr, linear);
  EXPECT_REFUSED(INVALID_VALUE, IpcGetMemHandle, &handle, 0);
  EXPECT_REFUSED(INVALID_VALUE, IpcGetMemHandle, &handle,
                 Address(&on_the_stack));
}

// Memory of virtual memory management goes by descriptors alone.
TEST_F(IpcConformance, MappedMemoryHasNoHandle) {
  const CUdeviceptr base = Reserve(block());
  Commit(base, block());
  CUipcMemHandle handle = {};
  EXPECT_REFUSED(INVALID_VALUE, IpcGetMemHandle, &handle, base);
}

TEST_F(IpcConformance, CloseRefusesWhatWasNotOpened) {
  EXPECT_REFUSED(INVALID_VALUE, IpcCloseMemHandle, NewLinear(kSize));
}

// host_driver.h says that no other process opens one.
#define HARDWARE_ONLY()                                 \
  if (!device().is_hardware()) {                        \
    GTEST_SKIP() << "the host driver shares no events"; \
  }                                                     \
  static_assert(true)

int OpensAnEvent(const std::vector<std::string>& arguments) {
  EXPECT_OK(CtxSetCurrent, ConformanceDevice::Get().context());
  const auto handle = FromText<CUipcEventHandle>(arguments.at(0));
  CUevent event = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, IpcOpenEventHandle, nullptr, handle);
  EXPECT_OK(IpcOpenEventHandle, &event, handle);
  if (event == nullptr) return 1;
  EXPECT_OK(EventQuery, event);
  EXPECT_OK(StreamWaitEvent, nullptr, event, 0);
  EXPECT_OK(EventDestroy, event);
  return 0;
}
GOVERNOR_CHILD(OpensAnEvent);

TEST_F(IpcConformance, AnotherProcessOpensAnEvent) {
  HARDWARE_ONLY();
  const CUevent event =
      NewEvent(CU_EVENT_INTERPROCESS | CU_EVENT_DISABLE_TIMING);
  EXPECT_OK(EventRecord, event, nullptr);
  EXPECT_OK(EventSynchronize, event);
  CUipcEventHandle handle = {};
  ASSERT_OK(IpcGetEventHandle, &handle, event);
  EXPECT_EQ(RunChild("OpensAnEvent", {ToText(handle)}).exit_code, 0);
}

TEST_F(IpcConformance, ItsOwnProcessDoesNotOpenAnEvent) {
  const CUevent event =
      NewEvent(CU_EVENT_INTERPROCESS | CU_EVENT_DISABLE_TIMING);
  CUipcEventHandle handle = {};
  ASSERT_OK(IpcGetEventHandle, &handle, event);
  CUevent again = nullptr;
  EXPECT_REFUSED(INVALID_CONTEXT, IpcOpenEventHandle, &again, handle);
}

// Measured.
TEST_F(IpcConformance, EventHandlesRefuseMisuse) {
  const CUevent own = NewEvent();
  const CUevent event =
      NewEvent(CU_EVENT_INTERPROCESS | CU_EVENT_DISABLE_TIMING);
  CUipcEventHandle handle = {};
  EXPECT_REFUSED(INVALID_VALUE, IpcGetEventHandle, &handle, nullptr);
  EXPECT_REFUSED(INVALID_VALUE, IpcGetEventHandle, nullptr, event);
  EXPECT_REFUSED(INVALID_HANDLE, IpcGetEventHandle, &handle, own);
  CUevent opened = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, IpcOpenEventHandle, nullptr, handle);
  EXPECT_REFUSED(MAP_FAILED, IpcOpenEventHandle, &opened, CUipcEventHandle{});
}

}  // namespace
}  // namespace governor
