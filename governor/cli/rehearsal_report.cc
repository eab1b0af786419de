#include "governor/cli/rehearsal_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "governor/printable.h"

namespace governor {
namespace {

using Json = nlohmann::ordered_json;

std::string Row(const char* label, Bytes size, absl::string_view remark) {
  return absl::StrFormat("  %-12s %12s %18d B%s%s\n", label, ToString(size),
                         size.count(), remark.empty() ? "" : "  ", remark);
}

std::string ExactText(Bytes size) {
  return absl::StrCat(ToString(size), " (", size.count(), " bytes)");
}

}  // namespace

std::string RehearsalReport::Misfit() const {
  const size_t number = rehearsal.outcomes.size() - 1;
  const PhaseOutcome& outcome = rehearsal.outcomes[number];
  return absl::StrCat(
      "does not fit: phase ", Printable(phases[number].name), " takes ",
      ToString(phases[number].size), ", and at most ",
      ToString(outcome.largest), " can be had when it begins; ",
      ToString(outcome.shortfall), " are missing of a budget of ",
      ToString(budget),
      declared_budget ? ", the cgroup's limit; a limit and" : ";",
      " a budget of ", ExactText(rehearsal.smallest_budget), " would do");
}

std::string RehearsalReport::ToText() const {
  std::string text;
  if (os_reserve) {
    text += Row("OS reserve", *os_reserve, "kept back before the budget");
  }
  std::string remark;
  if (declared_budget) {
    remark = absl::StrCat("the cgroup's limit, below the budget of ",
                          ToString(*declared_budget));
  } else if (usable) {
    remark = absl::StrCat("of which the default OS reserve lets ",
                          ToString(*usable), " be granted");
  }
  text += Row("budget", budget, remark);
  text += Row("allowance", allowance, "for what is not governed");
  text += absl::StrFormat("  %-16s %10s %10s %10s %10s\n", "phase", "takes",
                          "before", "during", "after");
  for (size_t i = 0; i < phases.size(); ++i) {
    const RehearsedPhase& phase = phases[i];
    text += absl::StrFormat("  %-16s %10s", Printable(phase.name),
                            ToString(phase.size));
    if (i >= rehearsal.outcomes.size()) {
      text += "  not reached\n";
      continue;
    }
    const PhaseOutcome& outcome = rehearsal.outcomes[i];
    const bool fits = outcome.shortfall.is_zero();
    absl::StrAppendFormat(&text, " %10s %10s %10s  %s%s%s",
                          ToString(outcome.before),
                          fits ? ToString(outcome.during) : "-",
                          fits ? ToString(outcome.after) : "-",
                          phase.transient ? "transient" : "stays",
                          phase.reclaimable ? ", reclaimable" : "",
                          recorded[i] ? ", as recorded" : "");
    for (const PhaseOutcome::Shrunk& shrunk : outcome.shrinks) {
      absl::StrAppend(&text, "; ", Printable(phases[shrunk.phase].name),
                      " first gives back ", ToString(shrunk.size));
    }
    if (!fits) {
      absl::StrAppend(&text, "; ", ToString(outcome.shortfall), " missing");
    }
    text += "\n";
  }
  if (rehearsal.fits) {
    absl::StrAppend(&text, "fits: at most ", ExactText(rehearsal.peak),
                    " at once\n");
  } else {
    absl::StrAppend(&text, Misfit(), "\n");
  }
  absl::StrAppend(&text, "  smallest budget                    ",
                  ExactText(rehearsal.smallest_budget), "\n");
  absl::StrAppend(&text, "  smallest budget where none shrinks ",
                  ExactText(rehearsal.smallest_budget_unshrunk), "\n");
  return text;
}

Json RehearsalReport::ToJson() const {
  Json json = {{"budget_bytes", budget.count()},
               {"limited_by", declared_budget ? "cgroup" : "budget"},
               {"allowance_bytes", allowance.count()}};
  if (declared_budget) {
    json["declared_budget_bytes"] = declared_budget->count();
  }
  if (os_reserve) json["os_reserve_bytes"] = os_reserve->count();
  json["fits"] = rehearsal.fits;
  json["peak_bytes"] = rehearsal.peak.count();
  json["smallest_budget_bytes"] = rehearsal.smallest_budget.count();
  json["smallest_budget_unshrunk_bytes"] =
      rehearsal.smallest_budget_unshrunk.count();
  json["phases"] = Json::array();
  for (size_t i = 0; i < phases.size(); ++i) {
    Json phase = {{"name", phases[i].name},
                  {"size_bytes", phases[i].size.count()},
                  {"transient", phases[i].transient},
                  {"reclaimable", phases[i].reclaimable},
                  {"recorded", static_cast<bool>(recorded[i])},
                  {"reached", i < rehearsal.outcomes.size()}};
    if (i < rehearsal.outcomes.size()) {
      const PhaseOutcome& outcome = rehearsal.outcomes[i];
      phase["fits"] = outcome.shortfall.is_zero();
      phase["before_bytes"] = outcome.before.count();
      phase["during_bytes"] = outcome.during.count();
      phase["after_bytes"] = outcome.after.count();
      phase["shortfall_bytes"] = outcome.shortfall.count();
      phase["largest_bytes"] = outcome.largest.count();
      phase["shrinks"] = Json::array();
      for (const PhaseOutcome::Shrunk& shrunk : outcome.shrinks) {
        phase["shrinks"].push_back({{"name", phases[shrunk.phase].name},
                                    {"bytes", shrunk.size.count()}});
      }
    }
    json["phases"].push_back(std::move(phase));
  }
  return json;
}

}  // namespace governor
