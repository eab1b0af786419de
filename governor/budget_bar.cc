#include "governor/budget_bar.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace governor {
namespace {

constexpr size_t kBarWidth = 60;

}  // namespace

std::string Line(absl::string_view label, Bytes size,
                 absl::string_view remark) {
  std::string line = absl::StrFormat("  %-12s %12s %18d B", label,
                                     ToString(size), size.count());
  if (!remark.empty()) absl::StrAppend(&line, "  ", remark);
  return line + "\n";
}

std::string Bar(const std::vector<BudgetPart>& parts) {
  double total = 0;
  for (const BudgetPart& part : parts) {
    total += static_cast<double>(part.size.count());
  }
  std::string bar;
  double end = 0;
  for (const BudgetPart& part : parts) {
    end += static_cast<double>(part.size.count());
    while (bar.size() < kBarWidth &&
           (static_cast<double>(bar.size()) + 0.5) / kBarWidth * total < end) {
      bar.push_back(part.mark);
    }
  }
  return bar;
}

}  // namespace governor
