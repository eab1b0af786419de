#ifndef GOVERNOR_MODEL_JSON_EVENTS_H_
#define GOVERNOR_MODEL_JSON_EVENTS_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "governor/model/byte_source.h"

namespace governor {

// Whole numbers that fit keep their sign and every digit; all others are
// doubles.
using JsonNumber = std::variant<uint64_t, int64_t, double>;

// What a JSON text holds, one piece after another. A status other than OK ends
// the reading and is what ReadJson returns. Text is valid UTF-8, escapes
// resolved, and gone after the call.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;

  virtual absl::Status Null() = 0;
  virtual absl::Status Bool(bool value) = 0;
  virtual absl::Status Number(JsonNumber value) = 0;
  virtual absl::Status String(absl::string_view value) = 0;
  virtual absl::Status StartObject() = 0;
  virtual absl::Status Key(absl::string_view name) = 0;
  virtual absl::Status EndObject() = 0;
  virtual absl::Status StartArray() = 0;
  virtual absl::Status EndArray() = 0;
};

// Reads the JSON text in [offset, offset + length) of `source`, which lies
// within it, and tells `events` what is in it. Memory: 64 KiB and the longest
// string of the text, whatever else is in it; nothing recurses.
// INVALID_ARGUMENT: not JSON, nested deeper than `max_depth`, a string longer
// than 64 KiB, a number longer than 1 KiB; names the offset. The errors of the
// source and of `events`.
absl::Status ReadJson(const ByteSource& source, uint64_t offset,
                      uint64_t length, int max_depth, JsonEvents& events);

}  // namespace governor

#endif  // GOVERNOR_MODEL_JSON_EVENTS_H_
