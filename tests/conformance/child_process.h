#ifndef GOVERNOR_TESTS_CONFORMANCE_CHILD_PROCESS_H_
#define GOVERNOR_TESTS_CONFORMANCE_CHILD_PROCESS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace governor {

// For cases that need a second process, or a process that may be lost: this
// program, started anew, opens a driver of its own and runs one function.
//
//   int OpenTheFile(const std::vector<std::string>& arguments) { … }
//   GOVERNOR_CHILD(OpenTheFile);
//   …
//   const ChildResult child = RunChild("OpenTheFile", {"7"});
//
// In the child, EXPECT_OK and its like work, and what they saw counts here. Its
// exit code is what the function returned, or 1 if an expectation failed.
struct ChildResult {
  bool hung = false;  // and so was killed
  int exit_code = -1;
  std::string output;  // what it printed
};

// File descriptors without FD_CLOEXEC reach the child.
ChildResult RunChild(const std::string& name,
                     const std::vector<std::string>& arguments,
                     absl::Duration patience = absl::Seconds(20));

using ChildFunction = int (*)(const std::vector<std::string>& arguments);
#define GOVERNOR_CHILD(function) \
  const bool registered_##function = RegisterChild(#function, &function)
bool RegisterChild(const char* name, ChildFunction function);

// For main(): runs the child that the command line asks for and ends the
// program, or returns.
void RunAsChildIfAsked(int argc, char** argv);

}  // namespace governor

#endif  // GOVERNOR_TESTS_CONFORMANCE_CHILD_PROCESS_H_
