// Writes HfConfigCorpus() into the directory that is the only argument.
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/fuzz/hf_config_corpus.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_hf_config_corpus DIRECTORY\n");
    return 2;
  }
  for (const auto& [name, bytes] : governor::HfConfigCorpus()) {
    const std::string path = std::string(argv[1]) + "/" + name;
    if (!(std::ofstream(path, std::ios::binary) << bytes)) {
      std::fprintf(stderr, "cannot write %s\n", path.c_str());
      return 1;
    }
  }
  return 0;
}
