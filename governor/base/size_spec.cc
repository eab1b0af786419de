#include "governor/base/size_spec.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace governor {

absl::StatusOr<SizeSpec> SizeSpec::Parse(absl::string_view text) {
  if (text.empty() || text.back() != '%') {
    absl::StatusOr<Bytes> bytes = ParseBytes(text);
    if (!bytes.ok()) return bytes.status();
    return SizeSpec(*bytes);
  }
  const absl::string_view digits = text.substr(0, text.size() - 1);
  int percent = 0;
  if (digits.size() > 3 || !absl::SimpleAtoi(digits, &percent) ||
      !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      percent > 100) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not a percentage: whole digits from 0% to 100%, for example 90%; "
        "given '",
        absl::CHexEscape(text.substr(0, 64)), "'"));
  }
  return SizeSpec(Bytes(), percent);
}

Bytes SizeSpec::Resolve(Bytes total) const {
  if (percent_ < 0) return bytes_;
  // Split, so that no product passes 64 bits.
  const uint64_t hundredths = total.count() / 100;
  const uint64_t rest = total.count() % 100;
  return Bytes(hundredths * percent_ + rest * percent_ / 100);
}

}  // namespace governor
