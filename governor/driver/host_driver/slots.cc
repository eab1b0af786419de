#include "governor/driver/host_driver/slots.h"

#include <array>
#include <atomic>
#include <utility>

namespace governor {
namespace {

constexpr int kSlots = Contexts::kMaxSlots;

struct Slot {
  std::atomic<bool> taken{false};
  std::atomic<HostCalls*> calls{nullptr};
};
constinit Slot slots[kSlots];

// One C function: finds the driver in its slot and calls the method.
template <int slot, DriverCall call, auto method,
          typename Method = decltype(method)>
struct Bind;

template <int slot, DriverCall call, auto method, typename Class,
          typename... Args>
struct Bind<slot, call, method, CUresult (Class::*)(Args...)> {
  static CUresult CUDAAPI Call(Args... args) {
    HostCalls* const calls = slots[slot].calls.load(std::memory_order_acquire);
    if (calls == nullptr) return CUDA_ERROR_DEINITIALIZED;
    if (const std::optional<CUresult> answer = calls->Enter(call)) {
      return *answer;
    }
    return (calls->*method)(args...);
  }
};

template <int slot>
constexpr DriverApi MakeApi() {
  DriverApi api;
#define GOVERNOR_BIND(field, symbol) \
  api.field = &Bind<slot, DriverCall::k##field, &HostCalls::field>::Call;
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_BIND)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_BIND)
#undef GOVERNOR_BIND
  return api;
}

template <int... slot>
constexpr std::array<DriverApi, kSlots> MakeApis(
    std::integer_sequence<int, slot...>) {
  return {MakeApi<slot>()...};
}

constexpr std::array<DriverApi, kSlots> kApis =
    MakeApis(std::make_integer_sequence<int, kSlots>());

}  // namespace

std::optional<int> TakeSlot() {
  for (int slot = 0; slot < kSlots; ++slot) {
    if (!slots[slot].taken.exchange(true)) return slot;
  }
  return std::nullopt;
}

const DriverApi& ApiOfSlot(int slot) { return kApis[slot]; }

void FillSlot(int slot, HostCalls* calls) {
  slots[slot].calls.store(calls, std::memory_order_release);
}

void ReturnSlot(int slot) {
  slots[slot].calls.store(nullptr);
  slots[slot].taken.store(false);
}

}  // namespace governor
