/* A C program that knows CUDA from nothing but libcuda.so.1 itself: opens it,
 * takes memory, copies there and back, sets, and gives everything back. It
 * needs no CUDA header, and is not linked to any part of governor.
 *
 *   memory_test LIBCUDA
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void* library;

/* Writes the function's address to the pointer at `function`. */
static void find(const char* name, void* function) {
  void* const address = dlsym(library, name);
  if (address == NULL) {
    fprintf(stderr, "%s is missing\n", name);
    exit(1);
  }
  memcpy(function, &address, sizeof(address));
}

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) {                                       \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
      exit(1);                                                \
    }                                                         \
  } while (0)

enum { kSize = 3 << 20 };

int main(int argc, char** argv) {
  CHECK(argc == 2);
  setenv("GOVERNOR_HOST_DRIVER", "h200,memory=1GiB,context=64MiB", 1);
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);

  int (*init)(unsigned);
  int (*retain)(void**, int);
  int (*release)(int);
  int (*set_current)(void*);
  int (*get_info)(size_t*, size_t*);
  int (*allocate)(uint64_t*, size_t);
  int (*give_back)(uint64_t);
  int (*to_device)(uint64_t, const void*, size_t);
  int (*to_host)(void*, uint64_t, size_t);
  int (*set)(uint64_t, unsigned char, size_t);
  int (*old_allocate)(unsigned*, unsigned);
  int (*launch)(void*, unsigned, unsigned, unsigned, unsigned, unsigned,
                unsigned, unsigned, void*, void**, void**);
  find("cuInit", &init);
  find("cuDevicePrimaryCtxRetain", &retain);
  find("cuDevicePrimaryCtxRelease_v2", &release);
  find("cuCtxSetCurrent", &set_current);
  find("cuMemGetInfo_v2", &get_info);
  find("cuMemAlloc_v2", &allocate);
  find("cuMemFree_v2", &give_back);
  find("cuMemcpyHtoD_v2", &to_device);
  find("cuMemcpyDtoH_v2_ptds", &to_host);
  find("cuMemsetD8_v2", &set);
  find("cuMemAlloc", &old_allocate);
  find("cuLaunchKernel", &launch);

  void* context = NULL;
  uint64_t address = 0;
  unsigned short_address = 0;
  size_t free_before = 0, free_between = 0, free_after = 0, total = 0;
  unsigned char* const there = malloc(kSize);
  unsigned char* const back = malloc(kSize);
  CHECK(there != NULL && back != NULL);

  CHECK(allocate(&address, kSize) == 3); /* not initialised */
  CHECK(launch(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) == 3);
  CHECK(init(0) == 0);
  CHECK(retain(&context, 0) == 0);
  CHECK(set_current(context) == 0);
  CHECK(get_info(&free_before, &total) == 0);
  CHECK(total == (size_t)1 << 30 && free_before == total - (64 << 20));

  CHECK(allocate(&address, kSize) == 0);
  CHECK(get_info(&free_between, &total) == 0);
  CHECK(free_between <= free_before - kSize);

  for (size_t i = 0; i < kSize; ++i)
    there[i] = (unsigned char)(i * 7 + i / 251);
  CHECK(to_device(address, there, kSize) == 0);
  CHECK(to_host(back, address, kSize) == 0);
  CHECK(memcmp(there, back, kSize) == 0);

  /* All but the first and the last byte. */
  CHECK(set(address + 1, 0xa5, kSize - 2) == 0);
  CHECK(to_host(back, address, kSize) == 0);
  CHECK(back[0] == there[0] && back[kSize - 1] == there[kSize - 1]);
  for (size_t i = 1; i < kSize - 1; ++i) CHECK(back[i] == 0xa5);

  CHECK(give_back(address) == 0);
  CHECK(get_info(&free_after, &total) == 0);
  CHECK(free_after == free_before);

  /* What the host driver does not do, as it says so. */
  CHECK(launch(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) == 801);
  CHECK(old_allocate(&short_address, 4096) == 201);

  CHECK(release(0) == 0);
  free(there);
  free(back);
  return 0;
}
