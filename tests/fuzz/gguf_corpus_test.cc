#include "tests/fuzz/gguf_corpus.h"

#include <fstream>
#include <iterator>
#include <string>

#include "governor/model/byte_source.h"
#include "governor/model/gguf_shape.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(GgufCorpusTest, TheCommittedFilesAreTheseAndSmall) {
  for (const auto& [name, bytes] : GgufCorpus()) {
    EXPECT_LE(bytes.size(), 4096u) << name;
    std::ifstream in("tests/fuzz/corpus/gguf/" + name, std::ios::binary);
    const std::string committed((std::istreambuf_iterator<char>(in)),
                                std::istreambuf_iterator<char>());
    EXPECT_TRUE(in && committed == bytes)
        << name
        << " differs; run: bazel run //tests/fuzz:write_gguf_corpus -- "
           "$PWD/tests/fuzz/corpus/gguf";
  }
}

// Otherwise the fuzzer would start without any model that gets through.
TEST(GgufCorpusTest, TheRightFilesAreRight) {
  for (const auto& [name, bytes] : GgufCorpus()) {
    if (name.rfind("valid_", 0) != 0) continue;
    const absl::StatusOr<Gguf> gguf = ParseGguf(MemoryByteSource(bytes));
    ASSERT_TRUE(gguf.ok()) << name << ": " << gguf.status();
    const absl::Status status = ShapeOfGguf(*gguf).status();
    EXPECT_EQ(status.ok(), name.rfind("valid_small_", 0) == 0)
        << name << ": " << status;
  }
}

}  // namespace
}  // namespace governor
