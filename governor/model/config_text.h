#ifndef GOVERNOR_MODEL_CONFIG_TEXT_H_
#define GOVERNOR_MODEL_CONFIG_TEXT_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/model/byte_source.h"
#include "governor/model/hf_config.h"
#include "gtest/gtest.h"

namespace governor {

// A config.json for tests: fields by name, each as JSON spells its value.
class ConfigText {
 public:
  ConfigText() = default;
  explicit ConfigText(std::map<std::string, std::string> fields)
      : fields_(std::move(fields)) {}

  ConfigText& Set(const std::string& name, const std::string& json) {
    fields_[name] = json;
    return *this;
  }
  ConfigText& Remove(const std::string& name) {
    fields_.erase(name);
    return *this;
  }

  std::string Write() const {
    std::string text = "{";
    for (const auto& [name, json] : fields_) {
      absl::StrAppend(&text, text.size() > 1 ? ", " : "", "\"", name,
                      "\": ", json);
    }
    return text + "}";
  }

 private:
  std::map<std::string, std::string> fields_;
};

// Four layers of four heads of 16, two of them KV heads. With more, `more`
// replaces.
inline ConfigText SmallConfig(
    const std::string& model_type,
    const std::map<std::string, std::string>& more = {}) {
  ConfigText config({{"architectures", "[\"SmallForCausalLM\"]"},
                     {"model_type", "\"" + model_type + "\""},
                     {"num_hidden_layers", "4"},
                     {"hidden_size", "64"},
                     {"num_attention_heads", "4"},
                     {"num_key_value_heads", "2"},
                     {"max_position_embeddings", "256"},
                     {"vocab_size", "32"},
                     {"torch_dtype", "\"bfloat16\""}});
  for (const auto& [name, json] : more) config.Set(name, json);
  return config;
}

inline absl::StatusOr<ModelShape> ShapeOf(absl::string_view text,
                                          const ConfigOptions& options = {}) {
  return ShapeOfConfig(MemoryByteSource(text), options);
}
inline absl::StatusOr<ModelShape> ShapeOf(const ConfigText& config,
                                          const ConfigOptions& options = {}) {
  return ShapeOf(config.Write(), options);
}

// `config` is refused with `code`, and the message has all of `parts`.
inline void ExpectRefused(
    const ConfigText& config, const std::vector<std::string>& parts,
    absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  const std::string text = config.Write();
  const absl::Status status = ShapeOf(text).status();
  EXPECT_EQ(status.code(), code) << text << ": " << status;
  for (const std::string& part : parts) {
    EXPECT_NE(status.message().find(part), absl::string_view::npos)
        << part << " is not in: " << status;
  }
}

}  // namespace governor

#endif  // GOVERNOR_MODEL_CONFIG_TEXT_H_
