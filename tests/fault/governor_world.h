#ifndef GOVERNOR_TESTS_FAULT_GOVERNOR_WORLD_H_
#define GOVERNOR_TESTS_FAULT_GOVERNOR_WORLD_H_

#include <memory>
#include <optional>

#include "governor/governor.h"
#include "tests/fault/world.h"

namespace governor {

// The C++ interface.
class GovernorWorld final : public World {
 public:
  ~GovernorWorld() override;

  bool Knows(const Step&) const override { return true; }
  Answer Perform(const Step& step) override;
  bool has_governor() const override {
    return governor_ != nullptr && !governor_->is_closed();
  }
  bool has_region() const override {
    return region_ != nullptr && !region_->is_closed();
  }
  Bytes granted() const override {
    return governor_->granted() - lease_.size();
  }
  Bytes governed() const override { return governed_; }

 private:
  // Time passes only while somebody waits: to the end.
  class WaitingClock final : public Clock {
   public:
    absl::Time Now() const override { return now_; }
    absl::Duration Monotonic() const override {
      return now_ - absl::UnixEpoch();
    }
    int64_t CoarseNanoseconds() const override {
      return absl::ToInt64Nanoseconds(Monotonic());
    }
    absl::Duration coarse_lag() const override { return absl::ZeroDuration(); }
    bool WaitUntil(CondVar&, Mutex&, absl::Time deadline) override {
      now_ = deadline;
      return false;
    }

   private:
    absl::Time now_ = absl::UnixEpoch();
  };

  absl::Status Do(const Step& step);
  absl::Status Open();
  absl::Status Lease(Bytes size, absl::Time deadline);
  absl::Status CheckAccess();
  absl::Status DecommitAll();

  WaitingClock clock_;
  std::unique_ptr<Governor> governor_;
  std::unique_ptr<ElasticRegion> region_;
  Grant lease_;
  std::optional<ScopedTag> tag_;
  Bytes governed_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_FAULT_GOVERNOR_WORLD_H_
