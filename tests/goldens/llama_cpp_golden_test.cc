// Each context of llama_cpp_caches.jsonl, planned from its config alone,
// against what llama.cpp itself logged of its caches: cells, and MiB with two
// decimals, which is all that it says.
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "governor/model/byte_source.h"
#include "governor/model/hf_config.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/llama_cpp_caches.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using Json = nlohmann::json;

KvDtype TypeOf(const std::string& name) {
  for (const KvDtypeLayout& layout : KvDtypes()) {
    if (LlamaCppTypeName(layout.dtype) == name) return layout.dtype;
  }
  ADD_FAILURE() << name << " is not a type of llama.cpp";
  return KvDtype::kFp16;
}

LlamaCppOptions OptionsOf(const Json& row) {
  LlamaCppOptions options;
  options.type_k = TypeOf(row["type_k"]);
  options.type_v = TypeOf(row["type_v"]);
  options.n_seq_max = row["n_seq_max"];
  options.kv_unified = row["kv_unified"];
  options.swa_full = row["swa_full"];
  options.n_ubatch = row["n_ubatch"];
  return options;
}

// As llama.cpp prints it: float arithmetic, two decimals.
std::string Mib(Bytes size) {
  return absl::StrFormat("%.2f",
                         static_cast<float>(size.count()) / 1024.0f / 1024.0f);
}
std::string Mib(const Json& logged) {
  return absl::StrFormat("%.2f", logged.get<double>());
}

// The logged caches by what they are: a second KV cache is that of windows.
struct Logged {
  Json full, window, state;
};

Logged LoggedOf(const Json& row) {
  Logged logged;
  for (const Json& cache : row["kv"]) {
    if (cache["cache"] == "llama_memory_recurrent") {
      logged.state = cache;
    } else if (logged.full.is_null()) {
      logged.full = cache;
    } else {
      logged.window = cache;
    }
  }
  return logged;
}

void Compare(const Json& row, const LlamaCppCaches& caches) {
  const Logged logged = LoggedOf(row);
  EXPECT_EQ(caches.cells_per_stream, row["n_ctx_seq"].get<uint64_t>());
  EXPECT_EQ(caches.full.is_zero(), logged.full.is_null());
  EXPECT_EQ(caches.window.is_zero(), logged.window.is_null());
  EXPECT_EQ(caches.state.is_zero(), logged.state.is_null());
  if (!logged.full.is_null()) {
    EXPECT_EQ(caches.cells_per_stream, logged.full["cells"].get<uint64_t>());
    EXPECT_EQ(Mib(caches.full), Mib(logged.full["size_mib"]));
  }
  if (!logged.window.is_null()) {
    EXPECT_EQ(caches.window_cells_per_stream,
              logged.window["cells"].get<uint64_t>());
    EXPECT_EQ(Mib(caches.window), Mib(logged.window["size_mib"]));
  }
  if (!logged.state.is_null()) {
    EXPECT_EQ(Mib(caches.state), Mib(logged.state["size_mib"]));
  }
}

TEST(LlamaCppGoldenTest, CellsAndMebibytesAreThoseThatItLogged) {
  std::ifstream in("tests/goldens/llama_cpp_caches.jsonl");
  uint64_t checked = 0;
  for (std::string line; std::getline(in, line); ++checked) {
    const Json row = Json::parse(line);
    const std::string config = row["config"].dump();
    SCOPED_TRACE(absl::StrFormat(
        "%s, context %d, K %s, V %s, %d sequences%s%s",
        row["name"].get<std::string>(), row["n_ctx_asked"].get<uint64_t>(),
        row["type_k"].get<std::string>(), row["type_v"].get<std::string>(),
        row["n_seq_max"].get<uint64_t>(),
        row["kv_unified"].get<bool>() ? ", unified" : "",
        row["swa_full"].get<bool>() ? ", full windows" : ""));
    const absl::StatusOr<ModelShape> model =
        ShapeOfConfig(MemoryByteSource(config), {});
    ASSERT_TRUE(model.ok()) << model.status();
    const absl::StatusOr<LlamaCppCaches> caches =
        LlamaCppCachesOf(*model, row["n_ctx_asked"], OptionsOf(row));
    ASSERT_TRUE(caches.ok()) << caches.status();
    Compare(row, *caches);
  }
  EXPECT_EQ(checked, 116);
}

}  // namespace
}  // namespace governor
