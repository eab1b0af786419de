#include "governor/plan_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/budget_bar.h"
#include "governor/group_blocks.h"
#include "governor/model_text.h"
#include "governor/policy/device_budget.h"
#include "governor/policy/engine.h"
#include "governor/policy/kv_dtype.h"
#include "governor/printable.h"

namespace governor {
namespace {

uint64_t RanksOf(const Plan& plan) {
  return plan.stages.size() * plan.tensor_parallel;
}

// Parts that nobody asked for are left out, but those that everybody has.
std::vector<BudgetPart> PartsOf(const Plan& plan) {
  const StagePlan& gate = plan.gate();
  std::string draft;
  if (!plan.draft_weights.is_zero()) {
    draft =
        absl::StrCat("the draft model's ", ToString(plan.draft_weights),
                     RanksOf(plan) > 1 ? ", split like them" : "", " included");
  }
  std::vector<BudgetPart> parts = {
      {'W', "weights", gate.weights, draft},
      {'W', "  rounding", gate.weights_rounding, "to whole granules"},
      {'A', "activations", gate.activations, ""}};
  if (!gate.graphs.is_zero()) {
    parts.push_back({'G', "graphs", gate.graphs, "captured CUDA graphs"});
  }
  if (!gate.adapters.is_zero()) {
    parts.push_back({'L', "adapters", gate.adapters, "LoRA"});
  }
  parts.push_back(
      {'U', "allowance", gate.allowance, "for what is not governed"});
  std::string blocks =
      absl::StrCat(plan.num_blocks, " blocks of ", ToString(gate.block));
  if (!gate.sequence.is_zero()) {
    absl::StrAppend(&blocks, " and ", plan.required_sequences, " x ",
                    ToString(gate.sequence));
  }
  parts.push_back({'K', "KV cache", gate.kv, blocks});
  if (gate.left) parts.push_back({'.', "left", *gate.left, ""});
  return parts;
}

// Where not all of the budget can be granted, in words; else empty.
std::string UsableText(const Plan& plan, const PlanRequest& request) {
  if (!plan.budget || plan.os_reserve || !request.device_memory ||
      !request.is_integrated) {
    return "";
  }
  const std::optional<Bytes> usable =
      UsableOfDeclared(*plan.budget, *request.device_memory);
  if (!usable) return "";
  return absl::StrCat("of which the default OS reserve lets ",
                      ToString(*usable), " be granted");
}

std::string TableToText(const Plan& plan, const PlanRequest& request) {
  std::string text = absl::StrCat("planned for ", ToString(plan.layout.engine));
  if (request.layout.platform == Platform::kCpu) {
    absl::StrAppend(&text, " on a CPU");
  } else {
    absl::StrAppend(&text, " on CUDA ",
                    ToString(request.layout.compute_capability));
  }
  if (!request.profile.empty()) {
    absl::StrAppend(&text, ", with the stored profile ",
                    Printable(request.profile));
  }
  if (RanksOf(plan) > 1) {
    absl::StrAppend(&text, "; one of ", RanksOf(plan), " devices");
    if (plan.stages.size() > 1) {
      absl::StrAppend(&text, ", on stage ", plan.gate_stage,
                      ", which decides the number of blocks");
    }
  }
  text += "\n";
  if (plan.os_reserve) {
    absl::StrAppend(&text, Line("OS reserve", *plan.os_reserve,
                                "kept back before the budget"));
  }
  if (plan.budget) {
    absl::StrAppend(&text,
                    Line("budget", *plan.budget, UsableText(plan, request)));
  }
  std::string legend;
  const std::vector<BudgetPart> parts = PartsOf(plan);
  for (const BudgetPart& part : parts) {
    absl::StrAppend(&text, Line(part.label, part.size, part.remark));
    if (part.label[0] != ' ') {
      absl::StrAppendFormat(&legend, "%s%c %s", legend.empty() ? "" : ", ",
                            part.mark, part.label);
    }
  }
  return absl::StrCat(text, "  [", Bar(parts), "]  ", legend, "\n");
}

std::string CacheToText(const Plan& plan) {
  std::string text =
      absl::StrCat("KV cache: ", LayoutOf(plan.layout.kv_dtype).name, ", ",
                   ToString(plan.kv_per_token), " for each token");
  if (!plan.kv_per_sequence.is_zero()) {
    absl::StrAppend(&text, " and ", ToString(plan.kv_per_sequence),
                    " for each sequence");
  }
  absl::StrAppend(&text, "; ", plan.max_model_len, " tokens take ",
                  plan.blocks_per_sequence, " blocks\n");
  // One group without padding says nothing new.
  if (plan.layout.groups.size() == 1 &&
      plan.layout.groups[0].padding.is_zero() &&
      !plan.layout.groups[0].mixed_block) {
    return absl::StrCat(
        text, "  blocks of ", plan.layout.block_tokens,
        plan.layout.block_tokens == 1 ? " token, " : " tokens, ",
        plan.layout.groups[0].caches, " caches of ",
        ToString(plan.layout.groups[0].page), " in each\n");
  }
  size_t width = 5;
  for (const KvGroup& group : plan.layout.groups) {
    width = std::max(width, Printable(group.kind).size());
  }
  absl::StrAppendFormat(&text, "  %-*s %6s %12s %12s %12s %15s\n", width,
                        "group", "caches", "tokens/block", "page", "padding",
                        "blocks/sequence");
  for (const KvGroup& group : plan.layout.groups) {
    absl::StrAppendFormat(
        &text, "  %-*s %6d %12d %12s %12s %15d\n", width, Printable(group.kind),
        group.caches, group.block_tokens, ToString(group.page),
        ToString(group.padding), BlocksOfGroup(group, plan.max_model_len));
  }
  return text;
}

std::string RanksToText(const Plan& plan) {
  if (RanksOf(plan) == 1) return "";
  std::string text =
      absl::StrFormat("%12s %12s %12s %12s %12s %12s\n", "ranks", "layers",
                      "weights", "other fixed", "KV cache", "left");
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    const StagePlan& stage = plan.stages[i];
    const auto range = [](uint64_t first, uint64_t count) {
      return count == 1 ? absl::StrCat(first)
                        : absl::StrCat(first, "-", first + count - 1);
    };
    absl::StrAppendFormat(
        &text, "%12s %12s %12s %12s %12s %12s\n",
        range(i * plan.tensor_parallel, plan.tensor_parallel),
        stage.layers == 0 ? "none" : range(stage.first_layer, stage.layers),
        ToString(stage.weights), ToString(stage.fixed() - stage.weights),
        ToString(stage.kv), stage.left ? ToString(*stage.left) : "-");
  }
  return text;
}

std::string VerdictToText(const Plan& plan, const PlanAdvice& advice,
                          const PlanRequest& request) {
  if (plan.fits) {
    const std::string usable = UsableText(plan, request);
    // Whole sequences, where they were counted; what the engine keeps to itself
    // and a common prefix are in that number, and not in the other.
    std::string sequences = advice.most_seqs
                                ? absl::StrCat(*advice.most_seqs)
                                : absl::StrFormat("%.2f", plan.max_concurrency);
    return absl::StrCat(
        "fits: ", plan.max_tokens, " tokens in all, ", sequences,
        " sequences of ", plan.max_model_len, " tokens at once",
        plan.gate().activations.is_zero()
            ? "; with nothing set aside for activations (--activations)"
            : "",
        usable.empty() ? "" : "; in a budget ", usable, "\n");
  }
  std::string text = absl::StrCat("does not fit: ", plan.shortfall->reason);
  if (plan.shortfall->missing) {
    absl::StrAppend(&text, "; ", plan.shortfall->missing->count(), " bytes (",
                    ToString(*plan.shortfall->missing), ") are missing");
  }
  return text + "\n";
}

std::string Exact(Bytes size) {
  return absl::StrCat(ToString(size), " (", size.count(), " bytes)");
}

std::string LimitsToText(const Plan& plan, const PlanAdvice& advice,
                         const ModelShape& model, const PlanRequest& request) {
  std::string text;
  const auto add = [&](absl::string_view question, absl::string_view answer) {
    absl::StrAppendFormat(&text, "  %-36s %s\n", question, answer);
  };
  const std::string wish = absl::StrCat(plan.required_sequences, " x ",
                                        plan.max_model_len, " tokens");
  const absl::string_view where = request.kv_memory ? "KV cache" : "budget";
  if (advice.smallest_budget) {
    add(absl::StrCat("smallest budget for ", wish),
        Exact(*advice.smallest_budget));
  }
  if (advice.smallest_kv_memory) {
    add(absl::StrCat("smallest KV cache for ", wish),
        Exact(*advice.smallest_kv_memory));
  }
  if (advice.longest_model_len) {
    add(absl::StrCat("longest context in this ", where),
        absl::StrCat(plan.required_sequences, " x ", *advice.longest_model_len,
                     " tokens",
                     *advice.longest_model_len == model.context_length
                         ? ", all that the model was made for"
                         : ""));
  }
  if (advice.most_seqs) {
    add(absl::StrCat("most sequences in this ", where),
        absl::StrCat(*advice.most_seqs, " x ", plan.max_model_len, " tokens"));
  }
  if (plan.decode_tokens_per_second_bound) {
    add("decoding one sequence, at most",
        absl::StrFormat("%.1f tokens/s", *plan.decode_tokens_per_second_bound));
  }
  return text;
}

std::string ChangesToText(const PlanAdvice& advice) {
  if (advice.changes.empty()) return "";
  std::string text = "what to change first\n";
  for (size_t i = 0; i < advice.changes.size(); ++i) {
    absl::StrAppend(&text, "  ", i + 1, ". ",
                    Printable(advice.changes[i].change), "\n     -> ",
                    Printable(advice.changes[i].buys), "\n");
  }
  return text;
}

}  // namespace

std::string ToText(const Plan& plan, const PlanAdvice& advice,
                   const ModelShape& model, const PlanRequest& request,
                   const std::vector<std::string>& engine_flags) {
  std::string text = absl::StrCat(
      ToText(model, request.weights.has_value()), TableToText(plan, request),
      CacheToText(plan), RanksToText(plan),
      VerdictToText(plan, advice, request),
      LimitsToText(plan, advice, model, request), ChangesToText(advice));
  if (!engine_flags.empty()) {
    absl::StrAppend(&text, "flags of ", ToString(plan.layout.engine), "\n");
    // As they are pasted: an end of a here-document stands at the line's start.
    for (const std::string& line : engine_flags) {
      absl::StrAppend(&text, Printable(line), "\n");
    }
  }
  for (const std::string& note : plan.notes) {
    absl::StrAppend(&text, "note: ", Printable(note), "\n");
  }
  return text;
}

}  // namespace governor
