#include "governor/budget/refusal_oracle.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

namespace governor {

void RefusalOracle::Merge(const History& history) {
  all_.held.insert(all_.held.end(), history.held.begin(), history.held.end());
  all_.refused.insert(all_.refused.end(), history.refused.begin(),
                      history.refused.end());
}

uint64_t RefusalOracle::CountFalseRefusals() const {
  // The most held after each step at which it changes, in order of steps.
  std::map<uint64_t, int64_t> changes = {{0, 0}};
  for (const History::Held& held : all_.held) {
    changes[held.from] += static_cast<int64_t>(held.size.count());
    changes[held.to] -= static_cast<int64_t>(held.size.count());
  }
  std::vector<uint64_t> steps;
  // levels[k][i]: the maximum over 2^k changes from the i-th on.
  std::vector<std::vector<int64_t>> levels(1);
  int64_t sum = 0;
  for (const auto& [step, change] : changes) {
    sum += change;
    steps.push_back(step);
    levels[0].push_back(sum);
  }
  for (size_t width = 1; 2 * width <= steps.size(); width *= 2) {
    const std::vector<int64_t>& narrow = levels.back();
    std::vector<int64_t> wide(narrow.size() - width);
    for (size_t i = 0; i < wide.size(); ++i) {
      wide[i] = std::max(narrow[i], narrow[i + width]);
    }
    levels.push_back(std::move(wide));
  }
  uint64_t false_refusals = 0;
  for (const History::Refused& refused : all_.refused) {
    // The change in force at the call, to the last one before the return.
    const size_t first =
        std::upper_bound(steps.begin(), steps.end(), refused.called) -
        steps.begin() - 1;
    const size_t end =
        std::lower_bound(steps.begin(), steps.end(), refused.returned) -
        steps.begin();
    size_t level = 0;
    while ((size_t{2} << level) <= end - first) ++level;
    const int64_t most = std::max(levels[level][first],
                                  levels[level][end - (size_t{1} << level)]);
    if (most + static_cast<int64_t>(refused.size.count()) <=
        static_cast<int64_t>(limit_.count())) {
      ++false_refusals;
    }
  }
  return false_refusals;
}

}  // namespace governor
