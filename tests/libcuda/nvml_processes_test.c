/* Two processes take memory through libcuda.so.1, and a third asks NVML about
 * them.
 *
 *   nvml_processes_test LIBCUDA LIBNVIDIA_ML
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "governor/driver/libnvidia_ml/nvml.h"

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) {                                       \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
      exit(1);                                                \
    }                                                         \
  } while (0)

#define MIB (1ull << 20)

/* Sizes that nobody else on this machine has: NVML tells of equal machines. */
static const char kMachine[] = "h200,memory=1237MiB,context=19MiB";
static const char kIntegrated[] = "gb10,context=19MiB";
/* What an H200 keeps for itself. */
static const unsigned long long kReserved = 644939776;

static const char* libcuda_path;
static const char* nvml_path;

static void* open_library(const char* path) {
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);
  return library;
}

/* Writes the function's address to the pointer at `function`. */
static void find(void* library, const char* name, void* function) {
  void* const address = dlsym(library, name);
  if (address == NULL) fprintf(stderr, "%s is missing\n", name);
  CHECK(address != NULL);
  memcpy(function, &address, sizeof(address));
}

static int (*init)(unsigned);
static int (*retain)(void**, int);
static int (*set_current)(void*);
static int (*allocate)(uint64_t*, size_t);
static int (*give_back)(uint64_t);

static void* take_and_give_back(void* context) {
  uint64_t address = 0;
  CHECK(set_current(context) == 0);
  for (int i = 0; i < 200; ++i) {
    CHECK(allocate(&address, MIB) == 0);
    CHECK(give_back(address) == 0);
  }
  return NULL;
}

/* Takes `size`, while threads take and give back. */
static void take(unsigned long long size) {
  void* const library = open_library(libcuda_path);
  void* context = NULL;
  uint64_t kept = 0;
  pthread_t threads[4];
  find(library, "cuInit", &init);
  find(library, "cuDevicePrimaryCtxRetain", &retain);
  find(library, "cuCtxSetCurrent", &set_current);
  find(library, "cuMemAlloc_v2", &allocate);
  find(library, "cuMemFree_v2", &give_back);
  CHECK(init(0) == 0);
  CHECK(retain(&context, 0) == 0);
  CHECK(set_current(context) == 0);
  for (int i = 0; i < 4; ++i) {
    CHECK(pthread_create(&threads[i], NULL, take_and_give_back, context) == 0);
  }
  CHECK(allocate(&kept, size) == 0);
  for (int i = 0; i < 4; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* A process that holds `size` and a context until it is killed. With a child of
 * its own, which has its files but holds nothing. */
static pid_t start_holder(unsigned long long size) {
  int ready[2];
  char byte = 0;
  CHECK(pipe(ready) == 0);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ready[0]);
    take(size);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(ready[1]);
      for (;;) pause();
    }
    CHECK(write(ready[1], "x", 1) == 1);
    for (;;) pause();
  }
  close(ready[1]);
  CHECK(read(ready[0], &byte, 1) == 1);
  close(ready[0]);
  return pid;
}

static void stop_holder(pid_t pid) {
  CHECK(kill(pid, SIGKILL) == 0);
  CHECK(waitpid(pid, NULL, 0) == pid);
}

struct nvml {
  nvmlReturn_t (*init)(void);
  nvmlReturn_t (*shutdown)(void);
  nvmlReturn_t (*count)(unsigned int*);
  nvmlReturn_t (*handle)(unsigned int, nvmlDevice_t*);
  nvmlReturn_t (*name)(nvmlDevice_t, char*, unsigned int);
  nvmlReturn_t (*uuid)(nvmlDevice_t, char*, unsigned int);
  nvmlReturn_t (*by_uuid)(const char*, nvmlDevice_t*);
  nvmlReturn_t (*memory)(nvmlDevice_t, nvmlMemory_t*);
  nvmlReturn_t (*memory_v2)(nvmlDevice_t, nvmlMemory_v2_t*);
  nvmlReturn_t (*processes)(nvmlDevice_t, unsigned int*, nvmlProcessInfo_t*);
  nvmlReturn_t (*processes_v1)(nvmlDevice_t, unsigned int*,
                               nvmlProcessInfo_v1_t*);
  nvmlReturn_t (*process_name)(unsigned int, char*, unsigned int);
  nvmlReturn_t (*driver_version)(char*, unsigned int);
  nvmlReturn_t (*capability)(nvmlDevice_t, int*, int*);
  const char* (*error_string)(nvmlReturn_t);
};

static struct nvml open_nvml(void) {
  struct nvml nvml;
  void* const library = open_library(nvml_path);
  find(library, "nvmlInit_v2", &nvml.init);
  find(library, "nvmlShutdown", &nvml.shutdown);
  find(library, "nvmlDeviceGetCount_v2", &nvml.count);
  find(library, "nvmlDeviceGetHandleByIndex_v2", &nvml.handle);
  find(library, "nvmlDeviceGetName", &nvml.name);
  find(library, "nvmlDeviceGetUUID", &nvml.uuid);
  find(library, "nvmlDeviceGetHandleByUUID", &nvml.by_uuid);
  find(library, "nvmlDeviceGetMemoryInfo", &nvml.memory);
  find(library, "nvmlDeviceGetMemoryInfo_v2", &nvml.memory_v2);
  find(library, "nvmlDeviceGetComputeRunningProcesses_v3", &nvml.processes);
  find(library, "nvmlDeviceGetComputeRunningProcesses", &nvml.processes_v1);
  find(library, "nvmlSystemGetProcessName", &nvml.process_name);
  find(library, "nvmlSystemGetDriverVersion", &nvml.driver_version);
  find(library, "nvmlDeviceGetCudaComputeCapability", &nvml.capability);
  find(library, "nvmlErrorString", &nvml.error_string);
  return nvml;
}

/* The bytes of `pid` among `count` processes; 0 if it is not there. */
static unsigned long long bytes_of(const nvmlProcessInfo_t* infos,
                                   unsigned int count, pid_t pid) {
  for (unsigned int i = 0; i < count; ++i) {
    if (infos[i].pid == (unsigned int)pid) return infos[i].usedGpuMemory;
  }
  return 0;
}

static void check_discrete(const struct nvml* nvml) {
  const pid_t small = start_holder(40 * MIB);
  const pid_t large = start_holder(300 * MIB);
  const unsigned long long used = (19 + 40 + 19 + 300) * MIB;

  unsigned int count = 0;
  nvmlDevice_t device = NULL, same = NULL;
  CHECK(nvml->count(&count) == NVML_ERROR_UNINITIALIZED);
  CHECK(nvml->shutdown() == NVML_ERROR_UNINITIALIZED);
  CHECK(nvml->init() == NVML_SUCCESS);
  CHECK(nvml->count(&count) == NVML_SUCCESS && count == 1);
  CHECK(nvml->handle(1, &device) == NVML_ERROR_INVALID_ARGUMENT);
  CHECK(nvml->handle(0, &device) == NVML_SUCCESS);

  char text[96];
  int major = 0, minor = 0;
  CHECK(nvml->name(device, text, sizeof(text)) == NVML_SUCCESS);
  CHECK(strcmp(text, "NVIDIA H200") == 0);
  CHECK(nvml->name(device, text, 3) == NVML_ERROR_INSUFFICIENT_SIZE);
  CHECK(nvml->name(NULL, text, 3) == NVML_ERROR_INVALID_ARGUMENT);
  CHECK(nvml->driver_version(text, sizeof(text)) == NVML_SUCCESS);
  CHECK(strcmp(text, "580.159.04") == 0);
  CHECK(nvml->capability(device, &major, &minor) == NVML_SUCCESS);
  CHECK(major == 9 && minor == 0);
  CHECK(nvml->uuid(device, text, sizeof(text)) == NVML_SUCCESS);
  CHECK(strncmp(text, "GPU-", 4) == 0 && strlen(text) == 40);
  CHECK(nvml->by_uuid(text, &same) == NVML_SUCCESS && same == device);
  CHECK(nvml->by_uuid("GPU-x", &same) == NVML_ERROR_NOT_FOUND);
  CHECK(strcmp(nvml->error_string(NVML_ERROR_NOT_SUPPORTED), "Not Supported") ==
        0);

  /* How many there are, then which. */
  nvmlProcessInfo_t infos[8];
  nvmlProcessInfo_v1_t old_infos[8];
  count = 0;
  CHECK(nvml->processes(device, &count, NULL) == NVML_ERROR_INSUFFICIENT_SIZE);
  CHECK(count == 2);
  CHECK(nvml->processes(device, &count, NULL) == NVML_ERROR_INVALID_ARGUMENT);
  count = 8;
  CHECK(nvml->processes(device, &count, infos) == NVML_SUCCESS && count == 2);
  CHECK(bytes_of(infos, count, small) == (19 + 40) * MIB);
  CHECK(bytes_of(infos, count, large) == (19 + 300) * MIB);
  CHECK(infos[0].gpuInstanceId == 0xffffffff);
  count = 8;
  CHECK(nvml->processes_v1(device, &count, old_infos) == NVML_SUCCESS);
  CHECK(count == 2 && old_infos[1].pid == infos[1].pid &&
        old_infos[1].usedGpuMemory == infos[1].usedGpuMemory);
  char path[4096];
  CHECK(nvml->process_name(large, path, sizeof(path)) == NVML_SUCCESS);
  CHECK(strstr(path, "nvml_processes") != NULL);
  CHECK(nvml->process_name(large, path, 3) == NVML_SUCCESS);
  CHECK(strlen(path) == 2);
  CHECK(nvml->process_name(0, path, sizeof(path)) == NVML_ERROR_NOT_FOUND);

  nvmlMemory_t memory;
  nvmlMemory_v2_t memory_v2 = {.version = nvmlMemory_v2};
  CHECK(nvml->memory(device, &memory) == NVML_SUCCESS);
  CHECK(memory.total == 1237 * MIB + kReserved);
  CHECK(memory.used == used + kReserved);
  CHECK(memory.free == 1237 * MIB - used);
  CHECK(nvml->memory_v2(device, &memory_v2) == NVML_SUCCESS);
  CHECK(memory_v2.total == memory.total && memory_v2.free == memory.free);
  CHECK(memory_v2.reserved == kReserved && memory_v2.used == used);
  memory_v2.version = sizeof(memory_v2);
  CHECK(nvml->memory_v2(device, &memory_v2) == NVML_ERROR_FUNCTION_NOT_FOUND);

  /* The dead hold nothing. */
  stop_holder(large);
  count = 8;
  CHECK(nvml->processes(device, &count, infos) == NVML_SUCCESS && count == 1);
  CHECK(bytes_of(infos, count, small) == (19 + 40) * MIB);
  CHECK(nvml->memory(device, &memory) == NVML_SUCCESS);
  CHECK(memory.used == (19 + 40) * MIB + kReserved);
  stop_holder(small);
  count = 0;
  CHECK(nvml->processes(device, &count, NULL) == NVML_SUCCESS && count == 0);
  CHECK(nvml->shutdown() == NVML_SUCCESS);
  CHECK(nvml->memory(device, &memory) == NVML_ERROR_UNINITIALIZED);
}

/* An integrated device has no memory of its own, but it has processes. */
static void check_integrated(const struct nvml* nvml) {
  const pid_t holder = start_holder(40 * MIB);
  nvmlDevice_t device = NULL;
  nvmlMemory_t memory;
  nvmlMemory_v2_t memory_v2 = {.version = nvmlMemory_v2};
  nvmlProcessInfo_t infos[8];
  unsigned int count = 8;
  CHECK(nvml->init() == NVML_SUCCESS);
  CHECK(nvml->handle(0, &device) == NVML_SUCCESS);
  CHECK(nvml->memory(device, &memory) == NVML_ERROR_NOT_SUPPORTED);
  CHECK(nvml->memory_v2(device, &memory_v2) == NVML_ERROR_NOT_SUPPORTED);
  CHECK(nvml->processes(device, &count, infos) == NVML_SUCCESS && count == 1);
  CHECK(bytes_of(infos, count, holder) == (19 + 40) * MIB);
  stop_holder(holder);
}

/* Each in a process of its own: NVML reads the environment once. */
static void run(const char* machine, void (*check)(const struct nvml*)) {
  int status = 0;
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("GOVERNOR_HOST_DRIVER", machine, 1);
    const struct nvml nvml = open_nvml();
    check(&nvml);
    exit(0);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char** argv) {
  CHECK(argc == 3);
  libcuda_path = argv[1];
  nvml_path = argv[2];
  run(kMachine, check_discrete);
  run(kIntegrated, check_integrated);
  return 0;
}
