#include "tests/fault/fault_control.h"

#include <optional>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/fault/allocation_faults.h"
#include "tests/fault/faulty_host.h"
#include "tests/fault/scenarios.h"

namespace {

std::optional<governor::FaultyHost>& Host() {
  static auto& host = *new std::optional<governor::FaultyHost>;
  return host;
}

governor::HostDriver& Driver() { return Host()->driver(); }

std::string Lines() {
  std::string lines;
  for (const governor::Scenario& scenario : governor::Scenarios()) {
    const governor::Scenario::Traits& traits = scenario.traits;
    absl::StrAppend(&lines, scenario.name, "\t", scenario.prepare, "\t",
                    scenario.act, "\t", traits.is_refused ? "refused " : "",
                    traits.may_be_refused ? "may_be_refused " : "",
                    traits.is_hot ? "hot" : "", "\n");
  }
  return lines;
}

}  // namespace

const char* fault_scenarios() {
  static const std::string& lines = *new std::string(Lines());
  return lines.c_str();
}

void fault_open_host(const char* personality) {
  Host().reset();
  Host().emplace(personality);
}

void fault_fail_call(uint64_t n, int error, int from_there_on) {
  governor::FaultPlan& plan = Driver().faults();
  if (from_there_on != 0) {
    plan.FailCallsFrom(n, static_cast<CUresult>(error));
  } else {
    plan.FailNthCall(n, static_cast<CUresult>(error));
  }
}

void fault_fail_allocation(uint64_t n, int from_there_on) {
  governor::FailAllocation(n, from_there_on != 0);
}

void fault_fail_allocations_after_driver_error() {
  Host()->FailAllocationsAfterDriverError();
}

uint64_t fault_stop_allocation_faults() {
  return governor::StopAllocationFaults();
}

void fault_stop() { Host()->StopFaults(); }

uint64_t fault_total_calls() { return Driver().total_calls(); }

uint64_t fault_physical_bytes() { return Driver().physical_bytes().count(); }

const char* fault_live_objects() {
  static std::string& text = *new std::string;
  text.clear();
  const governor::LiveObjects live = Driver().live_objects();
  if (!(live == governor::LiveObjects())) {
    std::ostringstream out;
    out << live;
    text = out.str();
  }
  return text.c_str();
}
