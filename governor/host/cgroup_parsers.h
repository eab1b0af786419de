#ifndef GOVERNOR_HOST_CGROUP_PARSERS_H_
#define GOVERNOR_HOST_CGROUP_PARSERS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/host/line_parser.h"

namespace governor {

// A file of one size: memory.max, memory.limit_in_bytes, memory.current,
// memory.usage_in_bytes.
class CgroupSizeParser : public LineParser {
 public:
  // `size` unset: "max", or a number so large that version 1 means no limit.
  struct Value {
    std::optional<Bytes> size;
  };

  void AddLine(absl::string_view line) override;
  std::optional<Value> Finish(std::string& problem) const;

 private:
  Value value_;
  int lines_ = 0;
  bool malformed_ = false;
};

// memory.stat: file pages that go when room is needed, of the group and those
// below it. Of two lines of one name the first counts.
class CgroupStatParser : public LineParser {
 public:
  // `version` 1 or 2: the line has another name in each.
  explicit CgroupStatParser(int version) : version_(version) {}

  void AddLine(absl::string_view line) override;
  bool done() const override { return inactive_file_.has_value(); }
  std::optional<Bytes> Finish(std::string& problem) const;

 private:
  int version_;
  std::optional<Bytes> inactive_file_;
  bool malformed_ = false;
};

// /proc/self/cgroup: in which group of the memory controller this process is.
class CgroupMembershipParser : public LineParser {
 public:
  struct Value {
    // 1 where the memory controller is of version 1; 0: it is of none.
    int version = 0;
    // "/", "/user.slice/x": begins with a slash, has no "." and no "..".
    std::string path;
  };

  void AddLine(absl::string_view line) override;
  std::optional<Value> Finish(std::string& problem) const;

 private:
  std::optional<std::string> first_;   // version 1
  std::optional<std::string> second_;  // version 2
  bool malformed_ = false;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_CGROUP_PARSERS_H_
