#include "tests/pressure/importer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/paced_import.h"
#include "governor/policy/import_pace.h"

namespace governor {
namespace {

constexpr double kRate = 200e6;  // bytes a second
constexpr Bytes kRead = MiB(3);
constexpr Bytes kWritten = MiB(1);

void Require(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::abort();
}

int Open(const std::string& path) {
  const int file =
      ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  Require(file >= 0, path.c_str());
  ::unlink(path.c_str());
  return file;
}

}  // namespace

Importer::Importer(const Plan& plan)
    : plan_(plan),
      source_(Open(plan.directory + "/import_source")),
      target_(Open(plan.directory + "/import_target")) {
  // One hole, whose pages are as good as others and cost no disk.
  Require(::ftruncate(source_, static_cast<off_t>(plan.size.count())) == 0,
          "import_source");
}

Importer::~Importer() {
  Stop();
  ::close(source_);
  ::close(target_);
}

void Importer::Start() {
  ends_ = false;
  thread_ = std::thread([this] {
    while (!ends_) Pass();
  });
}

void Importer::Stop() {
  if (!thread_.joinable()) return;
  ends_ = true;
  thread_.join();
}

template <typename Ask>
bool Importer::Wait(const Ask& ask) {
  while (!ends_) {
    const absl::Duration wait = ask();
    if (wait == absl::ZeroDuration()) return true;
    absl::SleepFor(wait);
  }
  return false;
}

void Importer::Pass() {
  ImportPace pace(kRate);
  PacedImport source(source_, pace, clock_);
  PacedImport target(target_, pace, clock_);
  // What both cost a program: a wait, and for one of them what it keeps.
  const auto may_go = [&](PacedImport& import, Bytes piece) {
    return Wait([&] {
      if (!plan_.is_governed) {
        return pace.Ask(piece, PressureLevel::kNone, clock_.Monotonic());
      }
      const auto wait = import.Ask(piece, plan_.pressure());
      Require(wait.ok(), "a piece cannot be imported");
      return *wait;
    });
  };
  std::vector<char> data(kRead.count(), 'x');
  off_t written = 0;
  for (Bytes at; at + kRead <= plan_.size; at += kRead) {
    if (!may_go(source, kRead)) break;
    Require(::pread(source_, data.data(), kRead.count(),
                    static_cast<off_t>(at.count())) ==
                static_cast<ssize_t>(kRead.count()),
            "pread");
    if (!may_go(target, kWritten)) break;
    Require(::pwrite(target_, data.data(), kWritten.count(), written) ==
                static_cast<ssize_t>(kWritten.count()),
            "pwrite");
    written += static_cast<off_t>(kWritten.count());
    done_ += (kRead + kWritten).count();
  }
  if (!plan_.is_governed) return;
  Require(source.Finish().ok() && target.Finish().ok(), "import");
}

}  // namespace governor
