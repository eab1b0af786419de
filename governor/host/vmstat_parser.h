#ifndef GOVERNOR_HOST_VMSTAT_PARSER_H_
#define GOVERNOR_HOST_VMSTAT_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/host/line_parser.h"

namespace governor {

// The text of /proc/vmstat. Believed only with swap-ins, swap-outs, major
// faults, and pages scanned and stolen directly, and with every known line a
// number. Of two lines of one name the first counts. Stalls of all zones are
// summed, and so are refaults that older kernels do not tell apart with those
// of files.
class VmstatParser : public LineParser {
 public:
  explicit VmstatParser(Bytes page_size) : page_size_(page_size) {}

  void AddLine(absl::string_view line) override;
  // All lines were there: the second half of a long text is dear, because the
  // kernel sums all CPUs again for it.
  bool done() const override;
  std::optional<HostSnapshot::Vmstat> Finish(std::string& problem) const;

 private:
  static constexpr size_t kMost = 16;

  Bytes page_size_;
  uint64_t values_[kMost] = {};
  bool seen_[kMost] = {};
  size_t next_ = 0;
  size_t found_ = 0;
  const char* malformed_ = nullptr;
  uint64_t reclaim_stalls_ = 0;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_VMSTAT_PARSER_H_
