/* A child forked after nvmlInit is answered as its parent is: on gb10, whose
 * memory is the machine's, that there is no figure. */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

static int (*init)(void);
static int (*get_count)(unsigned*);
static int (*get_handle)(unsigned, void**);
static int (*get_memory)(void*, void*);
static int (*get_uuid)(void*, char*, unsigned);
static int (*shut_down)(void);

static void find(void* library, const char* name, void* function) {
  void* const address = dlsym(library, name);
  CHECK(address != NULL);
  memcpy(function, &address, sizeof(address));
}

static char uuid_of_parent[96];

static void check_answers(void) {
  unsigned count = 0;
  void* device = NULL;
  unsigned long long memory[3] = {0, 0, 0};
  char uuid[96] = "";
  CHECK(get_count(&count) == 0 && count == 1);
  CHECK(get_handle(0, &device) == 0);
  CHECK(get_memory(device, memory) == 3); /* NOT_SUPPORTED */
  CHECK(get_uuid(device, uuid, sizeof(uuid)) == 0);
  if (uuid_of_parent[0] == '\0') strcpy(uuid_of_parent, uuid);
  CHECK(strcmp(uuid, uuid_of_parent) == 0);
}

int main(int argc, char** argv) {
  int status = 0;
  CHECK(argc == 2);
  setenv("GOVERNOR_HOST_DRIVER", "gb10", 1);
  void* const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);
  find(library, "nvmlInit_v2", &init);
  find(library, "nvmlDeviceGetCount_v2", &get_count);
  find(library, "nvmlDeviceGetHandleByIndex_v2", &get_handle);
  find(library, "nvmlDeviceGetMemoryInfo", &get_memory);
  find(library, "nvmlDeviceGetUUID", &get_uuid);
  find(library, "nvmlShutdown", &shut_down);
  CHECK(init() == 0);
  check_answers();
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    check_answers();
    CHECK(shut_down() == 0);
    unsigned count = 0;
    CHECK(get_count(&count) == 1); /* UNINITIALIZED */
    exit(0);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  check_answers();
  return 0;
}
