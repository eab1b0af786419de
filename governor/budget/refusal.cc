#include "governor/budget/refusal.h"

#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace governor {
namespace {

constexpr absl::string_view kPayload = "governor/refusal";

// The name of Tag::Allowance(): asked for where a governor is opened.
constexpr absl::string_view kAllowance = "allowance";

std::string Remedy(const Refusal& refusal) {
  if (refusal.limited_by == "driver") {
    return "the device's memory is taken by others: end what holds it, or open "
           "with a smaller budget";
  }
  if (refusal.asked > refusal.limit) {
    return "it can never fit: ask for less, or open with a larger budget";
  }
  if (refusal.limited_by == "contiguity" || refusal.limited_by == "reclaim") {
    return "the machine could not make free memory ready in time: ask again, "
           "with a later deadline, or end what keeps it busy";
  }
  if (refusal.tag == kAllowance) {
    return "the machine cannot spare what is set aside for memory that is not "
           "governed: open with a smaller allowance (GOVERNOR_ALLOWANCE, or "
           "allowance=), or end what else takes the machine's memory";
  }
  if (refusal.limited_by == "cgroup") {
    return "give blocks or leases back, or raise the cgroup's limit";
  }
  if (refusal.limited_by == "host_unknown") {
    return "the machine does not say what it can spare: see `governor doctor`";
  }
  if (refusal.limited_by != "budget") {
    return "the machine would keep less than it must: end what else takes its "
           "memory, or open with a smaller os_reserve";
  }
  return "give blocks or leases back, or open with a larger budget "
         "(GOVERNOR_BUDGET, or budget= where the governor is opened)";
}

std::string Message(const Refusal& refusal) {
  const std::string holders = absl::StrJoin(
      refusal.holders, ", ", [](std::string* out, const Refusal::Holder& h) {
        absl::StrAppend(out, h.tag, " ", ToString(h.granted));
      });
  return absl::StrCat(
      "refused by the ", refusal.limited_by, ": asked ",
      ToString(refusal.asked), " (", refusal.asked.count(), " bytes) for '",
      refusal.tag, "', granted ", ToString(refusal.granted), " of ",
      ToString(refusal.limit), ", headroom ", ToString(refusal.headroom),
      "; holders: ", holders.empty() ? "none" : holders, "; ", Remedy(refusal));
}

}  // namespace

absl::Status RefusalStatus(const Refusal& refusal) {
  return WithRefusal(absl::ResourceExhaustedError(Message(refusal)), refusal);
}

absl::Status WithRefusal(absl::Status status, const Refusal& refusal) {
  // Tags cannot hold control characters, so lines and tabs separate safely.
  std::string text =
      absl::StrCat(refusal.asked.count(), "\n", refusal.granted.count(), "\n",
                   refusal.limit.count(), "\n", refusal.headroom.count(), "\n",
                   refusal.limited_by, "\n", refusal.tag);
  for (const Refusal::Holder& holder : refusal.holders) {
    absl::StrAppend(&text, "\n", holder.granted.count(), "\t", holder.tag);
  }
  status.SetPayload(kPayload, absl::Cord(text));
  return status;
}

std::optional<Refusal> RefusalOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload) return std::nullopt;
  const std::vector<std::string> lines =
      absl::StrSplit(std::string(*payload), '\n');
  if (lines.size() < 6) return std::nullopt;
  const auto bytes = [](absl::string_view text) {
    uint64_t value = 0;
    return absl::SimpleAtoi(text, &value) ? Bytes(value) : Bytes();
  };
  Refusal refusal{.asked = bytes(lines[0]),
                  .granted = bytes(lines[1]),
                  .limit = bytes(lines[2]),
                  .headroom = bytes(lines[3]),
                  .limited_by = lines[4],
                  .tag = lines[5],
                  .holders = {}};
  for (size_t i = 6; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(lines[i], absl::MaxSplits('\t', 1));
    refusal.holders.push_back({parts.second, bytes(parts.first)});
  }
  return refusal;
}

}  // namespace governor
