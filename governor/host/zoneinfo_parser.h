#ifndef GOVERNOR_HOST_ZONEINFO_PARSER_H_
#define GOVERNOR_HOST_ZONEINFO_PARSER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/host/line_parser.h"

namespace governor {

// The text of /proc/zoneinfo: every zone of every node. Believed only when each
// of them tells its free pages and its low and high watermark, once, as
// numbers.
class ZoneinfoParser : public LineParser {
 public:
  explicit ZoneinfoParser(Bytes page_size) : page_size_(page_size) {}

  void AddLine(absl::string_view line) override;
  std::optional<HostSnapshot::Zones> Finish(std::string& problem) const;

 private:
  // Pages, summed.
  struct Sums {
    uint64_t movable_free = 0;
    uint64_t per_cpu = 0;
    uint64_t low = 0;
    uint64_t high = 0;
  };
  void Add(absl::string_view number, uint64_t& sum);
  bool zone_is_whole() const {
    return free_lines_ == 1 && low_lines_ == 1 && high_lines_ == 1;
  }

  Bytes page_size_;
  Sums sums_;
  int zones_ = 0;
  bool in_movable_ = false;
  // Of the zone that is being read.
  int free_lines_ = 0;
  int low_lines_ = 0;
  int high_lines_ = 0;
  bool malformed_ = false;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_ZONEINFO_PARSER_H_
