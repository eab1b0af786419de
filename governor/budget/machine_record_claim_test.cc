// Who gets what several ask for at the same time, and who waits for whom.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "governor/budget/machine_record.h"
#include "governor/budget/machine_record_layout.h"
#include "governor/budget/machine_record_peer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using machine_record::Image;
using machine_record::Word;

constexpr absl::Duration kNow = absl::Seconds(1000);
constexpr Bytes kSpare(100);

class MachineRecordClaimTest : public ::testing::Test {
 protected:
  MachineRecordClaimTest() : lower_(Join()), higher_(Join()) {
    const int fd = ::open((folder_ / "machine_record").c_str(), O_RDWR);
    image_ = static_cast<Image*>(::mmap(
        nullptr, sizeof(Image), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    ::close(fd);
  }
  ~MachineRecordClaimTest() override { ::munmap(image_, sizeof(Image)); }

  std::unique_ptr<MachineRecord> Join() {
    return MachineRecord::Join(folder_.path(), "tenant").value();
  }
  Word& asking(int slot) { return image_->slots[slot].asking; }

  // What a claim of 40 by `record`, in slot `mine`, answers while slot `other`
  // asks for 70, of which nothing comes after a while.
  bool ClaimMeets(MachineRecord& record, int mine, int other) {
    asking(other) = (uint64_t{7} << machine_record::kAskedBits) | 70;
    const uint64_t before = asking(mine);
    std::atomic<bool> answer{false}, answered{false};
    std::thread claim([&] {
      answer = record.TryClaim(Bytes(40), kSpare, kNow);
      answered = true;
    });
    // The lower slot goes on asking; the higher one has given way.
    Await([&] {
      const uint64_t now = asking(mine);
      const bool asks = (now & machine_record::kAskedMax) != 0;
      return answered || (now != before && asks == (mine < other));
    });
    asking(other) = uint64_t{7} << machine_record::kAskedBits;
    claim.join();
    return answer;
  }

  ScratchFolder folder_;
  const std::unique_ptr<MachineRecord> lower_, higher_;
  Image* image_;
};

TEST_F(MachineRecordClaimTest, ClaimsUpToTheLastByteAndNotOneMore) {
  lower_->AddInFlight(Bytes(30));
  EXPECT_FALSE(higher_->TryClaim(Bytes(71), kSpare, kNow));
  EXPECT_EQ(lower_->InFlightOfAll(kNow), Bytes(30));
  EXPECT_TRUE(higher_->TryClaim(Bytes(70), kSpare, kNow));
  EXPECT_EQ(lower_->InFlightOfAll(kNow), kSpare);
  EXPECT_FALSE(lower_->TryClaim(Bytes(1), kSpare, kNow));
  EXPECT_FALSE(lower_->TryClaim(Bytes(~uint64_t{0}), kSpare, kNow));
  EXPECT_EQ(asking(0).load() & machine_record::kAskedMax, 0u);
  EXPECT_EQ(asking(1).load() & machine_record::kAskedMax, 0u);
}

TEST_F(MachineRecordClaimTest, SettledSinceTheReadingCounts) {
  lower_->AddInFlight(Bytes(70));
  lower_->Settle(Bytes(70), kNow);
  EXPECT_FALSE(higher_->TryClaim(Bytes(40), kSpare, kNow));
  EXPECT_TRUE(
      higher_->TryClaim(Bytes(40), kSpare, kNow + absl::Nanoseconds(1)));
}

// Not even once, if it said no without waiting. (A machine that is too busy for
// 50 ms makes it give up now and then.)
TEST_F(MachineRecordClaimTest, WaitsForTheAnswerOfOneThatAsksToo) {
  for (const int mine : {0, 1}) {
    MachineRecord& record = mine == 0 ? *lower_ : *higher_;
    bool claimed = false;
    for (int i = 0; i < 20 && !claimed; ++i) {
      claimed = ClaimMeets(record, mine, 1 - mine);
    }
    EXPECT_TRUE(claimed) << mine;
    record.SubtractInFlight(Bytes(40));
  }
}

TEST_F(MachineRecordClaimTest, WhatFitsWithAllThatIsAskedForIsGrantedAtOnce) {
  asking(0) = 60;
  EXPECT_TRUE(higher_->TryClaim(Bytes(40), kSpare, kNow));
}

TEST_F(MachineRecordClaimTest, GivesUpOnOneThatWasStoppedWhileItAsked) {
  asking(0) = 70;
  EXPECT_FALSE(higher_->TryClaim(Bytes(40), kSpare, kNow));
  EXPECT_EQ(asking(1).load() & machine_record::kAskedMax, 0u);
  asking(0) = 0;
  asking(1) = 70;
  EXPECT_FALSE(lower_->TryClaim(Bytes(40), kSpare, kNow));
  EXPECT_EQ(asking(0).load() & machine_record::kAskedMax, 0u);
  EXPECT_EQ(lower_->InFlightOfAll(kNow), Bytes());
}

TEST_F(MachineRecordClaimTest, OneThatDiedWhileItAskedIsInNobodysWay) {
  for (const int others : {0, 1}) {
    SharedWithPeers<std::atomic<bool>> joined;
    *joined = false;
    Peer peer([&] {
      const auto record = Join();
      joined->store(true);
      for (;;) ::pause();
      return 0;
    });
    Await([&] { return joined->load(); });
    asking(2) = 70;
    std::unique_ptr<MachineRecord> above;
    if (others == 1) above = Join();  // in slot 3
    MachineRecord& asks = above == nullptr ? *lower_ : *above;
    // Seen alive a moment ago.
    EXPECT_EQ(lower_->Tenants().size(), 3u + others);
    EXPECT_EQ(asks.Tenants().size(), 3u + others);
    peer.Kill();
    EXPECT_TRUE(asks.TryClaim(Bytes(40), kSpare, kNow));
    asks.SubtractInFlight(Bytes(40));
  }
}

TEST_F(MachineRecordClaimTest, ThreadsOfOneTenantAskOneAfterTheOther) {
  constexpr int kThreads = 4;
  constexpr int kClaims = 5000;
  std::atomic<int> most{0}, held{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kClaims; ++i) {
        if (!lower_->TryClaim(Bytes(40), kSpare, kNow)) continue;
        const int now = held.fetch_add(40) + 40;
        int old = most;
        while (now > old && !most.compare_exchange_weak(old, now)) {
        }
        held.fetch_sub(40);
        lower_->SubtractInFlight(Bytes(40));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(most, 40);
  EXPECT_LE(most, 80);
  EXPECT_EQ(lower_->InFlightOfAll(kNow), Bytes());
}

// Another process asks for what never fits, without a pause; this one for what
// always does. It is never refused, whichever has the lower slot.
TEST_F(MachineRecordClaimTest, WhatFitsIsNotRefusedForWhatDoesNot) {
  lower_->AddInFlight(Bytes(31));
  for (const bool mine_is_lower : {true, false}) {
    auto own = mine_is_lower ? Join() : nullptr;
    SharedWithPeers<std::atomic<uint64_t>> asked;
    *asked = 0;
    Peer other([&] {
      const auto record = Join();
      for (;;) {
        if (record->TryClaim(Bytes(70), kSpare, kNow)) ::abort();
        asked->fetch_add(1);
      }
      return 0;
    });
    Await([&] { return asked->load() > 0; });
    if (own == nullptr) own = Join();
    int refused = 0;
    for (int i = 0; i < 2000 || asked->load() < 2000; ++i) {
      const bool claimed = own->TryClaim(Bytes(40), kSpare, kNow);
      refused += claimed ? 0 : 1;
      if (claimed) own->SubtractInFlight(Bytes(40));
    }
    EXPECT_EQ(refused, 0);
  }
}

}  // namespace
}  // namespace governor
