#include "governor/driver/host_driver/device_attributes.h"

namespace governor {

// From owners' reports, NVIDIA's specifications and CUDA's documentation, as
// each row says; nothing here was measured. What is not listed nobody told us,
// and it reads as zero.
std::map<int, int> Gb10Attributes() {
  return {
      {1, 1024},         // max_threads_per_block: CUDA documentation
      {11, 2147483647},  // max_pitch: measured on h200
      {14, 512},         // texture_alignment: CUDA documentation
      {51, 32},          // texture_pitch_alignment: CUDA documentation
      {10, 32},          // warp_size: CUDA documentation
      {16, 48},  // multiprocessor_count: NVIDIA's specification, 6144 cores
      {18, 1},   // integrated: reported
      {19, 1},   // can_map_host_memory: CUDA documentation
      {41, 1},   // unified_addressing: CUDA documentation, all 64-bit systems
      {75, 12},  // compute_capability_major: NVIDIA's list of GPUs
      {76, 1},   // compute_capability_minor: the same
      {83, 1},   // managed_memory: CUDA documentation
      {88, 1},   // pageable_memory_access: reported
      {89, 1},   // concurrent_managed_access: documented with 88
      {91, 1},   // can_use_host_pointer_for_registered_mem: documented with 100
      {99, 1},   // host_register_supported: reported, by use
      {100, 1},  // pageable_memory_access_uses_host_page_tables: reported
      {102, 1},  // virtual_memory_management_supported: reported, by use
      {103, 1},  // handle_type_posix_file_descriptor: documented with 102
      {113, 0},  // read_only_host_register_supported: reported
      {115, 1},  // memory_pools_supported: CUDA documentation, with 102
      {116, 0},  // gpu_direct_rdma_supported: reported
      {119, 0},  // mempool_supported_handle_types: chosen, see host_driver.h
      {124, 0},  // dma_buf_supported: reported
      {131, -1},  // numa_id: chosen, no memory node of its own
      {141, 0},   // host_numa_virtual_memory_management_supported: chosen
      {145, 0},   // host_virtual_memory_management_supported: chosen
  };
}

// Measured on an NVIDIA H200 with driver 580.159.04 (CUDA 13.0): all 147 but
// where the card sat on its bus. What is not listed was zero.
std::map<int, int> H200Attributes() {
  return {
      {1, 1024},         // max_threads_per_block
      {2, 1024},         // max_block_dim_x
      {3, 1024},         // max_block_dim_y
      {4, 64},           // max_block_dim_z
      {5, 2147483647},   // max_grid_dim_x
      {6, 65535},        // max_grid_dim_y
      {7, 65535},        // max_grid_dim_z
      {8, 49152},        // max_shared_memory_per_block
      {9, 65536},        // total_constant_memory
      {10, 32},          // warp_size
      {11, 2147483647},  // max_pitch
      {12, 65536},       // max_registers_per_block
      {13, 1980000},     // clock_rate
      {14, 512},         // texture_alignment
      {15, 1},           // gpu_overlap
      {16, 132},         // multiprocessor_count
      {19, 1},           // can_map_host_memory
      {21, 131072},      // maximum_texture1d_width
      {22, 131072},      // maximum_texture2d_width
      {23, 65536},       // maximum_texture2d_height
      {24, 16384},       // maximum_texture3d_width
      {25, 16384},       // maximum_texture3d_height
      {26, 16384},       // maximum_texture3d_depth
      {27, 32768},       // maximum_texture2d_layered_width
      {28, 32768},       // maximum_texture2d_layered_height
      {29, 2048},        // maximum_texture2d_layered_layers
      {30, 512},         // surface_alignment
      {31, 1},           // concurrent_kernels
      {32, 1},           // ecc_enabled
      {36, 3201000},     // memory_clock_rate
      {37, 6016},        // global_memory_bus_width
      {38, 62914560},    // l2_cache_size
      {39, 2048},        // max_threads_per_multiprocessor
      {40, 3},           // async_engine_count
      {41, 1},           // unified_addressing
      {42, 32768},       // maximum_texture1d_layered_width
      {43, 2048},        // maximum_texture1d_layered_layers
      {44, 1},           // can_tex2d_gather
      {45, 32768},       // maximum_texture2d_gather_width
      {46, 32768},       // maximum_texture2d_gather_height
      {47, 8192},        // maximum_texture3d_width_alternate
      {48, 8192},        // maximum_texture3d_height_alternate
      {49, 32768},       // maximum_texture3d_depth_alternate
      {51, 32},          // texture_pitch_alignment
      {52, 32768},       // maximum_texturecubemap_width
      {53, 32768},       // maximum_texturecubemap_layered_width
      {54, 2046},        // maximum_texturecubemap_layered_layers
      {55, 32768},       // maximum_surface1d_width
      {56, 131072},      // maximum_surface2d_width
      {57, 65536},       // maximum_surface2d_height
      {58, 16384},       // maximum_surface3d_width
      {59, 16384},       // maximum_surface3d_height
      {60, 16384},       // maximum_surface3d_depth
      {61, 32768},       // maximum_surface1d_layered_width
      {62, 2048},        // maximum_surface1d_layered_layers
      {63, 32768},       // maximum_surface2d_layered_width
      {64, 32768},       // maximum_surface2d_layered_height
      {65, 2048},        // maximum_surface2d_layered_layers
      {66, 32768},       // maximum_surfacecubemap_width
      {67, 32768},       // maximum_surfacecubemap_layered_width
      {68, 2046},        // maximum_surfacecubemap_layered_layers
      {69, 268435456},   // maximum_texture1d_linear_width
      {70, 131072},      // maximum_texture2d_linear_width
      {71, 65000},       // maximum_texture2d_linear_height
      {72, 2097120},     // maximum_texture2d_linear_pitch
      {73, 32768},       // maximum_texture2d_mipmapped_width
      {74, 32768},       // maximum_texture2d_mipmapped_height
      {75, 9},           // compute_capability_major
      {77, 32768},       // maximum_texture1d_mipmapped_width
      {78, 1},           // stream_priorities_supported
      {79, 1},           // global_l1_cache_supported
      {80, 1},           // local_l1_cache_supported
      {81, 233472},      // max_shared_memory_per_multiprocessor
      {82, 65536},       // max_registers_per_multiprocessor
      {83, 1},           // managed_memory
      {87, 2},           // single_to_double_precision_perf_ratio
      {89, 1},           // concurrent_managed_access
      {90, 1},           // compute_preemption_supported
      {91, 1},           // can_use_host_pointer_for_registered_mem
      {95, 1},           // cooperative_launch
      {96, 1},           // cooperative_multi_device_launch
      {97, 232448},      // max_shared_memory_per_block_optin
      {99, 1},           // host_register_supported
      {102, 1},          // virtual_address_management_supported
      {103, 1},          // handle_type_posix_file_descriptor_supported
      {106, 32},         // max_blocks_per_multiprocessor
      {107, 1},          // generic_compression_supported
      {108, 39321600},   // max_persisting_l2_cache_size
      {109, 134217728},  // max_access_policy_window_size
      {110, 1},          // gpu_direct_rdma_with_cuda_vmm_supported
      {111, 1024},       // reserved_shared_memory_per_block
      {112, 1},          // sparse_cuda_array_supported
      {113, 1},          // read_only_host_register_supported
      {114, 1},          // timeline_semaphore_interop_supported
      {115, 1},          // memory_pools_supported
      {116, 1},          // gpu_direct_rdma_supported
      {117, 1},          // gpu_direct_rdma_flush_writes_options
      {118, 100},        // gpu_direct_rdma_writes_ordering
      {119, 9},          // mempool_supported_handle_types
      {120, 1},          // cluster_launch
      {121, 1},          // deferred_mapping_cuda_array_supported
      {122, 1},          // can_use_64_bit_stream_mem_ops
      {123, 1},          // can_use_stream_wait_value_nor
      {124, 1},          // dma_buf_supported
      {125, 1},          // ipc_event_supported
      {126, 4},          // mem_sync_domain_count
      {127, 1},          // tensor_map_access_supported
      {128, 1},          // handle_type_fabric_supported
      {129, 1},          // unified_function_pointers
      {131, -1},         // numa_id
      {139, 590680286},  // gpu_pci_device_id
      {140, 415174878},  // gpu_pci_subsystem_id
      {141, 1},          // host_numa_virtual_memory_management_supported
      {142, 1},          // host_numa_memory_pools_supported
      {144, 1},          // host_memory_pools_supported
      {145, 1},          // host_virtual_memory_management_supported
  };
}

// A discrete card of the same kind as h200 on a system with heterogeneous
// memory management, as CUDA documents that: plain host memory is readable (88)
// in software, and so without the host's page tables (100).
std::map<int, int> HmmAttributes() {
  return {
      {1, 1024},         // max_threads_per_block: CUDA documentation
      {11, 2147483647},  // max_pitch: measured on h200
      {14, 512},         // texture_alignment: CUDA documentation
      {51, 32},          // texture_pitch_alignment: CUDA documentation
      {10, 32},          // warp_size
      {19, 1},           // can_map_host_memory
      {41, 1},           // unified_addressing
      {75, 8},           // compute_capability_major: chosen, HMM needs 7.5
      {76, 9},           // compute_capability_minor
      {83, 1},           // managed_memory
      {88, 1},           // pageable_memory_access
      {89, 1},           // concurrent_managed_access
      {90, 1},           // compute_preemption_supported
      {91, 1},           // can_use_host_pointer_for_registered_mem
      {99, 1},           // host_register_supported
      {100, 0},          // pageable_memory_access_uses_host_page_tables
      {102, 1},          // virtual_memory_management_supported
      {103, 1},          // handle_type_posix_file_descriptor
      {113, 1},          // read_only_host_register_supported
      {115, 1},          // memory_pools_supported
      {116, 0},   // gpu_direct_rdma_supported: chosen, as of consumer cards
      {119, 0},   // mempool_supported_handle_types: chosen
      {124, 1},   // dma_buf_supported: documented for the open kernel modules
      {131, -1},  // numa_id
      {141, 1},   // host_numa_virtual_memory_management_supported: chosen
      {145, 1},   // host_virtual_memory_management_supported: chosen
  };
}

// A device before virtual memory management, as CUDA documents it.
std::map<int, int> OldAttributes() {
  return {
      {1, 1024},         // max_threads_per_block: CUDA documentation
      {11, 2147483647},  // max_pitch: measured on h200
      {14, 512},         // texture_alignment: CUDA documentation
      {51, 32},          // texture_pitch_alignment: CUDA documentation
      {10, 32},          // warp_size
      {19, 1},           // can_map_host_memory
      {41, 1},           // unified_addressing
      {75, 3},           // compute_capability_major: chosen
      {76, 5},           // compute_capability_minor
      {83, 1},           // managed_memory
      {91, 1},           // can_use_host_pointer_for_registered_mem
      {99, 1},           // host_register_supported
      {102, 0},          // virtual_memory_management_supported
      {131, -1},         // numa_id
  };
}

}  // namespace governor
