#include "governor/printable.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_format.h"

namespace governor {
namespace {

// Bytes of the character that `text` begins with; zero: none that may be shown.
size_t ShownLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7f ? 1 : 0;
  const size_t length = byte(0) >= 0xf0 && byte(0) <= 0xf4   ? 4
                        : byte(0) >= 0xe0 && byte(0) <= 0xef ? 3
                        : byte(0) >= 0xc2 && byte(0) <= 0xdf ? 2
                                                             : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // U+0080 to U+009F are the control characters of Latin-1.
  return byte(0) == 0xc2 && byte(1) < 0xa0 ? 0 : length;
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t length = ShownLength(text);
    if (length == 0) {
      absl::StrAppendFormat(&shown, "\\x%02x",
                            static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
    } else {
      shown.append(text.data(), length);
      text.remove_prefix(length);
    }
  }
  return shown;
}

}  // namespace governor
