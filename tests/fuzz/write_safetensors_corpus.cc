// Writes SafetensorsCorpus() and SafetensorsIndexCorpus() into folders of the
// directory that is the only argument.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "tests/fuzz/safetensors_corpus.h"

namespace {

bool Write(const std::map<std::string, std::string>& files,
           const std::string& folder) {
  std::filesystem::create_directories(folder);
  for (const auto& [name, bytes] : files) {
    const std::string path = folder + "/" + name;
    if (!(std::ofstream(path, std::ios::binary) << bytes)) {
      std::fprintf(stderr, "cannot write %s\n", path.c_str());
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_safetensors_corpus DIRECTORY\n");
    return 2;
  }
  const std::string folder = argv[1];
  const bool written =
      Write(governor::SafetensorsCorpus(), folder + "/safetensors") &&
      Write(governor::SafetensorsIndexCorpus(), folder + "/safetensors_index");
  return written ? 0 : 1;
}
