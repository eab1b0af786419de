#ifndef GOVERNOR_BINDINGS_PYTHON_DLPACK_EXPORT_H_
#define GOVERNOR_BINDINGS_PYTHON_DLPACK_EXPORT_H_

#include <pybind11/pybind11.h>

#include <memory>

#include "bindings/python/shared_region.h"

namespace governor {

// Defines on a Python class, whose objects `part_of` maps to a SharedRegion and
// a Part of it, how others make arrays of them: __dlpack__, __dlpack_device__,
// and on CUDA __cuda_array_interface__. The array is one-dimensional, of
// uint8. No data is copied, and no work is waited for: a region has no stream
// of its own.

// A DLPack capsule over `part`, which keeps the region alive. Throws as
// CheckExportable; ValueError: a stream that DLPack does not allow;
// BufferError: a copy, or another device, is asked for.
pybind11::capsule ExportDlpack(std::shared_ptr<SharedRegion> region,
                               const SharedRegion::Part& part,
                               pybind11::handle stream,
                               pybind11::handle dl_device,
                               pybind11::handle copy);

// (device type, device number), as DLPack counts them.
pybind11::tuple DlpackDevice(const SharedRegion& region);

// Version 3 of numba's protocol. It keeps nothing alive: its users hold the
// Python object. Throws AttributeError on the host driver, so that hasattr says
// no; and as CheckExportable.
pybind11::dict CudaArrayInterface(const SharedRegion& region,
                                  const SharedRegion::Part& part);

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_DLPACK_EXPORT_H_
