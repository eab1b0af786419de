#include "governor/policy/pressure.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace governor {
namespace {

// From here on it hurts. Where no source is named: measured on the build
// machine; the runs are in docs/pressure.md.
constexpr double kMiB = 1 << 20;
// One thread that waits for 16 MiB/s from swap loses about 10 % of its time: a
// fault brings 8 pages and costs 0.2 ms. A working set that did not fit read
// about 140 MiB/s; cold pages in swap read none.
constexpr double kSwapIn = 16 * kMiB;
// Of the file pages, in a second. Cache 1.4 % short of a file that is read over
// and over refaults 230 % of it, a better order of reading still 70 %. (lmkd
// acts at 100 %, on small machines at 30 %.)
constexpr double kRefaultPart = 0.1;
constexpr double kRefault = 16 * kMiB;  // and no less than this
// Where nothing says how many file pages there are: what slows a loop that
// reads its weights from files by a third.
constexpr double kRefaultAlone = 50 * kMiB;
// Direct reclaim alone is no pressure: with 22 GiB of clean cache a commit of
// 10 GiB scans 3.6 GiB/s and keeps nearly all. It is where less than half of
// what is scanned can be had.
constexpr double kScanned = 64 * kMiB;
constexpr double kEasyPart = 0.5;
// Some task stands still. The cache above: 4 % to 9 %; returning pages from
// swap at a bounded rate: below 10 %; a working set in swap: 11 % to 55 %.
constexpr double kStalled = 0.10;
// All stands still, and memory that is in use goes away meanwhile.
constexpr double kStandstillSome = 0.20;
constexpr double kStandstillFull = 0.15;
// The same pages come and go. PSI counts only pages that were known to be in
// use before they went, so that a set that is read in order, at a hundredth of
// its speed and with 75 to 180 MiB/s from swap, stood still for 3 % to 12 % of
// the time by PSI. So here a stall need only be seen.
constexpr double kChurn = 32 * kMiB;
constexpr double kChurnStalled = 0.02;

// A level stands while at least this part of what raised it goes on, and for
// this long after. Longer than a pass over a working set in swap (2 s).
constexpr double kHoldPart = 0.5;
constexpr absl::Duration kHold = absl::Seconds(5);

// One rate against where it begins to count, and how to say it.
struct Sign {
  double of_limit = 0;  // 1: at its limit
  std::string (*text)(double) = nullptr;
  double figure = 0;
};

std::string SwapInText(double rate) {
  return absl::StrFormat("swap-in %.1f MiB/s", rate / kMiB);
}
std::string RefaultText(double rate) {
  return absl::StrFormat("file refaults %.1f MiB/s", rate / kMiB);
}
std::string ReclaimText(double rate) {
  return absl::StrFormat("direct reclaim scans %.1f MiB/s", rate / kMiB);
}
std::string StalledText(double share) {
  return absl::StrFormat("stalled %.1f %% of the time", share * 100);
}

Sign Worst(const std::array<Sign, 3>& signs) {
  return *std::max_element(
      signs.begin(), signs.end(),
      [](const Sign& a, const Sign& b) { return a.of_limit < b.of_limit; });
}

Sign Refaults(const MemoryRates& rates, Bytes file_pages) {
  const double limit =
      file_pages.is_zero()
          ? kRefaultAlone
          : std::max(kRefault,
                     kRefaultPart * static_cast<double>(file_pages.count()));
  return {rates.refault_file / limit, RefaultText, rates.refault_file};
}

Sign HardReclaim(const MemoryRates& rates) {
  const bool hard = rates.stolen_direct < kEasyPart * rates.scanned_direct;
  return {hard ? rates.scanned_direct / kScanned : 0, ReclaimText,
          rates.scanned_direct};
}

// Of what comes in from swap, that for which as much goes: what is not there in
// addition afterwards, or what is swapped out at the same time. Pages that come
// back to a machine with room, as a program's that wakes up, are none.
double Churn(const MemoryRates& rates) {
  return std::max(rates.swap_in - std::max(rates.anonymous_growth, 0.0),
                  std::min(rates.swap_in, rates.swap_out));
}

Sign Stalled(const MemoryRates& rates) {
  return {rates.stalled_some / kStalled, StalledText, rates.stalled_some};
}

// Why memory is critical at `part` of the limits; nullopt: it is not.
std::optional<std::string> WhyCritical(const MemoryRateMeter& meter,
                                       Bytes file_pages, double part) {
  const MemoryRates& rates = meter.slow();
  const double still = std::max(rates.stalled_some / kStandstillSome,
                                rates.stalled_full / kStandstillFull);
  if (!meter.has_vmstat()) {
    if (still < part) return std::nullopt;
    return StalledText(rates.stalled_some);
  }
  if (!meter.has_stall()) {
    // That less is resident may be others' doing, and nobody seems to wait.
    if (std::min(rates.swap_in, rates.swap_out) < part * kChurn) {
      return std::nullopt;
    }
    return absl::StrFormat("%s, swap-out %.1f MiB/s", SwapInText(rates.swap_in),
                           rates.swap_out / kMiB);
  }
  const double churn = Churn(rates);
  if (churn >= part * kChurn && rates.stalled_some >= part * kChurnStalled) {
    return SwapInText(rates.swap_in) + " while as much goes";
  }
  const Sign loss = Worst({{{churn / kSwapIn, SwapInText, rates.swap_in},
                            Refaults(rates, file_pages),
                            HardReclaim(rates)}});
  if (still < part || loss.of_limit < part) return std::nullopt;
  return absl::StrCat(StalledText(rates.stalled_some), ", ",
                      loss.text(loss.figure));
}

// Why it begins to hurt at `part` of the limits; nullopt: it does not.
std::optional<std::string> WhySome(const MemoryRateMeter& meter,
                                   Bytes file_pages, double part) {
  const MemoryRates& rates = meter.fast();
  Sign loss;
  if (meter.has_vmstat()) {
    loss = Worst({{{rates.swap_in / kSwapIn, SwapInText, rates.swap_in},
                   Refaults(rates, file_pages),
                   HardReclaim(rates)}});
  }
  const Sign stalled = meter.has_stall() ? Stalled(rates) : Sign();
  if (std::max(loss.of_limit, stalled.of_limit) < part) return std::nullopt;
  if (loss.of_limit >= part) return loss.text(loss.figure);
  if (meter.has_vmstat() && rates.compaction_failures >= 1) {
    return absl::StrFormat("%s, compaction fails %.0f times a second",
                           stalled.text(stalled.figure),
                           rates.compaction_failures);
  }
  return stalled.text(stalled.figure);
}

// What the rates say of themselves, at `part` of the limits.
PressureVerdict Judge(const MemoryRateMeter& meter, Bytes file_pages,
                      double part) {
  if (auto why = WhyCritical(meter, file_pages, part)) {
    return {PressureLevel::kCritical, *std::move(why)};
  }
  if (auto why = WhySome(meter, file_pages, part)) {
    return {PressureLevel::kSome, *std::move(why)};
  }
  return {};
}

}  // namespace

const char* ToString(PressureLevel level) {
  switch (level) {
    case PressureLevel::kNone:
      return "none";
    case PressureLevel::kSome:
      return "some";
    case PressureLevel::kCritical:
      return "critical";
  }
  return "unknown";
}

PressureVerdict PressureJudge::Observe(const HostSnapshot& now,
                                       absl::Duration own_stall) {
  if (now.meminfo) {
    file_pages_ =
        CheckedAdd(now.meminfo->active_file, now.meminfo->inactive_file)
            .value_or(Bytes());
  }
  if (!rates_.Observe(now, own_stall)) return verdict_;
  PressureVerdict risen = Judge(rates_, file_pages_, 1);
  if (risen.level >= verdict_.level) {
    supported_at_ = now.taken_at;
    verdict_ = std::move(risen);
    return verdict_;
  }
  PressureVerdict held = Judge(rates_, file_pages_, kHoldPart);
  if (held.level >= verdict_.level) {
    supported_at_ = now.taken_at;
    // Not a higher level: that takes whole limits.
    if (held.level == verdict_.level) verdict_.reason = std::move(held.reason);
  } else if (now.taken_at - std::max(supported_at_, fell_at_) >= kHold) {
    fell_at_ = now.taken_at;
    verdict_.level = verdict_.level == PressureLevel::kCritical
                         ? PressureLevel::kSome
                         : PressureLevel::kNone;
    if (verdict_.level == PressureLevel::kNone) {
      verdict_.reason.clear();
    } else if (!held.reason.empty()) {
      verdict_.reason = std::move(held.reason);
    }
  }
  return verdict_;
}

}  // namespace governor
