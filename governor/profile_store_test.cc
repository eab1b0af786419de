#include "governor/profile_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "governor/profile_json.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

PlanProfile Llama() {
  return {.name = "llama-8b",
          .model = "llama/Llama 3.1 8B",
          .engine = "vllm",
          .device = "NVIDIA GB10",
          .driver = "CUDA 13.0",
          .activations = MiB(1536),
          .allowance = GiB(2),
          .graphs = MiB(512),
          .stored = "2026-11-21",
          .note = "with 8192 tokens a step"};
}

PlanProfile Named(const std::string& name) {
  PlanProfile profile = Llama();
  profile.name = name;
  return profile;
}

class ProfileStoreTest : public testing::Test {
 protected:
  ProfileStoreTest() {
    std::string pattern = absl::StrCat(testing::TempDir(), "/profilesXXXXXX");
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/profiles.json";
  }
  ~ProfileStoreTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  std::string Contents() {
    std::stringstream text;
    text << std::ifstream(path_, std::ios::binary).rdbuf();
    return text.str();
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const std::vector<PlanProfile> profiles = ReadProfiles(path_).value();
    for (const PlanProfile& profile : profiles) {
      names.push_back(profile.name);
    }
    return names;
  }
  // The message with which a file of this text is refused.
  std::string Refused(const std::string& text) {
    Write(text);
    const absl::Status status = ReadProfiles(path_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    return std::string(status.message());
  }
  // Temporary ones included.
  size_t Files() {
    using Entries = std::filesystem::directory_iterator;
    return static_cast<size_t>(std::distance(Entries(folder_), Entries()));
  }

  std::string folder_;
  std::string path_;
};

TEST_F(ProfileStoreTest, WhatIsSavedIsFoundByItsName) {
  ASSERT_TRUE(SaveProfile(path_, Llama()).ok());
  PlanProfile bare = {.name = "bare", .model = "qwen3", .engine = "sglang"};
  ASSERT_TRUE(SaveProfile(path_, bare).ok());
  EXPECT_EQ(FindProfile(path_, "llama-8b").value(), Llama());
  EXPECT_EQ(FindProfile(path_, "bare").value(), bare);
  EXPECT_THAT(Names(), ElementsAre("llama-8b", "bare"));
}

TEST_F(ProfileStoreTest, AProfileOfTheSameNameIsReplacedInItsPlace) {
  ASSERT_TRUE(SaveProfile(path_, Named("a")).ok());
  bool replaced = true;
  ASSERT_TRUE(SaveProfile(path_, Named("b"), &replaced).ok());
  EXPECT_FALSE(replaced);
  PlanProfile other = Named("a");
  other.graphs.reset();
  ASSERT_TRUE(SaveProfile(path_, other, &replaced).ok());
  EXPECT_TRUE(replaced);
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  EXPECT_EQ(FindProfile(path_, "a").value(), other);
}

// Never by guess: a near name is no name.
TEST_F(ProfileStoreTest, ANameThatIsNotThereListsThoseThatAre) {
  ASSERT_TRUE(SaveProfile(path_, Named("llama-8b")).ok());
  ASSERT_TRUE(SaveProfile(path_, Named("qwen3")).ok());
  for (const char* name : {"llama", "LLAMA-8B", "llama-8b ", ""}) {
    const absl::Status status = FindProfile(path_, name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("llama-8b, qwen3"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
  }
  EXPECT_EQ(FindProfile(folder_ + "/absent.json", "x").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ProfileStoreTest, OnlyTheOwnerMayReadWhatIsWritten) {
  path_ = folder_ + "/new/deep/profiles.json";
  ASSERT_TRUE(SaveProfile(path_, Llama()).ok());
  struct stat found;
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600u);
  for (const char* part : {"/new", "/new/deep"}) {
    ASSERT_EQ(stat((folder_ + part).c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0700u);
  }
}

TEST_F(ProfileStoreTest, ASymbolicLinkStaysAndItsFileIsWritten) {
  const std::string link = folder_ + "/link.json";
  ASSERT_TRUE(SaveProfile(path_, Named("old")).ok());
  ASSERT_EQ(symlink("profiles.json", link.c_str()), 0);
  ASSERT_TRUE(SaveProfile(link, Named("new")).ok());
  struct stat found;
  ASSERT_EQ(lstat(link.c_str(), &found), 0);
  EXPECT_TRUE(S_ISLNK(found.st_mode));
  EXPECT_THAT(Names(), ElementsAre("old", "new"));
}

TEST_F(ProfileStoreTest, ALinkToNothingOrToItselfIsRefused) {
  ASSERT_EQ(symlink("nowhere.json", path_.c_str()), 0);
  EXPECT_EQ(SaveProfile(path_, Llama()).code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(symlink("profiles.json", path_.c_str()), 0);
  EXPECT_FALSE(SaveProfile(path_, Llama()).ok());
  EXPECT_FALSE(ReadProfiles(path_).ok());
  EXPECT_EQ(Files(), 1u);
}

TEST_F(ProfileStoreTest, AFolderThatCannotBeWrittenIsAnError) {
  // A file where a folder should be holds for root too.
  const std::string file = folder_ + "/file";
  std::ofstream(file) << "x";
  const absl::Status status = SaveProfile(file + "/profiles.json", Llama());
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(file));
  EXPECT_FALSE(SaveProfile(folder_, Llama()).ok());
  EXPECT_FALSE(SaveProfile("/proc/profiles.json", Llama()).ok());
  if (geteuid() != 0) {
    ASSERT_EQ(chmod(folder_.c_str(), 0500), 0);
    EXPECT_EQ(SaveProfile(path_, Llama()).code(),
              absl::StatusCode::kPermissionDenied);
    ASSERT_EQ(chmod(folder_.c_str(), 0700), 0);
  }
}

TEST_F(ProfileStoreTest, AFileThatIsNotUnderstoodIsLeftAsItIs) {
  Write("{\"version\": 2, \"profiles\": []}");
  EXPECT_EQ(SaveProfile(path_, Llama()).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Contents(), "{\"version\": 2, \"profiles\": []}");
  EXPECT_EQ(Files(), 1u);
}

TEST_F(ProfileStoreTest, WritersAtTheSameTimeNeverTearTheFile) {
  ASSERT_TRUE(SaveProfile(path_, Named("first")).ok());
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 10; ++i) {
        PlanProfile profile = Named(absl::StrCat("writer-", writer));
        profile.note.assign(static_cast<size_t>(i * 100), 'x');
        EXPECT_TRUE(SaveProfile(path_, profile).ok());
        EXPECT_TRUE(ReadProfiles(path_).ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(FindProfile(path_, "first").value(), Named("first"));
  EXPECT_EQ(Files(), 1u);
}

TEST_F(ProfileStoreTest, AFileWithoutEndOrOfAnotherKindIsRefused) {
  EXPECT_THAT(Refused(std::string(kMaxProfilesFile.count() + 1, ' ')),
              HasSubstr("1048576"));
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(ReadProfiles(path_).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(SaveProfile(path_, Llama()).ok());
  EXPECT_EQ(ReadProfiles("/dev/zero").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadProfiles(folder_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ProfileStoreTest, AFileThatWouldGrowTooLargeIsNotWritten) {
  // As many as there can be, all of one size.
  PlanProfile profile = Named("p0000");
  profile.note.assign(1024, 'x');
  const size_t one = WriteProfiles({profile}).size();
  const size_t each = WriteProfiles({profile, profile}).size() - one;
  const size_t count = 1 + (kMaxProfilesFile.count() - one) / each;
  std::vector<PlanProfile> profiles;
  for (size_t i = 0; i < count; ++i) {
    profile.name = absl::StrFormat("p%04d", i);
    profiles.push_back(profile);
  }
  Write(WriteProfiles(profiles));
  ASSERT_EQ(ReadProfiles(path_).value(), profiles);
  PlanProfile more = profiles[0];
  more.name = "p-new";
  EXPECT_EQ(SaveProfile(path_, more).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadProfiles(path_).value(), profiles);
}

TEST_F(ProfileStoreTest, HostileTextsAreRefusedByName) {
  EXPECT_THAT(Refused(""), HasSubstr("JSON"));
  EXPECT_THAT(Refused("\xff\xfe"), HasSubstr("JSON"));
  EXPECT_THAT(Refused("[]"), HasSubstr("object"));
  EXPECT_THAT(Refused(std::string(100'000, '[')), HasSubstr("JSON"));
  EXPECT_THAT(Refused(std::string(100'000, '[') + std::string(100'000, ']')),
              HasSubstr("nested"));
  EXPECT_THAT(Refused("{\"profiles\": []}"), HasSubstr("version"));
  EXPECT_THAT(Refused("{\"version\": 1}"), HasSubstr("profiles"));
  EXPECT_THAT(Refused("{\"version\": 1, \"profiles\": [], \"x\": 1}"),
              HasSubstr("'x'"));
  EXPECT_THAT(Refused("{\"version\": 1, \"profiles\": [], \"version\": 1}"),
              HasSubstr("'version' is there twice"));
  EXPECT_THAT(Refused("{\"version\": 1, \"profiles\": [7]}"),
              HasSubstr("profile 1"));
}

class ProfileFieldTest : public ProfileStoreTest {
 protected:
  // A file of one profile with these fields, some replaced or left out.
  std::string With(std::map<std::string, std::string> changed) {
    std::map<std::string, std::string> fields = {{"name", "\"p\""},
                                                 {"model", "\"m\""},
                                                 {"engine", "\"vllm\""},
                                                 {"activation_bytes", "1"},
                                                 {"allowance_bytes", "2"}};
    for (auto& [key, value] : changed) {
      if (value.empty()) {
        fields.erase(key);
      } else {
        fields[key] = value;
      }
    }
    std::string text;
    for (const auto& [key, value] : fields) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", "\"", key,
                      "\": ", value);
    }
    return absl::StrCat("{\"version\": 1, \"profiles\": [{", text, "}]}");
  }
};

TEST_F(ProfileFieldTest, SizesAreWholeNumbersOfBytes) {
  Write(With({{"activation_bytes", "18446744073709551615"}}));
  EXPECT_EQ(FindProfile(path_, "p").value().activations, Bytes(~uint64_t{0}));
  for (const char* size : {"-1", "1.5", "1e9", "\"2GiB\"", "null", "true",
                           "18446744073709551616", "[1]"}) {
    for (const char* key :
         {"activation_bytes", "allowance_bytes", "graph_bytes"}) {
      EXPECT_THAT(Refused(With({{key, size}})), HasSubstr(key)) << size;
    }
  }
  EXPECT_THAT(Refused(With({{"graph_bytes", "1e999"}})), HasSubstr("JSON"));
}

TEST_F(ProfileFieldTest, WhatMustBeThereIsThereAndNothingElse) {
  Write(With({}));
  EXPECT_TRUE(FindProfile(path_, "p").ok());
  for (const char* key :
       {"name", "model", "engine", "activation_bytes", "allowance_bytes"}) {
    EXPECT_THAT(Refused(With({{key, ""}})), HasSubstr(key));
  }
  EXPECT_THAT(Refused(With({{"activaton_bytes", "1"}})),
              HasSubstr("'activaton_bytes'"));
  EXPECT_THAT(Refused(With({{"note", "7"}})), HasSubstr("note"));
}

TEST_F(ProfileFieldTest, NamesAreFitToTypeAndThereOnce) {
  for (const char* name :
       {"\"\"", "\"a b\"", "\"../x\"", "\"\\u001b[2J\"", "\"\xc3\xa9\""}) {
    EXPECT_THAT(Refused(With({{"name", name}})), HasSubstr("llama-8b-vllm"));
  }
  EXPECT_THAT(Refused(With({{"name", "\"\\u001b[2J\""}})),
              Not(HasSubstr("\x1b")));
  EXPECT_THAT(
      Refused(
          With({{"note", absl::StrCat("\"", std::string(1025, 'x'), "\"")}})),
      HasSubstr("1024"));
  const std::string one =
      "{\"name\": \"p\", \"model\": \"m\", \"engine\": \"e\", "
      "\"activation_bytes\": 1, \"allowance_bytes\": 1}";
  EXPECT_THAT(Refused(absl::StrCat("{\"version\": 1, \"profiles\": [", one,
                                   ", ", one, "]}")),
              HasSubstr("'p'"));
}

TEST(DefaultProfilesPathTest, AsksTheEnvironmentInOrder) {
  std::map<std::string, std::string> variables = {
      {"GOVERNOR_PROFILES", "here.json"},
      {"XDG_CONFIG_HOME", "/xdg"},
      {"HOME", "/home/x"}};
  const EnvironmentReader environment = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  EXPECT_EQ(DefaultProfilesPath(environment).value(), "here.json");
  variables.erase("GOVERNOR_PROFILES");
  EXPECT_EQ(DefaultProfilesPath(environment).value(),
            "/xdg/governor/profiles.json");
  variables["XDG_CONFIG_HOME"] = "relative";
  EXPECT_EQ(DefaultProfilesPath(environment).value(),
            "/home/x/.config/governor/profiles.json");
  variables.erase("HOME");
  EXPECT_EQ(DefaultProfilesPath(environment).status().code(),
            absl::StatusCode::kFailedPrecondition);
  variables["GOVERNOR_PROFILES"] = "";
  EXPECT_EQ(DefaultProfilesPath(environment).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace governor
