#include "governor/snapshot_report.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace governor {
namespace {

// The parts of the device's memory, in the order in which they are shown.
struct Part {
  const char* key;
  const char* label;
  Bytes Snapshot::*bytes;
};
constexpr std::initializer_list<Part> kParts = {
    {"governed_bytes", "governed here", &Snapshot::governed},
    {"unmanaged_bytes", "unmanaged, this process", &Snapshot::unmanaged},
    {"other_processes_bytes", "other processes", &Snapshot::other_processes},
    {"os_bytes", "operating system", &Snapshot::os},
    {"evictable_bytes", "evictable page cache", &Snapshot::evictable},
    {"free_bytes", "free", &Snapshot::free},
};
constexpr std::initializer_list<Part> kBudgetParts = {
    {"budget_bytes", "budget", &Snapshot::budget},
    {"granted_bytes", "granted", &Snapshot::granted},
    {"peak_granted_bytes", "peak granted", &Snapshot::peak_granted},
    {"cached_bytes", "of it cached", &Snapshot::cached},
    {"allowance_bytes", "allowance", &Snapshot::allowance},
    {"debt_bytes", "debt", &Snapshot::debt},
    {"headroom_bytes", "headroom", &Snapshot::headroom},
    {"floor_bytes", "OS reserve", &Snapshot::floor},
};

std::string Line(absl::string_view label, Bytes bytes, absl::string_view note) {
  return absl::StrFormat("  %-26s %12s%s%s\n", label, ToString(bytes),
                         note.empty() ? "" : "  ", note);
}

}  // namespace

nlohmann::ordered_json ToJson(const Snapshot& snapshot) {
  nlohmann::ordered_json json;
  json["device"] = snapshot.device;
  json["device_name"] = snapshot.device_name;
  json["driver"] = snapshot.driver;
  json["total_bytes"] = snapshot.total.count();
  for (const Part& part : kParts) {
    json[part.key] = (snapshot.*part.bytes).count();
  }
  json["estimated"] = snapshot.estimated;
  for (const Part& part : kBudgetParts) {
    json[part.key] = (snapshot.*part.bytes).count();
  }
  json["limited_by"] = snapshot.limited_by;
  json["holders"] = nlohmann::ordered_json::array();
  for (const Refusal::Holder& holder : snapshot.holders) {
    json["holders"].push_back(
        {{"tag", holder.tag}, {"granted_bytes", holder.granted.count()}});
  }
  return json;
}

std::string ToText(const Snapshot& snapshot) {
  std::string text = absl::StrCat(
      "device ", snapshot.device, ": ", snapshot.device_name, " (driver ",
      snapshot.driver, ")\n", Line("total", snapshot.total, ""));
  for (const Part& part : kParts) {
    const auto& estimated = snapshot.estimated;
    const bool is_estimated = std::find(estimated.begin(), estimated.end(),
                                        part.key) != estimated.end();
    absl::StrAppend(&text,
                    Line(absl::StrCat("= ", part.label), snapshot.*part.bytes,
                         is_estimated ? "not told apart yet" : ""));
  }
  absl::StrAppend(&text, "budget of this process\n");
  for (const Part& part : kBudgetParts) {
    absl::StrAppend(
        &text, Line(part.label, snapshot.*part.bytes,
                    part.bytes == &Snapshot::headroom
                        ? absl::StrCat("limited by the ", snapshot.limited_by)
                        : ""));
  }
  for (const Refusal::Holder& holder : snapshot.holders) {
    absl::StrAppend(&text, Line(absl::StrCat("held by '", holder.tag, "'"),
                                holder.granted, ""));
  }
  return text;
}

}  // namespace governor
