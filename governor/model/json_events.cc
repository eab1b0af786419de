#include "governor/model/json_events.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"
#include "governor/base/status_macros.h"
#include "governor/model/utf8.h"

namespace governor {
namespace {

constexpr uint64_t kPiece = KiB(64).count();
constexpr uint64_t kMaxString = KiB(64).count();
constexpr size_t kMaxNumber = 1024;
constexpr int kEnd = -1;

// The end of the characters from `begin` on that stand for themselves in a
// string. Most of a header's bytes pass through here.
const char* EndOfPlain(const char* begin, const char* end) {
  static constexpr auto kIsPlain = [] {
    std::array<bool, 256> plain = {};
    for (size_t c = 0x20; c < 256; ++c) plain[c] = c != '"' && c != '\\';
    return plain;
  }();
  while (begin != end && kIsPlain[static_cast<unsigned char>(*begin)]) ++begin;
  return begin;
}

void AppendUtf8(uint32_t code, std::string& out) {
  const auto continuation = [code](int shift) {
    return static_cast<char>(0x80 | ((code >> shift) & 0x3F));
  };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    out.push_back(continuation(0));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    out.push_back(continuation(6));
    out.push_back(continuation(0));
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    out.push_back(continuation(12));
    out.push_back(continuation(6));
    out.push_back(continuation(0));
  }
}

// RFC 8259, and nothing more: no comments, no byte order mark, no NaN. Not
// nlohmann's SAX parser, which the rest of the tree uses: that one takes a NUL
// for the end, so that anything may follow, and keeps a copy of all that lies
// between two strings, so that its memory grows with the text. It is the oracle
// of the test.
class Reader {
 public:
  Reader(const ByteSource& source, uint64_t offset, uint64_t length,
         int max_depth, JsonEvents& events)
      : source_(source),
        next_(offset),
        left_(length),
        max_depth_(max_depth),
        events_(events),
        buffer_(static_cast<size_t>(std::min(length, kPiece))),
        max_scratch_(static_cast<size_t>(std::min(length, kMaxString))) {}

  absl::Status Read() {
    SkipSpace();
    GOVERNOR_RETURN_IF_ERROR(Value());
    while (!open_.empty()) GOVERNOR_RETURN_IF_ERROR(Step());
    SkipSpace();
    if (Peek() != kEnd) return Bad("expected the end of the text");
    return status_;
  }

 private:
  // The next character, or kEnd: of the text, or because it cannot be read.
  int Peek() {
    if (at_ == filled_ && !Fill()) return kEnd;
    return static_cast<unsigned char>(buffer_[at_]);
  }

  bool Take(char wanted) {
    if (Peek() != static_cast<unsigned char>(wanted)) return false;
    ++at_;
    return true;
  }

  void SkipSpace() {
    int next = Peek();
    while (next == ' ' || next == '\n' || next == '\r' || next == '\t') {
      ++at_;
      next = Peek();
    }
  }

  bool Fill() {
    at_ = filled_ = 0;
    if (left_ == 0) return false;
    const size_t count =
        static_cast<size_t>(std::min<uint64_t>(left_, buffer_.size()));
    status_ = source_.ReadAt(next_, absl::MakeSpan(buffer_.data(), count));
    left_ = status_.ok() ? left_ - count : 0;
    if (!status_.ok()) return false;
    next_ += count;
    filled_ = count;
    return true;
  }

  absl::Status Bad(absl::string_view reason) const {
    if (!status_.ok()) return status_;
    return absl::InvalidArgumentError(absl::StrCat(
        "not JSON at offset ", next_ - (filled_ - at_), ": ", reason));
  }

  // One entry of the innermost object or array, or its end.
  absl::Status Step() {
    const bool is_object = open_.back();
    SkipSpace();
    if (Take(is_object ? '}' : ']')) {
      open_.pop_back();
      is_first_ = false;
      return is_object ? events_.EndObject() : events_.EndArray();
    }
    if (!is_first_) {
      if (!Take(',')) {
        return Bad(is_object ? "expected ',' or '}'" : "expected ',' or ']'");
      }
      SkipSpace();
    }
    if (is_object) {
      if (Peek() != '"') return Bad("expected a name in quotes");
      absl::string_view name;
      GOVERNOR_RETURN_IF_ERROR(ReadString(name));
      GOVERNOR_RETURN_IF_ERROR(events_.Key(name));
      SkipSpace();
      if (!Take(':')) return Bad("expected ':'");
      SkipSpace();
    }
    return Value();
  }

  absl::Status Value() {
    is_first_ = false;
    const int next = Peek();
    switch (next) {
      case '{':
      case '[':
        return Open(next == '{');
      case '"': {
        absl::string_view text;
        GOVERNOR_RETURN_IF_ERROR(ReadString(text));
        return events_.String(text);
      }
      case 't':
        GOVERNOR_RETURN_IF_ERROR(ReadWord("true"));
        return events_.Bool(true);
      case 'f':
        GOVERNOR_RETURN_IF_ERROR(ReadWord("false"));
        return events_.Bool(false);
      case 'n':
        GOVERNOR_RETURN_IF_ERROR(ReadWord("null"));
        return events_.Null();
      case kEnd:
        return Bad("the text ends early");
      default:
        return ReadNumber();
    }
  }

  absl::Status Open(bool is_object) {
    if (open_.size() == static_cast<size_t>(max_depth_)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the JSON text is nested deeper than ", max_depth_,
                       " at offset ", next_ - (filled_ - at_)));
    }
    ++at_;
    open_.push_back(is_object);
    is_first_ = true;
    return is_object ? events_.StartObject() : events_.StartArray();
  }

  absl::Status ReadWord(absl::string_view word) {
    for (const char c : word) {
      if (!Take(c)) return Bad(absl::StrCat("expected ", word));
    }
    return absl::OkStatus();
  }

  // Sets `text` to what is in the quotes; it stays until the next read.
  absl::Status ReadString(absl::string_view& text) {
    ++at_;
    const char* const start = buffer_.data() + at_;
    const char* const end = EndOfPlain(start, buffer_.data() + filled_);
    if (end != buffer_.data() + filled_ && *end == '"') {
      text = absl::string_view(start, static_cast<size_t>(end - start));
      at_ += text.size() + 1;
    } else {
      GOVERNOR_RETURN_IF_ERROR(ReadIntoScratch());
      text = scratch_;
    }
    if (!IsValidUtf8(text)) return Bad("a string that is not UTF-8 ends here");
    return absl::OkStatus();
  }

  // A string that has escapes, or goes on beyond the buffer.
  absl::Status ReadIntoScratch() {
    ClearScratch();
    for (;;) {
      const int next = Peek();
      if (next == kEnd) return Bad("the text ends in a string");
      if (next == '"') {
        ++at_;
        return absl::OkStatus();
      }
      if (next == '\\') {
        GOVERNOR_RETURN_IF_ERROR(ReadEscape());
      } else if (next < 0x20) {
        return Bad("a control character in a string");
      } else {
        const char* const start = buffer_.data() + at_;
        const size_t count = static_cast<size_t>(
            EndOfPlain(start, buffer_.data() + filled_) - start);
        if (scratch_.size() + count > kMaxString) return TooLong();
        scratch_.append(&buffer_[at_], count);
        at_ += count;
      }
      if (scratch_.size() > kMaxString) return TooLong();
    }
  }

  absl::Status TooLong() const {
    return Bad(absl::StrCat("a string longer than ", kMaxString, " bytes"));
  }

  void ClearScratch() {
    scratch_.clear();
    scratch_.reserve(max_scratch_);
  }

  absl::Status ReadEscape() {
    ++at_;
    const int next = Peek();
    constexpr absl::string_view kNames = "\"\\/bfnrt";
    constexpr absl::string_view kValues = "\"\\/\b\f\n\r\t";
    const size_t known = next == kEnd ? absl::string_view::npos
                                      : kNames.find(static_cast<char>(next));
    if (known != absl::string_view::npos) {
      ++at_;
      scratch_.push_back(kValues[known]);
      return absl::OkStatus();
    }
    uint32_t code = 0;
    GOVERNOR_RETURN_IF_ERROR(ReadCodeUnit(code));
    if (code >= 0xD800 && code < 0xDC00) {
      uint32_t low = 0;
      if (!Take('\\')) return Bad("half a pair of surrogates");
      GOVERNOR_RETURN_IF_ERROR(ReadCodeUnit(low));
      if (low < 0xDC00 || low > 0xDFFF) {
        return Bad("half a pair of surrogates");
      }
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      return Bad("half a pair of surrogates");
    }
    AppendUtf8(code, scratch_);
    return absl::OkStatus();
  }

  // The `u` of an escape and its four digits.
  absl::Status ReadCodeUnit(uint32_t& code) {
    if (!Take('u')) return Bad("an unknown escape");
    code = 0;
    for (int i = 0; i < 4; ++i) {
      const int next = Peek();
      if (next == kEnd ||
          !absl::ascii_isxdigit(static_cast<unsigned char>(next))) {
        return Bad("expected four hexadecimal digits");
      }
      ++at_;
      const uint32_t digit =
          next <= '9' ? static_cast<uint32_t>(next - '0')
                      : static_cast<uint32_t>((next | 0x20) - 'a' + 10);
      code = code << 4 | digit;
    }
    return absl::OkStatus();
  }

  // Digits, of which there must be one, into the scratch.
  absl::Status ReadDigits() {
    int next = Peek();
    if (next < '0' || next > '9') return Bad("expected a digit");
    while (next >= '0' && next <= '9') {
      if (scratch_.size() == kMaxNumber) {
        return Bad(absl::StrCat("a number longer than ", kMaxNumber, " bytes"));
      }
      scratch_.push_back(static_cast<char>(next));
      ++at_;
      next = Peek();
    }
    return absl::OkStatus();
  }

  bool TakeIntoScratch(char wanted) {
    if (!Take(wanted)) return false;
    scratch_.push_back(wanted);
    return true;
  }

  absl::Status ReadNumber() {
    scratch_.clear();
    const bool is_negative = TakeIntoScratch('-');
    const int first = Peek();
    if (first < '0' || first > '9') {
      return Bad(is_negative ? "expected a digit" : "expected a value");
    }
    const size_t start = scratch_.size();
    GOVERNOR_RETURN_IF_ERROR(ReadDigits());
    if (first == '0' && scratch_.size() > start + 1) {
      return Bad("a number that starts with 0");
    }
    bool is_whole = true;
    if (TakeIntoScratch('.')) {
      is_whole = false;
      GOVERNOR_RETURN_IF_ERROR(ReadDigits());
    }
    if (TakeIntoScratch('e') || TakeIntoScratch('E')) {
      is_whole = false;
      if (!TakeIntoScratch('+')) TakeIntoScratch('-');
      GOVERNOR_RETURN_IF_ERROR(ReadDigits());
    }
    uint64_t natural = 0;
    int64_t negative = 0;
    if (is_whole && !is_negative && absl::SimpleAtoi(scratch_, &natural)) {
      return events_.Number(natural);
    }
    if (is_whole && is_negative && absl::SimpleAtoi(scratch_, &negative)) {
      return events_.Number(negative);
    }
    double real = 0;
    if (!absl::SimpleAtod(scratch_, &real) || !std::isfinite(real)) {
      return Bad("a number that is out of range ends here");
    }
    return events_.Number(real);
  }

  const ByteSource& source_;
  uint64_t next_;  // offset of the byte behind those in the buffer
  uint64_t left_;  // bytes from there on
  const int max_depth_;
  JsonEvents& events_;
  std::vector<char> buffer_;
  size_t at_ = 0;
  size_t filled_ = 0;
  absl::Status status_;     // of the source
  std::vector<bool> open_;  // objects (true) and arrays, outermost first
  bool is_first_ = false;   // nothing of the innermost one was read yet
  std::string scratch_;
  const size_t max_scratch_;
};

}  // namespace

absl::Status ReadJson(const ByteSource& source, uint64_t offset,
                      uint64_t length, int max_depth, JsonEvents& events) {
  return Reader(source, offset, length, max_depth, events).Read();
}

}  // namespace governor
