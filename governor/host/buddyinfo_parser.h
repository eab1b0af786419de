#ifndef GOVERNOR_HOST_BUDDYINFO_PARSER_H_
#define GOVERNOR_HOST_BUDDYINFO_PARSER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/host/line_parser.h"

namespace governor {

// The text of /proc/buddyinfo: a line for each zone of each node, a column for
// each order, as many as the kernel has. A piece of order n is page_size << n.
class BuddyinfoParser : public LineParser {
 public:
  explicit BuddyinfoParser(Bytes page_size) : page_size_(page_size) {}

  void AddLine(absl::string_view line) override;
  std::optional<HostSnapshot::Contiguity> Finish(std::string& problem) const;

 private:
  // False: `count` pieces of that order are more than 2^64 - 1 bytes.
  bool AddPieces(int order, uint64_t count);

  Bytes page_size_;
  HostSnapshot::Contiguity sums_;
  bool any_zone_ = false;
  bool malformed_ = false;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_BUDDYINFO_PARSER_H_
