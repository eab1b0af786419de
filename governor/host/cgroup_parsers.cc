#include "governor/host/cgroup_parsers.h"

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "governor/host/fast_sample.h"

namespace governor {
namespace {

// Version 1 rounds its largest count down to a page: no limit on any machine.
constexpr uint64_t kNoLimit = uint64_t{1} << 62;
constexpr size_t kLongestPath = 4096;

bool IsNumber(absl::string_view text, uint64_t& number) {
  return ReadValue(LineKey("", false), text.data(), text.data() + text.size(),
                   &number);
}

// No other folder of the machine can be meant, and no message is garbled.
bool IsPath(absl::string_view path) {
  if (path.empty() || path[0] != '/' || path.size() > kLongestPath) {
    return false;
  }
  for (const char c : path) {
    if (c <= ' ' || c > '~') return false;
  }
  for (const absl::string_view name : absl::StrSplit(path.substr(1), '/')) {
    if (name == "." || name == "..") return false;
    if (name.empty() && path != "/") return false;
  }
  return true;
}

}  // namespace

void CgroupSizeParser::AddLine(absl::string_view line) {
  uint64_t size = 0;
  ++lines_;
  if (line == "max") return;
  if (!IsNumber(line, size)) {
    malformed_ = true;
  } else if (size < kNoLimit) {
    value_.size = Bytes(size);
  }
  if (lines_ > 1) malformed_ = true;
}

std::optional<CgroupSizeParser::Value> CgroupSizeParser::Finish(
    std::string& problem) const {
  if (malformed_ || lines_ != 1) {
    problem = "not one size";
    return std::nullopt;
  }
  return value_;
}

void CgroupStatParser::AddLine(absl::string_view line) {
  if (inactive_file_.has_value() ||
      !absl::ConsumePrefix(
          &line, version_ == 1 ? "total_inactive_file " : "inactive_file ")) {
    return;
  }
  uint64_t size = 0;
  if (IsNumber(line, size)) {
    inactive_file_ = Bytes(size);
  } else {
    malformed_ = true;
  }
}

std::optional<Bytes> CgroupStatParser::Finish(std::string& problem) const {
  if (malformed_ || !inactive_file_) {
    problem = "no number in line inactive_file";
    return std::nullopt;
  }
  return inactive_file_;
}

// "4:memory:/a/b" or "0::/a/b".
void CgroupMembershipParser::AddLine(absl::string_view line) {
  const size_t controllers = line.find(':');
  const size_t path = controllers == absl::string_view::npos
                          ? controllers
                          : line.find(':', controllers + 1);
  if (path == absl::string_view::npos) {
    malformed_ = true;
    return;
  }
  const absl::string_view names =
      line.substr(controllers + 1, path - controllers - 1);
  if (names.empty() && line.substr(0, controllers) == "0" && !second_) {
    second_ = std::string(line.substr(path + 1));
  }
  for (const absl::string_view name : absl::StrSplit(names, ',')) {
    if (name == "memory" && !first_)
      first_ = std::string(line.substr(path + 1));
  }
}

std::optional<CgroupMembershipParser::Value> CgroupMembershipParser::Finish(
    std::string& problem) const {
  const std::optional<std::string>& path = first_ ? first_ : second_;
  if (!path && !malformed_) return Value();
  if (malformed_ || !IsPath(*path)) {
    problem = "a line that is no group, or a path that is not believed";
    return std::nullopt;
  }
  return Value{first_ ? 1 : 2, *path};
}

}  // namespace governor
