#ifndef GOVERNOR_TESTS_FUZZ_REQUIRE_H_
#define GOVERNOR_TESTS_FUZZ_REQUIRE_H_

#include <cstdio>
#include <cstdlib>

// Ends the process, naming the caller's line, unless `holds`: what fuzzers
// notice. Not assert(3), which an optimised build drops.
inline void Require(bool holds, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: does not hold\n", file, line);
  std::abort();
}

#endif  // GOVERNOR_TESTS_FUZZ_REQUIRE_H_
