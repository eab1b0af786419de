#ifndef GOVERNOR_TESTS_FAULT_FAULT_CONTROL_H_
#define GOVERNOR_TESTS_FAULT_FAULT_CONTROL_H_

#include <cstdint>

// The scenarios, FaultyHost and AllocationFaults, for a language that calls C:
// linked into a copy of the Python module that only tests have. For one thread.
extern "C" {

// A line for each scenario: name, prepare, act and, separated by spaces, its
// traits (refused, may_be_refused, hot); between them tabs.
const char* fault_scenarios();

// Opens the host driver of this personality, in the place of an earlier one.
void fault_open_host(const char* personality);

// The nth driver call, or allocation, from now fails; and all after it.
void fault_fail_call(uint64_t n, int error, int from_there_on);
void fault_fail_allocation(uint64_t n, int from_there_on);

// See FaultyHost.
void fault_fail_allocations_after_driver_error();

// Allocations since fault_fail_allocation, which fail no longer.
uint64_t fault_stop_allocation_faults();
void fault_stop();

uint64_t fault_total_calls();
uint64_t fault_physical_bytes();

// What the driver holds for its callers, in words; "" when that is nothing.
// Valid until the next call.
const char* fault_live_objects();
}

#endif  // GOVERNOR_TESTS_FAULT_FAULT_CONTROL_H_
