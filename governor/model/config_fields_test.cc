#include "governor/model/config_fields.h"

#include <string>

#include "absl/status/status.h"
#include "governor/model/byte_source.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class ConfigFieldsTest : public testing::Test {
 protected:
  ConfigFields Read(const std::string& text) {
    absl::StatusOr<Config> config = ReadConfig(MemoryByteSource(text));
    EXPECT_TRUE(config.ok()) << config.status();
    config_ = *config;
    return ConfigFields(config_);
  }

 private:
  Config config_;
};

TEST_F(ConfigFieldsTest, KnownFieldsAreKeptAndOthersAreNot) {
  const ConfigFields fields = Read(
      R"({"bos": [{"head_dim": 9}], "head_dim": 64, "deep": {"head_dim": 8}})");
  EXPECT_EQ(fields.Count("head_dim").value(), 64u);
  EXPECT_FALSE(fields.Has("n_head"));
}

TEST_F(ConfigFieldsTest, NullIsAsGoodAsAbsent) {
  const ConfigFields fields = Read(R"({"head_dim": null})");
  EXPECT_FALSE(fields.Has("head_dim"));
  EXPECT_EQ(fields.CountIfThere("head_dim").value(), std::nullopt);
  EXPECT_EQ(fields.Count("head_dim").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ConfigFieldsTest, ObjectsAreReachedByNameAndPathsNameThem) {
  const ConfigFields fields = Read(
      R"({"thinker_config": {"text_config": {"linear_attn_config":
          {"num_heads": "no"}}}})");
  const auto linear = fields.Object("thinker_config")
                          ->Object("text_config")
                          ->Object("linear_attn_config");
  ASSERT_TRUE(linear.has_value());
  EXPECT_EQ(linear->Count("num_heads").status().message(),
            "thinker_config.text_config.linear_attn_config.num_heads is 'no', "
            "but must be a whole number from 1 to 4294967296");
}

TEST_F(ConfigFieldsTest, ValuesKeepTheirTypes) {
  const ConfigFields fields = Read(
      R"({"use_sliding_window": true, "model_type": "m\u0041",
          "layer_types": ["a", "b", "a"], "kda_layers": [3, 0],
          "head_dim": 4294967296})");
  EXPECT_EQ(fields.FlagIfThere("use_sliding_window").value(), true);
  EXPECT_EQ(fields.TextIfThere("model_type").value(), "mA");
  EXPECT_EQ(fields.Texts("layer_types").value(),
            (std::vector<absl::string_view>{"a", "b", "a"}));
  EXPECT_EQ(fields.Wholes("kda_layers").value(), (std::vector<uint64_t>{3, 0}));
  EXPECT_EQ(fields.Count("head_dim").value(), kMaxConfigCount);
}

TEST_F(ConfigFieldsTest, WholesMayBeZeroAndCountsMayNot) {
  const ConfigFields fields = Read(R"({"num_kv_shared_layers": 0})");
  EXPECT_EQ(fields.WholeIfThere("num_kv_shared_layers").value(), 0u);
  EXPECT_FALSE(fields.CountIfThere("num_kv_shared_layers").ok());
}

TEST_F(ConfigFieldsTest, MessagesShowWhatIsThere) {
  const ConfigFields fields = Read(
      R"({"n_head": -2, "n_layer": 1.5, "n_embd": 4.0, "dtype": false,
          "n_groups": "a\nb", "layer_types": [1, 2], "text_config": {},
          "kda_layers": [[1]]})");
  EXPECT_EQ(fields.Describe("n_head"), "-2");
  EXPECT_EQ(fields.Describe("n_layer"), "1.5");
  EXPECT_EQ(fields.Describe("n_embd"), "4.0");
  EXPECT_EQ(fields.Describe("dtype"), "false");
  EXPECT_EQ(fields.Describe("n_groups"), "'a\\nb'");
  EXPECT_EQ(fields.Describe("layer_types"), "an array of 2");
  EXPECT_EQ(fields.Describe("text_config"), "an object");
  EXPECT_EQ(fields.Describe("head_dim"), "absent");
  EXPECT_FALSE(fields.Wholes("kda_layers").ok());
}

TEST_F(ConfigFieldsTest, AnElementThatIsWrongIsNamedByItsPlace) {
  const ConfigFields fields =
      Read(R"({"kda_layers": [1, -1], "layer_types": ["a", null]})");
  EXPECT_EQ(fields.Wholes("kda_layers").status().message(),
            "kda_layers[1] is -1, but must be a whole number from 0 to "
            "4294967296");
  EXPECT_EQ(fields.Texts("layer_types").status().message(),
            "layer_types[1] is null, but must be a string");
}

}  // namespace
}  // namespace governor
