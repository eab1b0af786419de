#ifndef GOVERNOR_CLI_OPTION_VALUES_H_
#define GOVERNOR_CLI_OPTION_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/base/size_spec.h"
#include "governor/cli/driver_option.h"

namespace governor {

// An option as given, so that what does not parse can be named. Absent is not
// the same as empty.
using OptionText = std::optional<std::string>;

// Each reads the value of option `name` into `*value`, and leaves that as it is
// where the option is absent. INVALID_ARGUMENT, naming the option, what was
// given and an example: one that does not parse.
absl::Status ReadSpec(const char* name, const OptionText& text,
                      std::optional<SizeSpec>* value);
absl::Status ReadSize(const char* name, const OptionText& text,
                      std::optional<Bytes>* value);
absl::Status ReadNumber(const char* name, const OptionText& text,
                        std::optional<uint64_t>* value);
// Bytes a second, from a number of 10^9 bytes a second above zero.
absl::Status ReadBandwidth(const char* name, const OptionText& text,
                           std::optional<double>* value);

// What `parse`, a function from text to StatusOr<Value>, makes of it.
template <typename Value, typename Parse>
absl::Status ReadParsed(const char* name, const OptionText& text,
                        const Parse& parse, Value* value) {
  if (!text) return absl::OkStatus();
  auto parsed = parse(*text);
  if (!parsed.ok()) return InOption(name, parsed.status());
  *value = *std::move(parsed);
  return absl::OkStatus();
}

}  // namespace governor

#endif  // GOVERNOR_CLI_OPTION_VALUES_H_
