#ifndef GOVERNOR_TESTS_FAULT_C_WORLD_H_
#define GOVERNOR_TESTS_FAULT_C_WORLD_H_

#include "bindings/c/governor.h"
#include "tests/fault/world.h"

namespace governor {

// The C interface. What it answers is told by its codes: RESOURCE_EXHAUSTED for
// GOVERNOR_REFUSED, and so on.
class CWorld final : public World {
 public:
  bool Knows(const Step& step) const override;
  Answer Perform(const Step& step) override;
  bool has_governor() const override { return governor_ != nullptr; }
  bool has_region() const override {
    return region_ != nullptr && !region_is_closing_;
  }
  Bytes granted() const override;
  Bytes governed() const override { return governed_; }

 private:
  governor_code_t Do(const Step& step);
  governor_code_t Open();
  governor_code_t Lease(Bytes size, double deadline);
  governor_code_t DecommitAll();
  Bytes headroom() const;

  governor_t* governor_ = nullptr;
  governor_region_t* region_ = nullptr;
  // A close was tried: it commits nothing more.
  bool region_is_closing_ = false;
  governor_lease_t* lease_ = nullptr;
  Bytes lease_size_;
  Bytes governed_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_FAULT_C_WORLD_H_
