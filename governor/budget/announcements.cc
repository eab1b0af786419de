#include "governor/budget/announcements.h"

#include <algorithm>

namespace governor {

Announcements::Scope::Scope(Announcements& all, const Budget::Announcement& one)
    : all_(all), one_(one) {
  MutexLock lock(all_.mutex_);
  all_.under_way_.push_back(&one_);
}

Announcements::Scope::~Scope() {
  // In a forked child the lock may be held by a thread that is not there.
  if (!all_.process_.is_current()) return;
  MutexLock lock(all_.mutex_);
  auto& under_way = all_.under_way_;
  under_way.erase(std::find(under_way.begin(), under_way.end(), &one_));
}

std::optional<Budget::Announcement> Announcements::Strictest() const {
  if (!process_.is_current()) return std::nullopt;
  MutexLock lock(mutex_);
  if (under_way_.empty()) return std::nullopt;
  return **std::min_element(
      under_way_.begin(), under_way_.end(),
      [](const auto* a, const auto* b) { return a->target < b->target; });
}

}  // namespace governor
