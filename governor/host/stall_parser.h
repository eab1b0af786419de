#ifndef GOVERNOR_HOST_STALL_PARSER_H_
#define GOVERNOR_HOST_STALL_PARSER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "governor/host/host_snapshot.h"
#include "governor/host/line_parser.h"

namespace governor {

// The text of /proc/pressure/memory: both lines, and of each `total=`, whole
// microseconds. The averages are not looked at. Of two lines of one name the
// first counts.
class StallParser : public LineParser {
 public:
  void AddLine(absl::string_view line) override;
  std::optional<HostSnapshot::Stall> Finish(std::string& problem) const;

 private:
  std::optional<uint64_t> some_us_;
  std::optional<uint64_t> full_us_;
  bool malformed_ = false;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_STALL_PARSER_H_
