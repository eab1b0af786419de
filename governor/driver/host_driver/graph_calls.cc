#include "governor/driver/host_driver/graph_calls.h"

#include <algorithm>
#include <utility>

#include "governor/driver/host_driver/prepared_copies.h"

namespace governor {

CUresult GraphCalls::Add(CUgraphNode* node, CUgraph graph,
                         const CUgraphNode* dependencies, size_t count,
                         Graphs::Node content) {
  if (node == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.graphs.Add(graph, dependencies, count, std::move(content),
                           node);
}

CUresult GraphCalls::GraphCreate(CUgraph* graph, unsigned int flags) {
  if (graph == nullptr || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  int device = 0;
  if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  *graph = state_.graphs.Create(device);
  return CUDA_SUCCESS;
}

CUresult GraphCalls::GraphDestroy(CUgraph graph) {
  return state_.graphs.Destroy(graph);
}

CUresult GraphCalls::GraphAddEmptyNode(CUgraphNode* node, CUgraph graph,
                                       const CUgraphNode* dependencies,
                                       size_t num_dependencies) {
  return Add(node, graph, dependencies, num_dependencies, {});
}

CUresult GraphCalls::GraphAddMemcpyNode(CUgraphNode* node, CUgraph graph,
                                        const CUgraphNode* dependencies,
                                        size_t num_dependencies,
                                        const CUDA_MEMCPY3D* params,
                                        CUcontext context) {
  if (params == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckContext(context)) return result;
  Graphs::Node content = {.type = CU_GRAPH_NODE_TYPE_MEMCPY};
  if (CUresult result = PrepareCopy3D(state_, *params, &content.work)) {
    return result;
  }
  return Add(node, graph, dependencies, num_dependencies, std::move(content));
}

CUresult GraphCalls::GraphAddMemsetNode(CUgraphNode* node, CUgraph graph,
                                        const CUgraphNode* dependencies,
                                        size_t num_dependencies,
                                        const CUDA_MEMSET_NODE_PARAMS* params,
                                        CUcontext context) {
  if (params == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckContext(context)) return result;
  Graphs::Node content = {.type = CU_GRAPH_NODE_TYPE_MEMSET};
  if (CUresult result = PrepareMemset(state_, *params, &content.work)) {
    return result;
  }
  return Add(node, graph, dependencies, num_dependencies, std::move(content));
}

CUresult GraphCalls::GraphAddHostNode(CUgraphNode* node, CUgraph graph,
                                      const CUgraphNode* dependencies,
                                      size_t num_dependencies,
                                      const CUDA_HOST_NODE_PARAMS* params) {
  if (params == nullptr || params->fn == nullptr) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const CUhostFn function = params->fn;
  void* const data = params->userData;
  return Add(node, graph, dependencies, num_dependencies,
             {.type = CU_GRAPH_NODE_TYPE_HOST, .work = [function, data] {
                function(data);
                return CUDA_SUCCESS;
              }});
}

CUresult GraphCalls::GraphAddMemAllocNode(CUgraphNode* node, CUgraph graph,
                                          const CUgraphNode* dependencies,
                                          size_t num_dependencies,
                                          CUDA_MEM_ALLOC_NODE_PARAMS* params) {
  if (node == nullptr || params == nullptr || params->bytesize == 0 ||
      params->poolProps.allocType != CU_MEM_ALLOCATION_TYPE_PINNED) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Measured: graphs allocate of devices alone.
  if (params->poolProps.location.type == CU_MEM_LOCATION_TYPE_HOST) {
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  if (params->poolProps.location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
      !state_.IsDevice(params->poolProps.location.id)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  return state_.graphs.AddAllocation(graph, dependencies, num_dependencies,
                                     params, node);
}

CUresult GraphCalls::GraphMemAllocNodeGetParams(
    CUgraphNode node, CUDA_MEM_ALLOC_NODE_PARAMS* params) {
  Graphs::Node found;
  if (params == nullptr || state_.graphs.Find(node, &found) != CUDA_SUCCESS ||
      found.type != CU_GRAPH_NODE_TYPE_MEM_ALLOC) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  *params = found.allocation;
  return CUDA_SUCCESS;
}

CUresult GraphCalls::GraphAddMemFreeNode(CUgraphNode* node, CUgraph graph,
                                         const CUgraphNode* dependencies,
                                         size_t num_dependencies,
                                         CUdeviceptr address) {
  return Add(node, graph, dependencies, num_dependencies,
             {.type = CU_GRAPH_NODE_TYPE_MEM_FREE, .address = address});
}

CUresult GraphCalls::GraphMemFreeNodeGetParams(CUgraphNode node,
                                               CUdeviceptr* address) {
  Graphs::Node found;
  if (address == nullptr || state_.graphs.Find(node, &found) != CUDA_SUCCESS ||
      found.type != CU_GRAPH_NODE_TYPE_MEM_FREE) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  *address = found.address;
  return CUDA_SUCCESS;
}

CUresult GraphCalls::GraphNodeGetType(CUgraphNode node, CUgraphNodeType* type) {
  Graphs::Node found;
  if (type == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = state_.graphs.Find(node, &found)) return result;
  *type = found.type;
  return CUDA_SUCCESS;
}

CUresult GraphCalls::GraphGetNodes(CUgraph graph, CUgraphNode* nodes,
                                   size_t* num_nodes) {
  if (num_nodes == nullptr) return CUDA_ERROR_INVALID_VALUE;
  std::vector<CUgraphNode> all;
  if (CUresult result = state_.graphs.NodesOf(graph, &all)) return result;
  if (nodes == nullptr) {
    *num_nodes = all.size();
    return CUDA_SUCCESS;
  }
  // Documented: what is over reads as null, and the number is of those given.
  std::fill_n(nodes, *num_nodes, nullptr);
  *num_nodes = std::min(*num_nodes, all.size());
  std::copy_n(all.begin(), *num_nodes, nodes);
  return CUDA_SUCCESS;
}

CUresult GraphCalls::GraphInstantiate(CUgraphExec* exec, CUgraph graph,
                                      unsigned long long flags) {  // NOLINT
  // Measured: not CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD, which names no stream.
  constexpr unsigned long long kKnownFlags =  // NOLINT
      CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH |
      CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY;
  if (exec == nullptr || (flags & ~kKnownFlags) != 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const bool frees = flags & CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
  return state_.graphs.Instantiate(graph, frees, exec);
}

CUresult GraphCalls::Upload(const Graphs::Executable& executable) {
  for (const CUdeviceptr address : executable.allocates) {
    if (CUresult result = state_.graph_memory.Back(address)) return result;
  }
  return CUDA_SUCCESS;
}

CUresult GraphCalls::GraphUpload(CUgraphExec exec, CUstream stream) {
  std::shared_ptr<const Graphs::Executable> executable;
  if (CUresult result = state_.graphs.Find(exec, &executable)) return result;
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  return Upload(*executable);
}

// A launch from its call until its work is done: nobody takes its memory, and
// what it leaves allocated is claimed. A launch that the stream refuses, or
// that is dropped with the driver, leaves no trace.
class GraphCalls::Launch {
 public:
  Launch(GraphMemory& memory,
         std::shared_ptr<const Graphs::Executable> executable)
      : memory_(memory), executable_(std::move(executable)) {
    for (const CUdeviceptr address : executable_->allocates) {
      memory_.Use(address);
    }
  }
  ~Launch() {
    if (!begun_) {
      for (const CUdeviceptr address : claimed_) memory_.Free(address);
    }
    for (const CUdeviceptr address : executable_->allocates) {
      memory_.Unuse(address);
    }
  }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  // What the graph itself does not free lives until somebody does, and until
  // then it cannot be launched again. INVALID_VALUE: it lives.
  CUresult Claim() {
    for (const CUdeviceptr address : executable_->leaves) {
      if (executable_->frees_on_launch) memory_.Free(address);
      if (CUresult result = memory_.Claim(address)) return result;
      claimed_.push_back(address);
    }
    return CUDA_SUCCESS;
  }

  CUresult Do() {
    begun_ = true;
    for (const Graphs::Node& node : executable_->nodes) {
      if (node.type == CU_GRAPH_NODE_TYPE_MEM_ALLOC) {
        if (executable_->frees_on_launch) memory_.End(node.address);
        memory_.Begin(node.address);
      } else if (node.type == CU_GRAPH_NODE_TYPE_MEM_FREE) {
        memory_.End(node.address);
      } else if (node.work) {
        if (CUresult result = node.work()) return result;
      }
    }
    return CUDA_SUCCESS;
  }

 private:
  GraphMemory& memory_;
  const std::shared_ptr<const Graphs::Executable> executable_;
  std::vector<CUdeviceptr> claimed_;
  bool begun_ = false;
};

CUresult GraphCalls::GraphLaunch(CUgraphExec exec, CUstream stream) {
  std::shared_ptr<const Graphs::Executable> executable;
  if (CUresult result = state_.graphs.Find(exec, &executable)) return result;
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  const auto launch = std::make_shared<Launch>(state_.graph_memory, executable);
  if (CUresult result = Upload(*executable)) return result;
  if (CUresult result = launch->Claim()) return result;
  // A host node may wait for what the caller does next.
  return state_.streams.EnqueueGraph(
      stream, [launch] { return launch->Do(); },
      executable->has_host_nodes ? WorkQueues::Thread::kOwn
                                 : WorkQueues::Thread::kAny);
}

CUresult GraphCalls::GraphExecDestroy(CUgraphExec exec) {
  return state_.graphs.DestroyExecutable(exec);
}

CUresult GraphCalls::DeviceGraphMemTrim(CUdevice device) {
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  state_.graph_memory.Trim(device);
  return CUDA_SUCCESS;
}

CUresult GraphCalls::DeviceGetGraphMemAttribute(CUdevice device,
                                                CUgraphMem_attribute attribute,
                                                void* value) {
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  return state_.graph_memory.GetAttribute(device, attribute,
                                          static_cast<cuuint64_t*>(value));
}

CUresult GraphCalls::DeviceSetGraphMemAttribute(CUdevice device,
                                                CUgraphMem_attribute attribute,
                                                void* value) {
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  return state_.graph_memory.SetAttribute(
      device, attribute, *static_cast<const cuuint64_t*>(value));
}

CUresult GraphCalls::CheckContext(CUcontext context) {
  ContextId id = 0;
  // Measured: null is the current one.
  return context == nullptr ? state_.contexts.Current(&id)
                            : state_.contexts.Check(context, &id);
}

}  // namespace governor
