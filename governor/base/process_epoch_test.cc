#include "governor/base/process_epoch.h"

#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace governor {
namespace {

// Runs `check` in a forked child and returns its answer.
template <typename Check>
bool InChild(Check check) {
  const pid_t child = fork();
  if (child == 0) _exit(check() ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ProcessEpochTest, AForkedChildIsAnotherEpoch) {
  const ProcessEpoch parent;
  EXPECT_TRUE(parent.is_current());
  EXPECT_TRUE(InChild([&] { return !parent.is_current(); }));
  EXPECT_TRUE(parent.is_current());
}

TEST(ProcessEpochTest, AGrandchildIsNoneOfItsAncestors) {
  const ProcessEpoch parent;
  EXPECT_TRUE(InChild([&] {
    const ProcessEpoch child;
    return child.is_current() &&
           InChild([&] { return !child.is_current() && !parent.is_current(); });
  }));
}

}  // namespace
}  // namespace governor
