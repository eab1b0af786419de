#ifndef GOVERNOR_HOST_MEMINFO_PARSER_H_
#define GOVERNOR_HOST_MEMINFO_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "governor/host/fast_sample.h"
#include "governor/host/host_snapshot.h"
#include "governor/host/line_parser.h"

namespace governor {

// The text of /proc/meminfo. Believed only with total, free, available, dirty
// and writeback, with no more free or available than there is, and with every
// known line a size. Of two lines of one name the first counts.
class MeminfoParser : public LineParser {
 public:
  MeminfoParser();
  // Copies keep their own figures.
  MeminfoParser(const MeminfoParser& other);
  MeminfoParser& operator=(const MeminfoParser&) = delete;

  void AddLine(absl::string_view line) override;
  std::optional<HostSnapshot::Meminfo> Finish(std::string& problem) const;

 private:
  static constexpr size_t kMost = 40;
  uint64_t values_[kMost] = {};
  bool seen_[kMost] = {};
  LineValues lines_;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_MEMINFO_PARSER_H_
