#ifndef GOVERNOR_BASE_MEMINFO_LINE_H_
#define GOVERNOR_BASE_MEMINFO_LINE_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

// One line of a text like /proc/meminfo, "MemFree" for example. Reads no file.
// nullopt: there is no such line, or it is no size in kB, or one above 2^64 - 1
// bytes.
std::optional<Bytes> ParseMeminfo(absl::string_view meminfo,
                                  absl::string_view name);

}  // namespace governor

#endif  // GOVERNOR_BASE_MEMINFO_LINE_H_
