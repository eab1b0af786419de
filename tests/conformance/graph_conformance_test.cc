// Graphs, and their memory.

#include <atomic>
#include <cstring>
#include <set>
#include <vector>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr size_t kSize = 16 << 20;

class GraphConformance : public ConformanceTest {
 protected:
  void SetUp() override {
    ConformanceTest::SetUp();
    stream_ = NewStream();
    linear_ = NewLinear(4096);
    EXPECT_OK(MemsetD32, linear_, 0, 1024);
    EXPECT_OK(CtxSynchronize);
  }

  CUgraph NewGraph() {
    CUgraph graph = nullptr;
    EXPECT_OK(GraphCreate, &graph, 0);
    if (graph != nullptr) {
      Later([graph] { EXPECT_OK(GraphDestroy, graph); });
    }
    return graph;
  }

  CUgraphExec NewExec(CUgraph graph) {
    CUgraphExec exec = nullptr;
    EXPECT_OK(GraphInstantiate, &exec, graph, 0);
    if (exec != nullptr) {
      Later([exec] { EXPECT_OK(GraphExecDestroy, exec); });
    }
    return exec;
  }

  void Launch(CUgraph graph) {
    const CUgraphExec exec = NewExec(graph);
    ASSERT_NE(exec, nullptr);
    EXPECT_OK(GraphLaunch, exec, stream_);
    EXPECT_OK(StreamSynchronize, stream_);
  }

  CUDA_MEMSET_NODE_PARAMS Set(CUdeviceptr address, uint32_t value) {
    CUDA_MEMSET_NODE_PARAMS set;
    std::memset(&set, 0, sizeof(set));
    set.dst = address;
    set.value = value;
    set.elementSize = 4;
    set.width = 1;
    set.height = 1;
    return set;
  }

  CUDA_MEMCPY3D Copy(CUdeviceptr to, CUdeviceptr from, size_t size) {
    CUDA_MEMCPY3D copy = {};
    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = from;
    copy.srcPitch = size;
    copy.srcHeight = 1;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.dstDevice = to;
    copy.dstPitch = size;
    copy.dstHeight = 1;
    copy.WidthInBytes = size;
    copy.Height = 1;
    copy.Depth = 1;
    return copy;
  }

  CUDA_MEM_ALLOC_NODE_PARAMS Alloc(size_t size = kSize) {
    CUDA_MEM_ALLOC_NODE_PARAMS alloc;
    std::memset(&alloc, 0, sizeof(alloc));
    alloc.poolProps.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
    alloc.poolProps.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    alloc.bytesize = size;
    return alloc;
  }

  CUgraphNodeType TypeOf(CUgraphNode node) {
    CUgraphNodeType type = CU_GRAPH_NODE_TYPE_EMPTY;
    EXPECT_OK(GraphNodeGetType, node, &type);
    return type;
  }

  cuuint64_t Memory(CUgraphMem_attribute attribute) {
    cuuint64_t value = 0;
    EXPECT_OK(DeviceGetGraphMemAttribute, 0, attribute, &value);
    return value;
  }

  CUstream stream_ = nullptr;
  CUdeviceptr linear_ = 0;
};

TEST_F(GraphConformance, CreateRefusesMisuse) {
  CUgraph graph = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, GraphCreate, nullptr, 0);
  EXPECT_REFUSED(INVALID_VALUE, GraphCreate, &graph, 1);
  EXPECT_REFUSED(INVALID_VALUE, GraphDestroy, nullptr);
}

TEST_F(GraphConformance, TellsItsNodes) {
  const CUgraph graph = NewGraph();
  ASSERT_NE(graph, nullptr);
  CUgraphNode a = nullptr, b = nullptr;
  ASSERT_OK(GraphAddEmptyNode, &a, graph, nullptr, 0);
  ASSERT_OK(GraphAddEmptyNode, &b, graph, &a, 1);
  size_t count = 0;
  EXPECT_OK(GraphGetNodes, graph, nullptr, &count);
  EXPECT_EQ(count, 2u);
  CUgraphNode nodes[4] = {};
  count = 4;
  EXPECT_OK(GraphGetNodes, graph, nodes, &count);
  EXPECT_EQ(count, 2u);
  EXPECT_EQ((std::set<CUgraphNode>{nodes[0], nodes[1]}),
            (std::set<CUgraphNode>{a, b}));
  EXPECT_EQ(nodes[2], nullptr);
  EXPECT_EQ(TypeOf(a), CU_GRAPH_NODE_TYPE_EMPTY);
}

TEST_F(GraphConformance, NodesRefuseMisuse) {
  const CUgraph graph = NewGraph();
  CUgraphNode node = nullptr;
  CUgraphNodeType type = CU_GRAPH_NODE_TYPE_EMPTY;
  size_t count = 0;
  EXPECT_REFUSED(INVALID_VALUE, GraphGetNodes, graph, nullptr, nullptr);
  EXPECT_REFUSED(INVALID_VALUE, GraphGetNodes, nullptr, nullptr, &count);
  EXPECT_REFUSED(INVALID_VALUE, GraphNodeGetType, nullptr, &type);
  EXPECT_REFUSED(INVALID_VALUE, GraphAddEmptyNode, nullptr, graph, nullptr, 0);
  EXPECT_REFUSED(INVALID_VALUE, GraphAddEmptyNode, &node, nullptr, nullptr, 0);
  EXPECT_REFUSED(INVALID_VALUE, GraphAddEmptyNode, &node, graph, nullptr, 1);
}

TEST_F(GraphConformance, SetsCopiesAndCalls) {
  const CUgraph graph = NewGraph();
  ASSERT_NE(graph, nullptr);
  CUgraphNode set_node = nullptr, copy_node = nullptr, host_node = nullptr;
  const CUDA_MEMSET_NODE_PARAMS set = Set(linear_, 42);
  const CUDA_MEMCPY3D copy = Copy(linear_ + 64, linear_, 4);
  std::atomic<int> calls{0};
  CUDA_HOST_NODE_PARAMS host;
  std::memset(&host, 0, sizeof(host));
  host.fn = [](void* data) { ++*static_cast<std::atomic<int>*>(data); };
  host.userData = &calls;
  ASSERT_OK(GraphAddMemsetNode, &set_node, graph, nullptr, 0, &set,
            device().context());
  ASSERT_OK(GraphAddMemcpyNode, &copy_node, graph, &set_node, 1, &copy,
            device().context());
  ASSERT_OK(GraphAddHostNode, &host_node, graph, &copy_node, 1, &host);
  EXPECT_EQ(TypeOf(set_node), CU_GRAPH_NODE_TYPE_MEMSET);
  EXPECT_EQ(TypeOf(copy_node), CU_GRAPH_NODE_TYPE_MEMCPY);
  EXPECT_EQ(TypeOf(host_node), CU_GRAPH_NODE_TYPE_HOST);
  EXPECT_EQ(Read(linear_ + 64), 0u);
  Launch(graph);
  EXPECT_EQ(Read(linear_ + 64), 42u);
  EXPECT_EQ(calls.load(), 1);
}

TEST_F(GraphConformance, WorkNodesRefuseMisuse) {
  const CUgraph graph = NewGraph();
  CUgraphNode node = nullptr;
  const CUDA_MEMSET_NODE_PARAMS set = Set(linear_, 42);
  CUDA_MEMSET_NODE_PARAMS odd = set;
  odd.elementSize = 3;
  const CUDA_MEMCPY3D copy = Copy(linear_ + 64, linear_, 4);
  const CUcontext context = device().context();
  EXPECT_REFUSED(INVALID_VALUE, GraphAddMemsetNode, &node, graph, nullptr, 0,
                 nullptr, context);
  EXPECT_REFUSED(INVALID_VALUE, GraphAddMemsetNode, &node, graph, nullptr, 0,
                 &odd, context);
  EXPECT_REFUSED(INVALID_VALUE, GraphAddMemcpyNode, &node, graph, nullptr, 0,
                 nullptr, context);
  EXPECT_REFUSED(INVALID_VALUE, GraphAddMemcpyNode, nullptr, graph, nullptr, 0,
                 &copy, context);
  EXPECT_REFUSED(INVALID_VALUE, GraphAddHostNode, &node, graph, nullptr, 0,
                 nullptr);
}

TEST_F(GraphConformance, LaunchesAgainAndAgain) {
  const CUgraph graph = NewGraph();
  ASSERT_NE(graph, nullptr);
  CUgraphNode node = nullptr;
  const CUDA_MEMSET_NODE_PARAMS set = Set(linear_, 42);
  ASSERT_OK(GraphAddMemsetNode, &node, graph, nullptr, 0, &set,
            device().context());
  const CUgraphExec exec = NewExec(graph);
  ASSERT_NE(exec, nullptr);
  EXPECT_OK(GraphUpload, exec, stream_);
  for (int i = 0; i < 2; ++i) {
    EXPECT_OK(MemsetD32Async, linear_, 0, 1, stream_);
    EXPECT_OK(GraphLaunch, exec, stream_);
    EXPECT_OK(StreamSynchronize, stream_);
    EXPECT_EQ(Read(linear_), 42u);
  }
}

// An instance is a copy: the graph may go, and change.
TEST_F(GraphConformance, InstancesAreCopies) {
  CUgraph graph = nullptr;
  ASSERT_OK(GraphCreate, &graph, 0);
  CUgraphNode node = nullptr;
  const CUDA_MEMSET_NODE_PARAMS set = Set(linear_, 42);
  ASSERT_OK(GraphAddMemsetNode, &node, graph, nullptr, 0, &set,
            device().context());
  const CUgraphExec exec = NewExec(graph);
  EXPECT_OK(GraphDestroy, graph);
  ASSERT_NE(exec, nullptr);
  EXPECT_OK(GraphLaunch, exec, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Read(linear_), 42u);
}

TEST_F(GraphConformance, InstantiateRefusesMisuse) {
  const CUgraph graph = NewGraph();
  CUgraphExec exec = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, GraphInstantiate, nullptr, graph, 0);
  EXPECT_REFUSED(INVALID_VALUE, GraphInstantiate, &exec, nullptr, 0);
  EXPECT_REFUSED(INVALID_VALUE, GraphInstantiate, &exec, graph, 1u << 20);
}

TEST_F(GraphConformance, NullInstancesAreRefused) {
  EXPECT_REFUSED(INVALID_VALUE, GraphLaunch, nullptr, stream_);
  EXPECT_REFUSED(INVALID_VALUE, GraphUpload, nullptr, stream_);
  EXPECT_REFUSED(INVALID_VALUE, GraphExecDestroy, nullptr);
}

TEST_F(GraphConformance, StaleGraphsAreRefused) {
  HOST_DRIVER_ONLY();
  CUgraph graph = nullptr;
  ASSERT_OK(GraphCreate, &graph, 0);
  CUgraphExec exec = nullptr;
  ASSERT_OK(GraphInstantiate, &exec, graph, 0);
  EXPECT_OK(GraphDestroy, graph);
  EXPECT_OK(GraphExecDestroy, exec);
  EXPECT_REFUSED(INVALID_VALUE, GraphDestroy, graph);
  EXPECT_REFUSED(INVALID_VALUE, GraphExecDestroy, exec);
  EXPECT_REFUSED(INVALID_VALUE, GraphLaunch, exec, stream_);
}

TEST_F(GraphConformance, MemoryNodesHaveAnAddressFromTheirMaking) {
  const CUgraph graph = NewGraph();
  ASSERT_NE(graph, nullptr);
  CUgraphNode alloc_node = nullptr, free_node = nullptr;
  CUDA_MEM_ALLOC_NODE_PARAMS alloc = Alloc();
  ASSERT_OK(GraphAddMemAllocNode, &alloc_node, graph, nullptr, 0, &alloc);
  EXPECT_NE(alloc.dptr, 0u);
  EXPECT_EQ(TypeOf(alloc_node), CU_GRAPH_NODE_TYPE_MEM_ALLOC);
  CUDA_MEM_ALLOC_NODE_PARAMS got;
  std::memset(&got, 0, sizeof(got));
  EXPECT_OK(GraphMemAllocNodeGetParams, alloc_node, &got);
  EXPECT_EQ(got.dptr, alloc.dptr);
  EXPECT_EQ(got.bytesize, kSize);
  ASSERT_OK(GraphAddMemFreeNode, &free_node, graph, &alloc_node, 1, alloc.dptr);
  EXPECT_EQ(TypeOf(free_node), CU_GRAPH_NODE_TYPE_MEM_FREE);
  CUdeviceptr freed = 0;
  EXPECT_OK(GraphMemFreeNodeGetParams, free_node, &freed);
  EXPECT_EQ(freed, alloc.dptr);
}

TEST_F(GraphConformance, MemoryNodesRefuseMisuse) {
  const CUgraph graph = NewGraph();
  ASSERT_NE(graph, nullptr);
  CUgraphNode node = nullptr, alloc_node = nullptr, empty = nullptr;
  CUDA_MEM_ALLOC_NODE_PARAMS alloc = Alloc(), odd = alloc;
  EXPECT_REFUSED(INVALID_VALUE, GraphAddMemAllocNode, &node, graph, nullptr, 0,
                 nullptr);
  odd.poolProps.allocType = CU_MEM_ALLOCATION_TYPE_INVALID;
  EXPECT_REFUSED(INVALID_VALUE, GraphAddMemAllocNode, &node, graph, nullptr, 0,
                 &odd);
  ASSERT_OK(GraphAddMemAllocNode, &alloc_node, graph, nullptr, 0, &alloc);
  odd = alloc;
  odd.poolProps.location.type = CU_MEM_LOCATION_TYPE_HOST;
  EXPECT_REFUSED(NOT_SUPPORTED, GraphAddMemAllocNode, &node, graph, nullptr, 0,
                 &odd);
  // No address of the graph's.
  EXPECT_REFUSED(INVALID_VALUE, GraphAddMemFreeNode, &node, graph, &alloc_node,
                 1, CUdeviceptr{0});
  EXPECT_REFUSED(INVALID_VALUE, GraphMemAllocNodeGetParams, alloc_node,
                 nullptr);
  ASSERT_OK(GraphAddEmptyNode, &empty, graph, nullptr, 0);
  CUdeviceptr freed = 0;
  EXPECT_REFUSED(INVALID_VALUE, GraphMemAllocNodeGetParams, empty, &odd);
  EXPECT_REFUSED(INVALID_VALUE, GraphMemFreeNodeGetParams, empty, &freed);
}

// Measured: it is the caller's affair that the free comes after the making.
TEST_F(GraphConformance, FreesWhatNothingOrders) {
  const CUgraph graph = NewGraph();
  ASSERT_NE(graph, nullptr);
  CUgraphNode node = nullptr;
  CUDA_MEM_ALLOC_NODE_PARAMS alloc = Alloc();
  ASSERT_OK(GraphAddMemAllocNode, &node, graph, nullptr, 0, &alloc);
  EXPECT_OK(GraphAddMemFreeNode, &node, graph, nullptr, 0, alloc.dptr);
}

TEST_F(GraphConformance, MayFreeWhatItsLastLaunchLeft) {
  const CUgraph graph = NewGraph();
  ASSERT_NE(graph, nullptr);
  const CUstream stream = NewStream();
  CUgraphNode node = nullptr;
  CUgraphExec exec = nullptr;
  CUDA_MEM_ALLOC_NODE_PARAMS alloc = Alloc();
  ASSERT_OK(GraphAddMemAllocNode, &node, graph, nullptr, 0, &alloc);
  EXPECT_REFUSED(INVALID_VALUE, GraphInstantiate, &exec, graph,
                 CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD);
  ASSERT_OK(GraphInstantiate, &exec, graph,
            CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH);
  EXPECT_OK(GraphLaunch, exec, stream);
  EXPECT_OK(GraphLaunch, exec, stream);
  EXPECT_OK(StreamSynchronize, stream);
  EXPECT_OK(MemFree, alloc.dptr);
  EXPECT_OK(GraphExecDestroy, exec);
  EXPECT_OK(DeviceGraphMemTrim, 0);
}

// A graph's memory is taken when it is launched, stays with the device, and is
// given back by a trim.
TEST_F(GraphConformance, MemoryIsTakenAtLaunch) {
  EXPECT_OK(DeviceGraphMemTrim, 0);
  const size_t before = Free();
  const CUgraph graph = NewGraph();
  ASSERT_NE(graph, nullptr);
  CUgraphNode alloc_node = nullptr, set_node = nullptr, copy_node = nullptr,
              free_node = nullptr;
  CUDA_MEM_ALLOC_NODE_PARAMS alloc = Alloc();
  ASSERT_OK(GraphAddMemAllocNode, &alloc_node, graph, nullptr, 0, &alloc);
  EXPECT_EQ(Free(), before);
  const CUDA_MEMSET_NODE_PARAMS set = Set(alloc.dptr, 42);
  ASSERT_OK(GraphAddMemsetNode, &set_node, graph, &alloc_node, 1, &set,
            device().context());
  const CUDA_MEMCPY3D copy = Copy(linear_, alloc.dptr, 4);
  ASSERT_OK(GraphAddMemcpyNode, &copy_node, graph, &set_node, 1, &copy,
            device().context());
  ASSERT_OK(GraphAddMemFreeNode, &free_node, graph, &copy_node, 1, alloc.dptr);
  Launch(graph);
  EXPECT_EQ(Read(linear_), 42u);
  // Used is what belongs to graphs, launched now or not.
  EXPECT_GE(Memory(CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT), kSize);
  EXPECT_GE(Memory(CU_GRAPH_MEM_ATTR_RESERVED_MEM_CURRENT), kSize);
  EXPECT_GE(Memory(CU_GRAPH_MEM_ATTR_USED_MEM_HIGH), kSize);
  EXPECT_GE(Memory(CU_GRAPH_MEM_ATTR_RESERVED_MEM_HIGH), kSize);
}

TEST_F(GraphConformance, TrimGivesBackWhatNoGraphHolds) {
  {
    CUgraph graph = nullptr;
    ASSERT_OK(GraphCreate, &graph, 0);
    CUgraphNode alloc_node = nullptr, free_node = nullptr;
    CUDA_MEM_ALLOC_NODE_PARAMS alloc = Alloc();
    ASSERT_OK(GraphAddMemAllocNode, &alloc_node, graph, nullptr, 0, &alloc);
    ASSERT_OK(GraphAddMemFreeNode, &free_node, graph, &alloc_node, 1,
              alloc.dptr);
    CUgraphExec exec = nullptr;
    ASSERT_OK(GraphInstantiate, &exec, graph, 0);
    EXPECT_OK(GraphLaunch, exec, stream_);
    EXPECT_OK(StreamSynchronize, stream_);
    EXPECT_OK(GraphExecDestroy, exec);
    EXPECT_OK(GraphDestroy, graph);
  }
  EXPECT_OK(DeviceGraphMemTrim, 0);
  EXPECT_EQ(Memory(CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT), 0u);
  EXPECT_EQ(Memory(CU_GRAPH_MEM_ATTR_RESERVED_MEM_CURRENT), 0u);
  cuuint64_t zero = 0;
  EXPECT_OK(DeviceSetGraphMemAttribute, 0, CU_GRAPH_MEM_ATTR_USED_MEM_HIGH,
            &zero);
  EXPECT_EQ(Memory(CU_GRAPH_MEM_ATTR_USED_MEM_HIGH), 0u);
}

TEST_F(GraphConformance, MemoryAttributesRefuseMisuse) {
  cuuint64_t value = 0;
  const auto unknown = static_cast<CUgraphMem_attribute>(99);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGraphMemTrim, kNoDevice);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGetGraphMemAttribute, kNoDevice,
                 CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT, &value);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetGraphMemAttribute, 0, unknown, &value);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetGraphMemAttribute, 0,
                 CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT, nullptr);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceSetGraphMemAttribute, kNoDevice,
                 CU_GRAPH_MEM_ATTR_USED_MEM_HIGH, &value);
  EXPECT_REFUSED(INVALID_VALUE, DeviceSetGraphMemAttribute, 0, unknown, &value);
  EXPECT_REFUSED(INVALID_VALUE, DeviceSetGraphMemAttribute, 0,
                 CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT, &value);
}

// A captured allocation is a node; it takes nothing until it is launched.
TEST_F(GraphConformance, CapturedAllocationsAreNodes) {
  EXPECT_OK(DeviceGraphMemTrim, 0);
  const size_t before = Free();
  ASSERT_OK(StreamBeginCapture, stream_, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  CUdeviceptr address = 0;
  EXPECT_OK(MemAllocAsync, &address, kSize, stream_);
  EXPECT_NE(address, 0u);
  EXPECT_OK(MemsetD32Async, address, 42, 1, stream_);
  EXPECT_OK(MemcpyDtoDAsync, linear_, address, 4, stream_);
  EXPECT_OK(MemFreeAsync, address, stream_);
  CUgraph graph = nullptr;
  ASSERT_OK(StreamEndCapture, stream_, &graph);
  Later([graph] { EXPECT_OK(GraphDestroy, graph); });
  EXPECT_EQ(Free(), before);
  CUgraphNode nodes[8] = {};
  size_t count = 8;
  EXPECT_OK(GraphGetNodes, graph, nodes, &count);
  ASSERT_EQ(count, 4u);
  std::multiset<int> types,
      expected = {CU_GRAPH_NODE_TYPE_MEM_ALLOC, CU_GRAPH_NODE_TYPE_MEMSET,
                  CU_GRAPH_NODE_TYPE_MEMCPY, CU_GRAPH_NODE_TYPE_MEM_FREE};
  for (const CUgraphNode node : {nodes[0], nodes[1], nodes[2], nodes[3]}) {
    types.insert(TypeOf(node));
  }
  EXPECT_EQ(types, expected);
  Launch(graph);
  EXPECT_EQ(Read(linear_), 42u);
}

// Not freed in the graph, memory lives on after the launch.
TEST_F(GraphConformance, MemoryMayOutliveTheLaunch) {
  const CUgraph graph = NewGraph();
  ASSERT_NE(graph, nullptr);
  CUgraphNode alloc_node = nullptr;
  CUDA_MEM_ALLOC_NODE_PARAMS alloc = Alloc();
  ASSERT_OK(GraphAddMemAllocNode, &alloc_node, graph, nullptr, 0, &alloc);
  const CUgraphExec exec = NewExec(graph);
  ASSERT_NE(exec, nullptr);
  EXPECT_OK(GraphLaunch, exec, stream_);
  EXPECT_OK(MemsetD32Async, alloc.dptr, 42, 1, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Read(alloc.dptr), 42u);
  // A second launch while it lives is an error of the caller's.
  EXPECT_REFUSED(INVALID_VALUE, GraphLaunch, exec, stream_);
  EXPECT_OK(MemFreeAsync, alloc.dptr, stream_);
  EXPECT_OK(GraphLaunch, exec, stream_);
  EXPECT_OK(MemFreeAsync, alloc.dptr, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
}

}  // namespace
}  // namespace governor
