#ifndef GOVERNOR_TESTS_PRESSURE_HOT_LOOP_H_
#define GOVERNOR_TESTS_PRESSURE_HOT_LOOP_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "governor/base/bytes.h"

namespace governor {

// Decodes, as far as memory can tell: reads its hot pages over and over, from
// the first to the last, as weights are read for each token. The rest of its
// memory is cold: written once and never read. Ordinary small pages.
class HotLoop {
 public:
  // Has written all pages when it returns; reads none yet.
  HotLoop(Bytes size, Bytes cold);
  // Stops.
  ~HotLoop();
  HotLoop(const HotLoop&) = delete;
  HotLoop& operator=(const HotLoop&) = delete;

  void Start();
  void Stop();

  // Tokens so far, parts of one included.
  double tokens() const;
  // How long it could have run, had it had a processor: what others' load takes
  // from it, and memory does not. Zero before it runs.
  absl::Duration waited_for_processor() const;
  // The cold pages.
  void PushOutCold();

  uintptr_t cold_address() const {
    return reinterpret_cast<uintptr_t>(data_) + hot_;
  }
  Bytes cold_size() const { return Bytes(size_ - hot_); }

 private:
  void Run();

  const size_t size_;
  const size_t hot_;
  uint64_t* data_;
  std::atomic<uint64_t> read_{0};
  std::atomic<int> thread_id_{0};
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_HOT_LOOP_H_
