#include "governor/phase_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

PhaseRecord Capture() {
  return {.name = "graph_capture",
          .device = "NVIDIA GB10",
          .driver = "CUDA 13.0",
          .declared = GiB(3),
          .measured = MiB(1300)};
}

class PhaseStoreTest : public testing::Test {
 protected:
  PhaseStoreTest() {
    std::string pattern = absl::StrCat(testing::TempDir(), "/phasesXXXXXX");
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/new/phases.json";
  }
  ~PhaseStoreTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& text) {
    std::filesystem::create_directories(folder_ + "/new");
    std::ofstream(path_, std::ios::binary) << text;
  }
  std::string Contents() {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::optional<PhaseRecord> Find(const PhaseRecord& like) {
    const auto found = FindPhase(path_, like.name, like.device, like.driver);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : std::nullopt;
  }

  std::string folder_;
  std::string path_;
};

TEST_F(PhaseStoreTest, IsBesideTheProfiles) {
  std::map<std::string, std::string> environment = {{"HOME", "/home/u"}};
  const auto path = [&] {
    return DefaultPhasesPath([&](const char* name) -> const char* {
      const auto found = environment.find(name);
      return found == environment.end() ? nullptr : found->second.c_str();
    });
  };
  EXPECT_EQ(*path(), "/home/u/.config/governor/phases.json");
  environment["GOVERNOR_PROFILES"] = "/etc/governor/ours.json";
  EXPECT_EQ(*path(), "/etc/governor/phases.json");
  environment["GOVERNOR_PROFILES"] = "ours.json";
  EXPECT_EQ(*path(), "phases.json");
  environment.clear();
  EXPECT_EQ(path().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PhaseStoreTest, WhatIsRecordedIsFoundByNameDeviceAndDriver) {
  EXPECT_EQ(Find(Capture()), std::nullopt);
  ASSERT_TRUE(RecordPhase(path_, Capture()).ok());
  EXPECT_EQ(Find(Capture()), Capture());
  for (std::string PhaseRecord::*key :
       {&PhaseRecord::name, &PhaseRecord::device, &PhaseRecord::driver}) {
    PhaseRecord other = Capture();
    other.*key += "2";
    EXPECT_EQ(Find(other), std::nullopt);
    other.measured = GiB(2);
    ASSERT_TRUE(RecordPhase(path_, other).ok());
    EXPECT_EQ(Find(other), other);
  }
  EXPECT_EQ(Find(Capture()), Capture());
  struct stat stat = {};
  ASSERT_EQ(::stat(path_.c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 0777, 0600u);
}

TEST_F(PhaseStoreTest, TheHighestMeasurementStays) {
  PhaseRecord record = Capture();
  ASSERT_TRUE(RecordPhase(path_, record).ok());
  record.declared = GiB(2);
  record.measured = GiB(1);
  ASSERT_TRUE(RecordPhase(path_, record).ok());
  EXPECT_EQ(Find(record)->measured, MiB(1300));
  EXPECT_EQ(Find(record)->declared, GiB(2));
  record.measured = GiB(2);
  ASSERT_TRUE(RecordPhase(path_, record).ok());
  EXPECT_EQ(Find(record)->measured, GiB(2));
}

TEST_F(PhaseStoreTest, BytesThatAreNoTextAreRecordedOnce) {
  PhaseRecord record = Capture();
  record.device = "GPU \xff";
  ASSERT_TRUE(RecordPhase(path_, record).ok());
  record.measured = GiB(2);
  ASSERT_TRUE(RecordPhase(path_, record).ok());
  EXPECT_EQ(Find(record)->measured, GiB(2));
  EXPECT_EQ(ReadPhases(path_)->size(), 1u);
}

TEST_F(PhaseStoreTest, ARecordThatIsNoneIsRefused) {
  PhaseRecord record = Capture();
  record.name = "";
  EXPECT_EQ(RecordPhase(path_, record).code(),
            absl::StatusCode::kInvalidArgument);
  record.name = std::string(64, 'x');
  EXPECT_EQ(RecordPhase(path_, record).code(),
            absl::StatusCode::kInvalidArgument);
  record = Capture();
  record.driver = std::string(257, 'x');
  EXPECT_EQ(RecordPhase(path_, record).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(PhaseStoreTest, AFileThatIsNotOursIsRefusedAndLeftAlone) {
  const std::string entry =
      R"({"name": "a", "device": "d", "driver": "e", "declared_bytes": 1, )"
      R"("measured_bytes": 2})";
  const auto of = [](const std::string& phases) {
    return R"({"version": 1, "phases": [)" + phases + "]}";
  };
  Write(of(entry));
  ASSERT_TRUE(ReadPhases(path_).ok());
  const std::vector<std::string> hostile = {
      "",
      "{",
      "[]",
      "null",
      std::string(100000, '['),
      R"({"version": 2, "phases": []})",
      R"({"version": 1, "phases": {}})",
      R"({"version": 1, "phases": [], "more": 1})",
      R"({"version": 1, "version": 1, "phases": []})",
      of("7"),
      of(entry + "," + entry),
      of(R"({"name": "a"})"),
      of(R"({"name": 7, "device": "d", "driver": "e", "declared_bytes": 1,)"
         R"( "measured_bytes": 2})"),
      of(R"({"name": "a", "device": "d", "driver": "e", "declared_bytes": -1,)"
         R"( "measured_bytes": 2})"),
      of(R"({"name": "a", "device": "d", "driver": "e", "declared_bytes": 1,)"
         R"( "measured_bytes": 18446744073709551616})"),
      of(R"({"name": "", "device": "d", "driver": "e", "declared_bytes": 1,)"
         R"( "measured_bytes": 2})"),
      of(entry.substr(0, entry.size() - 1) + R"(, "odd\u001b": 1})"),
  };
  for (const std::string& text : hostile) {
    Write(text);
    const absl::Status status = RecordPhase(path_, Capture());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_TRUE(absl::StrContains(status.message(), path_)) << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "\x1b")) << status;
    EXPECT_EQ(Contents(), text);
  }
}

TEST_F(PhaseStoreTest, AFileThatIsTooLargeOrNoFileIsRefused) {
  Write(std::string(kMaxPhasesFile.count() + 1, ' '));
  EXPECT_EQ(ReadPhases(path_).status().code(),
            absl::StatusCode::kInvalidArgument);
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(ReadPhases(path_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace governor
