#ifndef GOVERNOR_POLICY_SHELL_WORDS_H_
#define GOVERNOR_POLICY_SHELL_WORDS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace governor {

// `word` as one word of a POSIX shell: as it is where all its characters are
// plain, else in single quotes. An assignment in front of a command keeps its
// name and `=` outside the quotes.
std::string QuotedForShell(absl::string_view word);
std::string QuotedAssignment(absl::string_view name_and_value);

}  // namespace governor

#endif  // GOVERNOR_POLICY_SHELL_WORDS_H_
