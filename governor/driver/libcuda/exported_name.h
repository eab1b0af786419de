#ifndef GOVERNOR_DRIVER_LIBCUDA_EXPORTED_NAME_H_
#define GOVERNOR_DRIVER_LIBCUDA_EXPORTED_NAME_H_

// GOVERNOR_EXPORT(symbol, pointer) defines the exported function `symbol`: a
// jump to where the variable `pointer` points. In assembly, because that needs
// no list of parameters, which C++ cannot copy from CUDA's prototype, and
// because each name is a function of its own whatever the optimiser does: tools
// tell the real driver's functions apart by address.
//
// `pointer` is a variable with C linkage that the linker does not export.

#if defined(__x86_64__)
#define GOVERNOR_JUMP_THROUGH(pointer) \
  "endbr64\n"                          \
  "jmp *" pointer "(%rip)\n"
#elif defined(__aarch64__)
#define GOVERNOR_JUMP_THROUGH(pointer) \
  "hint #34\n" /* bti c */             \
  "adrp x16, " pointer                 \
  "\n"                                 \
  "ldr x16, [x16, :lo12:" pointer      \
  "]\n"                                \
  "br x16\n"
#else
#error "a jump for this processor is missing"
#endif

#define GOVERNOR_EXPORT(symbol, pointer)                                    \
  asm(".pushsection .text\n"                                                \
      ".balign 16\n"                                                        \
      ".globl " #symbol                                                     \
      "\n"                                                                  \
      ".type " #symbol ", %function\n" #symbol                              \
      ":\n" GOVERNOR_JUMP_THROUGH(#pointer) ".size " #symbol ", .-" #symbol \
                                            "\n"                            \
                                            ".popsection");

// Declares such a variable and sets it.
#define GOVERNOR_EXPORT_POINTER(pointer, function) \
  extern "C" {                                     \
  extern __attribute__((visibility("hidden")))     \
  const decltype(function) pointer;                \
  const decltype(function) pointer = function;     \
  }

#endif  // GOVERNOR_DRIVER_LIBCUDA_EXPORTED_NAME_H_
