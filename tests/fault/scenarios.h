#ifndef GOVERNOR_TESTS_FAULT_SCENARIOS_H_
#define GOVERNOR_TESTS_FAULT_SCENARIOS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace governor {

// One use of the library, in words, so that C++, C and Python each do the same.
//
// A step is a verb and numbers; steps are separated by "; ". What a step needs
// and is not there (a region that could not be reserved) makes it do nothing.
//
//   open, close           a governor
//   reserve, close_region a region of 32 blocks of 2 MiB
//   commit F N, decommit F N, decommit_now F N
//                         blocks [F, F + N); _now: without synchronizing
//   lease N, release      N MiB
//   lease_past N          N MiB more than there is headroom for
//   wait_lease N          the same, and waits for it in vain
//   tag, untag            what is granted to this thread from here on
//   snapshot
//   drop, drop_region, drop_governor
//                         lets the object go without closing it, as destructors
//                         do; not in C, which has none
struct Scenario {
  const char* name;
  const char* prepare;  // without faults
  const char* act;      // under faults, all steps whatever the earlier answered
  struct Traits {
    // Without faults the first error of `act` is a refusal.
    bool is_refused = false;
    // Under faults it may be: what was to make room did not.
    bool may_be_refused = false;
    // One of those for which all pairs of driver faults are tried.
    bool is_hot = false;
  } traits = {};
};

// All of them. To add one is to add its lines there; to add a verb, to teach it
// to governor_world.cc, c_world.cc and fault_sweep_test.py.
const std::vector<Scenario>& Scenarios();

struct Step {
  std::string verb;
  std::vector<uint64_t> numbers;
};
std::vector<Step> ParseSteps(const char* text);

}  // namespace governor

#endif  // GOVERNOR_TESTS_FAULT_SCENARIOS_H_
