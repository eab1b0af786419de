#include "governor/cli/option_values.h"

#include <algorithm>
#include <cmath>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "governor/printable.h"

namespace governor {
namespace {

constexpr size_t kMaxShown = 64;
// 10^9 GB/s: beyond any memory, and far from overflow.
constexpr double kMaxGigabytes = 1e9;

absl::Status Wrong(absl::string_view wanted, absl::string_view given) {
  return absl::InvalidArgumentError(absl::StrCat(
      wanted, "; given '", Printable(given.substr(0, kMaxShown)), "'"));
}

absl::StatusOr<uint64_t> ParseNumber(absl::string_view text) {
  uint64_t value = 0;
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (digits && absl::SimpleAtoi(text, &value)) return value;
  return Wrong("not a count: a whole number, for example 128", text);
}

absl::StatusOr<double> ParseBandwidth(absl::string_view text) {
  double gigabytes = 0;
  if (absl::SimpleAtod(text, &gigabytes) && std::isfinite(gigabytes) &&
      gigabytes > 0 && gigabytes <= kMaxGigabytes) {
    return gigabytes * 1e9;
  }
  return Wrong(
      "not a bandwidth: 10^9 bytes a second, above zero, for example 273",
      text);
}

}  // namespace

absl::Status ReadSpec(const char* name, const OptionText& text,
                      std::optional<SizeSpec>* value) {
  return ReadParsed(name, text, &SizeSpec::Parse, value);
}

absl::Status ReadSize(const char* name, const OptionText& text,
                      std::optional<Bytes>* value) {
  return ReadParsed(name, text, &ParseBytes, value);
}

absl::Status ReadNumber(const char* name, const OptionText& text,
                        std::optional<uint64_t>* value) {
  return ReadParsed(name, text, &ParseNumber, value);
}

absl::Status ReadBandwidth(const char* name, const OptionText& text,
                           std::optional<double>* value) {
  return ReadParsed(name, text, &ParseBandwidth, value);
}

}  // namespace governor
