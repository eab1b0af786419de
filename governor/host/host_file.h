#ifndef GOVERNOR_HOST_HOST_FILE_H_
#define GOVERNOR_HOST_HOST_FILE_H_

#include <sys/types.h>

#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "governor/host/host_snapshot.h"
#include "governor/host/line_parser.h"

namespace governor {

// One file of the kernel below a root directory, opened once and read from its
// beginning each time. One that is not there is looked for at each reading; one
// that failed, is empty or cannot be believed is opened anew, once a reading,
// when the path has become another file.
//
// Thread-safe without a lock, and so usable in a forked child. Its descriptor
// may be closed behind its back, as daemons do: it believes no other file that
// got the number, and closes none. A text with names is told by its names (but
// one of /proc/pressure from another), a bare number by asking the kernel
// first which file it is.
class HostFile {
 public:
  enum class Length {
    kOnePread,   // the kernel gives the whole text to one pread
    kOneNumber,  // as kOnePread, and could be any file's: some 0.4 us more
    kAny,
  };

  // `root` ends in a slash, `path` does not begin with one.
  HostFile(const std::string& root, const std::string& path, Length length);
  ~HostFile();
  HostFile(const HostFile&) = delete;
  HostFile& operator=(const HostFile&) = delete;

  // The value that `fresh` parser makes of the text, or nullopt and a fault.
  template <typename Parser>
  auto Read(const Parser& fresh, std::vector<HostSnapshot::Fault>& faults) const
      -> decltype(fresh.Finish(std::declval<std::string&>())) {
    for (bool again = false;; again = true) {
      Parser parser = fresh;
      std::optional<Fault> fault = Feed(parser);
      if (!fault) {
        std::string why;
        if (auto value = parser.Finish(why)) return value;
        fault = Wrong(Fault::Kind::kMalformed, std::move(why));
      }
      if (again || !Reopen(*fault)) {
        faults.push_back(std::move(*fault));
        return std::nullopt;
      }
    }
  }

  // Whether it was there at some time.
  bool was_opened() const { return descriptor_.load() >= 0; }
  // Whether it is there now; opens it.
  bool Exists() const;
  const std::string& source() const { return source_; }

 private:
  using Fault = HostSnapshot::Fault;

  int Open() const;
  // The descriptor, opened when it is not; or -errno.
  int Descriptor() const;
  // Whether it is still the file that was opened.
  bool IsOwn(int descriptor) const;
  std::optional<Fault> Feed(LineParser& parser) const;
  std::optional<Fault> FeedFrom(int descriptor, LineParser& parser) const;
  // False: the path is still the file that is open, or cannot be opened; where
  // it is gone, `fault` says so.
  bool Reopen(Fault& fault) const;
  Fault Wrong(Fault::Kind kind, std::string detail) const;
  Fault Missing() const;

  const std::string path_;    // absolute
  const std::string source_;  // below the root
  const Length length_;
  mutable std::atomic<int> descriptor_{-1};
  // What the descriptor was when it was opened.
  mutable std::atomic<dev_t> device_{0};
  mutable std::atomic<ino_t> inode_{0};
  // Some thread is between two preads of one text. Not a lock: another thread,
  // or a child forked meanwhile, opens the file for itself.
  mutable std::atomic<bool> in_use_{false};
};

}  // namespace governor

#endif  // GOVERNOR_HOST_HOST_FILE_H_
