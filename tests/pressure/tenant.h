#ifndef GOVERNOR_TESTS_PRESSURE_TENANT_H_
#define GOVERNOR_TESTS_PRESSURE_TENANT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/budget/budget.h"
#include "governor/budget/reclaimer.h"
#include "governor/governor.h"
#include "governor/memory/elastic_region.h"

namespace governor {

// A program that holds a cache under a governor, on the host driver, whose
// pages are this machine's. It gives back the last blocks when it is asked.
class Tenant final : public Reclaimer {
 public:
  struct Plan {
    Bytes size;
    Bytes os_reserve;
    Bytes block = MiB(64);
    // Its pages cannot be swapped, as those of a GPU's driver.
    bool is_locked = false;
    // As GovernorOptions::host_root.
    std::string host_root = "/";
  };

  // Opens a governor and reserves a region; holds nothing yet.
  static absl::StatusOr<std::unique_ptr<Tenant>> Open(const Plan& plan);
  ~Tenant() override;

  // Commits all of it.
  absl::Status Fill();
  // Answers the governor from now on, on its thread.
  absl::Status Serve();

  Bytes Reclaim(Bytes wanted, absl::Time deadline) override;

  Bytes held() const { return Bytes(held_); }
  // When the first block was gone; infinite: none is.
  absl::Duration gave_back_first_at() const {
    const int64_t at = first_ns_;
    return at < 0 ? absl::InfiniteDuration() : absl::Nanoseconds(at);
  }
  int times_asked() const { return times_asked_; }
  Governor& governor() { return *governor_; }
  ElasticRegion& region() { return *region_; }

 private:
  explicit Tenant(const Plan& plan) : plan_(plan) {}

  const Plan plan_;
  std::unique_ptr<Governor> governor_;
  std::unique_ptr<ElasticRegion> region_;
  std::unique_ptr<Budget::Registration> registration_;
  std::atomic<uint64_t> held_{0};
  std::atomic<int64_t> first_ns_{-1};
  std::atomic<int> times_asked_{0};
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_TENANT_H_
