#include "tests/fuzz/hf_config_corpus.h"

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "governor/model/config_families.h"
#include "governor/model/config_text.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(HfConfigCorpusTest, TheCommittedFilesAreTheseAndSmall) {
  for (const auto& [name, bytes] : HfConfigCorpus()) {
    EXPECT_LE(bytes.size(), 4096u) << name;
    std::ifstream in("tests/fuzz/corpus/hf_config/" + name, std::ios::binary);
    const std::string committed((std::istreambuf_iterator<char>(in)),
                                std::istreambuf_iterator<char>());
    EXPECT_TRUE(in && committed == bytes)
        << name
        << " differs; run: bazel run //tests/fuzz:write_hf_config_corpus -- "
           "$PWD/tests/fuzz/corpus/hf_config";
  }
}

// Otherwise the fuzzer would start without any model that gets through.
TEST(HfConfigCorpusTest, TheRightFilesAreRight) {
  for (const auto& [name, bytes] : HfConfigCorpus()) {
    if (name.rfind("valid_", 0) != 0) continue;
    EXPECT_TRUE(ShapeOf(bytes).ok()) << name << ": " << ShapeOf(bytes).status();
  }
}

TEST(HfConfigCorpusTest, EveryReaderHasARightFile) {
  std::set<ReadConfigLayers> readers;
  for (const ConfigFamily& family : ConfigFamilies()) {
    if (family.read != nullptr) readers.insert(family.read);
  }
  for (const auto& [name, bytes] : HfConfigCorpus()) {
    if (name.rfind("valid_", 0) != 0) continue;
    for (const ConfigFamily& family : ConfigFamilies()) {
      const std::string type = "\"" + std::string(family.model_type) + "\"";
      if (bytes.find(type) != std::string::npos) readers.erase(family.read);
    }
  }
  EXPECT_TRUE(readers.empty()) << readers.size();
}

}  // namespace
}  // namespace governor
