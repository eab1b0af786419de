#ifndef GOVERNOR_DRIVER_TESTDATA_SYMBOL_PLACES_H_
#define GOVERNOR_DRIVER_TESTDATA_SYMBOL_PLACES_H_

#include "governor/driver/driver_api.h"

namespace governor {

// The place of each row in driver_api.h. A function of stand_in_driver.cc
// answers its own, so that a test sees which one a field of DriverApi holds.
enum SymbolPlace {
  kPlaceBeforeFirst = 10000,
#define GOVERNOR_PLACE(field, symbol) kPlaceOf##field,
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_PLACE)
#undef GOVERNOR_PLACE
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_TESTDATA_SYMBOL_PLACES_H_
