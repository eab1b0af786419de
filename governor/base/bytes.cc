#include "governor/base/bytes.h"

#include <array>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace governor {
namespace {

struct Unit {
  absl::string_view name;
  uint64_t bytes;
};

constexpr uint64_t kThousand = 1000;
constexpr std::array<Unit, 13> kUnits = {{
    {"", 1},
    {"B", 1},
    {"KiB", uint64_t{1} << 10},
    {"MiB", uint64_t{1} << 20},
    {"GiB", uint64_t{1} << 30},
    {"TiB", uint64_t{1} << 40},
    {"PiB", uint64_t{1} << 50},
    {"kB", kThousand},
    {"KB", kThousand},
    {"MB", kThousand* kThousand},
    {"GB", kThousand* kThousand* kThousand},
    {"TB", kThousand* kThousand* kThousand* kThousand},
    {"PB", kThousand* kThousand* kThousand* kThousand* kThousand},
}};

// What a hostile or mistaken string may add to a message.
constexpr size_t kMaxQuoted = 64;

absl::Status Malformed(absl::string_view text, absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("not a size: ", reason, ", given '",
                   absl::CHexEscape(text.substr(0, kMaxQuoted)),
                   text.size() > kMaxQuoted ? "..." : "",
                   "'; write for example 24GiB, 512MiB, 117GB or plain bytes"));
}

// `digits` as a number times `scale`, or nullopt above 64 bits.
std::optional<uint64_t> Scale(absl::string_view digits, uint64_t scale) {
  uint64_t value = 0;
  for (char c : digits) {
    if (__builtin_mul_overflow(value, uint64_t{10}, &value)) return {};
    if (__builtin_add_overflow(value, uint64_t(c - '0'), &value)) return {};
  }
  if (__builtin_mul_overflow(value, scale, &value)) return {};
  return value;
}

// The whole bytes in `0.digits` of a unit of `scale` bytes: long division, so
// that no digit is lost to floating point.
uint64_t ScaleFraction(absl::string_view digits, uint64_t scale) {
  __extension__ using Wide = unsigned __int128;
  Wide numerator = 0;
  Wide denominator = 1;
  // 10^18 exceeds every unit, so later digits cannot add a whole byte.
  for (char c : digits.substr(0, 18)) {
    numerator = numerator * 10 + static_cast<unsigned>(c - '0');
    denominator *= 10;
  }
  return static_cast<uint64_t>(numerator * scale / denominator);
}

absl::string_view TakeDigits(absl::string_view* text) {
  size_t n = 0;
  while (n < text->size() && absl::ascii_isdigit((*text)[n])) ++n;
  absl::string_view digits = text->substr(0, n);
  text->remove_prefix(n);
  return digits;
}

}  // namespace

absl::StatusOr<Bytes> ParseBytes(absl::string_view text) {
  if (text.empty()) return Malformed(text, "empty");
  absl::string_view rest = text;
  const absl::string_view whole = TakeDigits(&rest);
  if (whole.empty()) return Malformed(text, "no digits at its start");
  absl::string_view fraction;
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    fraction = TakeDigits(&rest);
    if (fraction.empty()) return Malformed(text, "no digits after the point");
    if (rest.empty()) return Malformed(text, "a fraction without a unit");
  }
  for (const Unit& unit : kUnits) {
    if (rest != unit.name) continue;
    std::optional<uint64_t> value = Scale(whole, unit.bytes);
    if (value) {
      const Bytes part(ScaleFraction(fraction, unit.bytes));
      if (auto sum = CheckedAdd(Bytes(*value), part)) return *sum;
    }
    return Malformed(text, "more than 2^64 - 1 bytes");
  }
  return Malformed(text, "unknown unit");
}

std::string ToString(Bytes size) {
  constexpr std::array<absl::string_view, 6> kNames = {"B",   "KiB", "MiB",
                                                       "GiB", "TiB", "PiB"};
  size_t power = 0;
  while (power + 1 < kNames.size() && (size.count() >> (10 * (power + 1)))) {
    ++power;
  }
  const uint64_t unit = uint64_t{1} << (10 * power);
  const uint64_t whole = size.count() / unit;
  // At most 2^50 * 100: fits.
  uint64_t hundredths = (size.count() % unit) * 100 / unit;
  if (hundredths == 0) return absl::StrCat(whole, kNames[power]);
  if (hundredths % 10 == 0) {
    return absl::StrCat(whole, ".", hundredths / 10, kNames[power]);
  }
  return absl::StrFormat("%d.%02d%s", whole, hundredths, kNames[power]);
}

std::ostream& operator<<(std::ostream& out, Bytes size) {
  return out << size.count() << "B";
}

}  // namespace governor
