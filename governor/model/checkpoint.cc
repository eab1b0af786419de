#include "governor/model/checkpoint.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/file_byte_source.h"
#include "governor/model/gguf_name.h"
#include "governor/model/json_file_error.h"
#include "governor/model/safetensors_index.h"
#include "governor/model/weight_files.h"

namespace governor {
namespace {

constexpr absl::string_view kConfig = "config.json";
constexpr absl::string_view kIndex = "model.safetensors.index.json";

std::string Quoted(absl::string_view path) {
  return absl::StrCat("'", absl::Utf8SafeCHexEscape(path), "'");
}

absl::Status WithPath(const absl::Status& status, absl::string_view kind,
                      absl::string_view path) {
  return absl::Status(status.code(), absl::StrCat(status.message(), "; ", kind,
                                                  " ", Quoted(path)));
}

absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()),
                                                   closedir);
  if (folder == nullptr) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot list ", Quoted(path)));
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  if (errno != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot list ", Quoted(path)));
  }
  return names;
}

absl::StatusOr<Safetensors> ReadHeader(const std::string& path,
                                       const OpenSource& open) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source,
                            open(path));
  absl::StatusOr<Safetensors> header = ParseSafetensors(*source);
  if (header.ok()) return header;
  return WithPath(header.status(), "file", path);
}

// The headers of `files`. Looks for all of them before it says that one is
// missing.
absl::Status ReadShards(const std::string& folder,
                        const std::vector<std::string>& files,
                        const OpenSource& open, Checkpoint& checkpoint) {
  checkpoint.shards.reserve(files.size());
  std::string missing;
  size_t missing_count = 0;
  for (const std::string& file : files) {
    absl::StatusOr<Safetensors> header =
        ReadHeader(absl::StrCat(folder, "/", file), open);
    if (header.ok()) {
      checkpoint.shards.push_back({file, *std::move(header)});
    } else if (absl::IsNotFound(header.status())) {
      if (missing_count++ == 0) missing = file;
    } else {
      return header.status();
    }
  }
  if (missing_count == 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      "shard ", Quoted(missing), " is missing (", missing_count, " of ",
      files.size(), " are) in ", Quoted(folder), "; download the rest"));
}

// Both name the same tensors, each in its order.
absl::Status CheckAgainstIndex(const SafetensorsIndex& index, size_t shard,
                               const Checkpoint::Shard& found) {
  const Safetensors& header = found.header;
  const size_t listed = index.tensor_count(shard);
  const size_t there = header.tensor_count();
  for (size_t i = 0; i < std::max(listed, there); ++i) {
    if (i < listed && i < there && index.tensor(shard, i) == header.name(i)) {
      continue;
    }
    const bool is_absent =
        i == there || (i < listed && index.tensor(shard, i) < header.name(i));
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor ",
        QuotedName(is_absent ? index.tensor(shard, i) : header.name(i)),
        is_absent ? " is not in shard " : " is in shard ", Quoted(found.file),
        is_absent ? ", where the index has it"
                  : ", but the index does not have it there",
        "; download index and shards again from one revision"));
  }
  return absl::OkStatus();
}

absl::Status CheckDistinct(const Checkpoint& checkpoint) {
  std::vector<std::pair<absl::string_view, const std::string*>> names;
  for (const Checkpoint::Shard& shard : checkpoint.shards) {
    for (size_t i = 0; i < shard.header.tensor_count(); ++i) {
      names.emplace_back(shard.header.name(i), &shard.file);
    }
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(
      names.begin(), names.end(),
      [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice == names.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "tensor ", QuotedName(twice->first), " is in both ",
      Quoted(*twice->second), " and ", Quoted(*(twice + 1)->second),
      "; move the files of other models away, or add ", kIndex));
}

absl::Status ReadIndexed(const std::string& folder, const ByteSource& source,
                         const OpenSource& open, Checkpoint& checkpoint) {
  const absl::StatusOr<SafetensorsIndex> parsed = ParseSafetensorsIndex(source);
  if (!parsed.ok()) return JsonFileError(parsed.status(), source, kIndex);
  const SafetensorsIndex& index = *parsed;
  std::vector<std::string> files;
  for (size_t i = 0; i < index.shard_count(); ++i) {
    files.emplace_back(index.shard(i));
  }
  GOVERNOR_RETURN_IF_ERROR(ReadShards(folder, files, open, checkpoint));
  std::optional<Bytes> total = Bytes();
  for (size_t i = 0; i < files.size(); ++i) {
    const Checkpoint::Shard& shard = checkpoint.shards[i];
    GOVERNOR_RETURN_IF_ERROR(CheckAgainstIndex(index, i, shard));
    if (total) total = CheckedAdd(*total, shard.header.data_size());
  }
  if (index.total_size() && total && index.total_size() != total) {
    checkpoint.notes.push_back(
        absl::StrCat(kIndex, " gives the weights ", index.total_size()->count(),
                     " bytes, the files' headers ", total->count(),
                     "; the headers are believed"));
  }
  return absl::OkStatus();
}

// A folder models--ORG--NAME of Hugging Face's cache: the model is in a folder
// of its own for each revision, further down.
absl::Status CheckNoCache(const std::string& folder,
                          const std::vector<std::string>& names) {
  constexpr absl::string_view kSnapshots = "snapshots";
  if (!absl::c_linear_search(names, kSnapshots) ||
      absl::c_linear_search(names, kConfig)) {
    return absl::OkStatus();
  }
  const std::string snapshots = absl::StrCat(folder, "/", kSnapshots);
  absl::StatusOr<std::vector<std::string>> revisions = ListFolder(snapshots);
  if (!revisions.ok()) return revisions.status();
  const std::string what =
      absl::StrCat(Quoted(folder), " is an entry of a Hugging Face cache; ");
  if (revisions->empty()) {
    return absl::NotFoundError(absl::StrCat(what, "it holds no revision under ",
                                            kSnapshots, "; download one"));
  }
  const std::string& first = *absl::c_min_element(*revisions);
  return absl::InvalidArgumentError(absl::StrCat(
      what, "give the folder of a revision, ",
      Quoted(absl::StrCat(snapshots, "/", first)),
      revisions->size() == 1
          ? ""
          : absl::StrCat(" or one of ", revisions->size() - 1, " others")));
}

absl::StatusOr<Checkpoint> ReadFolder(const std::string& path,
                                      const OpenSource& open) {
  Checkpoint checkpoint;
  checkpoint.config_path = absl::StrCat(path, "/", kConfig);
  const std::string index_path = absl::StrCat(path, "/", kIndex);
  absl::StatusOr<std::unique_ptr<ByteSource>> index = open(index_path);
  if (index.ok()) {
    const absl::Status status = ReadIndexed(path, **index, open, checkpoint);
    if (status.ok()) return checkpoint;
    return WithPath(status, "index", index_path);
  }
  if (!absl::IsNotFound(index.status())) return index.status();
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            ListFolder(path));
  GOVERNOR_RETURN_IF_ERROR(CheckNoCache(path, names));
  absl::StatusOr<std::vector<std::string>> files = WeightFilesOf(names);
  if (!files.ok()) return WithPath(files.status(), "folder", path);
  GOVERNOR_RETURN_IF_ERROR(ReadShards(path, *files, open, checkpoint));
  const absl::Status distinct = CheckDistinct(checkpoint);
  if (!distinct.ok()) return WithPath(distinct, "folder", path);
  return checkpoint;
}

absl::StatusOr<Checkpoint> ReadOneFile(const std::string& path,
                                       const OpenSource& open) {
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "" : path.substr(0, slash + 1);
  const std::string file = path.substr(folder.size());
  if (const std::optional<uint64_t> parts = PartsOf(file)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(path), " is one of ", *parts,
                     " files of its model; give the path of the folder"));
  }
  Checkpoint checkpoint;
  checkpoint.config_path = absl::StrCat(folder, kConfig);
  GOVERNOR_ASSIGN_OR_RETURN(Safetensors header, ReadHeader(path, open));
  checkpoint.shards.push_back({file, std::move(header)});
  return checkpoint;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> OpenFileSource(
    const std::string& path) {
  return FileByteSource::Open(path);
}

std::optional<SafetensorsTensor> Checkpoint::Find(absl::string_view name,
                                                  size_t near) const {
  std::optional<SafetensorsTensor> found = shards[near].header.Find(name);
  if (!found && near + 1 < shards.size()) {
    found = shards[near + 1].header.Find(name);
  }
  if (!found && near > 0) found = shards[near - 1].header.Find(name);
  return found;
}

absl::StatusOr<Checkpoint> ReadCheckpoint(const std::string& path,
                                          const OpenSource& open) {
  struct stat found;
  if (stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) {
    return ReadFolder(path, open);
  }
  return ReadOneFile(path, open);
}

}  // namespace governor
