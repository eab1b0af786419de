#ifndef GOVERNOR_BUDGET_TAG_H_
#define GOVERNOR_BUDGET_TAG_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace governor {

// The name under which bytes are granted ("kv", "weights"): what a refusal and
// a snapshot call their holder. Not an owner and not a limit.
//
// A Tag is a small number. Names live in one table for the whole process, which
// only grows: a tag is for a kind of memory, never for one request. A plain
// value; every function is thread-safe.
class Tag {
 public:
  static constexpr size_t kMaxTags = 64;
  static constexpr size_t kMaxNameLength = 63;

  // "untagged".
  constexpr Tag() = default;
  // Kept chunks that nothing uses now.
  static constexpr Tag Cached() { return Tag(1); }
  // What a budget sets aside for unmanaged bytes.
  static constexpr Tag Allowance() { return Tag(2); }
  // Unmanaged bytes above that.
  static constexpr Tag Debt() { return Tag(3); }

  // For walking over all tags; `index` < kMaxTags. Its name may be empty.
  static constexpr Tag AtIndex(size_t index) {
    return Tag(static_cast<uint8_t>(index));
  }

  // The tag of this name, new or known.
  // INVALID_ARGUMENT: empty, longer than kMaxNameLength, with a character that
  // is not printable ASCII, or a name that the library keeps for itself
  // ("cached", "allowance", "debt"). RESOURCE_EXHAUSTED: kMaxTags names exist.
  static absl::StatusOr<Tag> Named(absl::string_view name);

  // The tag of the innermost ScopedTag of this thread.
  static Tag Current();

  absl::string_view name() const;
  constexpr size_t index() const { return index_; }
  friend constexpr bool operator==(Tag, Tag) = default;

 private:
  friend class TagTable;
  constexpr explicit Tag(uint8_t index) : index_(index) {}

  uint8_t index_ = 0;
};

// Names what this thread is granted while the object lives. Scopes nest. To be
// destroyed by the thread that made it, in reverse order.
class ScopedTag {
 public:
  explicit ScopedTag(Tag tag);
  ~ScopedTag();
  ScopedTag(const ScopedTag&) = delete;
  ScopedTag& operator=(const ScopedTag&) = delete;

 private:
  Tag outer_;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_TAG_H_
