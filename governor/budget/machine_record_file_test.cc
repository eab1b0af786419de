#include "governor/budget/machine_record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "governor/budget/machine_record.h"
#include "governor/budget/machine_record_layout.h"
#include "governor/budget/machine_record_peer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using machine_record::Image;

class MachineRecordFileTest : public ::testing::Test {
 protected:
  absl::Status Join() const { return JoinIn(scratch_ / "record"); }
  static absl::Status JoinIn(const std::string& folder) {
    return MachineRecord::Join(folder, "tenant").status();
  }
  absl::Status Look() const {
    return MachineRecord::Look(scratch_ / "record").status();
  }
  std::string file() const { return scratch_ / "record/machine_record"; }

  // Writes over the file at `offset`.
  void Overwrite(size_t offset, uint64_t value) const {
    std::fstream stream(file(), std::ios::in | std::ios::out);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.write(reinterpret_cast<const char*>(&value), sizeof(value));
    ASSERT_TRUE(stream.good());
  }

  const ScratchFolder scratch_;
};

mode_t ModeOf(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

TEST_F(MachineRecordFileTest, IsPrivate) {
  ASSERT_TRUE(Join().ok());
  EXPECT_EQ(ModeOf(scratch_ / "record"), 0700u);
  EXPECT_EQ(ModeOf(file()), 0600u);
  EXPECT_TRUE(Join().ok());
}

// A slash at the end would make the system follow a link.
TEST_F(MachineRecordFileTest, FollowsNoLink) {
  std::filesystem::create_directory(scratch_ / "real");
  ASSERT_EQ(::symlink("real", (scratch_ / "record").c_str()), 0);
  EXPECT_TRUE(absl::IsUnavailable(Join()));
  EXPECT_TRUE(absl::IsUnavailable(JoinIn(scratch_ / "record/")));
  EXPECT_TRUE(absl::IsUnavailable(Look()));
  ASSERT_TRUE(JoinIn(scratch_ / "real").ok());

  std::filesystem::remove(scratch_ / "record");
  std::filesystem::create_directory(scratch_ / "record");
  ASSERT_EQ(::symlink("../real/machine_record", file().c_str()), 0);
  EXPECT_TRUE(absl::IsUnavailable(Join()));
  EXPECT_TRUE(absl::IsUnavailable(Look()));
}

TEST_F(MachineRecordFileTest, TakesNothingOfAnotherKind) {
  std::ofstream(scratch_ / "record") << "text";
  EXPECT_TRUE(absl::IsUnavailable(Join()));
  std::filesystem::remove(scratch_ / "record");
  ASSERT_TRUE(Join().ok());
  const std::vector<std::function<void()>> kinds = {
      [&] { std::filesystem::create_directory(file()); },
      [&] { ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0); },
  };
  for (const auto& make : kinds) {
    std::filesystem::remove(file());
    make();
    EXPECT_TRUE(absl::IsUnavailable(Join())) << Join();
    EXPECT_TRUE(absl::IsUnavailable(Look())) << Look();
  }
}

TEST_F(MachineRecordFileTest, TakesNothingThatOthersMayWrite) {
  ASSERT_TRUE(Join().ok());
  ASSERT_EQ(::chmod(file().c_str(), 0640), 0);
  EXPECT_TRUE(absl::IsUnavailable(Join()));
  EXPECT_TRUE(absl::IsUnavailable(Look()));
  ASSERT_EQ(::chmod(file().c_str(), 0600), 0);
  EXPECT_TRUE(Join().ok());
  ASSERT_EQ(::chmod((scratch_ / "record").c_str(), 0777), 0);
  EXPECT_TRUE(absl::IsUnavailable(Join()));
  EXPECT_TRUE(absl::IsUnavailable(Look()));
}

TEST_F(MachineRecordFileTest, TakesNothingWithASecondName) {
  ASSERT_TRUE(Join().ok());
  ASSERT_EQ(::link(file().c_str(), (scratch_ / "name").c_str()), 0);
  EXPECT_TRUE(absl::IsUnavailable(Join()));
}

TEST_F(MachineRecordFileTest, TakesNothingOfAnotherUser) {
  ASSERT_TRUE(Join().ok());
  if (::chown(file().c_str(), 65534, 65534) != 0) {
    // Not root, or root of a user namespace that knows no other user.
    GTEST_SKIP() << "may not give files away: " << std::strerror(errno);
  }
  EXPECT_TRUE(absl::IsUnavailable(Join()));
  EXPECT_TRUE(absl::IsUnavailable(Look()));
  ASSERT_EQ(::chown(file().c_str(), 0, 0), 0);
  EXPECT_TRUE(Join().ok());
  ASSERT_EQ(::chown((scratch_ / "record").c_str(), 65534, 65534), 0);
  EXPECT_TRUE(absl::IsUnavailable(Join()));
  EXPECT_TRUE(absl::IsUnavailable(Look()));
}

TEST_F(MachineRecordFileTest, SaysWhereThereIsNoFolder) {
  EXPECT_TRUE(absl::IsUnavailable(JoinIn(scratch_ / "no/such/folder")));
}

TEST_F(MachineRecordFileTest, OtherSizesAreDataLoss) {
  ASSERT_TRUE(Join().ok());
  for (const uintmax_t size :
       {uintmax_t{1}, uintmax_t{4096}, sizeof(Image) - 1, sizeof(Image) + 1}) {
    std::filesystem::resize_file(file(), size);
    EXPECT_TRUE(absl::IsDataLoss(Join())) << size;
    EXPECT_TRUE(absl::IsDataLoss(Look())) << size;
    EXPECT_NE(Join().message().find(file()), absl::string_view::npos);
    EXPECT_EQ(std::filesystem::file_size(file()), size);
  }
}

TEST_F(MachineRecordFileTest, OtherLayoutsAreDataLoss) {
  ASSERT_TRUE(Join().ok());
  for (const size_t word : {0, 1, 2}) {
    ASSERT_NO_FATAL_FAILURE(Overwrite(8 * word, 77));
    EXPECT_TRUE(absl::IsDataLoss(Join())) << word;
    EXPECT_TRUE(absl::IsDataLoss(Look())) << word;
    // As the message says.
    std::filesystem::remove(file());
    EXPECT_TRUE(Join().ok());
  }
}

// Who made the file died before it was set up.
TEST_F(MachineRecordFileTest, FinishesWhatWasLeftUnfinished) {
  std::filesystem::create_directory(scratch_ / "record");
  ::close(::open(file().c_str(), O_CREAT | O_WRONLY, 0600));
  EXPECT_TRUE(absl::IsNotFound(Look()));
  EXPECT_TRUE(Join().ok());
  EXPECT_TRUE(Look().ok());
  ASSERT_NO_FATAL_FAILURE(Overwrite(0, 0));
  EXPECT_TRUE(absl::IsNotFound(Look()));
  EXPECT_TRUE(Join().ok());
  EXPECT_TRUE(Look().ok());
}

// What a boot left on a disk that keeps it: full of tenants, none of whom
// lives.
TEST_F(MachineRecordFileTest, AnotherBootsTenantsAreNobody) {
  ASSERT_TRUE(Join().ok());
  constexpr size_t kSlotsAt = offsetof(Image, slots);
  for (int i = 0; i < machine_record::kSlots; ++i) {
    const size_t slot = kSlotsAt + i * sizeof(machine_record::Slot);
    ASSERT_NO_FATAL_FAILURE(Overwrite(slot, 2 * i + 1));
    ASSERT_NO_FATAL_FAILURE(Overwrite(slot + 8, MiB(5).count()));
  }
  ASSERT_NO_FATAL_FAILURE(Overwrite(offsetof(machine_record::Header, used),
                                    machine_record::kSlots));
  const auto look = MachineRecord::Look(scratch_ / "record");
  ASSERT_TRUE(look.ok());
  EXPECT_TRUE((*look)->Tenants().empty());
  const auto record = MachineRecord::Join(scratch_ / "record", "new");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ((*record)->Tenants().size(), 1u);
  EXPECT_EQ((*record)->InFlightOfAll(absl::ZeroDuration()), Bytes());
  EXPECT_EQ((*look)->InFlightOfAll(absl::ZeroDuration()), Bytes());
}

TEST_F(MachineRecordFileTest, FullDiskIsSaidAndNotTouched) {
  std::filesystem::create_directory(scratch_ / "record");
  if (::mount("none", (scratch_ / "record").c_str(), "tmpfs", 0,
              "size=64k,mode=0700") != 0) {
    GTEST_SKIP() << "cannot mount a small disk";
  }
  EXPECT_TRUE(absl::IsUnavailable(Join()));
  EXPECT_TRUE(absl::IsNotFound(Look()));
  EXPECT_TRUE(absl::IsUnavailable(Join()));
  EXPECT_EQ(::umount((scratch_ / "record").c_str()), 0);
}

TEST_F(MachineRecordFileTest, TwoMakeItAtOnce) {
  constexpr int kFailed = 100;
  for (int i = 0; i < 200; ++i) {
    std::filesystem::remove_all(scratch_ / "record");
    SharedWithPeers<std::atomic<int>> arrived;
    *arrived = 0;
    const auto meet = [&](int n) {
      arrived->fetch_add(1);
      Await([&] { return arrived->load() >= n; });
    };
    const auto body = [&] {
      meet(2);
      const auto record = MachineRecord::Join(scratch_ / "record", "tenant");
      if (!record.ok()) {
        arrived->store(kFailed);
        return 1;
      }
      (*record)->AddInFlight(MiB(1));
      meet(4);
      const Bytes sum = (*record)->InFlightOfAll(absl::ZeroDuration());
      meet(6);
      return sum == MiB(2) ? 0 : 2;
    };
    Peer other(body);
    ASSERT_EQ(body(), 0);
    ASSERT_EQ(other.Wait(), 0);
  }
}

// Somebody writes rubbish over all of the file while it is in use.
TEST_F(MachineRecordFileTest, RubbishIsSurvived) {
  auto record = MachineRecord::Join(scratch_ / "record", "tenant");
  auto look = MachineRecord::Look(scratch_ / "record");
  ASSERT_TRUE(record.ok() && look.ok());
  SharedWithPeers<std::atomic<uint64_t>> written;
  *written = 0;
  Peer writer([&] {
    const int fd = ::open(file().c_str(), O_RDWR | O_CLOEXEC);
    std::mt19937_64 random(6);
    const size_t words = (sizeof(Image) - sizeof(machine_record::Header)) / 8;
    for (;;) {
      uint64_t value = random();
      if (value % 4 == 0) value = UINT64_MAX;
      if (value % 4 == 1) value %= 512;
      // The slots in use are at the beginning.
      const size_t word = random() % (random() % 2 == 0 ? words : 1500);
      if (::pwrite(fd, &value, 8,
                   static_cast<off_t>(sizeof(machine_record::Header) +
                                      8 * word)) != 8) {
        return 1;
      }
      if (::pwrite(fd, &value, 8, offsetof(machine_record::Header, used)) !=
          8) {
        return 1;
      }
      written->fetch_add(1);
    }
  });
  size_t largest = 0;
  for (int i = 0; written->load() < 20'000 || i < 500; ++i) {
    const absl::Duration now = absl::Milliseconds(i);
    (*record)->AddInFlight(MiB(2));
    // It may wait for rubbish that looks like somebody who asks.
    if (i % 16 == 0) {
      static_cast<void>((*record)->TryClaim(MiB(1), GiB(1), now));
    }
    (*record)->Settle(MiB(1), now);
    (*record)->SubtractInFlight(MiB(1));
    (*record)->RememberRefusal({.asked = MiB(1), .limited_by = "x"},
                               absl::Now());
    for (const MachineRecord* r : {record->get(), look->get()}) {
      static_cast<void>(r->InFlightOfAll(now));
      if (i % 16 != 0) continue;
      for (const auto& tenant : r->Tenants()) {
        ASSERT_LE(tenant.name.size(), 31u);
        ASSERT_GE(tenant.pid, 0);
      }
      const auto refusals = r->Refusals(40);
      ASSERT_LE(refusals.size(), 40u);
      for (const auto& refusal : refusals) {
        ASSERT_LE(refusal.refusal.tag.size(), 63u);
        ASSERT_LE(refusal.refusal.limited_by.size(), 23u);
        largest = std::max(largest, refusal.refusal.tag.size());
      }
    }
  }
  writer.Kill();
  record->reset();
  // The next one finds a record in order.
  const auto next = MachineRecord::Join(scratch_ / "record", "next");
  ASSERT_TRUE(next.ok()) << next.status();
  (*next)->AddInFlight(MiB(3));
  EXPECT_EQ((*next)->InFlightOfAll(absl::ZeroDuration()), MiB(3));
  EXPECT_EQ((*next)->Tenants().size(), 1u);
}

}  // namespace
}  // namespace governor
