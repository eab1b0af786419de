#include "bindings/python/shared_region.h"

#include <pybind11/pybind11.h>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace py = pybind11;

namespace governor {

const ElasticRegion& SharedRegion::Get() const {
  governor_->CheckProcess();
  if (is_closing_ || region_->is_closed()) {
    ThrowGovernorError("the region is closed");
  }
  return *region_;
}

void SharedRegion::CheckExportable(const Part& part) const {
  const ElasticRegion& region = Get();
  if (part.uncommitted_ok) return;
  for (size_t i = part.first; i < part.first + part.count; ++i) {
    if (region.is_committed(i)) continue;
    throw py::buffer_error(absl::StrCat(
        "not committed: block ", i, "; touching it would be a fault. Commit ",
        "it, export only what is committed with view(first, count), or say ",
        "view(..., uncommitted_ok=True) and touch committed blocks only"));
  }
}

void SharedRegion::Close() {
  governor_->CheckProcess();
  if (const int exports = num_exports_.load(); exports != 0) {
    throw py::buffer_error(
        absl::StrCat("cannot close a region of which arrays exist: ", exports,
                     "; drop them first"));
  }
  if (is_closing_) ThrowGovernorError("another thread is closing the region");
  is_closing_ = true;  // no more exports from here on
  // Reset whatever comes: a region that could not be closed can be used.
  const auto reset = absl::MakeCleanup([this] { is_closing_ = false; });
  OkOrThrow(governor_->CallEvenIfClosed([this] { return region_->Close(); }));
}

}  // namespace governor
