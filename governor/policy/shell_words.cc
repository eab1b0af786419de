#include "governor/policy/shell_words.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace governor {
namespace {

bool IsPlain(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("_-./:,@%+=").find(c) != absl::string_view::npos;
}

}  // namespace

std::string QuotedForShell(absl::string_view word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), IsPlain)) {
    return std::string(word);
  }
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

std::string QuotedAssignment(absl::string_view name_and_value) {
  const size_t equals = name_and_value.find('=');
  if (equals == absl::string_view::npos) return QuotedForShell(name_and_value);
  return absl::StrCat(name_and_value.substr(0, equals + 1),
                      QuotedForShell(name_and_value.substr(equals + 1)));
}

}  // namespace governor
