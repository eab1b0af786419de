#include "governor/host/made_faults.h"

#include <cstddef>
#include <filesystem>

namespace governor {
namespace {

using Kind = HostSnapshot::Fault::Kind;

std::function<void(HostTree&, const std::string&)> Rewrite(
    std::function<std::string(const std::string&)> change) {
  return [change](HostTree& tree, const std::string& path) {
    tree.Write(path, change(tree.Read(path)));
  };
}

}  // namespace

std::string WithNumbers(const std::string& text, const std::string& number) {
  std::string changed;
  for (size_t at = 0; at != text.size(); ++at) {
    if (text[at] < '0' || text[at] > '9') {
      changed += text[at];
    } else if (at == 0 || text[at - 1] < '0' || text[at - 1] > '9') {
      changed += number;
    }
  }
  return changed;
}

const std::map<std::string, MadeFault>& MadeFaults() {
  static const auto& faults = *new std::map<std::string, MadeFault>{
      {"missing",
       {Kind::kMissing,
        [](HostTree& tree, const std::string& path) { tree.Remove(path); }}},
      {"unreadable",
       {Kind::kUnreadable,
        [](HostTree& tree, const std::string& path) {
          tree.Remove(path);
          std::filesystem::create_directory(tree.root() + "/" + path);
        }}},
      {"empty",
       {Kind::kMalformed, Rewrite([](const std::string&) { return ""; })}},
      {"truncated", {Kind::kMalformed, Rewrite([](const std::string& text) {
                       return text.substr(0, text.size() - 1);
                     })}},
      {"huge number", {Kind::kMalformed, Rewrite([](const std::string& text) {
                         // 2^64: zero, where it wraps.
                         return WithNumbers(text, "18446744073709551616");
                       })}},
      {"negative number",
       {Kind::kMalformed, Rewrite([](const std::string& text) {
          return WithNumbers(text, "-5");
        })}},
      {"binary", {Kind::kMalformed, Rewrite([](const std::string&) {
                    return std::string(3000, '\0') + std::string(900, '\xff') +
                           "\n";
                  })}},
      {"endless line", {Kind::kMalformed, Rewrite([](const std::string& text) {
                          return std::string(1 << 20, 'x') + "\n" + text;
                        })}},
      {"endless text", {Kind::kMalformed, Rewrite([](const std::string& text) {
                          std::string lines;
                          while (lines.size() < (5 << 20))
                            lines += "            x 1\n";
                          return lines + text;
                        })}},
      {"replaced",
       {std::nullopt,
        [](HostTree& tree, const std::string& path) {
          const std::string text = tree.Read(path);
          tree.Remove(path);
          tree.Write(path, text);
        }}},
  };
  return faults;
}

}  // namespace governor
