#include "governor/snapshot_report.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "governor/snapshot_keys.h"

namespace governor {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(int64_t number) { return number; }
Json ToJson(int number) { return number; }
Json ToJson(Bytes bytes) { return bytes.count(); }
Json ToJson(const std::string& text) { return text; }
template <typename Object>
Json ToJson(const Object& object);
template <typename T>
Json ToJson(const std::optional<T>& object) {
  return object ? ToJson(*object) : Json();
}
template <typename T>
Json ToJson(const std::vector<T>& values) {
  Json json = Json::array();
  for (const T& value : values) json.push_back(ToJson(value));
  return json;
}
template <typename Object>
Json ToJson(const Object& object) {
  Json json;
  ForEachKey(object, [&json](const char* key, const auto& value) {
    json[key] = ToJson(value);
  });
  return json;
}

std::string Line(absl::string_view label, Bytes bytes, absl::string_view note) {
  return absl::StrFormat("  %-26s %12s%s%s\n", label, ToString(bytes),
                         note.empty() ? "" : "  ", note);
}

// What `limited_by` names, behind "limited by".
std::string InProse(const std::string& limited_by) {
  if (limited_by == "os_reserve") return "the OS reserve";
  if (limited_by == "cgroup") return "the cgroup's limit";
  if (limited_by == "host_unknown") {
    return "what is not known of the machine (host_unknown)";
  }
  if (limited_by == "contiguity") return "broken-up memory (contiguity)";
  return absl::StrCat("the ", limited_by);  // budget, driver
}

}  // namespace

nlohmann::ordered_json ToJson(const Snapshot& snapshot) {
  return ToJson<Snapshot>(snapshot);
}

Json ToJson(const Explanation& explanation) {
  Json refusals = Json::array();
  for (const MachineRecord::RememberedRefusal& remembered :
       explanation.refusals) {
    const Refusal& refusal = remembered.refusal;
    refusals.push_back(
        {{"when", absl::FormatTime(absl::RFC3339_sec, remembered.when,
                                   absl::UTCTimeZone())},
         {"name", remembered.tenant},
         {"pid", remembered.pid},
         {"tag", refusal.tag},
         {"asked_bytes", refusal.asked.count()},
         {"granted_bytes", refusal.granted.count()},
         {"limit_bytes", refusal.limit.count()},
         {"headroom_bytes", refusal.headroom.count()},
         {"limited_by", refusal.limited_by}});
  }
  return {{"takes_host_memory", explanation.takes_host_memory},
          {"why_host_memory", explanation.why_host_memory},
          {"refusals", std::move(refusals)}};
}

std::string WhoseMemory(bool takes_host_memory, absl::string_view why) {
  return takes_host_memory
             ? absl::StrCat("taken from the machine, because ", why,
                            ": the OS reserve is checked at each grant")
             : absl::StrCat("not the machine's, because ", why,
                            ": the OS reserve governs only what is pinned of "
                            "the host's");
}

std::string ToText(const Explanation& explanation) {
  std::string text = absl::StrCat(
      "device memory: ",
      WhoseMemory(explanation.takes_host_memory, explanation.why_host_memory),
      "\n");
  if (explanation.refusals.empty()) {
    return absl::StrCat(text, "no refusal is remembered\n");
  }
  absl::StrAppend(&text, "last refusals\n");
  for (const MachineRecord::RememberedRefusal& remembered :
       explanation.refusals) {
    const Refusal& refusal = remembered.refusal;
    absl::StrAppend(
        &text, "  ",
        absl::FormatTime("%H:%M:%S", remembered.when, absl::LocalTimeZone()),
        " ", remembered.tenant, " (", remembered.pid, ") asked ",
        ToString(refusal.asked), " for '", refusal.tag, "': limited by ",
        InProse(refusal.limited_by), ", headroom ", ToString(refusal.headroom),
        "; granted ", ToString(refusal.granted), " of ",
        ToString(refusal.limit), "\n");
  }
  return text;
}

std::string ToText(const Snapshot& snapshot) {
  std::string text = absl::StrCat(
      "device ", snapshot.device, ": ", snapshot.device_name, " (driver ",
      snapshot.driver, ")\n", Line("total", snapshot.total, ""));
  const auto mark = [&snapshot](const SnapshotPart& part) {
    return absl::c_linear_search(snapshot.estimated, part.key) ? "estimated"
                                                               : "";
  };
  for (const SnapshotPart& part : kSnapshotParts) {
    absl::StrAppend(&text, Line(absl::StrCat("= ", part.label),
                                snapshot.*part.bytes, mark(part)));
  }
  for (const SnapshotPart& part : kSnapshotSubparts) {
    if ((snapshot.*part.bytes).is_zero()) continue;
    absl::StrAppend(&text, Line(part.label, snapshot.*part.bytes, mark(part)));
  }
  absl::StrAppend(&text, "budget of this process\n");
  for (const SnapshotPart& part : kSnapshotBudgetParts) {
    absl::StrAppend(&text, Line(part.label, snapshot.*part.bytes,
                                part.bytes == &Snapshot::headroom
                                    ? absl::StrCat("limited by ",
                                                   InProse(snapshot.limited_by))
                                    : ""));
  }
  for (const Refusal::Holder& holder : snapshot.holders) {
    absl::StrAppend(&text, Line(absl::StrCat("held by '", holder.tag, "'"),
                                holder.granted, ""));
  }
  absl::StrAppend(&text, "tenants of this machine\n");
  for (const Snapshot::Tenant& tenant : snapshot.tenants) {
    absl::StrAppend(
        &text,
        Line(absl::StrCat(tenant.name, " (", tenant.pid, ")"), tenant.granted,
             absl::StrCat("unmanaged ", ToString(tenant.unmanaged),
                          ", resident on the host ", ToString(tenant.rss),
                          ", in flight ", ToString(tenant.in_flight))));
  }
  if (snapshot.host) {
    absl::StrAppend(&text, "host\n", Line("total", snapshot.host->total, ""));
    for (const HostPart& part : kHostParts) {
      absl::StrAppend(&text, Line(absl::StrCat("= ", part.label),
                                  (*snapshot.host).*part.bytes, ""));
    }
    absl::StrAppend(&text, "  pressure ", snapshot.pressure,
                    snapshot.pressure_reason.empty() ? "" : ": ",
                    snapshot.pressure_reason, "\n");
  }
  for (const std::string& fault : snapshot.host_faults) {
    absl::StrAppend(&text, "  not read: ", fault, "\n");
  }
  return text;
}

}  // namespace governor
