#include "governor/driver/host_driver/graphs.h"

#include <set>
#include <utility>

namespace governor {

CUgraph Graphs::Create(int device) {
  MutexLock lock(mutex_);
  const CUgraph graph = reinterpret_cast<CUgraph>(NextHandle());
  graphs_[graph].device = device;
  return graph;
}

CUresult Graphs::Destroy(CUgraph graph) {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(graph);
  if (found == graphs_.end()) return CUDA_ERROR_INVALID_VALUE;
  for (const CUgraphNode handle : found->second.order) {
    const Node& node = nodes_.at(handle).node;
    if (node.type == CU_GRAPH_NODE_TYPE_MEM_ALLOC) memory_.Drop(node.address);
    nodes_.erase(handle);
  }
  graphs_.erase(found);
  return CUDA_SUCCESS;
}

CUresult Graphs::Add(CUgraph graph, const CUgraphNode* dependencies,
                     size_t count, Node node, CUgraphNode* handle) {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(graph);
  if (found == graphs_.end() || !AreNodesOf(graph, dependencies, count)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (node.type == CU_GRAPH_NODE_TYPE_MEM_FREE &&
      !AllocatesLocked(found->second, node.address)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  *handle = Append(graph, std::move(node));
  return CUDA_SUCCESS;
}

CUresult Graphs::AddAllocation(CUgraph graph, const CUgraphNode* dependencies,
                               size_t count,
                               CUDA_MEM_ALLOC_NODE_PARAMS* allocation,
                               CUgraphNode* handle) {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(graph);
  if (found == graphs_.end() || !AreNodesOf(graph, dependencies, count)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const int device = allocation->poolProps.location.id;
  if (CUresult result =
          memory_.Reserve(device, allocation->bytesize, &allocation->dptr)) {
    return result;
  }
  memory_.Hold(allocation->dptr);
  found->second.allocates = true;
  *handle = Append(graph, {.type = CU_GRAPH_NODE_TYPE_MEM_ALLOC,
                           .address = allocation->dptr,
                           .allocation = *allocation});
  return CUDA_SUCCESS;
}

bool Graphs::Allocates(CUgraph graph, CUdeviceptr address) {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(graph);
  return found != graphs_.end() && AllocatesLocked(found->second, address);
}

CUresult Graphs::Find(CUgraphNode node, Node* found) {
  MutexLock lock(mutex_);
  const auto placed = nodes_.find(node);
  if (placed == nodes_.end()) return CUDA_ERROR_INVALID_VALUE;
  *found = placed->second.node;
  return CUDA_SUCCESS;
}

CUresult Graphs::NodesOf(CUgraph graph, std::vector<CUgraphNode>* nodes) {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(graph);
  if (found == graphs_.end()) return CUDA_ERROR_INVALID_VALUE;
  *nodes = found->second.order;
  return CUDA_SUCCESS;
}

CUresult Graphs::Instantiate(CUgraph graph, bool frees_on_launch,
                             CUgraphExec* executable) {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(graph);
  if (found == graphs_.end()) return CUDA_ERROR_INVALID_VALUE;
  // Measured.
  if (found->second.allocates && found->second.executables > 0) {
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  auto made = std::make_shared<Executable>();
  made->device = found->second.device;
  made->frees_on_launch = frees_on_launch;
  std::set<CUdeviceptr> freed;
  for (const CUgraphNode handle : found->second.order) {
    made->nodes.push_back(nodes_.at(handle).node);
    const Node& node = made->nodes.back();
    if (node.type == CU_GRAPH_NODE_TYPE_MEM_FREE) freed.insert(node.address);
    if (node.type == CU_GRAPH_NODE_TYPE_HOST) made->has_host_nodes = true;
    if (node.type == CU_GRAPH_NODE_TYPE_MEM_ALLOC) {
      made->allocates.push_back(node.address);
    }
  }
  for (const CUdeviceptr address : made->allocates) {
    if (!freed.contains(address)) made->leaves.push_back(address);
    memory_.Hold(address);
  }
  ++found->second.executables;
  *executable = reinterpret_cast<CUgraphExec>(NextHandle());
  instances_[*executable] = {graph, std::move(made)};
  return CUDA_SUCCESS;
}

CUresult Graphs::Find(CUgraphExec executable,
                      std::shared_ptr<const Executable>* found) {
  MutexLock lock(mutex_);
  const auto instance = instances_.find(executable);
  if (instance == instances_.end()) return CUDA_ERROR_INVALID_VALUE;
  *found = instance->second.executable;
  return CUDA_SUCCESS;
}

CUresult Graphs::DestroyExecutable(CUgraphExec executable) {
  MutexLock lock(mutex_);
  const auto found = instances_.find(executable);
  if (found == instances_.end()) return CUDA_ERROR_INVALID_VALUE;
  for (const CUdeviceptr address : found->second.executable->allocates) {
    memory_.Drop(address);
  }
  const auto graph = graphs_.find(found->second.graph);
  if (graph != graphs_.end()) --graph->second.executables;
  instances_.erase(found);
  return CUDA_SUCCESS;
}

void Graphs::CountLive(LiveObjects& live) {
  MutexLock lock(mutex_);
  live.graphs = graphs_.size();
  live.graph_executables = instances_.size();
}

uintptr_t Graphs::NextHandle() {
  const uintptr_t handle = next_;
  next_ += 16;
  return handle;
}

bool Graphs::AreNodesOf(CUgraph graph, const CUgraphNode* nodes, size_t count) {
  if (count > 0 && nodes == nullptr) return false;
  for (size_t i = 0; i < count; ++i) {
    const auto placed = nodes_.find(nodes[i]);
    if (placed == nodes_.end() || placed->second.graph != graph) return false;
  }
  return true;
}

CUgraphNode Graphs::Append(CUgraph graph, Node node) {
  const CUgraphNode handle = reinterpret_cast<CUgraphNode>(NextHandle());
  graphs_[graph].order.push_back(handle);
  nodes_[handle] = {graph, std::move(node)};
  return handle;
}

bool Graphs::AllocatesLocked(const Graph& graph, CUdeviceptr address) {
  bool allocates = false;
  for (const CUgraphNode handle : graph.order) {
    const Node& node = nodes_.at(handle).node;
    if (node.address != address) continue;
    if (node.type == CU_GRAPH_NODE_TYPE_MEM_ALLOC) allocates = true;
    if (node.type == CU_GRAPH_NODE_TYPE_MEM_FREE) return false;
  }
  return allocates;
}

}  // namespace governor
