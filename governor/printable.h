#ifndef GOVERNOR_PRINTABLE_H_
#define GOVERNOR_PRINTABLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace governor {

// `text` with everything that could move a terminal's cursor written as `\xNN`:
// control characters of ASCII and of Latin-1, and bytes that are no UTF-8. For
// what comes from files; the rest stays as it is.
std::string Printable(absl::string_view text);

}  // namespace governor

#endif  // GOVERNOR_PRINTABLE_H_
