#ifndef GOVERNOR_MODEL_FILE_KIND_H_
#define GOVERNOR_MODEL_FILE_KIND_H_

#include <string>

#include "absl/strings/string_view.h"

namespace governor {

// What a file that is not the expected one seems to be, from its first bytes
// (16 are enough), with what to do about it: "a zip archive; unpack it first".
// Where nothing is recognised, its first four bytes in print.
std::string DescribeForeignFile(absl::string_view first_bytes);

// What a file that should be a JSON object seems to be instead, in the same
// words; empty where it starts like one.
std::string DescribeForeignJson(absl::string_view first_bytes);

}  // namespace governor

#endif  // GOVERNOR_MODEL_FILE_KIND_H_
