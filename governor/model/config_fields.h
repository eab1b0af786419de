#ifndef GOVERNOR_MODEL_CONFIG_FIELDS_H_
#define GOVERNOR_MODEL_CONFIG_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/model/config_names.h"
#include "governor/model/read_config.h"

namespace governor {

// The fields of one object of a config, read the way a family needs them:
// typed, in range, and named with their path in every error. A null is as good
// as absent. `config` must outlive this.
class ConfigFields {
 public:
  explicit ConfigFields(const Config& config, uint16_t object = 0)
      : config_(&config), object_(object) {}

  // `text_config.head_dim`.
  std::string Path(ConfigName name) const { return PathOfIndex(name.index()); }
  std::string PathOfIndex(uint16_t name) const;
  bool Has(ConfigName name) const { return Find(name) != nullptr; }
  // Has, or null.
  bool Mentions(ConfigName name) const;
  bool IsArray(ConfigName name) const;
  bool IsText(ConfigName name) const;
  // What the field holds, for messages: `'four'`, `an array of 3`.
  std::string Describe(ConfigName name) const;
  // nullopt: absent, or something else than an object.
  std::optional<ConfigFields> Object(ConfigName name) const;

  // INVALID_ARGUMENT (all below): of another type or out of range; Count also
  // where it is absent.
  // Counts are whole numbers from 1 to `most`; Whole ones may be zero.
  absl::StatusOr<uint64_t> Count(ConfigName name,
                                 uint64_t most = kMaxConfigCount) const;
  absl::StatusOr<std::optional<uint64_t>> CountIfThere(
      ConfigName name, uint64_t most = kMaxConfigCount) const;
  absl::StatusOr<std::optional<uint64_t>> WholeIfThere(
      ConfigName name, uint64_t most = kMaxConfigCount) const;
  absl::StatusOr<std::optional<bool>> FlagIfThere(ConfigName name) const;
  absl::StatusOr<std::optional<absl::string_view>> TextIfThere(
      ConfigName name) const;
  // All elements; none where it is absent.
  absl::StatusOr<std::vector<uint64_t>> Wholes(ConfigName name) const;
  absl::StatusOr<std::vector<absl::string_view>> Texts(ConfigName name) const;

  // `<path> is <value>, but <must>`.
  absl::Status Wrong(ConfigName name, absl::string_view must) const;
  absl::Status Missing(ConfigName name) const;

 private:
  // nullptr: absent or null.
  const Config::Value* Find(ConfigName name) const;
  std::string Describe(const Config::Value& value) const;
  absl::StatusOr<uint64_t> Number(ConfigName name, absl::string_view suffix,
                                  const Config::Value& value, uint64_t least,
                                  uint64_t most) const;

  const Config* config_;
  uint16_t object_;
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_CONFIG_FIELDS_H_
