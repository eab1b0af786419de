#ifndef GOVERNOR_MODEL_GGUF_NAME_H_
#define GOVERNOR_MODEL_GGUF_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/model/byte_cursor.h"

namespace governor {

// Reads the name of a tensor or the key of a metadata entry, with its length in
// front. `what` is what messages call it.
// INVALID_ARGUMENT: empty, above 64 KiB, not UTF-8, with a NUL, or cut short.
absl::StatusOr<std::string> ReadGgufName(ByteCursor& cursor,
                                         absl::string_view what);

// A name from a file, as messages show it: in quotes, escaped, cut after 64
// bytes.
std::string QuotedName(absl::string_view name);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_NAME_H_
