#include "governor/model/read_config.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/config_fields.h"
#include "governor/model/config_names.h"
#include "governor/model/json_events.h"

namespace governor {
namespace {

constexpr int kMaxDepth = 16;
// Objects that are kept lie this deep in each other (the file is the first),
// and there are so many of them.
constexpr size_t kMaxObjectDepth = 4;
constexpr size_t kMaxObjects = 64;
constexpr size_t kMaxFields = 1024;
constexpr uint32_t kMaxElements = 4096;
constexpr size_t kMaxAllElements = 8192;
constexpr size_t kMaxTexts = 512;
constexpr size_t kMaxText = 4096;

// Keeps what is in kConfigNames and passes over the rest.
class ConfigEvents final : public JsonEvents {
 public:
  explicit ConfigEvents(Config& config) : config_(config) {}

  absl::Status Null() override { return Scalar(std::monostate()); }
  absl::Status Bool(bool value) override { return Scalar(value); }
  absl::Status Number(JsonNumber value) override {
    // A sign without need, as in -0, is as good as none.
    if (const auto* number = std::get_if<int64_t>(&value);
        number != nullptr && *number >= 0) {
      return Scalar(static_cast<uint64_t>(*number));
    }
    return std::visit([this](auto number) { return Scalar(number); }, value);
  }

  absl::Status String(absl::string_view value) override {
    if (skipped_ > 0 || name_ < 0) return Scalar(Config::Nested());
    if (value.size() > kMaxText) {
      return TooMuch("a string of ", value.size(), kMaxText, " bytes");
    }
    GOVERNOR_ASSIGN_OR_RETURN(const Config::Text text, Keep(value));
    return Scalar(text);
  }

  absl::Status StartObject() override {
    if (config_.objects.empty()) {
      config_.objects.push_back({});
      open_.push_back(0);
      return absl::OkStatus();
    }
    GOVERNOR_ASSIGN_OR_RETURN(const bool skip, SkipsContainer());
    if (skip) return absl::OkStatus();
    if (open_.size() >= kMaxObjectDepth) return SkipAs(Config::Nested());
    if (config_.objects.size() >= kMaxObjects) {
      return TooMuch("an object beyond ", kMaxObjects, kMaxObjects, " objects");
    }
    const auto object = static_cast<uint16_t>(config_.objects.size());
    GOVERNOR_RETURN_IF_ERROR(Add(Config::Object{object}));
    config_.objects.push_back({open_.back(), static_cast<uint16_t>(name_)});
    open_.push_back(object);
    name_ = -1;
    return absl::OkStatus();
  }

  absl::Status Key(absl::string_view name) override {
    if (skipped_ == 0) name_ = ConfigNameIndex(name);
    return absl::OkStatus();
  }

  absl::Status EndObject() override {
    if (skipped_ > 0) {
      --skipped_;
    } else {
      open_.pop_back();
      name_ = -1;
    }
    return absl::OkStatus();
  }

  absl::Status StartArray() override {
    if (config_.objects.empty()) return NoObject();
    GOVERNOR_ASSIGN_OR_RETURN(const bool skip, SkipsContainer());
    if (skip) return absl::OkStatus();
    GOVERNOR_RETURN_IF_ERROR(Add(Config::Array{
        .first = static_cast<uint32_t>(config_.elements.size()), .count = 0}));
    in_array_ = true;
    return absl::OkStatus();
  }

  absl::Status EndArray() override {
    if (skipped_ > 0) {
      --skipped_;
    } else {
      in_array_ = false;
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status NoObject() {
    return absl::InvalidArgumentError(
        "the config is no JSON object; a model's config.json is `{...}` with "
        "its fields");
  }

  std::string Path() const {
    return ConfigFields(config_, open_.back()).PathOfIndex(name_);
  }

  template <typename N>
  absl::Status TooMuch(absl::string_view what, N value, uint64_t most,
                       absl::string_view unit) const {
    return absl::InvalidArgumentError(absl::StrCat(
        Path(), " is ", what, value, "; at most ", most, unit, " are read"));
  }

  absl::StatusOr<Config::Text> Keep(absl::string_view text) {
    std::vector<std::string>& texts = config_.texts;
    const auto found = std::find(texts.begin(), texts.end(), text);
    const auto index = static_cast<uint32_t>(found - texts.begin());
    if (found == texts.end()) {
      if (texts.size() >= kMaxTexts) {
        return TooMuch("a string beyond ", kMaxTexts, kMaxTexts,
                       " different ones");
      }
      texts.emplace_back(text);
    }
    return Config::Text{index};
  }

  absl::Status Add(Config::Value value) {
    for (const Config::Field& field : config_.fields) {
      if (field.object == open_.back() && field.name == name_) {
        return absl::InvalidArgumentError(absl::StrCat(
            Path(), " is there twice; remove the one that is wrong"));
      }
    }
    if (config_.fields.size() >= kMaxFields) {
      return TooMuch("a field beyond ", kMaxFields, kMaxFields, " fields");
    }
    config_.fields.push_back(
        {open_.back(), static_cast<uint16_t>(name_), std::move(value)});
    return absl::OkStatus();
  }

  absl::Status Scalar(Config::Value value) {
    if (config_.objects.empty()) return NoObject();
    if (skipped_ > 0 || name_ < 0) return absl::OkStatus();
    if (!in_array_) return Add(std::move(value));
    // Of the last field, unless that turned out to be nested.
    auto* array = std::get_if<Config::Array>(&config_.fields.back().value);
    if (array == nullptr) return absl::OkStatus();
    if (array->count >= kMaxElements) {
      return TooMuch("an array of more than ", kMaxElements, kMaxElements,
                     " elements");
    }
    if (config_.elements.size() >= kMaxAllElements) {
      return TooMuch("an array that ends beyond ", kMaxAllElements,
                     kMaxAllElements, " elements of all arrays");
    }
    config_.elements.push_back(std::move(value));
    ++array->count;
    return absl::OkStatus();
  }

  // Whether the object or array that starts here is passed over.
  absl::StatusOr<bool> SkipsContainer() {
    if (skipped_ == 0 && name_ >= 0 && !in_array_) return false;
    if (skipped_ == 0 && in_array_) {
      config_.fields.back().value = Config::Nested();
    }
    ++skipped_;
    return true;
  }

  absl::Status SkipAs(Config::Value value) {
    GOVERNOR_RETURN_IF_ERROR(Add(std::move(value)));
    ++skipped_;
    return absl::OkStatus();
  }

  Config& config_;
  std::vector<uint16_t> open_;  // objects, the innermost last
  int name_ = -1;               // of the value to come; -1: not kept
  bool in_array_ = false;
  int skipped_ = 0;  // objects and arrays that are open and passed over
};

}  // namespace

absl::StatusOr<Config> ReadConfig(const ByteSource& source) {
  const uint64_t size = source.size().count();
  if (size == 0) {
    return absl::InvalidArgumentError(
        "the config is empty; a model's config.json is `{...}`");
  }
  if (size > kMaxConfigBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the config has ", size, " bytes; at most ", kMaxConfigBytes,
        " are read, and real ones have a few "
        "thousand"));
  }
  Config config;
  ConfigEvents events(config);
  GOVERNOR_RETURN_IF_ERROR(ReadJson(source, 0, size, kMaxDepth, events));
  return config;
}

}  // namespace governor
