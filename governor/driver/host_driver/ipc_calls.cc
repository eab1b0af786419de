#include "governor/driver/host_driver/ipc_calls.h"

#include <unistd.h>

#include <cstring>

#include "governor/driver/host_driver/ipc_memory.h"

namespace governor {
namespace {

constexpr uint64_t kMagic = 0x31766d65636e7267;  // "grncemv1"

constexpr uint64_t kEventMagic = 0x31766574636e7267;  // "grncetv1"

struct EventHandle {
  uint64_t magic = 0;
  pid_t process = 0;
};

}  // namespace

CUresult IpcCalls::IpcGetMemHandle(CUipcMemHandle* handle,
                                   CUdeviceptr address) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (handle == nullptr) return CUDA_ERROR_INVALID_VALUE;
  IpcMemory memory;
  if (CUresult result = state_.memory->ExportLinear(address, &memory)) {
    return result;
  }
  memory.magic = kMagic;
  std::memset(handle, 0, sizeof(*handle));
  std::memcpy(handle, &memory, sizeof(memory));
  return CUDA_SUCCESS;
}

CUresult IpcCalls::IpcOpenMemHandle(CUdeviceptr* address, CUipcMemHandle handle,
                                    unsigned int flags) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  IpcMemory memory;
  std::memcpy(static_cast<void*>(&memory), &handle, sizeof(memory));
  if (address == nullptr || flags != CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS ||
      memory.magic != kMagic) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Known of the real driver: not in the process that it is of.
  if (memory.process == getpid()) return CUDA_ERROR_INVALID_CONTEXT;
  return state_.memory->OpenLinear(memory, context, address);
}

CUresult IpcCalls::IpcCloseMemHandle(CUdeviceptr address) {
  return state_.memory->CloseLinear(address);
}

// An event's handle tells whose it is, so that misuse is answered as measured.
// Another process cannot open it here.
CUresult IpcCalls::IpcGetEventHandle(CUipcEventHandle* handle, CUevent event) {
  if (handle == nullptr || event == nullptr) return CUDA_ERROR_INVALID_VALUE;
  unsigned int flags = 0;
  if (CUresult result = state_.streams.FlagsOf(event, &flags)) return result;
  if ((flags & CU_EVENT_INTERPROCESS) == 0) return CUDA_ERROR_INVALID_HANDLE;
  const EventHandle content = {.magic = kEventMagic, .process = getpid()};
  std::memset(handle, 0, sizeof(*handle));
  std::memcpy(handle, &content, sizeof(content));
  return CUDA_SUCCESS;
}

CUresult IpcCalls::IpcOpenEventHandle(CUevent* event, CUipcEventHandle handle) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (event == nullptr) return CUDA_ERROR_INVALID_VALUE;
  EventHandle content;
  std::memcpy(static_cast<void*>(&content), &handle, sizeof(content));
  if (content.magic != kEventMagic) return CUDA_ERROR_MAP_FAILED;
  return content.process == getpid() ? CUDA_ERROR_INVALID_CONTEXT
                                     : CUDA_ERROR_NOT_SUPPORTED;
}

}  // namespace governor
