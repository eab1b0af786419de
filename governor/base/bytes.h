#ifndef GOVERNOR_BASE_BYTES_H_
#define GOVERNOR_BASE_BYTES_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace governor {

// A number of bytes. Not a pointer difference, not a count of blocks, and never
// negative. A plain value: copying is free, there is nothing to lock.
//
// `+`, `-` and `*` are for values already known to be in range. Where a value
// comes from a file or a user, use CheckedAdd and CheckedMultiply.
class Bytes {
 public:
  constexpr Bytes() = default;
  constexpr explicit Bytes(uint64_t count) : count_(count) {}

  constexpr uint64_t count() const { return count_; }
  constexpr bool is_zero() const { return count_ == 0; }

  // True when this is a whole number of `unit`s. `unit` is not zero.
  constexpr bool IsMultipleOf(Bytes unit) const {
    return count_ % unit.count_ == 0;
  }

  constexpr Bytes& operator+=(Bytes other) {
    count_ += other.count_;
    return *this;
  }
  constexpr Bytes& operator-=(Bytes other) {
    count_ -= other.count_;
    return *this;
  }
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return a += b; }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return a -= b; }
  friend constexpr Bytes operator*(Bytes a, uint64_t n) {
    return Bytes(a.count_ * n);
  }
  // How many whole `unit`s fit.
  friend constexpr uint64_t operator/(Bytes a, Bytes unit) {
    return a.count_ / unit.count_;
  }
  friend constexpr auto operator<=>(Bytes, Bytes) = default;

 private:
  uint64_t count_ = 0;
};

constexpr Bytes KiB(uint64_t n) { return Bytes(n << 10); }
constexpr Bytes MiB(uint64_t n) { return Bytes(n << 20); }
constexpr Bytes GiB(uint64_t n) { return Bytes(n << 30); }

// nullopt when the result does not fit in 64 bits.
constexpr std::optional<Bytes> CheckedAdd(Bytes a, Bytes b) {
  uint64_t sum = 0;
  if (__builtin_add_overflow(a.count(), b.count(), &sum)) return std::nullopt;
  return Bytes(sum);
}
constexpr std::optional<Bytes> CheckedMultiply(Bytes a, uint64_t n) {
  uint64_t product = 0;
  if (__builtin_mul_overflow(a.count(), n, &product)) return std::nullopt;
  return Bytes(product);
}

// `a - b`, or zero where that would be negative.
constexpr Bytes SaturatingSubtract(Bytes a, Bytes b) {
  return a > b ? a - b : Bytes();
}

// The nearest multiple of `unit` (not zero) that is not above, or not below,
// `size`. AlignUp is nullopt when that multiple does not fit in 64 bits.
constexpr Bytes AlignDown(Bytes size, Bytes unit) {
  return unit * (size / unit);
}
constexpr std::optional<Bytes> AlignUp(Bytes size, Bytes unit) {
  if (size.IsMultipleOf(unit)) return size;
  return CheckedAdd(AlignDown(size, unit), unit);
}

// Reads a size as people write it: `24GiB`, `1.5GiB`, `117GB` (10^9 bytes),
// `4096B`, or plain bytes. Fractions of a byte are dropped.
// INVALID_ARGUMENT, naming the text and an example: empty, a sign, a space, an
// unknown unit (`24G` does not say which G), more than 64 bits.
absl::StatusOr<Bytes> ParseBytes(absl::string_view text);

// For people: `2GiB`, `364.5MiB`, `17B`; at most two decimals, rounded down, so
// that a limit is never shown as more than it is. ParseBytes reads it back.
std::string ToString(Bytes size);

std::ostream& operator<<(std::ostream& out, Bytes size);

}  // namespace governor

#endif  // GOVERNOR_BASE_BYTES_H_
