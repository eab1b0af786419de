#include "governor/policy/plan_notes.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "governor/base/bytes.h"
#include "governor/policy/device_budget.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/rank_weights.h"

namespace governor {
namespace {

class Notes {
 public:
  template <typename... Parts>
  void Add(const Parts&... parts) {
    notes_.push_back(absl::StrCat(parts...));
  }

  void AddAll(const std::vector<std::string>& notes) {
    for (const std::string& note : notes) {
      Add(note, absl::EndsWith(note, ".") ? "" : ".");
    }
  }

  std::vector<std::string> Take() { return std::move(notes_); }

 private:
  std::vector<std::string> notes_;
};

void NoteWeights(const Plan& plan, const PlanRequest& request,
                 const ModelShape& model, Notes& notes) {
  if (request.weights) {
    notes.Add("weights_bytes is what was given, split evenly over the ranks.");
  } else if (model.has_weights) {
    notes.Add(
        "weights_bytes is the exact size of the tensors in the model's files.");
  } else {
    notes.Add("The model's files hold no weights: none are planned.");
  }
  const Bytes rounding = plan.gate().weights_rounding;
  if (!rounding.is_zero()) {
    notes.Add("Weights are held in granules of ", ToString(request.granularity),
              ": ", rounding.count(), " bytes on top of them.");
  }
  if (!request.weights && request.layout.draft_tokens == 0 &&
      !model.draft_layers.empty()) {
    notes.Add(model.draft_layers.size(), " layers that draft tokens, ",
              (model.weights - plan.weights + plan.draft_weights).count(),
              " bytes, are not loaded.");
  }
  if (plan.tensor_parallel > 1 && !request.weights) {
    notes.Add(
        "Norms, routers, towers and what belongs to no layer are whole on "
        "every "
        "rank, what makes K and V is split over no more ranks than there are "
        "KV "
        "heads; other tensors are split.");
  }
}

void NoteFixedParts(const Plan& plan, const PlanRequest& request,
                    Notes& notes) {
  if (!request.profile.empty()) {
    notes.Add("Stored profile '", request.profile, "' was used.");
  }
  if (!request.activations) {
    notes.Add(
        "Nothing is set aside for activations: none were given, and no stored "
        "profile was named.");
  }
  if (!request.allowance) {
    notes.Add(
        "The allowance for memory that is not governed (context, libraries",
        request.graphs ? "" : ", graphs", ") is the default of ",
        ToString(plan.gate().allowance), ".");
  }
  if (request.adapters) {
    notes.Add(
        "adapter_bytes is the size of the adapters' files; an engine that "
        "sets aside slots of the largest rank takes more.");
  }
  if (request.draft != nullptr) {
    notes.Add(
        "The draft model's layers take part in every block; the workspace in "
        "which drafts are verified counts as activations, and states that grow "
        "by drafted tokens are counted without them.");
  }
}

void NoteSequences(const Plan& plan, const PlanRequest& request,
                   const ModelShape& model, Notes& notes) {
  if (!request.max_model_len) {
    notes.Add("max_model_len is the model's context length, ",
              plan.max_model_len, " tokens.");
  } else if (model.context_length != 0 &&
             plan.max_model_len > model.context_length) {
    notes.Add("max_model_len ", plan.max_model_len,
              " is above the model's context length of ", model.context_length,
              " tokens.");
  }
  if (request.shared_prefix_tokens > 0 && !plan.layout.shares_prefix) {
    notes.Add("The common prefix is held by every sequence: ",
              request.layout.prefix_caching ? "the engine shares none."
                                            : "prefix caching is off.");
  } else if (request.shared_prefix_tokens > 0) {
    notes.Add(
        "Full blocks of the first ", request.shared_prefix_tokens,
        " tokens are held once for all sequences, in the layers that keep "
        "every token.");
  }
}

void NoteCache(const Plan& plan, const PlanRequest& request, Notes& notes) {
  const KvDtypeLayout& dtype = LayoutOf(plan.layout.kv_dtype);
  notes.Add("The KV cache is stored as ", dtype.name,
            request.layout.kv_dtype
                ? ""
                : ", which the model or its engine takes by default",
            dtype.block_bytes == 1
                ? ", counted without its scales, a few floats a layer."
                : ".");
  if (plan.budget && !request.kv_memory) {
    notes.Add("The KV cache is committed in granules of ",
              ToString(request.granularity),
              "; what is left includes the rest of its last one.");
  }
  if (plan.stages.size() > 1) {
    notes.Add("Stage ", plan.gate_stage,
              " decides the number of blocks, which all stages hold.");
  }
  notes.Add("The KV cache is laid out as ", ToString(plan.layout.engine),
            " does; --for names another engine.");
  if (request.device_memory && request.is_integrated && plan.budget) {
    const std::optional<Bytes> usable =
        UsableOfDeclared(*plan.budget, *request.device_memory);
    if (usable && !plan.os_reserve) {
      notes.Add(
          "The default OS reserve does not cut a declared budget, but it is "
          "checked at each grant: of this budget no more than ",
          ToString(*usable), " can be granted on a device of ",
          ToString(*request.device_memory),
          ". Declare a budget that it leaves room for, or a smaller OS "
          "reserve: machines that keep less swap or freeze.");
    } else if (usable) {
      notes.Add(
          "This budget leaves the operating system ",
          ToString(SaturatingSubtract(*request.device_memory, *plan.budget)),
          ", less than it keeps by default: such machines swap or "
          "freeze.");
    }
  }
  if (plan.os_reserve) {
    notes.Add(
        "os_reserve_bytes was kept back before the budget, and is not part "
        "of it.");
  }
  if (plan.decode_tokens_per_second_bound) {
    notes.Add(
        "decode_tokens_per_second_bound is bandwidth / (bytes of the weights "
        "that one token reads on a rank): one sequence, no drafts, and no time "
        "for the KV cache, for communication or for anything else.");
  }
}

}  // namespace

std::vector<std::string> NotesOf(const Plan& plan, const PlanRequest& request,
                                 const ModelShape& model) {
  Notes notes;
  NoteWeights(plan, request, model, notes);
  NoteFixedParts(plan, request, notes);
  NoteSequences(plan, request, model, notes);
  NoteCache(plan, request, notes);
  notes.AddAll(plan.layout.notes);
  notes.AddAll(model.notes);
  return notes.Take();
}

}  // namespace governor
