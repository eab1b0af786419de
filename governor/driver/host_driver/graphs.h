#ifndef GOVERNOR_DRIVER_HOST_DRIVER_GRAPHS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_GRAPHS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/graph_memory.h"
#include "governor/driver/host_driver/live_objects.h"

namespace governor {

// The graphs of a HostDriver, their nodes and what was instantiated of them. A
// node may depend only on nodes that are there, so the order in which they were
// added is an order to run them in. Thread-safe.
//
// A handle here is a number that is never given twice, so that a stale one is
// always noticed; hardware may crash instead.
class Graphs {
 public:
  struct Node {
    CUgraphNodeType type = CU_GRAPH_NODE_TYPE_EMPTY;
    std::function<CUresult()> work = nullptr;
    // Of nodes that allocate or free.
    CUdeviceptr address = 0;
    CUDA_MEM_ALLOC_NODE_PARAMS allocation = {};
  };
  // What a launch runs. Shared with launches that have not ended.
  struct Executable {
    int device = 0;
    // CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH
    bool frees_on_launch = false;
    bool has_host_nodes = false;
    std::vector<Node> nodes;
    std::vector<CUdeviceptr> allocates;
    std::vector<CUdeviceptr> leaves;  // of these, those that no node frees
  };

  explicit Graphs(GraphMemory& memory) : memory_(memory) {}

  CUgraph Create(int device);
  // INVALID_VALUE, from here on: a handle that is none, or a dependency that is
  // no node of the graph.
  CUresult Destroy(CUgraph graph);
  // INVALID_VALUE, too: `node` frees an address that no node of the graph
  // allocates, or that another frees.
  CUresult Add(CUgraph graph, const CUgraphNode* dependencies, size_t count,
               Node node, CUgraphNode* handle);
  // Adds a node that allocates: its address is in `allocation.dptr`.
  CUresult AddAllocation(CUgraph graph, const CUgraphNode* dependencies,
                         size_t count, CUDA_MEM_ALLOC_NODE_PARAMS* allocation,
                         CUgraphNode* handle);
  // Whether a node of the graph allocates this address, and none frees it.
  bool Allocates(CUgraph graph, CUdeviceptr address);
  CUresult Find(CUgraphNode node, Node* found);
  CUresult NodesOf(CUgraph graph, std::vector<CUgraphNode>* nodes);

  // NOT_SUPPORTED: the graph allocates, and has an executable already.
  CUresult Instantiate(CUgraph graph, bool frees_on_launch,
                       CUgraphExec* executable);
  CUresult Find(CUgraphExec executable,
                std::shared_ptr<const Executable>* found);
  CUresult DestroyExecutable(CUgraphExec executable);

  // Fills what it knows of.
  void CountLive(LiveObjects& live);

 private:
  struct Graph {
    int device = 0;
    std::vector<CUgraphNode> order;
    bool allocates = false;
    int executables = 0;
  };
  struct Placed {
    CUgraph graph;
    Node node;
  };
  struct Instance {
    CUgraph graph;
    std::shared_ptr<const Executable> executable;
  };

  uintptr_t NextHandle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AreNodesOf(CUgraph graph, const CUgraphNode* nodes, size_t count)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CUgraphNode Append(CUgraph graph, Node node)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AllocatesLocked(const Graph& graph, CUdeviceptr address)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  GraphMemory& memory_;
  Mutex mutex_;
  absl::flat_hash_map<CUgraph, Graph> graphs_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<CUgraphNode, Placed> nodes_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<CUgraphExec, Instance> instances_ ABSL_GUARDED_BY(mutex_);
  uintptr_t next_ ABSL_GUARDED_BY(mutex_) = uintptr_t{1} << 34;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_GRAPHS_H_
