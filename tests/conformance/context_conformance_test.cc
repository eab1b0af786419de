// Contexts: the primary one, those of one's own, and which is current.

#include <string>
#include <thread>
#include <vector>

#include "tests/conformance/child_process.h"
#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

class ContextConformance : public ConformanceTest {
 protected:
  CUcontext Current() {
    CUcontext context = nullptr;
    EXPECT_OK(CtxGetCurrent, &context);
    return context;
  }

  // A context that no driver made.
  const CUcontext kForeign = reinterpret_cast<CUcontext>(0x1230);
};

TEST_F(ContextConformance, RetainsTheSamePrimaryContext) {
  CUcontext again = nullptr;
  EXPECT_OK(DevicePrimaryCtxRetain, &again, 0);
  EXPECT_EQ(again, device().context());
  EXPECT_OK(DevicePrimaryCtxRelease, 0);
  unsigned int flags = 0;
  int active = 0;
  EXPECT_OK(DevicePrimaryCtxGetState, 0, &flags, &active);
  EXPECT_EQ(active, 1);
}

TEST_F(ContextConformance, PrimaryContextRefusesMisuse) {
  CUcontext context = nullptr;
  unsigned int flags = 0;
  int active = 0;
  EXPECT_REFUSED(INVALID_VALUE, DevicePrimaryCtxRetain, nullptr, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DevicePrimaryCtxRetain, &context, kNoDevice);
  EXPECT_REFUSED(INVALID_DEVICE, DevicePrimaryCtxRelease, kNoDevice);
  EXPECT_REFUSED(INVALID_VALUE, DevicePrimaryCtxGetState, 0, nullptr, &active);
  EXPECT_REFUSED(INVALID_VALUE, DevicePrimaryCtxGetState, 0, &flags, nullptr);
  EXPECT_REFUSED(INVALID_DEVICE, DevicePrimaryCtxGetState, kNoDevice, &flags,
                 &active);
}

TEST_F(ContextConformance, SetsFlagsOfThePrimaryContext) {
  unsigned int before = 0, after = 77;
  int active = 0;
  EXPECT_OK(DevicePrimaryCtxGetState, 0, &before, &active);
  EXPECT_OK(DevicePrimaryCtxSetFlags, 0, CU_CTX_SCHED_BLOCKING_SYNC);
  EXPECT_OK(DevicePrimaryCtxGetState, 0, &after, &active);
  EXPECT_EQ(after & CU_CTX_SCHED_MASK, unsigned{CU_CTX_SCHED_BLOCKING_SYNC});
  EXPECT_OK(DevicePrimaryCtxSetFlags, 0, before);
}

TEST_F(ContextConformance, SetFlagsRefusesMisuse) {
  EXPECT_REFUSED(INVALID_VALUE, DevicePrimaryCtxSetFlags, 0, 1u << 20);
  EXPECT_REFUSED(INVALID_DEVICE, DevicePrimaryCtxSetFlags, kNoDevice, 0);
}

// What happens to a primary context as a whole is seen in a process of its own.
int LosesItsPrimaryContext(const std::vector<std::string>&) {
  CUcontext context = nullptr;
  CUdeviceptr address = 0;
  unsigned int flags = 0;
  int active = 1;
  EXPECT_REFUSED(INVALID_CONTEXT, DevicePrimaryCtxRelease, 0);
  EXPECT_OK(DevicePrimaryCtxGetState, 0, &flags, &active);
  EXPECT_EQ(active, 0);
  EXPECT_OK(DevicePrimaryCtxReset, 0);  // there is none
  EXPECT_OK(DevicePrimaryCtxRetain, &context, 0);
  EXPECT_OK(CtxSetCurrent, context);
  EXPECT_OK(MemAlloc, &address, 1 << 20);
  EXPECT_OK(CtxSetCurrent, nullptr);
  EXPECT_OK(DevicePrimaryCtxReset, 0);
  EXPECT_OK(DevicePrimaryCtxGetState, 0, &flags, &active);
  EXPECT_EQ(active, 0);
  return 0;
}
GOVERNOR_CHILD(LosesItsPrimaryContext);

TEST_F(ContextConformance, ResetsThePrimaryContext) {
  EXPECT_EQ(RunChild("LosesItsPrimaryContext", {}).exit_code, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DevicePrimaryCtxReset, kNoDevice);
}

TEST_F(ContextConformance, KeepsAStackOfCurrentContexts) {
  const CUcontext context = device().context();
  CUcontext popped = nullptr;
  EXPECT_OK(CtxPushCurrent, context);
  EXPECT_OK(CtxPopCurrent, &popped);
  EXPECT_EQ(popped, context);
  EXPECT_EQ(Current(), context);
  EXPECT_OK(CtxPopCurrent, &popped);
  EXPECT_EQ(Current(), nullptr);
  EXPECT_REFUSED(INVALID_CONTEXT, CtxPopCurrent, &popped);
  EXPECT_OK(CtxPushCurrent, context);
}

TEST_F(ContextConformance, CurrentRefusesMisuse) {
  EXPECT_REFUSED(INVALID_VALUE, CtxGetCurrent, nullptr);
  EXPECT_REFUSED(INVALID_VALUE, CtxPushCurrent, nullptr);
  EXPECT_REFUSED(INVALID_VALUE, CtxGetDevice, nullptr);
}

TEST_F(ContextConformance, ForeignContextsAreRefused) {
  HOST_DRIVER_ONLY();
  EXPECT_REFUSED(INVALID_CONTEXT, CtxSetCurrent, kForeign);
  EXPECT_REFUSED(INVALID_CONTEXT, CtxPushCurrent, kForeign);
  EXPECT_REFUSED(INVALID_CONTEXT, CtxDestroy, kForeign);
  EXPECT_EQ(Current(), device().context());
}

TEST_F(ContextConformance, NothingMayBeCurrent) {
  const NoContext none;
  CUdevice got = -1;
  EXPECT_EQ(Current(), nullptr);
  EXPECT_REFUSED(INVALID_CONTEXT, CtxGetDevice, &got);
  EXPECT_REFUSED(INVALID_CONTEXT, CtxSynchronize);
}

TEST_F(ContextConformance, IsCurrentToOneThread) {
  std::thread([this] {
    EXPECT_EQ(Current(), nullptr);
    EXPECT_OK(CtxSetCurrent, device().context());
    EXPECT_OK(CtxSynchronize);
    EXPECT_OK(CtxSetCurrent, nullptr);
  }).join();
  EXPECT_EQ(Current(), device().context());
}

TEST_F(ContextConformance, TellsItsDevice) {
  CUdevice got = -1;
  EXPECT_OK(CtxGetDevice, &got);
  EXPECT_EQ(got, 0);
}

// A context of one's own is current from its making, and apart from the
// primary one.
TEST_F(ContextConformance, CreatesAContext) {
  CUcontext made = nullptr;
  ASSERT_OK(CtxCreate, &made, nullptr, CU_CTX_SCHED_YIELD, 0);
  EXPECT_NE(made, nullptr);
  EXPECT_NE(made, device().context());
  EXPECT_EQ(Current(), made);
  unsigned int flags = 0;
  EXPECT_OK(CtxGetFlags, &flags);
  EXPECT_EQ(flags & CU_CTX_SCHED_MASK, unsigned{CU_CTX_SCHED_YIELD});
  CUdeviceptr address = 0;
  EXPECT_OK(MemAlloc, &address, 1 << 20);
  EXPECT_OK(MemsetD8, address, 1, 1 << 20);
  CUcontext owner = nullptr;
  EXPECT_OK(PointerGetAttribute, &owner, CU_POINTER_ATTRIBUTE_CONTEXT, address);
  EXPECT_EQ(owner, made);
  // Takes its memory along, and leaves the stack if it is on top.
  EXPECT_OK(CtxDestroy, made);
  EXPECT_EQ(Current(), device().context());
  EXPECT_REFUSED(INVALID_VALUE, MemFree, address);
}

TEST_F(ContextConformance, CreateRefusesMisuse) {
  CUcontext made = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, CtxCreate, nullptr, nullptr, 0, 0);
  EXPECT_REFUSED(INVALID_VALUE, CtxCreate, &made, nullptr, 1u << 20, 0);
  EXPECT_REFUSED(INVALID_DEVICE, CtxCreate, &made, nullptr, 0, kNoDevice);
  EXPECT_EQ(Current(), device().context());
}

TEST_F(ContextConformance, DestroyRefusesNull) {
  EXPECT_REFUSED(INVALID_VALUE, CtxDestroy, nullptr);
}

TEST_F(ContextConformance, StaleContextsAreRefused) {
  HOST_DRIVER_ONLY();
  CUcontext made = nullptr;
  ASSERT_OK(CtxCreate, &made, nullptr, 0, 0);
  EXPECT_OK(CtxDestroy, made);
  const CUresult result = GOVERNOR_CALL(CtxDestroy, made);
  EXPECT_TRUE(result == CUDA_ERROR_INVALID_CONTEXT ||
              result == CUDA_ERROR_CONTEXT_IS_DESTROYED)
      << ShortName(result);
}

TEST_F(ContextConformance, TellsFlags) {
  unsigned int flags = 0, of_state = 0;
  int active = 0;
  EXPECT_OK(CtxGetFlags, &flags);
  EXPECT_OK(DevicePrimaryCtxGetState, 0, &of_state, &active);
  EXPECT_EQ(flags & CU_CTX_SCHED_MASK, of_state & CU_CTX_SCHED_MASK);
  EXPECT_REFUSED(INVALID_VALUE, CtxGetFlags, nullptr);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, CtxGetFlags, &flags);
}

TEST_F(ContextConformance, TellsTheApiVersion) {
  unsigned int version = 0;
  EXPECT_OK(CtxGetApiVersion, device().context(), &version);
  EXPECT_GE(version, 3010u);
  EXPECT_REFUSED(INVALID_VALUE, CtxGetApiVersion, device().context(), nullptr);
}

TEST_F(ContextConformance, KeepsLimits) {
  size_t before = 0, after = 0;
  EXPECT_OK(CtxGetLimit, &before, CU_LIMIT_PRINTF_FIFO_SIZE);
  EXPECT_OK(CtxSetLimit, CU_LIMIT_PRINTF_FIFO_SIZE, 2 << 20);
  EXPECT_OK(CtxGetLimit, &after, CU_LIMIT_PRINTF_FIFO_SIZE);
  EXPECT_GE(after, size_t{2} << 20);
  EXPECT_OK(CtxSetLimit, CU_LIMIT_PRINTF_FIFO_SIZE, before);
  EXPECT_OK(CtxGetLimit, &after, CU_LIMIT_STACK_SIZE);
  EXPECT_GT(after, 0u);
  EXPECT_OK(CtxGetLimit, &after, CU_LIMIT_MALLOC_HEAP_SIZE);
  EXPECT_GT(after, 0u);
}

// Measured: a limit that does not exist is invalid, not unsupported.
TEST_F(ContextConformance, LimitsRefuseMisuse) {
  size_t value = 0;
  const auto no_limit = static_cast<CUlimit>(99);
  EXPECT_REFUSED(INVALID_VALUE, CtxGetLimit, &value, no_limit);
  EXPECT_REFUSED(INVALID_VALUE, CtxSetLimit, no_limit, 1);
  EXPECT_REFUSED(INVALID_VALUE, CtxGetLimit, nullptr, CU_LIMIT_STACK_SIZE);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, CtxGetLimit, &value, CU_LIMIT_STACK_SIZE);
  EXPECT_REFUSED(INVALID_CONTEXT, CtxSetLimit, CU_LIMIT_STACK_SIZE, 1024);
}

TEST_F(ContextConformance, TellsStreamPriorities) {
  int least = -1, greatest = 1;
  EXPECT_OK(CtxGetStreamPriorityRange, &least, &greatest);
  EXPECT_EQ(least, 0);
  EXPECT_LE(greatest, least);  // a smaller number goes first
  EXPECT_OK(CtxGetStreamPriorityRange, nullptr, nullptr);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, CtxGetStreamPriorityRange, &least, &greatest);
}

// Linear memory belongs to its context; chunks belong to none.
TEST_F(ContextConformance, ADestroyedContextStaysCurrentAndUseless) {
  HOST_DRIVER_ONLY();
  CUcontext made = nullptr;
  ASSERT_OK(CtxCreate, &made, nullptr, 0, 0);
  std::thread([made] { EXPECT_OK(CtxDestroy, made); }).join();
  CUdeviceptr address = 0;
  EXPECT_REFUSED(CONTEXT_IS_DESTROYED, CtxSynchronize);
  EXPECT_REFUSED(CONTEXT_IS_DESTROYED, MemAlloc, &address, 4);
  CUcontext popped = nullptr;
  EXPECT_OK(CtxPopCurrent, &popped);
}

}  // namespace
}  // namespace governor
