#ifndef GOVERNOR_HOST_SWAPS_PARSER_H_
#define GOVERNOR_HOST_SWAPS_PARSER_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "governor/host/host_snapshot.h"
#include "governor/host/line_parser.h"

namespace governor {

// The text of /proc/swaps: a header, and a line for each device. The header
// alone: there is no swap.
class SwapsParser : public LineParser {
 public:
  void AddLine(absl::string_view line) override;
  std::optional<HostSnapshot::Swaps> Finish(std::string& problem) const;

 private:
  HostSnapshot::Swaps sums_;
  bool header_ = false;
  bool malformed_ = false;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_SWAPS_PARSER_H_
