#ifndef GOVERNOR_MODEL_GGUF_FIELDS_H_
#define GOVERNOR_MODEL_GGUF_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/model/gguf.h"

namespace governor {

// The metadata of one GGUF file, read the way a model's family needs it: typed,
// not negative, under the prefix that `general.architecture` gives. `gguf` must
// outlive this.
class GgufFields {
 public:
  // INVALID_ARGUMENT: no `general.architecture`, or not a string.
  static absl::StatusOr<GgufFields> Create(const Gguf& gguf);

  const std::string& architecture() const { return *architecture_; }

  // `block_count` as the file spells it: `llama.block_count`.
  std::string Key(absl::string_view field) const;

  // INVALID_ARGUMENT (all below): negative, or not an integer; where the name
  // says positive also zero; Positive also where the field is absent.
  absl::StatusOr<uint64_t> Positive(absl::string_view field) const;
  absl::StatusOr<std::optional<uint64_t>> PositiveIfThere(
      absl::string_view field) const;

  absl::StatusOr<std::optional<uint64_t>> NumberIfThere(
      absl::string_view field) const;
  // Zero where the field is absent.
  absl::StatusOr<uint64_t> NumberOrZero(absl::string_view field) const;

  // `count` values, from an array of that many or from one number for all.
  // Empty where the field is absent.
  absl::StatusOr<std::vector<uint64_t>> PositivePerLayer(
      absl::string_view field, uint64_t count) const {
    return PerLayer(field, count, 1);
  }
  absl::StatusOr<std::vector<uint64_t>> NumbersPerLayer(absl::string_view field,
                                                        uint64_t count) const {
    return PerLayer(field, count, 0);
  }

  // The array `field`; null where it is absent or no array.
  const GgufArray* ArrayIfThere(absl::string_view field) const;

  // One bool (or 0, or 1) for each of `count` layers, from an array of that
  // many or of `shorter` (the rest is then false). Empty where the field is
  // absent or no array.
  absl::StatusOr<std::vector<bool>> FlagsPerLayer(absl::string_view field,
                                                  uint64_t count,
                                                  uint64_t shorter) const;

 private:
  absl::StatusOr<std::vector<uint64_t>> PerLayer(absl::string_view field,
                                                 uint64_t count,
                                                 uint64_t least) const;

  GgufFields(const Gguf& gguf, const std::string& architecture)
      : gguf_(&gguf), architecture_(&architecture) {}

  const Gguf* gguf_;
  const std::string* architecture_;
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_FIELDS_H_
