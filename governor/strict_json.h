#ifndef GOVERNOR_STRICT_JSON_H_
#define GOVERNOR_STRICT_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

// A small file of our own, which anybody may have edited.
using StrictJson = nlohmann::ordered_json;

// INVALID_ARGUMENT: not JSON, nested deeper than 8, or a key twice in one
// object, which the parser alone would hide.
absl::StatusOr<StrictJson> ParseStrictJson(absl::string_view text);

// An object with `version` and a list named `list`, and nothing else; returns
// the list, which is a part of `json`. INVALID_ARGUMENT: anything else.
absl::StatusOr<const StrictJson*> ListOfVersion(const StrictJson& json,
                                                int version, const char* list);

// One object of that list, key by key. What it says names `where` first, and is
// INVALID_ARGUMENT.
class JsonFields {
 public:
  // `json` outlives this, and is an object.
  JsonFields(const StrictJson& json, std::string where)
      : json_(json), where_(std::move(where)) {}

  void set_where(std::string where) { where_ = std::move(where); }

  // Each leaves the value as it is where the key may be absent and is.
  absl::Status Text(const char* key, bool required, std::string& text);
  absl::Status Size(const char* key, bool required, std::optional<Bytes>& size);
  // An error for the first key that was not asked for.
  absl::Status CheckNothingElse() const;

 private:
  // Null where it may be absent and is.
  absl::StatusOr<const StrictJson*> Find(const char* key, bool required);
  absl::Status Wrong(absl::string_view what) const;

  const StrictJson& json_;
  std::string where_;
  std::set<std::string> known_;
};

// For a message: what of `text` is shown of it, in quotes.
std::string QuotedStart(absl::string_view text);

}  // namespace governor

#endif  // GOVERNOR_STRICT_JSON_H_
