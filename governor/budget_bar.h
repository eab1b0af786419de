#ifndef GOVERNOR_BUDGET_BAR_H_
#define GOVERNOR_BUDGET_BAR_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

// One line of a budget's table, and one stretch of its bar.
struct BudgetPart {
  char mark;
  absl::string_view label;
  Bytes size;
  std::string remark;
};

// `  label   92.1MiB   96576768 B  remark`, with its end of line.
std::string Line(absl::string_view label, Bytes size, absl::string_view remark);

// 60 cells, each with the mark of the part that covers its middle; nothing
// where all parts are empty.
std::string Bar(const std::vector<BudgetPart>& parts);

}  // namespace governor

#endif  // GOVERNOR_BUDGET_BAR_H_
