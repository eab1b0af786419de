#include "governor/model/config_fields.h"

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

std::string PathOf(const Config& config, uint16_t object, uint16_t name) {
  const absl::string_view text = kConfigNames[name];
  if (object == 0) return std::string(text);
  const Config::Parent& parent = config.objects[object];
  return absl::StrCat(PathOf(config, parent.object, parent.name), ".", text);
}

}  // namespace

std::string ConfigFields::PathOfIndex(uint16_t name) const {
  return PathOf(*config_, object_, name);
}

const Config::Value* ConfigFields::Find(ConfigName name) const {
  for (const Config::Field& field : config_->fields) {
    if (field.object != object_ || field.name != name.index()) continue;
    return std::holds_alternative<std::monostate>(field.value) ? nullptr
                                                               : &field.value;
  }
  return nullptr;
}

bool ConfigFields::Mentions(ConfigName name) const {
  return absl::c_any_of(
      config_->fields, [this, name](const Config::Field& field) {
        return field.object == object_ && field.name == name.index();
      });
}

bool ConfigFields::IsArray(ConfigName name) const {
  const Config::Value* value = Find(name);
  return value != nullptr && std::holds_alternative<Config::Array>(*value);
}

bool ConfigFields::IsText(ConfigName name) const {
  const Config::Value* value = Find(name);
  return value != nullptr && std::holds_alternative<Config::Text>(*value);
}

std::string ConfigFields::Describe(const Config::Value& value) const {
  struct Visitor {
    const Config& config;
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool value) const {
      return value ? "true" : "false";
    }
    std::string operator()(uint64_t value) const { return absl::StrCat(value); }
    std::string operator()(int64_t value) const { return absl::StrCat(value); }
    std::string operator()(double value) const {
      std::string text = absl::StrCat(value);
      if (absl::c_all_of(text, absl::ascii_isdigit)) text += ".0";
      return text;
    }
    std::string operator()(Config::Text text) const {
      return QuotedName(config.texts[text.index]);
    }
    std::string operator()(Config::Object) const { return "an object"; }
    std::string operator()(Config::Array array) const {
      return absl::StrCat("an array of ", array.count);
    }
    std::string operator()(Config::Nested) const {
      return "an array of arrays or objects, or an object too deep";
    }
  };
  return std::visit(Visitor{*config_}, value);
}

std::string ConfigFields::Describe(ConfigName name) const {
  const Config::Value* value = Find(name);
  return value == nullptr ? "absent" : Describe(*value);
}

std::optional<ConfigFields> ConfigFields::Object(ConfigName name) const {
  const Config::Value* value = Find(name);
  if (value == nullptr) return std::nullopt;
  const auto* object = std::get_if<Config::Object>(value);
  if (object == nullptr) return std::nullopt;
  return ConfigFields(*config_, static_cast<uint16_t>(object->index));
}

absl::Status ConfigFields::Wrong(ConfigName name,
                                 absl::string_view must) const {
  return absl::InvalidArgumentError(
      absl::StrCat(Path(name), " is ", Describe(name), ", but ", must));
}

absl::Status ConfigFields::Missing(ConfigName name) const {
  return absl::InvalidArgumentError(
      absl::StrCat(Path(name),
                   " is missing from the config; add it, as in the config.json "
                   "that the model was published with"));
}

absl::StatusOr<uint64_t> ConfigFields::Number(ConfigName name,
                                              absl::string_view suffix,
                                              const Config::Value& value,
                                              uint64_t least,
                                              uint64_t most) const {
  const auto* number = std::get_if<uint64_t>(&value);
  if (number != nullptr && *number >= least && *number <= most) return *number;
  return absl::InvalidArgumentError(
      absl::StrCat(Path(name), suffix, " is ", Describe(value),
                   ", but must be a whole number from ", least, " to ", most));
}

absl::StatusOr<std::optional<uint64_t>> ConfigFields::WholeIfThere(
    ConfigName name, uint64_t most) const {
  const Config::Value* value = Find(name);
  if (value == nullptr) return std::optional<uint64_t>();
  return Number(name, "", *value, 0, most);
}

absl::StatusOr<std::optional<uint64_t>> ConfigFields::CountIfThere(
    ConfigName name, uint64_t most) const {
  const Config::Value* value = Find(name);
  if (value == nullptr) return std::optional<uint64_t>();
  return Number(name, "", *value, 1, most);
}

absl::StatusOr<uint64_t> ConfigFields::Count(ConfigName name,
                                             uint64_t most) const {
  const Config::Value* value = Find(name);
  if (value == nullptr) return Missing(name);
  return Number(name, "", *value, 1, most);
}

absl::StatusOr<std::optional<bool>> ConfigFields::FlagIfThere(
    ConfigName name) const {
  const Config::Value* value = Find(name);
  if (value == nullptr) return std::optional<bool>();
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  return Wrong(name, "must be true or false");
}

absl::StatusOr<std::optional<absl::string_view>> ConfigFields::TextIfThere(
    ConfigName name) const {
  const Config::Value* value = Find(name);
  if (value == nullptr) return std::optional<absl::string_view>();
  if (const auto* text = std::get_if<Config::Text>(value)) {
    return absl::string_view(config_->texts[text->index]);
  }
  return Wrong(name, "must be a string");
}

absl::StatusOr<std::vector<uint64_t>> ConfigFields::Wholes(
    ConfigName name) const {
  const Config::Value* value = Find(name);
  if (value == nullptr) return std::vector<uint64_t>();
  const auto* array = std::get_if<Config::Array>(value);
  if (array == nullptr) return Wrong(name, "must be an array of whole numbers");
  std::vector<uint64_t> numbers(array->count);
  for (uint32_t i = 0; i < array->count; ++i) {
    GOVERNOR_ASSIGN_OR_RETURN(
        numbers[i],
        Number(name, absl::StrCat("[", i, "]"),
               config_->elements[array->first + i], 0, kMaxConfigCount));
  }
  return numbers;
}

absl::StatusOr<std::vector<absl::string_view>> ConfigFields::Texts(
    ConfigName name) const {
  const Config::Value* value = Find(name);
  if (value == nullptr) return std::vector<absl::string_view>();
  const auto* array = std::get_if<Config::Array>(value);
  if (array == nullptr) return Wrong(name, "must be an array of strings");
  std::vector<absl::string_view> texts(array->count);
  for (uint32_t i = 0; i < array->count; ++i) {
    const Config::Value& element = config_->elements[array->first + i];
    const auto* text = std::get_if<Config::Text>(&element);
    if (text == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(Path(name), "[", i,
                                                     "] is ", Describe(element),
                                                     ", but must be a string"));
    }
    texts[i] = config_->texts[text->index];
  }
  return texts;
}

}  // namespace governor
