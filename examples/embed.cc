// Opens a governor, grows and shrinks a region, and is refused past the budget.

#include <iostream>

#include "governor/governor.h"
#include "governor/snapshot_report.h"

int main() {
  using governor::GiB, governor::MiB;
  auto gov = governor::Governor::Create({.budget = GiB(2)});
  if (!gov.ok()) return std::cerr << gov.status() << "\n", 1;

  // Addresses for 16 GiB; no memory yet.
  auto region = (*gov)->CreateRegion({.size = GiB(16), .block_size = MiB(64)});
  if (!region.ok()) return std::cerr << region.status() << "\n", 1;

  // 1 GiB of the budget is set aside for what CUDA itself takes.
  if (auto s = (*region)->Commit(0, 16); !s.ok()) {
    return std::cerr << s << "\n", 1;
  }
  // One block more than the budget: refused, with numbers, and nothing changed.
  std::cout << (*region)->Commit(16, 1).message() << "\n";

  if (auto s = (*region)->Decommit(8, 8); !s.ok()) {
    return std::cerr << s << "\n", 1;
  }
  auto snapshot = (*gov)->TakeSnapshot();
  if (!snapshot.ok()) return std::cerr << snapshot.status() << "\n", 1;
  std::cout << governor::ToText(*snapshot);
}
