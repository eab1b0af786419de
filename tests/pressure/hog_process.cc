#include "tests/pressure/hog_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"

extern char** environ;

namespace governor {

HogProcess::HogProcess(const std::string& path, const Plan& plan)
    : plan_(plan) {
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::abort();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::string arguments[] = {path,
                             absl::StrCat(plan.step.count()),
                             absl::FormatDuration(plan.interval),
                             absl::StrCat(plan.most.count()),
                             absl::StrCat(plan.safety.count()),
                             "locked"};
  char* argv[7] = {};
  const int count = plan.is_locked ? 6 : 5;
  for (int i = 0; i < count; ++i) argv[i] = arguments[i].data();
  if (::posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv, environ) !=
      0) {
    std::abort();
  }
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_ = out[0];
}

HogProcess::~HogProcess() {
  ::close(input_);
  ::waitpid(pid_, nullptr, 0);
  ::close(output_);
}

std::string HogProcess::ReadLine() {
  std::string line;
  char byte = 0;
  while (::read(output_, &byte, 1) == 1) {
    if (byte == '\n') return line;
    line += byte;
  }
  return line;
}

Bytes HogProcess::WaitUntilDone() {
  Bytes held;
  for (std::string line = ReadLine(); !line.empty(); line = ReadLine()) {
    held = Bytes(FieldOf(line, "held_bytes"));
    if (held + plan_.step > plan_.most || line.rfind("stopped", 0) == 0) break;
  }
  return held;
}

uint64_t FieldOf(const std::string& line, const std::string& key) {
  const size_t at = line.find(absl::StrCat(key, "="));
  if (at == std::string::npos) return 0;
  return std::strtoull(line.c_str() + at + key.size() + 1, nullptr, 10);
}

std::string HogPath() {
  const char* const runfiles = std::getenv("TEST_SRCDIR");
  const char* const named = std::getenv("GOVERNOR_HOG");
  if (named != nullptr) return named;
  if (runfiles != nullptr) {
    return absl::StrCat(runfiles, "/governor/tests/pressure/hog");
  }
  return "tests/pressure/hog";
}

}  // namespace governor
