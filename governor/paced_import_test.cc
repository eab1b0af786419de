#include "governor/paced_import.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "governor/base/fake_clock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kSize = MiB(64);
constexpr Bytes kPiece = MiB(4);

class PacedImportTest : public testing::Test {
 protected:
  PacedImportTest()
      : path_(testing::TempDir() + "/paced_import." +
              std::to_string(::getpid())),
        file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
                     0600)),
        pace_(static_cast<double>(kPiece.count()) * 100) {}
  ~PacedImportTest() override {
    ::close(file_);
    ::unlink(path_.c_str());
  }

  Bytes Cached() const {
    void* const memory =
        ::mmap(nullptr, kSize.count(), PROT_READ, MAP_SHARED, file_, 0);
    const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> in_core(kSize.count() / page);
    EXPECT_EQ(::mincore(memory, kSize.count(), in_core.data()), 0);
    ::munmap(memory, kSize.count());
    return Bytes(page * std::count_if(in_core.begin(), in_core.end(),
                                      [](auto core) { return core & 1; }));
  }

  const std::string path_;
  const int file_;
  FakeClock clock_;
  ImportPace pace_;
};

TEST_F(PacedImportTest, KeepsTheRateAndLeavesNothingBehind) {
  PacedImport import(file_, pace_, clock_);
  const std::vector<char> piece(kPiece.count(), 'x');
  const absl::Duration begin = clock_.Monotonic();
  Bytes written;
  Bytes most;
  while (written < kSize) {
    const auto wait = import.Ask(kPiece, PressureLevel::kNone);
    ASSERT_TRUE(wait.ok()) << wait.status();
    clock_.Advance(*wait);
    if (*wait > absl::ZeroDuration()) continue;
    ASSERT_EQ(::write(file_, piece.data(), piece.size()),
              static_cast<ssize_t>(piece.size()));
    written += kPiece;
    most = std::max(most, Cached());
  }
  // 16 pieces of 10 ms, less the burst at the begin.
  EXPECT_GE(clock_.Monotonic() - begin,
            absl::Milliseconds(150) - ImportPace::kBurst);
  ASSERT_TRUE(import.Finish().ok());
  if (most == kSize) GTEST_SKIP() << "pages stay: no disk at " << path_;
  EXPECT_LE(most, MiB(8) * 2 + kPiece);
  EXPECT_EQ(Cached(), Bytes());
}

TEST_F(PacedImportTest, NothingGoesUnderCriticalPressure) {
  PacedImport import(file_, pace_, clock_);
  for (int i = 0; i < 5; ++i) {
    const auto wait = import.Ask(kPiece, PressureLevel::kCritical);
    ASSERT_TRUE(wait.ok());
    EXPECT_EQ(*wait, ImportPace::kRecheck);
    clock_.Advance(*wait);
  }
  EXPECT_EQ(*import.Ask(kPiece, PressureLevel::kNone), absl::ZeroDuration());
}

TEST_F(PacedImportTest, AFileThatCannotBeDroppedIsAnError) {
  PacedImport import(-1, pace_, clock_);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(*import.Ask(kPiece, PressureLevel::kNone), absl::ZeroDuration());
  }
  EXPECT_FALSE(import.Ask(kPiece, PressureLevel::kNone).ok());
}

}  // namespace
}  // namespace governor
