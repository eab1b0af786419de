#ifndef GOVERNOR_TESTS_FUZZ_HF_CONFIG_CORPUS_H_
#define GOVERNOR_TESTS_FUZZ_HF_CONFIG_CORPUS_H_

#include <map>
#include <string>

namespace governor {

// The files of corpus/hf_config that we wrote ourselves, by name: right ones,
// at least one for each reader, and those of HostileConfigs() that are small.
// What a fuzzer found lies beside them.
std::map<std::string, std::string> HfConfigCorpus();

}  // namespace governor

#endif  // GOVERNOR_TESTS_FUZZ_HF_CONFIG_CORPUS_H_
