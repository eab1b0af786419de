#ifndef GOVERNOR_TESTS_PRESSURE_HOG_PROCESS_H_
#define GOVERNOR_TESTS_PRESSURE_HOG_PROCESS_H_

#include <sys/types.h>

#include <string>

#include "absl/time/time.h"
#include "governor/base/bytes.h"

namespace governor {

// The program `hog` as another process: see hog.cc.
class HogProcess {
 public:
  struct Plan {
    Bytes step;
    absl::Duration interval;
    Bytes most;
    Bytes safety = GiB(1);
    bool is_locked = false;
  };

  // Ends the program where it cannot be started. `path` is the program's.
  HogProcess(const std::string& path, const Plan& plan);
  // Its memory is free when this returns.
  ~HogProcess();
  HogProcess(const HogProcess&) = delete;
  HogProcess& operator=(const HogProcess&) = delete;

  // Waits for its next line; empty when it ended.
  std::string ReadLine();
  // Waits until it holds `plan.most` or stopped for its safety; returns what it
  // holds.
  Bytes WaitUntilDone();

 private:
  Plan plan_;
  pid_t pid_ = -1;
  int input_ = -1;  // closed to end it
  int output_ = -1;
};

// The number after `key=` in a line of the hog's; 0 where there is none.
uint64_t FieldOf(const std::string& line, const std::string& key);

// Where the build put the program.
std::string HogPath();

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_HOG_PROCESS_H_
