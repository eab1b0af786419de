#ifndef GOVERNOR_POLICY_CHECKED_COUNT_H_
#define GOVERNOR_POLICY_CHECKED_COUNT_H_

#include <cstdint>
#include <optional>

#include "governor/base/bytes.h"

namespace governor {

// A sum of products of numbers that a file says. Remembers that any step of it
// passed 64 bits, so that a formula reads as a formula and is asked once, at
// its end. Not for results that may be negative.
class CheckedCount {
 public:
  constexpr CheckedCount(uint64_t value) : value_(value) {}  // NOLINT: a number

  friend constexpr CheckedCount operator+(CheckedCount a, CheckedCount b) {
    a.fits_ = !__builtin_add_overflow(a.value_, b.value_, &a.value_) &&
              a.fits_ && b.fits_;
    return a;
  }
  friend constexpr CheckedCount operator*(CheckedCount a, CheckedCount b) {
    a.fits_ = !__builtin_mul_overflow(a.value_, b.value_, &a.value_) &&
              a.fits_ && b.fits_;
    return a;
  }
  // `divisor` is not zero.
  constexpr CheckedCount DividedBy(uint64_t divisor) const {
    CheckedCount result = *this;
    result.value_ /= divisor;
    return result;
  }
  constexpr CheckedCount DividedUpBy(uint64_t divisor) const {
    CheckedCount result = *this;
    result.value_ = value_ / divisor + (value_ % divisor != 0 ? 1 : 0);
    return result;
  }

  // nullopt: some step passed 2^64 - 1.
  constexpr std::optional<uint64_t> value() const {
    if (!fits_) return std::nullopt;
    return value_;
  }
  constexpr std::optional<Bytes> bytes() const {
    if (!fits_) return std::nullopt;
    return Bytes(value_);
  }

 private:
  uint64_t value_;
  bool fits_ = true;
};

}  // namespace governor

#endif  // GOVERNOR_POLICY_CHECKED_COUNT_H_
