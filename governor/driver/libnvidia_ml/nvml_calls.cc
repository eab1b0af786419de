// The functions of nvml.h. What each answers to wrong arguments is what an H200
// with driver 580.159.04 answered.

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/driver/libnvidia_ml/nvml.h"
#include "governor/driver/libnvidia_ml/system.h"

namespace governor {
namespace {

constexpr unsigned int kNoInstance = 0xffffffff;  // no MIG

// Initialisations less shutdowns, and the machine. It is made once and never
// destroyed: other threads may still ask while the process exits.
struct State {
  State(int users, const State* of_parent)
      : of_parent(of_parent), users(users) {}

  // The state of the process that this one was forked from; null in the first.
  // It stays, as does its machine: nothing in a fork may take it down.
  const State* const of_parent;
  const ProcessEpoch epoch;
  Mutex mutex;
  int users ABSL_GUARDED_BY(mutex);
  NvmlSystem* system ABSL_GUARDED_BY(mutex) = nullptr;
};

// A forked child goes on with a state and a machine of its own: its parent's
// lock may be held by a thread that is not there, and its parent's host driver
// answers nothing in it.
State& TheState() {
  static std::atomic<State*> current{
      new State(/*users=*/0, /*of_parent=*/nullptr)};
  State* known = current.load();
  while (!known->epoch.is_current()) {
    // Read without the lock: nobody is left to write.
    const int users = [known]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return known->users;
    }();
    auto made = std::make_unique<State>(users, known);
    if (current.compare_exchange_strong(known, made.get())) {
      known = made.release();
    }
  }
  return *known;
}

nvmlReturn_t MakeSystem(State& state)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(state.mutex) {
  if (state.system != nullptr) return NVML_SUCCESS;
  absl::StatusOr<std::unique_ptr<NvmlSystem>> made = NvmlSystem::Create();
  if (!made.ok()) {
    const std::string line = absl::StrCat(
        "libnvidia-ml.so.1 (governor's host driver): ", made.status().message(),
        "\n");
    std::fwrite(line.data(), 1, line.size(), stderr);
    return NVML_ERROR_UNKNOWN;
  }
  state.system = made->release();
  return NVML_SUCCESS;
}

nvmlReturn_t Start() {
  State& state = TheState();
  MutexLock lock(state.mutex);
  const nvmlReturn_t result = MakeSystem(state);
  if (result == NVML_SUCCESS) ++state.users;
  return result;
}

// Null before nvmlInit and after the last nvmlShutdown.
const NvmlSystem* System() {
  State& state = TheState();
  MutexLock lock(state.mutex);
  if (state.users == 0 || MakeSystem(state) != NVML_SUCCESS) return nullptr;
  return state.system;
}

// A device's handle is the address of its number.
constexpr int kNumbers[kMaxHostDevices] = {0, 1, 2, 3, 4, 5, 6, 7};

nvmlDevice_t HandleOf(int device) {
  return reinterpret_cast<nvmlDevice_t>(const_cast<int*>(&kNumbers[device]));
}

std::optional<int> DeviceOf(const NvmlSystem& system, nvmlDevice_t handle) {
  for (int device = 0; device < system.devices(); ++device) {
    if (handle == HandleOf(device)) return device;
  }
  return std::nullopt;
}

nvmlReturn_t Write(const std::string& text, char* to, unsigned int length) {
  if (to == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  if (text.size() >= length) return NVML_ERROR_INSUFFICIENT_SIZE;
  std::memcpy(to, text.c_str(), text.size() + 1);
  return NVML_SUCCESS;
}

template <typename Value>
nvmlReturn_t Write(Value value, Value* to) {
  if (to == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *to = value;
  return NVML_SUCCESS;
}

// `call(system)`, once initialised.
template <typename Call>
nvmlReturn_t OnSystem(const Call& call) {
  const NvmlSystem* const system = System();
  return system == nullptr ? NVML_ERROR_UNINITIALIZED : call(*system);
}

// `call(system, device)`, for a handle that is one.
template <typename Call>
nvmlReturn_t OnDevice(nvmlDevice_t handle, const Call& call) {
  return OnSystem([&](const NvmlSystem& system) {
    const std::optional<int> device = DeviceOf(system, handle);
    return device ? call(system, *device) : NVML_ERROR_INVALID_ARGUMENT;
  });
}

void Fill(const DeviceProcess& process, nvmlProcessInfo_v1_t* info) {
  *info = {static_cast<unsigned int>(process.pid), process.held_bytes};
}
void Fill(const DeviceProcess& process, nvmlProcessInfo_t* info) {
  *info = {static_cast<unsigned int>(process.pid), process.held_bytes,
           kNoInstance, kNoInstance};
}

template <typename Info>
nvmlReturn_t WriteProcesses(nvmlDevice_t handle, unsigned int* count,
                            Info* infos) {
  return OnDevice(handle, [&](const NvmlSystem& system, int device) {
    if (count == nullptr || (*count > 0 && infos == nullptr)) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const std::vector<DeviceProcess> processes = system.Processes(device);
    const unsigned int room = *count;
    *count = static_cast<unsigned int>(processes.size());
    if (processes.size() > room) return NVML_ERROR_INSUFFICIENT_SIZE;
    for (size_t i = 0; i < processes.size(); ++i) {
      Fill(processes[i], &infos[i]);
    }
    return NVML_SUCCESS;
  });
}

}  // namespace
}  // namespace governor

using governor::NvmlSystem;
using governor::OnDevice;
using governor::OnSystem;
using governor::Write;

extern "C" {

nvmlReturn_t nvmlInit(void) { return governor::Start(); }
nvmlReturn_t nvmlInit_v2(void) { return governor::Start(); }
nvmlReturn_t nvmlInitWithFlags(unsigned int /*flags*/) {
  return governor::Start();
}

nvmlReturn_t nvmlShutdown(void) {
  governor::State& state = governor::TheState();
  governor::MutexLock lock(state.mutex);
  if (state.users == 0) return NVML_ERROR_UNINITIALIZED;
  --state.users;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetDriverVersion(char* version, unsigned int length) {
  return OnSystem([&](const NvmlSystem& system) {
    return Write(system.driver_version(), version, length);
  });
}

// Answers before nvmlInit too; then for the newest that we know.
nvmlReturn_t nvmlSystemGetNVMLVersion(char* version, unsigned int length) {
  const NvmlSystem* const system = governor::System();
  return Write(system == nullptr ? "13.580.159.04" : system->nvml_version(),
               version, length);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int* version) {
  return OnSystem([&](const NvmlSystem& system) {
    return Write(system.cuda_version(), version);
  });
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int* version) {
  return nvmlSystemGetCudaDriverVersion(version);
}

nvmlReturn_t nvmlSystemGetProcessName(unsigned int pid, char* name,
                                      unsigned int length) {
  return OnSystem([&](const NvmlSystem&) {
    if (name == nullptr || length == 0) return NVML_ERROR_INVALID_ARGUMENT;
    std::ifstream file(absl::StrCat("/proc/", pid, "/cmdline"));
    std::string first;
    if (!std::getline(file, first, '\0')) return NVML_ERROR_NOT_FOUND;
    // Cut, where it is too long.
    std::snprintf(name, length, "%s", first.c_str());
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetCount(unsigned int* count) {
  return OnSystem([&](const NvmlSystem& system) {
    return Write(static_cast<unsigned int>(system.devices()), count);
  });
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int* count) {
  return nvmlDeviceGetCount(count);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned int index,
                                        nvmlDevice_t* device) {
  return OnSystem([&](const NvmlSystem& system) {
    if (index >= static_cast<unsigned int>(system.devices())) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return Write(governor::HandleOf(static_cast<int>(index)), device);
  });
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index,
                                           nvmlDevice_t* device) {
  return nvmlDeviceGetHandleByIndex(index, device);
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char* uuid, nvmlDevice_t* device) {
  return OnSystem([&](const NvmlSystem& system) {
    if (uuid == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
    for (int i = 0; i < system.devices(); ++i) {
      if (system.Uuid(i) == uuid) return Write(governor::HandleOf(i), device);
    }
    return NVML_ERROR_NOT_FOUND;
  });
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id,
                                              nvmlDevice_t* device) {
  return OnSystem([&](const NvmlSystem& system) {
    if (bus_id == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
    const std::optional<int> found = system.DeviceAt(bus_id);
    if (!found) return NVML_ERROR_NOT_FOUND;
    return Write(governor::HandleOf(*found), device);
  });
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char* name,
                               unsigned int length) {
  return OnDevice(device, [&](const NvmlSystem& system, int) {
    return Write(system.name(), name, length);
  });
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char* uuid,
                               unsigned int length) {
  return OnDevice(device, [&](const NvmlSystem& system, int number) {
    return Write(system.Uuid(number), uuid, length);
  });
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int* index) {
  return OnDevice(device, [&](const NvmlSystem&, int number) {
    return Write(static_cast<unsigned int>(number), index);
  });
}

nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int* major,
                                                int* minor) {
  return OnDevice(device, [&](const NvmlSystem& system, int number) {
    if (major == nullptr || minor == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    *major =
        system.Attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, number);
    *minor =
        system.Attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, number);
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device,
                                     nvmlMemory_t* memory) {
  return OnDevice(device, [&](const NvmlSystem& system, int number) {
    if (memory == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
    const std::optional<NvmlSystem::Memory> found = system.MemoryOf(number);
    if (!found) return NVML_ERROR_NOT_SUPPORTED;
    *memory = {found->total, found->free, found->reserved + found->used};
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device,
                                        nvmlMemory_v2_t* memory) {
  return OnDevice(device, [&](const NvmlSystem& system, int number) {
    if (memory == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
    if (memory->version != nvmlMemory_v2) return NVML_ERROR_FUNCTION_NOT_FOUND;
    const std::optional<NvmlSystem::Memory> found = system.MemoryOf(number);
    if (!found) return NVML_ERROR_NOT_SUPPORTED;
    *memory = {memory->version, found->total, found->reserved, found->free,
               found->used};
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t device,
                                                  unsigned int* count,
                                                  nvmlProcessInfo_v1_t* infos) {
  return governor::WriteProcesses(device, count, infos);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t device,
                                                     unsigned int* count,
                                                     nvmlProcessInfo_t* infos) {
  return governor::WriteProcesses(device, count, infos);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device,
                                                     unsigned int* count,
                                                     nvmlProcessInfo_t* infos) {
  return governor::WriteProcesses(device, count, infos);
}

}  // extern "C"
