#ifndef GOVERNOR_POLICY_SHORTFALL_H_
#define GOVERNOR_POLICY_SHORTFALL_H_

#include <optional>

#include "governor/base/bytes.h"
#include "governor/policy/plan.h"

namespace governor {

// The smallest budget that holds, on every stage, what is there whatever the KV
// cache and the KV cache that `request` asks for. nullopt: above 2^64 - 1.
std::optional<Bytes> SufficientBudget(const Plan& plan,
                                      const PlanRequest& request);

// The smallest KV cache that holds the required blocks on every stage. nullopt:
// above 2^64 - 1.
std::optional<Bytes> SufficientKvMemory(const Plan& plan);

// Why `plan`, which PlanNumbers made of `request`, does not fit.
Shortfall ShortfallOf(const Plan& plan, const PlanRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_SHORTFALL_H_
