#ifndef GOVERNOR_HOST_FAST_SAMPLE_H_
#define GOVERNOR_HOST_FAST_SAMPLE_H_

// Freestanding: libc's headers alone, no C++ runtime, so that a library which
// is loaded into any process may include it. Nothing here allocates, throws,
// locks or opens a file; everything is safe from any thread, and in a forked
// child.

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

namespace governor {

// ---- Lines "name value", of /proc/meminfo, vmstat and memory.stat ----

// A line that is looked for. In `kib`, "name: value kB"; else the value alone.
// `name` is what the line begins with, the colon or space among it.
struct LineKey {
  constexpr LineKey() : name(""), length(0), kib(false) {}
  template <size_t N>
  constexpr LineKey(const char (&text)[N], bool in_kib)
      : name(text), length(N - 1), kib(in_kib) {
    for (size_t at = 0; at != sizeof(head) && at != length; ++at) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
      const size_t shift = 8 * at;
#else
      const size_t shift = 8 * (sizeof(head) - 1 - at);
#endif
      head |= uint64_t{static_cast<unsigned char>(text[at])} << shift;
      mask |= uint64_t{0xff} << shift;
    }
  }

  const char* name;
  size_t length;
  bool kib;
  // The first letters, as they lie in memory: one comparison rules out nearly
  // every other line.
  uint64_t head = 0;
  uint64_t mask = 0;
};

// What ReadLine found for a table of keys. `values` and `seen` have as many
// elements as the table has keys.
struct LineValues {
  uint64_t* values;  // bytes, or counts
  bool* seen;
  // The key that the next line should have. The kernel prints in one order: a
  // table in that order is found in one comparison a line.
  size_t next = 0;
  size_t found = 0;
  // A key of the table whose value is no number, wraps, or is cut off: the
  // text is not to be believed. null: none.
  const char* malformed = nullptr;
};

// Digits from `at`, moved behind them. False: none, or above 2^64 - 1.
inline bool ReadDigits(const char** at, const char* end, uint64_t* value) {
  const char* p = *at;
  uint64_t sum = 0;
  if (p == end || *p < '0' || *p > '9') return false;
  for (; p != end && *p >= '0' && *p <= '9'; ++p) {
    const unsigned digit = static_cast<unsigned>(*p - '0');
    if (__builtin_mul_overflow(sum, uint64_t{10}, &sum) ||
        __builtin_add_overflow(sum, uint64_t{digit}, &sum)) {
      return false;
    }
  }
  *at = p;
  *value = sum;
  return true;
}

// [at, end) is blanks, a number in the key's unit, and nothing else.
inline bool ReadValue(const LineKey& key, const char* at, const char* end,
                      uint64_t* value) {
  while (at != end && (*at == ' ' || *at == '\t')) ++at;
  if (!ReadDigits(&at, end, value)) return false;
  if (!key.kib) return at == end;
  if (end - at != 3 || memcmp(at, " kB", 3) != 0) return false;
  return !__builtin_mul_overflow(*value, uint64_t{1024}, value);
}

// One line, without its newline. A line that the table does not have is passed
// over; the first line of a name counts, a second is passed over.
inline void ReadLine(const char* line, size_t length, const LineKey* keys,
                     size_t count, LineValues* out) {
  uint64_t head = 0;
  memcpy(&head, line, length < sizeof(head) ? length : sizeof(head));
  size_t key = out->next;
  for (size_t tried = 0; tried != count; ++tried) {
    if (key == count) key = 0;
    const LineKey& candidate = keys[key];
    if (((head ^ candidate.head) & candidate.mask) == 0 &&
        length >= candidate.length &&
        memcmp(line, candidate.name, candidate.length) == 0) {
      out->next = key + 1;
      if (out->seen[key]) return;
      if (!ReadValue(candidate, line + candidate.length, line + length,
                     &out->values[key])) {
        out->malformed = candidate.name;
        return;
      }
      out->seen[key] = true;
      ++out->found;
      return;
    }
    ++key;
  }
}

// All lines of a text. False: it does not end in a newline, and so is cut off
// or empty.
inline bool ReadLines(const char* text, size_t length, const LineKey* keys,
                      size_t count, LineValues* out) {
  if (length == 0 || text[length - 1] != '\n') return false;
  const char* const end = text + length;
  while (text != end) {
    const char* const line_end =
        static_cast<const char*>(memchr(text, '\n', end - text));
    ReadLine(text, line_end - text, keys, count, out);
    text = line_end + 1;
  }
  return true;
}

// ---- /proc/pressure/memory ----

// Microseconds since boot in which some, or all, tasks stood still for memory.
struct FastStall {
  uint64_t some_us;
  uint64_t full_us;
};

enum class StallLine { kOther, kSome, kFull, kMalformed };

// One line, without its newline. From `total=` alone, its last word: the
// averages beside it are percentages, and are not read.
inline StallLine ReadStallLine(const char* line, size_t length,
                               uint64_t* total_us) {
  if (length < 5) return StallLine::kOther;
  const bool some = memcmp(line, "some ", 5) == 0;
  const bool full = memcmp(line, "full ", 5) == 0;
  if (!some && !full) return StallLine::kOther;
  const char* const end = line + length;
  const char* word = end;
  while (word[-1] != ' ') --word;
  if (end - word <= 6 || memcmp(word, "total=", 6) != 0) {
    return StallLine::kMalformed;
  }
  word += 6;
  if (!ReadDigits(&word, end, total_us) || word != end) {
    return StallLine::kMalformed;
  }
  return some ? StallLine::kSome : StallLine::kFull;
}

// Of two lines of one name the first counts. False: a line is missing or
// malformed, or the text is cut off.
inline bool ReadStall(const char* text, size_t length, FastStall* out) {
  if (length == 0 || text[length - 1] != '\n') return false;
  const char* const end = text + length;
  bool some = false;
  bool full = false;
  while (text != end) {
    const char* const line_end =
        static_cast<const char*>(memchr(text, '\n', end - text));
    uint64_t total_us = 0;
    const StallLine line = ReadStallLine(text, line_end - text, &total_us);
    if (line == StallLine::kMalformed) return false;
    if (line == StallLine::kSome && !some) {
      some = true;
      out->some_us = total_us;
    }
    if (line == StallLine::kFull && !full) {
      full = true;
      out->full_us = total_us;
    }
    text = line_end + 1;
  }
  return some && full;
}

// ---- Both ----

// The few figures that a decision within microseconds needs, in bytes.
struct FastMemory {
  uint64_t total;
  uint64_t free;
  uint64_t available;
  uint64_t dirty;
  uint64_t writeback;
  uint64_t cma_free;  // zero where the kernel prints none
};

// False: a line other than CmaFree is missing, one of them is malformed, more
// is free or available than there is, or the text is cut off.
inline bool ReadMemory(const char* text, size_t length, FastMemory* out) {
  constexpr LineKey kKeys[] = {{"MemTotal:", true},     {"MemFree:", true},
                               {"MemAvailable:", true}, {"Dirty:", true},
                               {"Writeback:", true},    {"CmaFree:", true}};
  constexpr size_t kCount = sizeof(kKeys) / sizeof(kKeys[0]);
  uint64_t values[kCount] = {};
  bool seen[kCount] = {};
  LineValues lines = {values, seen};
  if (!ReadLines(text, length, kKeys, kCount, &lines) ||
      lines.malformed != nullptr) {
    return false;
  }
  for (size_t key = 0; key != kCount - 1; ++key) {
    if (!seen[key]) return false;
  }
  *out = {values[0], values[1], values[2], values[3], values[4], values[5]};
  return out->free <= out->total && out->available <= out->total;
}

// ---- Descriptors ----

// One pread at `offset`, again when a signal ended it. The bytes read, or
// -errno.
inline ssize_t ReadAt(int descriptor, char* buffer, size_t size, off_t offset) {
  for (;;) {
    const ssize_t read = ::pread(descriptor, buffer, size, offset);
    if (read >= 0) return read;
    if (errno != EINTR) return -errno;
  }
}

struct FastSample {
  bool has_memory;  // else `memory` is undefined
  bool has_stall;   // else `stall` is
  FastMemory memory;
  FastStall stall;
};

// Reads open descriptors of /proc/meminfo and /proc/pressure/memory, one pread
// each; a negative one is absent. About 6 us, the kernel's.
inline FastSample TakeFastSample(int meminfo, int pressure) {
  FastSample sample = {};
  char text[8192];
  if (meminfo >= 0) {
    const ssize_t length = ReadAt(meminfo, text, sizeof(text), 0);
    // A text that fills the buffer is cut off, or absurd.
    sample.has_memory = length > 0 &&
                        static_cast<size_t>(length) < sizeof(text) &&
                        ReadMemory(text, length, &sample.memory);
  }
  if (pressure >= 0) {
    const ssize_t length = ReadAt(pressure, text, sizeof(text), 0);
    sample.has_stall = length > 0 &&
                       static_cast<size_t>(length) < sizeof(text) &&
                       ReadStall(text, length, &sample.stall);
  }
  return sample;
}

}  // namespace governor

#endif  // GOVERNOR_HOST_FAST_SAMPLE_H_
