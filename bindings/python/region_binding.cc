#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/dlpack_export.h"
#include "bindings/python/errors.h"
#include "bindings/python/shared_region.h"
#include "bindings/python/waiting.h"

namespace py = pybind11;

namespace governor {
namespace {

// Python's Region and RegionView: some blocks, of a Region all of them.
struct PyPart {
  // The last user of a region makes driver calls as it goes.
  ~PyPart() {
    WithoutGil([this] { shared.reset(); });
  }

  std::shared_ptr<SharedRegion> shared;
  SharedRegion::Part part;
};
struct PyRegion : PyPart {};
struct PyRegionView : PyPart {};

constexpr char kRegionDoc[] =
    R"(A range of device addresses of which any blocks can be given memory.

Made by Governor.region. The base never moves. Blocks are committed and
decommitted in any order, as long as the budget grants it. It is not an
allocator: which block holds what is its user's business.

Other libraries take its memory by DLPack (numpy.from_dlpack, torch.from_dlpack)
and on CUDA by __cuda_array_interface__, as a one-dimensional array of bytes,
without a copy. Every block must be committed then. Decommitting a block
afterwards takes the memory from under the array: touching it is a fault, on the
host driver a SIGSEGV. An array keeps the region alive, and from being closed.

Thread-safe.)";

constexpr char kViewDoc[] =
    R"(Some blocks of a Region, for others to take by DLPack as the whole region.

Made by Region.view. It does not own or commit anything.)";

// All or none; waits until `deadline`.
absl::Status CommitAll(PyRegion& self, size_t first, size_t count,
                       py::handle deadline) {
  CommitOptions options;
  options.priority = self.shared->governor().Constants().priority();
  options.deadline = ToDeadline("deadline", deadline);
  options.should_stop = UntilSignalHandlerRaises();
  return self.shared->CallWithoutGil([&](ElasticRegion& region) {
    return region.Commit(first, count, options);
  });
}

void Commit(PyRegion& self, py::handle first, py::handle count,
            py::handle deadline) {
  const size_t first_block = ToCount("first", first);
  OkOrThrow(CommitAll(self, first_block, ToCount("count", count), deadline));
}

size_t CommitAsFits(PyRegion& self, py::handle first, py::handle count,
                    py::handle deadline) {
  const size_t first_block = ToCount("first", first);
  const size_t num_blocks = ToCount("count", count);
  const absl::Status all = CommitAll(self, first_block, num_blocks, deadline);
  if (all.ok()) return num_blocks;
  if (!RefusalOf(all)) Throw(all);
  return ValueOrThrow(self.shared->CallWithoutGil([&](ElasticRegion& region) {
    return region.CommitAsFits(first_block, num_blocks);
  }));
}

void Decommit(PyRegion& self, py::handle first, py::handle count,
              bool synchronize) {
  const size_t first_block = ToCount("first", first);
  const size_t num_blocks = ToCount("count", count);
  OkOrThrow(self.shared->CallWithoutGil([&](ElasticRegion& region) {
    return region.Decommit(first_block, num_blocks,
                           {.synchronize = synchronize});
  }));
}

bool IsCommitted(const PyRegion& self, py::handle block) {
  const ElasticRegion& region = self.shared->Get();
  const uint64_t index = ToCount("block", block);
  if (index >= region.num_blocks()) {
    throw py::value_error(absl::StrCat(
        "no such block: ", index, "; the region has ", region.num_blocks()));
  }
  return region.is_committed(index);
}

py::object MakeView(const PyRegion& self, py::handle first, py::handle count,
                    bool uncommitted_ok) {
  const size_t num_blocks = self.shared->Get().num_blocks();
  const uint64_t first_block = ToCount("first", first);
  const uint64_t rest = num_blocks - std::min(first_block, num_blocks);
  const uint64_t wanted = Optional(&ToCount, "count", count).value_or(rest);
  if (wanted == 0 || wanted > rest) {
    throw py::value_error(absl::StrCat("no such blocks: ", wanted,
                                       " from block ", first_block,
                                       "; the region has ", num_blocks));
  }
  auto [object, view] = NewEmpty<PyRegionView>();
  view.shared = self.shared;
  view.part = {first_block, wanted, uncommitted_ok};
  return object;
}

uint64_t AddressOf(const PyPart& self) {
  const ElasticRegion& region = self.shared->Get();
  return region.address() + (region.block_size() * self.part.first).count();
}

Bytes SizeOf(const PyPart& self) {
  return self.shared->Constants().block_size() * self.part.count;
}

std::string RepresentRegion(const PyRegion& self) {
  const ElasticRegion& region = self.shared->Constants();
  return absl::StrCat("<governor.Region of ", region.num_blocks(),
                      " blocks of ", ToString(region.block_size()), " at 0x",
                      absl::Hex(region.address()), ", ",
                      region.is_closed()
                          ? std::string("closed")
                          : ToString(region.resident()) + " resident",
                      ">");
}

std::string RepresentView(const PyRegionView& self) {
  return absl::StrCat("<governor.RegionView of ", self.part.count,
                      " blocks from block ", self.part.first, ", ",
                      ToString(SizeOf(self)), ">");
}

// What a region and a view have in common.
template <typename Class>
void BindPart(py::class_<Class>& type) {
  const py::none none;
  type.def_property_readonly(
          "address", [](const Class& self) { return AddressOf(self); },
          "The device address of its first byte. Constant.")
      .def_property_readonly(
          "size", [](const Class& self) { return SizeOf(self).count(); },
          "In bytes, whether or not they have memory. Constant.")
      .def(
          "__dlpack__",
          [](const Class& self, py::handle stream, py::handle max_version,
             py::handle dl_device, py::handle copy) {
            // The capsule is of the version before versions were counted, which
            // every consumer takes.
            static_cast<void>(max_version);
            return ExportDlpack(self.shared, self.part, stream, dl_device,
                                copy);
          },
          py::kw_only(), py::arg("stream") = none,
          py::arg("max_version") = none, py::arg("dl_device") = none,
          py::arg("copy") = none,
          R"(__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)

A DLPack capsule of uint8 that keeps the region alive. Raises BufferError where a
block is not committed, or a copy or another device is asked for.)")
      .def(
          "__dlpack_device__",
          [](const Class& self) { return DlpackDevice(*self.shared); },
          "__dlpack_device__()\n\n(device type, device number) as in DLPack.")
      .def_property_readonly(
          "__cuda_array_interface__",
          [](const Class& self) {
            return CudaArrayInterface(*self.shared, self.part);
          },
          "The memory as a CUDA array; on the host driver there is no such "
          "attribute.");
}

}  // namespace

py::object MakeRegion(std::shared_ptr<SharedGovernor> governor, py::handle size,
                      py::handle block) {
  const ElasticRegionOptions options = {.size = ToBytes("size", size),
                                        .block_size = ToBytes("block", block)};
  std::unique_ptr<ElasticRegion> created =
      ValueOrThrow(governor->CallWithoutGil(
          [&](Governor& open) { return open.CreateRegion(options); }));
  const SharedRegion::Part all = {0, created->num_blocks(),
                                  /*uncommitted_ok=*/false};
  auto shared =
      std::make_shared<SharedRegion>(std::move(governor), std::move(created));
  auto [object, region] = NewEmpty<PyRegion>();
  region.part = all;
  region.shared = std::move(shared);
  return object;
}

void BindRegion(py::module_& module) {
  py::class_<PyRegionView> view(module, "RegionView", kViewDoc, py::is_final());
  ForbidNew(view);
  BindPart(view);
  view.def_property_readonly(
          "first", [](const PyRegionView& self) { return self.part.first; },
          "Its first block.")
      .def_property_readonly(
          "count", [](const PyRegionView& self) { return self.part.count; },
          "How many blocks it has.")
      .def("__repr__", &RepresentView);

  py::class_<PyRegion> region(module, "Region", kRegionDoc, py::is_final());
  ForbidNew(region);
  BindPart(region);
  region
      .def("commit", &Commit, py::arg("first"), py::arg("count"),
           py::arg("deadline") = py::none(),
           R"(commit(first, count, deadline=None)

Gives memory to blocks [first, first + count), all or none. Contents are
unspecified. While short it has others asked to give back, and waits for them, up
to `deadline` seconds from now; None, the default, does not wait, and asks no
callback, only caches. Raises BudgetExceeded; ValueError: no such block, or one
that is committed.)")
      .def("commit_as_fits", &CommitAsFits, py::arg("first"), py::arg("count"),
           py::arg("deadline") = py::none(),
           R"(commit_as_fits(first, count, deadline=None)

As commit, but where not all have come by the deadline (with None: at once), for
as many blocks, from `first` on, as budget, machine and device have then: returns
how many, from 1 to `count`. Raises BudgetExceeded when not even one fits.)")
      .def("decommit", &Decommit, py::arg("first"), py::arg("count"),
           py::arg("synchronize") = true,
           R"(decommit(first, count, synchronize=True)

Takes the memory of blocks [first, first + count) away. `synchronize`: wait for
all work of the device before. Touching them afterwards is a fault, through
arrays that were made before, too. Raises ValueError: no such block, or one that
is not committed.)")
      .def("is_committed", &IsCommitted, py::arg("block"),
           "is_committed(block)\n\nWhether this block has memory now.")
      .def("view", &MakeView, py::arg("first") = 0,
           py::arg("count") = py::none(), py::arg("uncommitted_ok") = false,
           R"(view(first=0, count=None, uncommitted_ok=False)

A RegionView of blocks [first, first + count), by default all from `first`.
`uncommitted_ok`: arrays may be made of it while blocks have no memory; it is
then their user's business to touch only those that have.)")
      .def_property_readonly(
          "resident",
          [](const PyRegion& self) {
            return self.shared->Get().resident().count();
          },
          "Bytes that are physical in the region now.")
      .def_property_readonly(
          "block",
          [](const PyRegion& self) {
            return self.shared->Constants().block_size().count();
          },
          "The size of a block, in bytes. Constant.")
      .def_property_readonly(
          "num_blocks",
          [](const PyRegion& self) {
            return self.shared->Constants().num_blocks();
          },
          "How many blocks it has. Constant.")
      .def(
          "close", [](PyRegion& self) { self.shared->Close(); },
          R"(close()

Decommits everything and frees the addresses; again does nothing. Raises
BufferError, with nothing changed, while arrays are made of it.)")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__",
           [](PyRegion& self, const py::args& raised) {
             // A forked child unwinds what is not its own.
             if (!self.shared->governor().is_current_process()) return;
             CloseOnExit(raised, [&] { self.shared->Close(); });
           })
      .def("__repr__", &RepresentRegion);
}

}  // namespace governor
