#ifndef GOVERNOR_DRIVER_HOST_DRIVER_GRAPH_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_GRAPH_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: graphs, as far as their memory goes.
class GraphCalls {
 public:
  explicit GraphCalls(HostState& state) : state_(state) {}

  CUresult GraphCreate(CUgraph* graph, unsigned int flags);
  CUresult GraphDestroy(CUgraph graph);
  CUresult GraphAddEmptyNode(CUgraphNode* node, CUgraph graph,
                             const CUgraphNode* dependencies,
                             size_t num_dependencies);
  CUresult GraphAddMemcpyNode(CUgraphNode* node, CUgraph graph,
                              const CUgraphNode* dependencies,
                              size_t num_dependencies,
                              const CUDA_MEMCPY3D* params, CUcontext context);
  CUresult GraphAddMemsetNode(CUgraphNode* node, CUgraph graph,
                              const CUgraphNode* dependencies,
                              size_t num_dependencies,
                              const CUDA_MEMSET_NODE_PARAMS* params,
                              CUcontext context);
  CUresult GraphAddHostNode(CUgraphNode* node, CUgraph graph,
                            const CUgraphNode* dependencies,
                            size_t num_dependencies,
                            const CUDA_HOST_NODE_PARAMS* params);
  CUresult GraphAddMemAllocNode(CUgraphNode* node, CUgraph graph,
                                const CUgraphNode* dependencies,
                                size_t num_dependencies,
                                CUDA_MEM_ALLOC_NODE_PARAMS* params);
  CUresult GraphMemAllocNodeGetParams(CUgraphNode node,
                                      CUDA_MEM_ALLOC_NODE_PARAMS* params);
  CUresult GraphAddMemFreeNode(CUgraphNode* node, CUgraph graph,
                               const CUgraphNode* dependencies,
                               size_t num_dependencies, CUdeviceptr address);
  CUresult GraphMemFreeNodeGetParams(CUgraphNode node, CUdeviceptr* address);
  CUresult GraphNodeGetType(CUgraphNode node, CUgraphNodeType* type);
  CUresult GraphGetNodes(CUgraph graph, CUgraphNode* nodes, size_t* num_nodes);
  CUresult GraphInstantiate(CUgraphExec* exec, CUgraph graph,
                            unsigned long long flags);
  CUresult GraphUpload(CUgraphExec exec, CUstream stream);
  CUresult GraphLaunch(CUgraphExec exec, CUstream stream);
  CUresult GraphExecDestroy(CUgraphExec exec);
  CUresult DeviceGraphMemTrim(CUdevice device);
  CUresult DeviceGetGraphMemAttribute(CUdevice device,
                                      CUgraphMem_attribute attribute,
                                      void* value);
  CUresult DeviceSetGraphMemAttribute(CUdevice device,
                                      CUgraphMem_attribute attribute,
                                      void* value);

 private:
  class Launch;

  CUresult Add(CUgraphNode* node, CUgraph graph,
               const CUgraphNode* dependencies, size_t count,
               Graphs::Node content);
  CUresult CheckContext(CUcontext context);
  // Memory for all that the graph allocates.
  CUresult Upload(const Graphs::Executable& executable);

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_GRAPH_CALLS_H_
