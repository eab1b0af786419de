#ifndef GOVERNOR_TESTS_FAULT_WATCHDOG_H_
#define GOVERNOR_TESTS_FAULT_WATCHDOG_H_

#include <string>

namespace governor {

// Ends the program, saying in what, when one lives for longer than a minute:
// what is watched hangs. One at a time.
class Watchdog {
 public:
  explicit Watchdog(const std::string& what);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_FAULT_WATCHDOG_H_
