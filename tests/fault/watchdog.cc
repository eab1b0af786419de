#include "tests/fault/watchdog.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

namespace governor {
namespace {

constexpr unsigned kSeconds = 60;
char watched[256];

void Bark(int) {
  constexpr char kSays[] = "hangs: ";
  // Nothing is left to do where even this fails.
  [[maybe_unused]] ssize_t written =
      write(STDERR_FILENO, kSays, sizeof(kSays) - 1);
  written = write(STDERR_FILENO, watched, std::strlen(watched));
  written = write(STDERR_FILENO, "\n", 1);
  std::abort();
}

}  // namespace

Watchdog::Watchdog(const std::string& what) {
  watched[what.copy(watched, sizeof(watched) - 1)] = '\0';
  std::signal(SIGALRM, &Bark);
  alarm(kSeconds);
}

Watchdog::~Watchdog() { alarm(0); }

}  // namespace governor
