/* What a forked child gets of libcuda.so.1: nothing, once its parent has called
 * cuInit; a driver of its own before.
 *
 *   fork_test LIBCUDA
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) {                                       \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
      exit(1);                                                \
    }                                                         \
  } while (0)

static int (*init)(unsigned);
static int (*get_count)(int*);
static int (*get_version)(int*);
static int (*get_error_name)(int, const char**);

static void find(void* library, const char* name, void* function) {
  void* const address = dlsym(library, name);
  CHECK(address != NULL);
  memcpy(function, &address, sizeof(address));
}

static void in_child(void (*check)(void)) {
  int status = 0;
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    check();
    exit(0);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void has_a_driver(void) {
  int count = 0;
  CHECK(get_count(&count) == 3);
  CHECK(init(0) == 0);
  CHECK(get_count(&count) == 0 && count == 1);
}

static void has_none(void) {
  int count = 0, version = 0;
  const char* name = NULL;
  CHECK(init(0) == 3);
  CHECK(get_count(&count) == 3);
  /* Constants can be read. */
  CHECK(get_version(&version) == 0 && version == 13000);
  CHECK(get_error_name(3, &name) == 0);
  CHECK(strcmp(name, "CUDA_ERROR_NOT_INITIALIZED") == 0);
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  setenv("GOVERNOR_HOST_DRIVER", "h200,memory=64MiB,context=1MiB", 1);
  void* const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);
  find(library, "cuInit", &init);
  find(library, "cuDeviceGetCount", &get_count);
  find(library, "cuDriverGetVersion", &get_version);
  find(library, "cuGetErrorName", &get_error_name);

  int count = 0, version = 0;
  in_child(has_a_driver);
  CHECK(get_version(&version) == 0); /* makes the driver, without cuInit */
  in_child(has_a_driver);
  has_a_driver();
  in_child(has_none);
  CHECK(get_count(&count) == 0 && count == 1);
  return 0;
}
