#include "tests/conformance/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/conformance/coverage.h"

namespace governor {
namespace {

constexpr absl::string_view kFlag = "--child=";
constexpr absl::string_view kSeen = "SEEN ";

std::map<std::string, ChildFunction>& Children() {
  static auto* const children = new std::map<std::string, ChildFunction>;
  return *children;
}

// Becomes this program again. Only what is safe after fork.
[[noreturn]] void Exec(int output, char* const* argv) {
  dup2(output, STDOUT_FILENO);
  execv("/proc/self/exe", argv);
  _exit(127);
}

// Reads until the other end closes. False: the time was up first.
bool ReadAll(int fd, absl::Time deadline, std::string* text) {
  char buffer[4096];
  for (;;) {
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    pollfd wait = {fd, POLLIN, 0};
    if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) == 0) return false;
    const ssize_t size = read(fd, buffer, sizeof(buffer));
    if (size <= 0) return true;
    text->append(buffer, size);
  }
}

// Takes over what the child's expectations saw; returns the rest of the output.
std::string TakeAnswers(const std::string& output) {
  std::string rest;
  for (const absl::string_view line : absl::StrSplit(output, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() == 3 && words[0] == "SEEN") {
      Remember({words[1], words[2]});
    } else if (!line.empty()) {
      absl::StrAppend(&rest, line, "\n");
    }
  }
  return rest;
}

}  // namespace

bool RegisterChild(const char* name, ChildFunction function) {
  return Children().emplace(name, function).second;
}

ChildResult RunChild(const std::string& name,
                     const std::vector<std::string>& arguments,
                     absl::Duration patience) {
  ChildResult result;
  std::vector<std::string> words = {"child", absl::StrCat(kFlag, name)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return result;
  std::cout << std::flush;
  const pid_t child = fork();
  if (child == 0) Exec(ends[1], argv.data());
  if (child < 0) {
    close(ends[0]);
    close(ends[1]);
    return result;
  }
  close(ends[1]);
  std::string output;
  result.hung = !ReadAll(ends[0], absl::Now() + patience, &output);
  if (result.hung) kill(child, SIGKILL);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  result.output = TakeAnswers(output);
  std::cout << result.output << std::flush;
  return result;
}

void RunAsChildIfAsked(int argc, char** argv) {
  const absl::string_view flag = argc < 2 ? "" : argv[1];
  if (flag.substr(0, kFlag.size()) != kFlag) return;
  const std::string name(flag.substr(kFlag.size()));
  const auto found = Children().find(name);
  if (found == Children().end()) std::exit(126);
  int code = found->second(std::vector<std::string>(argv + 2, argv + argc));
  if (code == 0 && ::testing::UnitTest::GetInstance()->Failed()) code = 1;
  for (const Answer& answer : AnswersSeen()) {
    std::cout << absl::StrCat(kSeen, answer.row, " ", answer.result, "\n");
  }
  std::cout << std::flush;
  _exit(code);
}

}  // namespace governor
