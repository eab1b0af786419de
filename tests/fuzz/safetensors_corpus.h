#ifndef GOVERNOR_TESTS_FUZZ_SAFETENSORS_CORPUS_H_
#define GOVERNOR_TESTS_FUZZ_SAFETENSORS_CORPUS_H_

#include <map>
#include <string>

namespace governor {

// The files of corpus/safetensors and of corpus/safetensors_index that we wrote
// ourselves, by name: right ones, and all of HostileSafetensors() and
// HostileSafetensorsIndexes(). What a fuzzer found lies beside them.
std::map<std::string, std::string> SafetensorsCorpus();
std::map<std::string, std::string> SafetensorsIndexCorpus();

}  // namespace governor

#endif  // GOVERNOR_TESTS_FUZZ_SAFETENSORS_CORPUS_H_
