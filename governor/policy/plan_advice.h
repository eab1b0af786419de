#ifndef GOVERNOR_POLICY_PLAN_ADVICE_H_
#define GOVERNOR_POLICY_PLAN_ADVICE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/plan.h"

namespace governor {

// One thing to change, and what that alone buys.
struct PlanChange {
  std::string change;  // "store the KV cache as fp8 (--kv-dtype fp8)"
  std::string buys;    // "2.00 times the tokens: 93184 instead of 46592"

  friend bool operator==(const PlanChange&, const PlanChange&) = default;
};

// The inverse questions of a plan. Each number was planned: it fits, and the
// next one (a byte less of budget, a token or a sequence more) does not. What
// is absent, no value reaches, or every value does. SGLang lays windows out in
// another way once sequences are longer than they: there, a length above the
// longest that is named may fit again.
struct PlanAdvice {
  // For the sequences that were asked for: the smallest budget of each device,
  // and where a KV cache of a given size was asked for, the smallest one.
  std::optional<Bytes> smallest_budget = std::nullopt;
  std::optional<Bytes> smallest_kv_memory = std::nullopt;
  // In the budget or kv_memory that is there: the longest sequence, as many of
  // them as were asked for, and no longer than the model was made for or than
  // was asked for; the most sequences, as long as was asked for.
  std::optional<uint64_t> longest_model_len = std::nullopt;
  std::optional<uint64_t> most_seqs = std::nullopt;
  // Of the whole model, the draft not counted, in whole granules: the heaviest
  // weights beside which all that was asked for fits. Only where the plan's own
  // do not.
  std::optional<Bytes> largest_weights = std::nullopt;
  // The fewest ranks, a power of two above the plan's, whose devices hold it.
  // Only where the plan's own do not.
  std::optional<uint64_t> tensor_parallel = std::nullopt;
  // Where the plan does not fit, each dtype that alone makes it fit.
  std::vector<KvDtype> kv_dtypes;
  // What to change first: where the plan does not fit, what would make it, the
  // cheapest first (a dtype, then shorter or fewer sequences, then memory, then
  // other weights, then more devices); where it fits, what buys more tokens.
  std::vector<PlanChange> changes;
};

// Answers them for `plan`, which PlanKv made of `model` and `request`.
// Arithmetic on values; plans some hundred times.
PlanAdvice AdviceOn(const Plan& plan, const ModelShape& model,
                    const PlanRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_PLAN_ADVICE_H_
