#ifndef GOVERNOR_POLICY_FINDING_H_
#define GOVERNOR_POLICY_FINDING_H_

#include <optional>
#include <string>

#include "governor/base/bytes.h"

namespace governor {

// One thing that `governor doctor` looked at. A plain value, of sentences
// without a full stop. Where all is well only the message is there.
struct Finding {
  enum class State {
    kOk,
    kNote,  // as somebody may have wanted it, but it costs
    kLack,  // something is missing or wrong
  };
  State state = State::kOk;
  std::string name = "";                      // "contiguous memory"
  std::string message = "";                   // what it is, with its numbers
  std::string cost = "";                      // what that costs
  std::string remedy = "";                    // what to do about it
  std::optional<Bytes> bytes = std::nullopt;  // the number that matters most

  friend bool operator==(const Finding&, const Finding&) = default;
};

}  // namespace governor

#endif  // GOVERNOR_POLICY_FINDING_H_
