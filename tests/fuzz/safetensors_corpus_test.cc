#include "tests/fuzz/safetensors_corpus.h"

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "governor/model/byte_source.h"
#include "governor/model/safetensors.h"
#include "governor/model/safetensors_index.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

void ExpectCommitted(const std::map<std::string, std::string>& files,
                     const std::string& folder) {
  for (const auto& [name, bytes] : files) {
    EXPECT_LE(bytes.size(), 4096u) << name;
    std::ifstream in(folder + "/" + name, std::ios::binary);
    const std::string committed((std::istreambuf_iterator<char>(in)),
                                std::istreambuf_iterator<char>());
    EXPECT_TRUE(in && committed == bytes)
        << name
        << " differs; run: bazel run //tests/fuzz:write_safetensors_corpus -- "
           "$PWD/tests/fuzz/corpus";
  }
}

TEST(SafetensorsCorpusTest, TheCommittedFilesAreTheseAndSmall) {
  ExpectCommitted(SafetensorsCorpus(), "tests/fuzz/corpus/safetensors");
  ExpectCommitted(SafetensorsIndexCorpus(),
                  "tests/fuzz/corpus/safetensors_index");
}

// Otherwise the fuzzers would start without any input that gets through.
TEST(SafetensorsCorpusTest, TheRightFilesAreRight) {
  for (const auto& [name, bytes] : SafetensorsCorpus()) {
    const absl::StatusOr<Safetensors> file =
        ParseSafetensors(MemoryByteSource(bytes));
    EXPECT_EQ(file.ok(), absl::StartsWith(name, "valid_"))
        << name << ": " << file.status();
  }
  for (const auto& [name, bytes] : SafetensorsIndexCorpus()) {
    const absl::StatusOr<SafetensorsIndex> index =
        ParseSafetensorsIndex(MemoryByteSource(bytes));
    EXPECT_EQ(index.ok(), absl::StartsWith(name, "valid_"))
        << name << ": " << index.status();
  }
}

}  // namespace
}  // namespace governor
