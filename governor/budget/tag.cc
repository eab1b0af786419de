#include "governor/budget/tag.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "governor/base/mutex.h"

namespace governor {

// The names by index. Entries below `size_` never change, so a name may be
// read without the lock by whoever holds its Tag.
class TagTable {
 public:
  static TagTable& Get() {
    // Never destroyed: grants may outlive main().
    static TagTable& table = *new TagTable;
    return table;
  }

  absl::StatusOr<Tag> Find(absl::string_view name) {
    MutexLock lock(mutex_);
    for (size_t i = 0; i < size_; ++i) {
      if (names_[i] == name) return Tag(static_cast<uint8_t>(i));
    }
    if (size_ == Tag::kMaxTags) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "too many tags: a process has at most ", Tag::kMaxTags, ", and '",
          name, "' would be one more; a tag names a kind of ",
          "memory, not one request"));
    }
    names_[size_] = std::string(name);
    return Tag(static_cast<uint8_t>(size_++));
  }

  absl::string_view NameOf(size_t index) const { return names_[index]; }

 private:
  TagTable() {
    names_[Tag().index()] = "untagged";
    names_[Tag::Cached().index()] = "cached";
    names_[Tag::Allowance().index()] = "allowance";
    names_[Tag::Debt().index()] = "debt";
  }

  Mutex mutex_;
  size_t size_ ABSL_GUARDED_BY(mutex_) = 4;
  std::array<std::string, Tag::kMaxTags> names_;
};

namespace {
thread_local Tag current_tag;
}  // namespace

absl::StatusOr<Tag> Tag::Named(absl::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength ||
      !std::all_of(name.begin(), name.end(), absl::ascii_isprint)) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a tag: 1 to ", kMaxNameLength,
                     " printable characters, for example 'kv'; given '",
                     absl::CHexEscape(name.substr(0, kMaxNameLength)), "'"));
  }
  if (name == Cached().name() || name == Allowance().name() ||
      name == Debt().name()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a tag: '", name,
                     "' is what the library itself calls "
                     "such bytes; choose another name"));
  }
  return TagTable::Get().Find(name);
}

Tag Tag::Current() { return current_tag; }

absl::string_view Tag::name() const { return TagTable::Get().NameOf(index_); }

ScopedTag::ScopedTag(Tag tag) : outer_(current_tag) { current_tag = tag; }
ScopedTag::~ScopedTag() { current_tag = outer_; }

}  // namespace governor
