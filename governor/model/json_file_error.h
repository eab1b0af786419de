#ifndef GOVERNOR_MODEL_JSON_FILE_ERROR_H_
#define GOVERNOR_MODEL_JSON_FILE_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "governor/model/byte_source.h"

namespace governor {

// `error` of reading `source`, with the name `file` in front. Where the file
// does not start like a JSON object, also what it seems to be and what to do
// about it (a Git LFS pointer, an HTML page). Reads up to 64 bytes again;
// errors of that are dropped.
absl::Status JsonFileError(const absl::Status& error, const ByteSource& source,
                           absl::string_view file);

}  // namespace governor

#endif  // GOVERNOR_MODEL_JSON_FILE_ERROR_H_
