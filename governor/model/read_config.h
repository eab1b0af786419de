#ifndef GOVERNOR_MODEL_READ_CONFIG_H_
#define GOVERNOR_MODEL_READ_CONFIG_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/model/byte_source.h"

namespace governor {

// Limits on what a config may say. No model comes near any of them.
inline constexpr uint64_t kMaxConfigCount = uint64_t{1} << 32;
inline constexpr uint64_t kMaxConfigLayers = 4096;
inline constexpr uint64_t kMaxConfigBytes = uint64_t{4} << 20;

// The fields of one config.json whose names are in kConfigNames, and nothing
// else of it: scalars, arrays of scalars, objects within objects. Read through
// ConfigFields. Memory follows the number of these fields, not the file.
struct Config {
  // A text is a place in `texts`; an object one in `objects`.
  struct Text {
    uint32_t index = 0;
  };
  struct Object {
    uint32_t index = 0;
  };
  struct Array {
    uint32_t first = 0;  // in `elements`
    uint32_t count = 0;
  };
  // Something that is read by nobody, such as an array of objects.
  struct Nested {};
  using Value = std::variant<std::monostate, bool, uint64_t, int64_t, double,
                             Text, Object, Array, Nested>;
  struct Field {
    uint16_t object = 0;  // that it is in; 0 is the file itself
    uint16_t name = 0;    // in kConfigNames
    Value value;
  };
  struct Parent {
    uint16_t object = 0;
    uint16_t name = 0;
  };

  std::vector<Field> fields;
  std::vector<Value> elements;  // of all arrays
  std::vector<std::string> texts;
  std::vector<Parent> objects;  // where each is; the first is the file itself
};

// INVALID_ARGUMENT: larger than kMaxConfigBytes; not JSON, or not one object;
// nested deeper than 16; a field twice in an object; more than a config can
// need (1,024 fields, 4,096 elements of an array, 8,192 of all, 512 texts, a
// text of 4,096 bytes); names the field. The source's own errors.
absl::StatusOr<Config> ReadConfig(const ByteSource& source);

}  // namespace governor

#endif  // GOVERNOR_MODEL_READ_CONFIG_H_
