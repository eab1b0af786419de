#ifndef GOVERNOR_BINDINGS_C_HANDLE_TABLE_H_
#define GOVERNOR_BINDINGS_C_HANDLE_TABLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"

namespace governor {

// A number that this process has not given out before, from 1.
inline uint64_t NextHandleNumber() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

// The open objects of one kind, by the handles that C programs hold. A handle
// is a number in the clothes of a pointer, and no number serves twice: so a
// handle that is closed, of another kind, or the parent's is told apart from an
// open one, and none is ever followed.
//
// Thread-safe. In a forked child it starts out empty, and takes no lock that
// another thread of the parent may have held.
template <typename Handle, typename Object>
class HandleTable {
 public:
  // `kind`: what messages call the object. Static.
  explicit HandleTable(absl::string_view kind) : kind_(kind) {}

  Handle* Add(std::shared_ptr<Object> object) {
    Entries& entries = Current();
    const uint64_t number = NextHandleNumber();
    MutexLock lock(entries.mutex);
    entries.objects.emplace(number, std::move(object));
    return reinterpret_cast<Handle*>(static_cast<uintptr_t>(number));
  }

  // INVALID_ARGUMENT: null. FAILED_PRECONDITION: closed, or not of this
  // process.
  absl::StatusOr<std::shared_ptr<Object>> Find(const Handle* handle) {
    if (handle == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the ", kind_, " is null"));
    }
    Entries& entries = Current();
    const uint64_t number = NumberOf(handle);
    {
      MutexLock lock(entries.mutex);
      const auto found = entries.objects.find(number);
      if (found != entries.objects.end()) return found->second;
    }
    if (number < entries.first) {
      return absl::FailedPreconditionError(
          absl::StrCat("the ", kind_,
                       " is the parent process's, of which a forked child owns "
                       "nothing; open "
                       "a governor of its own in the child"));
    }
    return absl::FailedPreconditionError(
        absl::StrCat("the ", kind_, " is closed, or the handle is none"));
  }

  // Closes the handle. The object lives on while calls are inside it.
  void Remove(const Handle* handle) {
    Entries& entries = Current();
    std::shared_ptr<Object> last;  // destroyed without the lock
    MutexLock lock(entries.mutex);
    const auto found = entries.objects.find(NumberOf(handle));
    if (found == entries.objects.end()) return;
    last = std::move(found->second);
    entries.objects.erase(found);
  }

 private:
  // The entries of one process.
  struct Entries {
    explicit Entries(Entries* parent) : parent(parent) {}

    const uint64_t process = CurrentProcessEpoch();
    // Handles below are older than the process.
    const uint64_t first = NextHandleNumber();
    // What a fork left behind: never touched, never freed.
    Entries* const parent;
    Mutex mutex;
    std::unordered_map<uint64_t, std::shared_ptr<Object>> objects
        ABSL_GUARDED_BY(mutex);
  };

  static uint64_t NumberOf(const Handle* handle) {
    return reinterpret_cast<uintptr_t>(handle);
  }

  Entries& Current() {
    Entries* entries = entries_.load();
    while (entries == nullptr || entries->process != CurrentProcessEpoch()) {
      auto fresh = std::make_unique<Entries>(entries);
      if (entries_.compare_exchange_strong(entries, fresh.get())) {
        return *fresh.release();
      }
    }
    return *entries;
  }

  const absl::string_view kind_;
  std::atomic<Entries*> entries_{nullptr};
};

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_C_HANDLE_TABLE_H_
