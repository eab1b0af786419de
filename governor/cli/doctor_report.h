#ifndef GOVERNOR_CLI_DOCTOR_REPORT_H_
#define GOVERNOR_CLI_DOCTOR_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "governor/cli/device_findings.h"
#include "governor/cli/memory_findings.h"
#include "governor/cli/memory_holders.h"
#include "governor/policy/finding.h"

namespace governor {

// All that `doctor` found.
struct DoctorReport {
  DeviceSeen device;
  MemoryFindings memory;
  std::vector<MemoryHolder> holders;
  std::vector<Finding>
      findings;  // of all, in the order in which they are shown
};

// The same keys whatever was found; null where there is nothing to say.
nlohmann::ordered_json ToJson(const DoctorReport& report);

// A line for each finding, under it what it costs and the remedy, and at the
// end one that counts: "2 lacks, 3 notes".
std::string ToText(const std::vector<Finding>& findings);

}  // namespace governor

#endif  // GOVERNOR_CLI_DOCTOR_REPORT_H_
