#ifndef GOVERNOR_MODEL_UTF8_H_
#define GOVERNOR_MODEL_UTF8_H_

#include "absl/strings/string_view.h"

namespace governor {

// True for well-formed UTF-8 (Unicode 15, table 3-7): no overlong form, no
// surrogate, nothing above U+10FFFF. The empty string and NUL are well-formed.
bool IsValidUtf8(absl::string_view text);

}  // namespace governor

#endif  // GOVERNOR_MODEL_UTF8_H_
