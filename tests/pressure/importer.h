#ifndef GOVERNOR_TESTS_PRESSURE_IMPORTER_H_
#define GOVERNOR_TESTS_PRESSURE_IMPORTER_H_

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/policy/pressure.h"

namespace governor {

// Converts files, as far as memory can tell: reads 3 bytes for each that it
// writes, 200 MB/s in all, the same file again and again from its begin to its
// end. On a thread of its own.
class Importer {
 public:
  struct Plan {
    std::string directory;
    Bytes size;  // of what is read in a pass
    // Through PacedImport. Else as a program does that knows of nobody: at the
    // same rate, and its files stay in the page cache as the kernel likes.
    bool is_governed = false;
    // Asked by the thread.
    std::function<PressureLevel()> pressure;
  };

  // Ends the program where a file cannot be made.
  explicit Importer(const Plan& plan);
  // Stops; its files are gone.
  ~Importer();
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  // Can be started again once it was stopped.
  void Start();
  void Stop();

  // Read and written so far.
  Bytes done() const { return Bytes(done_); }

 private:
  void Pass();
  // False: it is to end.
  template <typename Ask>
  bool Wait(const Ask& ask);

  const Plan plan_;
  int source_ = -1;
  int target_ = -1;
  RealClock clock_;
  std::atomic<uint64_t> done_{0};
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_IMPORTER_H_
