#include "bindings/python/dlpack_export.h"

#include <dlpack/dlpack.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bindings/python/arguments.h"

namespace py = pybind11;

namespace governor {
namespace {

bool IsHost(const SharedRegion& region) {
  return region.governor().Constants().host_driver() != nullptr;
}

DLDevice DeviceOf(const SharedRegion& region) {
  if (IsHost(region)) return {kDLCPU, 0};
  return {kDLCUDA, region.Constants().device().ordinal()};
}

uint64_t AddressOf(const ElasticRegion& region,
                   const SharedRegion::Part& part) {
  return region.address() + (region.block_size() * part.first).count();
}

uint64_t SizeOf(const ElasticRegion& region, const SharedRegion::Part& part) {
  return (region.block_size() * part.count).count();
}

// What the consumer's stream may be. Nothing follows from it: no work of ours
// is under way on any stream.
void CheckStream(const SharedRegion& region, py::handle stream) {
  if (stream.is_none()) return;
  if (IsHost(region)) {
    throw py::value_error(absl::StrCat(
        "in stream: memory of the host driver has no streams, expected None; "
        "given ",
        std::string(py::repr(stream))));
  }
  if (py::isinstance<py::int_>(stream) && stream.equal(py::int_(-1))) return;
  if (ToCount("stream", stream) == 0) {
    throw py::value_error(
        "in stream: 0 may mean two streams; say 1 (legacy default) or 2 "
        "(default of the thread)");
  }
}

void CheckDevice(const SharedRegion& region, py::handle dl_device) {
  if (dl_device.is_none() || dl_device.equal(DlpackDevice(region))) return;
  throw py::buffer_error(absl::StrCat(
      "in dl_device: the memory is on ",
      std::string(py::repr(DlpackDevice(region))), " and is not copied; given ",
      std::string(py::repr(dl_device))));
}

// What lives as long as an array.
struct Export {
  explicit Export(std::shared_ptr<SharedRegion> exported)
      : region(std::move(exported)) {
    region->AddExport();
  }
  ~Export() { region->DropExport(); }

  const std::shared_ptr<SharedRegion> region;
  int64_t shape = 0;
  DLManagedTensor managed{};
};

constexpr char kFresh[] = "dltensor";  // a consumer renames it

// Called by the consumer, on any thread, with or without the GIL.
void DeleteExport(DLManagedTensor* managed) {
  delete static_cast<Export*>(managed->manager_ctx);
}

void DeleteUnconsumed(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, kFresh)) return;
  auto* const managed =
      static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kFresh));
  managed->deleter(managed);
}

}  // namespace

py::capsule ExportDlpack(std::shared_ptr<SharedRegion> region,
                         const SharedRegion::Part& part, py::handle stream,
                         py::handle dl_device, py::handle copy) {
  CheckStream(*region, stream);
  CheckDevice(*region, dl_device);
  if (copy.ptr() == Py_True) {
    throw py::buffer_error(
        "in copy: a region is exported as it is; copy the array instead");
  }
  region->CheckExportable(part);

  auto exported = std::make_unique<Export>(region);
  exported->shape = static_cast<int64_t>(SizeOf(region->Constants(), part));
  DLTensor& tensor = exported->managed.dl_tensor;
  tensor.data = reinterpret_cast<void*>(AddressOf(region->Constants(), part));
  tensor.device = DeviceOf(*region);
  tensor.ndim = 1;
  tensor.dtype = {kDLUInt, /*bits=*/8, /*lanes=*/1};
  tensor.shape = &exported->shape;
  exported->managed.manager_ctx = exported.get();
  exported->managed.deleter = &DeleteExport;

  py::capsule capsule(&exported->managed, kFresh, &DeleteUnconsumed);
  exported.release();  // the capsule's now
  return capsule;
}

py::tuple DlpackDevice(const SharedRegion& region) {
  const DLDevice device = DeviceOf(region);
  return py::make_tuple(static_cast<int>(device.device_type), device.device_id);
}

py::dict CudaArrayInterface(const SharedRegion& region,
                            const SharedRegion::Part& part) {
  if (IsHost(region)) {
    throw py::attribute_error(
        "__cuda_array_interface__: memory of the host driver is not CUDA's");
  }
  region.CheckExportable(part);
  const ElasticRegion& memory = region.Get();
  py::dict interface;
  interface["version"] = 3;
  interface["typestr"] = "|u1";
  interface["shape"] = py::make_tuple(SizeOf(memory, part));
  interface["strides"] = py::none();
  interface["data"] =
      py::make_tuple(AddressOf(memory, part), /*read_only=*/false);
  return interface;
}

}  // namespace governor
