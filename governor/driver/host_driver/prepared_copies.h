#ifndef GOVERNOR_DRIVER_HOST_DRIVER_PREPARED_COPIES_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_PREPARED_COPIES_H_

#include <functional>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Copies and sets of rows that are checked now and done later, for streams and
// for nodes of graphs. `work` owns its parameters and may run any number of
// times while `state` lives. What can change between two runs is looked at by
// each: INVALID_VALUE, before the first byte, unless every array is live and
// every byte from the first to the last, gaps between rows included, may be
// used so. A zero extent is no error, and its work does nothing.

// As cuMemcpy3D. INVALID_VALUE: as documented there.
CUresult PrepareCopy3D(HostState& state, const CUDA_MEMCPY3D& copy,
                       std::function<CUresult()>* work);

// As cuMemsetD2D8, 16 and 32. INVALID_VALUE: an element of other than 1, 2 or 4
// bytes, an address or pitch that is no multiple of it, a pitch less than a
// row where there are several, no address, or a size that wraps.
CUresult PrepareMemset(HostState& state, const CUDA_MEMSET_NODE_PARAMS& set,
                       std::function<CUresult()>* work);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_PREPARED_COPIES_H_
