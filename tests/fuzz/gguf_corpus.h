#ifndef GOVERNOR_TESTS_FUZZ_GGUF_CORPUS_H_
#define GOVERNOR_TESTS_FUZZ_GGUF_CORPUS_H_

#include <map>
#include <string>

namespace governor {

// The files of corpus/gguf that we wrote ourselves, by name: right ones, and
// all of HostileGgufs(). What a fuzzer found lies beside them.
std::map<std::string, std::string> GgufCorpus();

}  // namespace governor

#endif  // GOVERNOR_TESTS_FUZZ_GGUF_CORPUS_H_
