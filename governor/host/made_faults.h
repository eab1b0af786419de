#ifndef GOVERNOR_HOST_MADE_FAULTS_H_
#define GOVERNOR_HOST_MADE_FAULTS_H_

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "governor/host/host_snapshot.h"
#include "governor/host/host_tree.h"

namespace governor {

// What can be wrong with a file of the kernel's, and how to make it so.
struct MadeFault {
  // As what it is to be noted; unset: nothing is wrong then.
  std::optional<HostSnapshot::Fault::Kind> kind;
  std::function<void(HostTree&, const std::string& path)> make;
};

// By name, as docs/host_signals.md has them.
const std::map<std::string, MadeFault>& MadeFaults();

// Every number of a text, as another.
std::string WithNumbers(const std::string& text, const std::string& number);

}  // namespace governor

#endif  // GOVERNOR_HOST_MADE_FAULTS_H_
