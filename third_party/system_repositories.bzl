"""Repository rules that point the usual Bazel labels at what the machine has installed."""

def _stub_impl(ctx):
    ctx.file("WORKSPACE", "")
    for path, text in ctx.attr.files.items():
        ctx.file(path, text)

# A repository made of the given files, for labels that must exist and do nothing.
stub = repository_rule(
    implementation = _stub_impl,
    attrs = {"files": attr.string_dict()},
)

_HEADER_LIBRARY = """
cc_library(
    name = "{name}",
    hdrs = glob(["include/**"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
)
"""

def _header_repository(ctx, name, directory, inner):
    # A link to the one directory, so that no other header of /usr/include comes along
    # (a cross build must not see them).
    if not ctx.path(directory).exists:
        fail("%s is missing: run 'bash third_party/setup.sh' first" % directory)
    ctx.symlink(directory, "include/" + inner if inner else "include")
    ctx.file("WORKSPACE", "")
    ctx.file("BUILD", _HEADER_LIBRARY.format(name = name))

def _system_headers_impl(ctx):
    directory = ctx.attr.directory
    _header_repository(ctx, ctx.attr.library, directory, directory.split("/")[-1])

# `@name//:library`, a header-only library that a Debian package installs in `directory`.
system_headers = repository_rule(
    implementation = _system_headers_impl,
    attrs = {"directory": attr.string(), "library": attr.string()},
    local = True,
)

def _cuda_headers_impl(ctx):
    workspace = ctx.path(Label("//:WORKSPACE")).dirname
    candidates = ["/usr/local/cuda/include"]
    if "CUDA_HOME" in ctx.os.environ:
        candidates.append(ctx.os.environ["CUDA_HOME"] + "/include")
    candidates.append(str(workspace) + "/third_party/.cache/cuda/include")
    for directory in candidates:
        if ctx.path(directory + "/cuda.h").exists:
            # <cuda.h> alone: it includes nothing but the C library, and we use nothing else.
            ctx.symlink(directory + "/cuda.h", "include/cuda.h")
            ctx.file("WORKSPACE", "")
            ctx.file("BUILD", _HEADER_LIBRARY.format(name = "headers"))
            return
    fail("cuda.h is in none of %s: run 'bash third_party/setup.sh', or set CUDA_HOME" % candidates)

# `@cuda//:headers`. libcuda itself is opened at run time and never linked.
cuda_headers = repository_rule(
    implementation = _cuda_headers_impl,
    environ = ["CUDA_HOME"],
    local = True,
)

def _python_headers_impl(ctx):
    python = ctx.os.environ.get("GOVERNOR_PYTHON", "/usr/bin/python3")
    result = ctx.execute([python, "-c", "import sysconfig; print(sysconfig.get_paths()['include'])"])
    if result.return_code != 0:
        fail("%s cannot say where its headers are: %s" % (python, result.stderr))
    directory = result.stdout.strip()
    if not ctx.path(directory + "/Python.h").exists:
        fail("%s/Python.h is missing: install python3-dev" % directory)
    _header_repository(ctx, "headers", directory, "")
    # Debian's pyconfig.h includes <ARCH/python3.x/pyconfig.h>, beside the ordinary headers.
    arch = str(ctx.path(directory).dirname) + "/" + ctx.execute(["gcc", "-print-multiarch"]).stdout.strip()
    python_name = ctx.path(directory).basename
    if ctx.path(arch + "/" + python_name).exists:
        ctx.symlink(arch + "/" + python_name, "include_arch/" + ctx.path(arch).basename + "/" + python_name)
        ctx.file("BUILD", _HEADER_LIBRARY.format(name = "headers").replace(
            "includes = [\"include\"]",
            "includes = [\"include\", \"include_arch\"]",
        ).replace("glob([\"include/**\"])", "glob([\"include/**\", \"include_arch/**\"])"))

# `@python//:headers`: <Python.h> of the interpreter that the extension module is built for.
python_headers = repository_rule(
    implementation = _python_headers_impl,
    environ = ["GOVERNOR_PYTHON"],
    local = True,
)
