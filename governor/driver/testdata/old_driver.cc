// What a driver of CUDA 11.2 is to a loader: its version.
extern "C" int cuDriverGetVersion(int* version) {
  *version = 11020;
  return 0;
}
