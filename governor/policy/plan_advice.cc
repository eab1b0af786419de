#include "governor/policy/plan_advice.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "governor/policy/os_reserve.h"
#include "governor/policy/plan_numbers.h"
#include "governor/policy/shortfall.h"
#include "governor/policy/weight_format.h"

namespace governor {
namespace {

constexpr uint64_t kMaxModelLen = uint64_t{1} << 32;
constexpr uint64_t kMaxSeqs = uint64_t{1} << 24;
constexpr uint64_t kMaxTensorParallel = 64;

bool WouldFit(const ModelShape& model, const PlanRequest& request) {
  const absl::StatusOr<Plan> plan = PlanNumbers(model, request);
  return plan.ok() && plan->fits;
}

// The largest value up to `limit` for which `fits`, which is false from some
// value on. nullopt: not even for 1.
template <typename Fits>
std::optional<uint64_t> Largest(uint64_t limit, const Fits& fits) {
  if (!fits(1)) return std::nullopt;
  uint64_t good = 1;
  uint64_t bad = 2;
  while (bad <= limit && fits(bad)) {
    good = bad;
    bad *= 2;
  }
  bad = std::min(bad, limit + 1);
  while (bad - good > 1) {
    const uint64_t middle = good + (bad - good) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return good;
}

void AnswerLengthAndSequences(const Plan& plan, const ModelShape& model,
                              const PlanRequest& request, PlanAdvice& advice) {
  PlanRequest other = request;
  const uint64_t longest =
      model.context_length == 0
          ? kMaxModelLen
          : std::max(model.context_length, plan.max_model_len);
  advice.longest_model_len = Largest(longest, [&](uint64_t tokens) {
    other.max_model_len = tokens;
    return WouldFit(model, other);
  });
  other = request;
  advice.most_seqs = Largest(kMaxSeqs, [&](uint64_t sequences) {
    other.max_seqs = sequences;
    return WouldFit(model, other);
  });
  // Where the search ended at its own limit, that is no answer.
  if (advice.most_seqs == kMaxSeqs) advice.most_seqs.reset();
}

void AnswerMemory(const Plan& plan, const ModelShape& model,
                  const PlanRequest& request, PlanAdvice& advice) {
  PlanRequest other = request;
  if (request.kv_memory) {
    other.kv_memory = SufficientKvMemory(plan);
    if (other.kv_memory && WouldFit(model, other)) {
      advice.smallest_kv_memory = other.kv_memory;
    }
  }
  other = request;
  other.budget = SufficientBudget(plan, request);
  if (other.budget && WouldFit(model, other)) {
    advice.smallest_budget = other.budget;
  }
}

void AnswerDtypes(const Plan& plan, const ModelShape& model,
                  const PlanRequest& request, PlanAdvice& advice) {
  PlanRequest other = request;
  for (const KvDtypeLayout& layout : KvDtypes()) {
    other.layout.kv_dtype = layout.dtype;
    const absl::StatusOr<Plan> again = PlanNumbers(model, other);
    if (again.ok() && again->fits && again->kv_per_token < plan.kv_per_token) {
      advice.kv_dtypes.push_back(layout.dtype);
    }
  }
}

// What other weights, or more devices for them, would do.
void AnswerWeights(const Plan& plan, const ModelShape& model,
                   const PlanRequest& request, PlanAdvice& advice) {
  if (!request.budget) return;
  PlanRequest other = request;
  const Bytes own = plan.weights - plan.draft_weights;
  const std::optional<uint64_t> granules =
      Largest(own / request.granularity, [&](uint64_t count) {
        other.weights = request.granularity * count;
        return WouldFit(model, other);
      });
  if (granules) advice.largest_weights = request.granularity * *granules;

  other = request;
  uint64_t ranks = 1;
  while (ranks <= request.layout.tensor_parallel) ranks *= 2;
  for (; ranks <= kMaxTensorParallel; ranks *= 2) {
    other.layout.tensor_parallel = ranks;
    if (WouldFit(model, other)) {
      advice.tensor_parallel = ranks;
      return;
    }
  }
}

// The most that a budget can be used for: of the device, where that is known.
Bytes MostBudget(const PlanRequest& request) {
  if (!request.device_memory) {
    return Bytes(std::numeric_limits<uint64_t>::max());
  }
  const Bytes undeclared = request.is_integrated
                               ? DefaultOsReserve(*request.device_memory)
                               : Bytes();
  return SaturatingSubtract(*request.device_memory,
                            request.os_reserve.value_or(undeclared));
}

// Exact first: what is for people is rounded down, and would not be enough.
std::string Exact(Bytes size) {
  return absl::StrCat(size.count(), " bytes (", ToString(size), ")");
}

// What another plan of the same model holds, beside this one.
std::string Buys(const Plan& plan, const Plan& other) {
  if (plan.max_tokens == 0) {
    return absl::StrCat(other.max_tokens, " tokens instead of none");
  }
  return absl::StrFormat("%.2f times the tokens: %d instead of %d",
                         static_cast<double>(other.max_tokens) /
                             static_cast<double>(plan.max_tokens),
                         other.max_tokens, plan.max_tokens);
}

// The widest formats that `largest` would hold, by estimate.
std::string FormatsWithin(Bytes largest, uint64_t parameters) {
  if (parameters == 0) return "";
  const double bits = 8 * static_cast<double>(largest.count()) /
                      static_cast<double>(parameters);
  std::string text = absl::StrFormat(", %.2f bits a parameter", bits);
  int named = 0;
  for (const WeightFormat& format : WeightFormats()) {
    if (format.bits_per_parameter > bits || named == 3) continue;
    absl::StrAppend(&text, named == 0 ? ": " : ", ", format.name);
    ++named;
  }
  return named == 0 ? text + ", less than any usual format" : text;
}

// Adds changes in the order in which they are called for.
class ChangeList {
 public:
  ChangeList(const Plan& plan, const ModelShape& model,
             const PlanRequest& request, std::vector<PlanChange>& changes)
      : plan_(plan), model_(model), request_(request), changes_(changes) {}

  template <typename Edit>
  void Add(std::string change, const Edit& edit) {
    PlanRequest other = request_;
    edit(other);
    const absl::StatusOr<Plan> again = PlanNumbers(model_, other);
    if (!again.ok()) return;
    changes_.push_back({std::move(change), Buys(plan_, *again)});
  }

  template <typename Edit>
  void AddIfItFits(std::string change, const Edit& edit) {
    PlanRequest other = request_;
    edit(other);
    const absl::StatusOr<Plan> again = PlanNumbers(model_, other);
    if (!again.ok() || !again->fits) return;
    changes_.push_back({std::move(change), Buys(plan_, *again)});
  }

  void AddSaid(std::string change, std::string buys) {
    changes_.push_back({std::move(change), std::move(buys)});
  }

 private:
  const Plan& plan_;
  const ModelShape& model_;
  const PlanRequest& request_;
  std::vector<PlanChange>& changes_;
};

void ListWaysOut(const Plan& plan, const ModelShape& model,
                 const PlanRequest& request, PlanAdvice& advice) {
  ChangeList list(plan, model, request, advice.changes);
  // One dtype is enough to show: the widest that does, unless a usual one does.
  std::vector<KvDtype> dtypes;
  for (const KvDtype usual : {KvDtype::kQ8_0, KvDtype::kFp8}) {
    if (absl::c_linear_search(advice.kv_dtypes, usual)) dtypes = {usual};
  }
  if (dtypes.empty() && !advice.kv_dtypes.empty()) {
    dtypes = {advice.kv_dtypes.front()};
  }
  for (const KvDtype dtype : dtypes) {
    const absl::string_view name = LayoutOf(dtype).name;
    list.Add(absl::StrCat("store the KV cache as ", name, " (--kv-dtype ", name,
                          ")"),
             [&](PlanRequest& other) { other.layout.kv_dtype = dtype; });
  }
  if (advice.longest_model_len &&
      *advice.longest_model_len < plan.max_model_len) {
    const uint64_t tokens = *advice.longest_model_len;
    list.AddSaid(
        absl::StrCat("lower max_model_len to ", tokens,
                     " tokens (--max-model-len ", tokens, ")"),
        absl::StrCat(plan.required_sequences, " x ", tokens, " tokens fit"));
  }
  if (advice.most_seqs && *advice.most_seqs < plan.required_sequences) {
    list.AddSaid(absl::StrCat("lower max_seqs to ", *advice.most_seqs,
                              " (--max-seqs ", *advice.most_seqs, ")"),
                 absl::StrCat(*advice.most_seqs, " x ", plan.max_model_len,
                              " tokens fit"));
  }
  if (advice.smallest_kv_memory &&
      *advice.smallest_kv_memory > *request.kv_memory) {
    list.Add(absl::StrCat("set kv_memory (--kv-memory) to ",
                          Exact(*advice.smallest_kv_memory)),
             [&](PlanRequest& other) {
               other.kv_memory = advice.smallest_kv_memory;
             });
  }
  if (request.draft != nullptr) {
    list.AddIfItFits("leave the draft model out",
                     [](PlanRequest& other) { other.draft = nullptr; });
  }
  if (request.adapters) {
    list.AddIfItFits("leave the adapters out",
                     [](PlanRequest& other) { other.adapters.reset(); });
  }
  list.AddIfItFits(
      "set nothing aside for activations, graphs and allowance, "
      "if that is measured to be enough",
      [](PlanRequest& other) {
        other.activations = Bytes(0);
        other.graphs = Bytes(0);
        other.allowance = Bytes(0);
      });
  if (request.budget && advice.smallest_budget &&
      *advice.smallest_budget > *request.budget &&
      *advice.smallest_budget <= MostBudget(request)) {
    list.Add(
        absl::StrCat("raise the budget to ", Exact(*advice.smallest_budget)),
        [&](PlanRequest& other) { other.budget = advice.smallest_budget; });
  }
  if (advice.largest_weights) {
    list.AddSaid(
        absl::StrCat("take a quantization whose weights are at most ",
                     Exact(*advice.largest_weights),
                     request.weights ? ""
                                     : FormatsWithin(*advice.largest_weights,
                                                     model.parameters)),
        absl::StrCat("all of ", plan.required_sequences, " x ",
                     plan.max_model_len, " tokens fits"));
  }
  if (advice.tensor_parallel) {
    list.Add(absl::StrCat("split the model over ", *advice.tensor_parallel,
                          " devices with this budget each (--tp ",
                          *advice.tensor_parallel, ")"),
             [&](PlanRequest& other) {
               other.layout.tensor_parallel = *advice.tensor_parallel;
             });
  }
  if (request.budget && advice.smallest_budget &&
      *advice.smallest_budget > MostBudget(request)) {
    list.Add(
        absl::StrCat("take a device that has room for a budget of ",
                     Exact(*advice.smallest_budget)),
        [&](PlanRequest& other) { other.budget = advice.smallest_budget; });
  }
  if (advice.changes.empty()) {
    list.AddSaid(
        "change more than one thing",
        "no larger budget or KV cache, no smaller dtype, no shorter or fewer "
        "sequences and no more devices are enough alone");
  }
}

void ListWhatBuysMore(const Plan& plan, const ModelShape& model,
                      const PlanRequest& request, PlanAdvice& advice) {
  ChangeList list(plan, model, request, advice.changes);
  // One dtype is enough to show: half the size, as the engine has it.
  for (const KvDtype dtype : {KvDtype::kFp8, KvDtype::kQ8_0}) {
    PlanRequest other = request;
    other.layout.kv_dtype = dtype;
    const absl::StatusOr<Plan> again = PlanNumbers(model, other);
    if (!again.ok() || again->kv_per_token >= plan.kv_per_token) continue;
    const absl::string_view name = LayoutOf(dtype).name;
    list.Add(absl::StrCat("store the KV cache as ", name, " (--kv-dtype ", name,
                          ")"),
             [&](PlanRequest& r) { r.layout.kv_dtype = dtype; });
    break;
  }
  if (request.budget && !request.kv_memory) {
    if (const auto more = CheckedAdd(*request.budget, GiB(1));
        more && *more <= MostBudget(request)) {
      list.Add("raise the budget by 1GiB",
               [&](PlanRequest& r) { r.budget = *more; });
    }
  }
}

}  // namespace

PlanAdvice AdviceOn(const Plan& plan, const ModelShape& model,
                    const PlanRequest& request) {
  PlanAdvice advice;
  AnswerLengthAndSequences(plan, model, request, advice);
  AnswerMemory(plan, model, request, advice);
  if (plan.fits) {
    ListWhatBuysMore(plan, model, request, advice);
    return advice;
  }
  AnswerDtypes(plan, model, request, advice);
  AnswerWeights(plan, model, request, advice);
  ListWaysOut(plan, model, request, advice);
  return advice;
}

}  // namespace governor
