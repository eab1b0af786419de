#include "governor/driver/host_driver/managed_advice.h"

#include <iterator>
#include <optional>

namespace governor {
namespace {

bool Same(const CUmemLocation& a, const CUmemLocation& b) {
  return a.type == b.type && a.id == b.id;
}

ManagedAdvice::Advice Both(const ManagedAdvice::Advice& a,
                           const ManagedAdvice::Advice& b) {
  ManagedAdvice::Advice both;
  both.read_mostly = a.read_mostly && b.read_mostly;
  if (Same(a.preferred, b.preferred)) both.preferred = a.preferred;
  if (Same(a.last_prefetch, b.last_prefetch)) {
    both.last_prefetch = a.last_prefetch;
  }
  both.accessed_by = a.accessed_by & b.accessed_by;
  return both;
}

}  // namespace

ManagedAdvice::Pages ManagedAdvice::PagesOf(CUdeviceptr address,
                                            uint64_t size) const {
  return {address / page_ * page_,
          (address + size + page_ - 1) / page_ * page_};
}

void ManagedAdvice::Cut(uint64_t at) {
  const auto after = pieces_.lower_bound(at);
  if (after == pieces_.begin()) return;
  Piece& before = std::prev(after)->second;
  if (before.end <= at) return;
  pieces_.emplace(at, before);
  before.end = at;
}

void ManagedAdvice::Change(CUdeviceptr address, uint64_t size,
                           absl::FunctionRef<void(Advice&)> change) {
  const Pages pages = PagesOf(address, size);
  MutexLock lock(mutex_);
  Cut(pages.begin);
  Cut(pages.end);
  uint64_t at = pages.begin;
  while (at < pages.end) {
    auto piece = pieces_.lower_bound(at);
    if (piece == pieces_.end() || piece->first > at) {
      const uint64_t end = piece == pieces_.end() || piece->first > pages.end
                               ? pages.end
                               : piece->first;
      piece = pieces_.emplace(at, Piece{end, Advice()}).first;
    }
    change(piece->second.advice);
    at = piece->second.end;
  }
}

void ManagedAdvice::Forget(CUdeviceptr address, uint64_t size) {
  const Pages pages = PagesOf(address, size);
  MutexLock lock(mutex_);
  Cut(pages.begin);
  Cut(pages.end);
  pieces_.erase(pieces_.lower_bound(pages.begin),
                pieces_.lower_bound(pages.end));
}

ManagedAdvice::Advice ManagedAdvice::Common(CUdeviceptr address,
                                            uint64_t size) {
  const Pages pages = PagesOf(address, size);
  MutexLock lock(mutex_);
  Cut(pages.begin);
  Cut(pages.end);
  std::optional<Advice> common;
  uint64_t covered = pages.begin;
  for (auto piece = pieces_.lower_bound(pages.begin);
       piece != pieces_.end() && piece->first == covered && covered < pages.end;
       ++piece) {
    common =
        common ? Both(*common, piece->second.advice) : piece->second.advice;
    covered = piece->second.end;
  }
  return common && covered == pages.end ? *common : Advice();
}

}  // namespace governor
