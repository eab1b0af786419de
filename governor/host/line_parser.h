#ifndef GOVERNOR_HOST_LINE_PARSER_H_
#define GOVERNOR_HOST_LINE_PARSER_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace governor {

// Takes a text of the kernel line by line, so that a text of any length needs
// no memory of its own. Text is hostile: any bytes may come, and none of them
// is an error until the end. Each parser also has
//
//   std::optional<Value> Finish(std::string& problem) const;
//
// called once after the last line. nullopt: the text is not to be believed, and
// `problem` says why, quoting nothing of it. Allocates only for `problem`.
class LineParser {
 public:
  virtual ~LineParser() = default;

  // Without its newline.
  virtual void AddLine(absl::string_view line) = 0;

  // Nothing that could still come matters; the rest need not be read.
  virtual bool done() const { return false; }
};

// A whole text at once. False: it is empty, or its last line has no newline, so
// that it is cut off.
inline bool AddText(absl::string_view text, LineParser& parser) {
  if (text.empty() || text.back() != '\n') return false;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    parser.AddLine(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace governor

#endif  // GOVERNOR_HOST_LINE_PARSER_H_
