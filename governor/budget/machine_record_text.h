#ifndef GOVERNOR_BUDGET_MACHINE_RECORD_TEXT_H_
#define GOVERNOR_BUDGET_MACHINE_RECORD_TEXT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "governor/budget/machine_record_layout.h"

// Short text in words of the machine record.
namespace governor::machine_record {

// `text`, cut to one byte less than there is.
template <size_t kWords>
void WriteText(Word (&words)[kWords], absl::string_view text) {
  char bytes[kWords * sizeof(Word)] = {};
  std::memcpy(bytes, text.data(), std::min(text.size(), sizeof(bytes) - 1));
  for (size_t i = 0; i < kWords; ++i) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i * sizeof(word), sizeof(word));
    words[i].store(word);
  }
}

// The text up to the first NUL, one byte less than there is at most. What is
// not printable ASCII reads as '?'.
template <size_t kWords>
std::string ReadText(const Word (&words)[kWords]) {
  char bytes[kWords * sizeof(Word)] = {};
  for (size_t i = 0; i < kWords; ++i) {
    const uint64_t word = words[i].load();
    std::memcpy(bytes + i * sizeof(word), &word, sizeof(word));
  }
  std::string text(bytes, ::strnlen(bytes, sizeof(bytes) - 1));
  for (char& c : text) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return text;
}

}  // namespace governor::machine_record

#endif  // GOVERNOR_BUDGET_MACHINE_RECORD_TEXT_H_
