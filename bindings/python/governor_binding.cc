#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/shared_governor.h"
#include "bindings/python/waiting.h"
#include "governor/driver_choice.h"
#include "governor/governor.h"
#include "governor/snapshot_keys.h"

namespace py = pybind11;

namespace governor {
namespace {

// Python's Governor.
class PyGovernor {
 public:
  PyGovernor() = default;
  // The last user of a governor makes driver calls as it goes.
  ~PyGovernor() {
    WithoutGil([this] { shared_.reset(); });
  }

  // For an object that Python makes without __init__ (by __new__) pybind11
  // allocates, and constructs nothing. All zero, it can be told apart.
  static void* operator new(size_t size) {
    return std::memset(::operator new(size), 0, size);
  }
  static void operator delete(void* memory) { ::operator delete(memory); }

  void set_shared(std::shared_ptr<SharedGovernor> shared) {
    shared_ = std::move(shared);
  }
  const std::shared_ptr<SharedGovernor>& shared() const {
    if (shared_ == nullptr) {
      ThrowGovernorError("this Governor was made without calling __init__");
    }
    return shared_;
  }

 private:
  std::shared_ptr<SharedGovernor> shared_;
};

constexpr char kDoc[] =
    R"(A memory budget that is a hard fact, for one device in one process.

Governor(budget=None, device=0, os_reserve=None, share=None, priority=None,
         allowance=None, driver=None, tick=False)

What is granted never exceeds the budget, and nothing that the library allocates
is resident without a grant. Sizes are bytes, or text: "24GiB", "117GB" (10^9
each), "90%". None means: as the environment variable GOVERNOR_BUDGET,
GOVERNOR_OS_RESERVE, GOVERNOR_PRIORITY, GOVERNOR_ALLOWANCE or GOVERNOR_DRIVER
says, and else the default.

budget: the most that may be granted, the allowance included. Default: what the
    device has, less os_reserve where it is the machine's own memory.
device: which one, as the driver numbers them.
os_reserve: what the operating system keeps of the machine's memory. Default:
    max(5 %, min(8 GiB, 1/8)) of it.
share: budgets shared by several processes are not there yet.
priority: of requests that wait, the highest is served first. Default: 0.
allowance: what the budget sets aside for memory that this process has on the
    device and that the library did not allocate. Default: 1 GiB.
driver: "auto" (CUDA, where it answers), "cuda", or "host", the driver's
    functions over host memory. Default: auto.
tick: the program calls tick() from a loop of its own, and no thread is ever
    started; else the first on_reclaim starts one.

Raises ValueError for an argument or a variable that does not parse; DoesNotFit,
a ValueError with the numbers of a refusal, where budget, os_reserve or allowance
are more than there can be; BudgetExceeded where the machine cannot spare the
allowance now; DriverUnavailable where there is no driver or device. Where the
host has no memory left every call raises MemoryError, with nothing changed;
closing and giving back need none. Thread-safe. In a forked child everything
raises GovernorError; open a governor there.

Requests (lease, commit, transient) take a `deadline` in seconds from now, for
which they may wait, as one request, while they are short: meanwhile reclaim
callbacks are asked, and told that very deadline. The default, None, does not
wait and asks no callback, only caches; float("inf") waits for ever. Ctrl-C ends
a wait, with nothing granted; it does in cancel() and close(), too.)";

// Governor.__init__, of an object that is not constructed yet.
void OpenGovernor(py::detail::value_and_holder& self, py::handle budget,
                  py::handle device, py::handle os_reserve, py::handle share,
                  py::handle priority, py::handle allowance, py::handle driver,
                  py::handle tick) {
  if (!share.is_none()) {
    ThrowGovernorError(
        "in share: budgets shared by several processes are not there yet; "
        "leave it out");
  }
  GovernorOptions options;
  options.budget = Optional(&ToSizeSpec, "budget", budget);
  options.os_reserve = Optional(&ToSizeSpec, "os_reserve", os_reserve);
  options.allowance = Optional(&ToSizeSpec, "allowance", allowance);
  options.device = ToInt("device", device);
  options.priority = Optional(&ToInt, "priority", priority);
  options.tick = ToFlag("tick", tick);
  if (!driver.is_none()) {
    options.driver = ValueOrThrow(ParseDriverChoice(ToText("driver", driver)));
  }
  auto governor = WithoutGil([&] { return Governor::Create(options); });
  if (!governor.ok()) ThrowOpening(governor.status());
  auto shared = std::make_shared<SharedGovernor>(*std::move(governor));
  // Filled once it is registered: see NewEmpty.
  self.value_ptr() = new PyGovernor;
  self.type->init_instance(self.inst, /*holder=*/nullptr);
  self.value_ptr<PyGovernor>()->set_shared(std::move(shared));
}

py::object ToPython(int64_t value) { return py::int_(value); }
py::object ToPython(int value) { return py::int_(value); }
py::object ToPython(Bytes bytes) { return py::int_(bytes.count()); }
py::object ToPython(const std::string& text) { return py::str(text); }
template <typename Object>
py::object ToPython(const Object& object);
template <typename T>
py::object ToPython(const std::optional<T>& object) {
  if (!object) return py::none();
  return ToPython(*object);
}
template <typename T>
py::object ToPython(const std::vector<T>& values) {
  py::list list;
  for (const T& value : values) list.append(ToPython(value));
  return list;
}
template <typename Object>
py::object ToPython(const Object& object) {
  py::dict dict;
  ForEachKey(object, [&dict](const char* key, const auto& value) {
    dict[key] = ToPython(value);
  });
  return dict;
}

// Not by way of JSON, whose library ends the program where it has no memory.
py::object TakeSnapshot(PyGovernor& self) {
  const Snapshot snapshot = ValueOrThrow(self.shared()->CallWithoutGil(
      [](Governor& governor) { return governor.TakeSnapshot(); }));
  return py::module_::import("governor.report")
      .attr("Snapshot")(ToPython(snapshot));
}

std::string Represent(const PyGovernor& self) {
  const Governor& governor = self.shared()->Constants();
  return absl::StrCat("<governor.Governor of ", ToString(governor.budget()),
                      " on ", governor.device().name(),
                      self.shared()->is_open() ? ">" : ", closed>");
}

}  // namespace

void BindGovernor(py::module_& module) {
  const py::none none;
  py::class_<PyGovernor>(module, "Governor", kDoc)
      .def("__init__", &OpenGovernor, py::detail::is_new_style_constructor(),
           py::arg("budget") = none, py::arg("device") = 0,
           py::arg("os_reserve") = none, py::arg("share") = none,
           py::arg("priority") = none, py::arg("allowance") = none,
           py::arg("driver") = none, py::arg("tick") = false)
      .def(
          "mem_get_info",
          [](const PyGovernor& self) {
            const Governor::MemoryInfo info =
                self.shared()->Get().mem_get_info();
            return py::make_tuple(info.free.count(), info.total.count());
          },
          R"(mem_get_info()

(free, total) in bytes, as cudaMemGetInfo has it: (budget - granted - unspent
allowance, budget). Arithmetic: no driver call, and the same whatever else runs
on the machine.)")
      .def_property_readonly(
          "budget",
          [](const PyGovernor& self) {
            return self.shared()->Constants().budget().count();
          },
          "The most that may be granted, in bytes.")
      .def_property_readonly(
          "granted",
          [](const PyGovernor& self) {
            return self.shared()->Get().granted().count();
          },
          "What is granted now, in bytes; the allowance not counted.")
      .def_property_readonly(
          "headroom",
          [](const PyGovernor& self) {
            return self.shared()
                ->CallWithoutGil([](Governor& open) { return open.headroom(); })
                .count();
          },
          R"(The smaller of what the budget and what the floor allow now, in
bytes.)")
      .def_property_readonly(
          "allowance",
          [](const PyGovernor& self) {
            return self.shared()->Constants().allowance().count();
          },
          "What the budget sets aside for memory that is not governed, in "
          "bytes.")
      .def_property_readonly(
          "os_reserve",
          [](const PyGovernor& self) {
            return self.shared()->Constants().os_reserve().count();
          },
          "What the operating system keeps, in bytes.")
      .def("snapshot", &TakeSnapshot,
           R"(snapshot()

One reading of the device and of the budget on it, a Snapshot. Costs a few
driver calls.)")
      .def(
          "region",
          [](const PyGovernor& self, py::handle size, py::handle block) {
            return MakeRegion(self.shared(), size, block);
          },
          py::arg("size"), py::arg("block") = "2MiB",
          R"(region(size, block="2MiB")

Reserves addresses for a Region of `size`, rounded up to whole blocks; holds no
memory. `block` is the unit of commit and release, a multiple of the device's
granularity: 2 MiB gives back finely, 1 GiB is fast.)")
      .def(
          "lease",
          [](const PyGovernor& self, py::handle size, py::handle priority,
             py::handle deadline) {
            return MakeLease(self.shared(), size, priority, deadline);
          },
          py::arg("size"), py::arg("priority") = none,
          py::arg("deadline") = none,
          R"(lease(size, priority=None, deadline=None)

A grant of `size` without memory, for bytes that somebody else allocates: a Lease,
for `with`. While short it has others asked to give back, and waits for them, up
to `deadline` seconds from now; None, the default, does not wait, and asks no
callback, only caches. Of requests that wait the highest `priority` is served
first; None: the governor's. Raises BudgetExceeded.)")
      .def(
          "tag",
          [](const PyGovernor& self, py::handle name) {
            self.shared()->Get();
            return MakeTag(name);
          },
          py::arg("name"),
          R"(tag(name)

A context manager that names what this thread is granted inside it: what
refusals and snapshots call the holder. For a kind of memory ("kv"), never for
one request: a process has at most 64 names.)")
      .def(
          "on_reclaim",
          [](const PyGovernor& self, py::handle callback, py::handle priority,
             py::handle cheap) {
            return MakeReclaimRegistration(self.shared(), callback, priority,
                                           cheap);
          },
          py::arg("callback"), py::arg("priority") = 0,
          py::arg("cheap") = false,
          R"(on_reclaim(callback, priority=0, cheap=False)

From now on callback(wanted_bytes, deadline) is asked to give back when a request
or the machine is short: it releases what it can of `wanted_bytes`, within
`deadline` seconds, and returns how many bytes it gave back (None: none). What
came back is measured, whatever it says. Cheap ones are asked first (what they
give back is a copy, or quickly made again), then lower priorities.

It runs with the GIL on the governor's own thread, which this starts, or inside
tick() where the governor was opened with tick=True; never on a thread that asks
for memory. `deadline` is that of the request which waits longest, or the notice
that the machine gives. Requests without a deadline do not ask it. What it raises
goes to sys.unraisablehook. It is not called after the interpreter began to exit.

Returns a ReclaimRegistration. Keep it, and end it with cancel() or as a `with`:
dropped before that it ends, with a RuntimeWarning.)")
      .def(
          "transient",
          [](const PyGovernor& self, py::handle name, py::handle size,
             py::handle priority, py::handle deadline) {
            return MakeTransient(self.shared(), name, size, priority, deadline);
          },
          py::arg("name"), py::arg("size"), py::arg("priority") = none,
          py::arg("deadline") = none,
          R"(transient(name, size, priority=None, deadline=None)

Reserves `size` for a phase that takes memory which governor does not allocate (a
graph capture, a compilation), before it starts: a Transient, for `with`. While
short, holders that can give back have `deadline` seconds from now to do so; with
None, the default, only caches are asked. Its true peak is measured, and recorded
under its name for the next start. Raises BudgetExceeded. `priority`: as in
lease.)")
      .def(
          "keep_in_memory",
          [](const PyGovernor& self, py::handle buffer) {
            return MakeKeptMemory(self.shared(), buffer);
          },
          py::arg("buffer"),
          R"(keep_in_memory(buffer)

Memory of this process that belongs in RAM (bytes-like: a bytearray, an mmap, a
numpy array): what of it is swapped comes back at 200 MB/s once pressure is over,
on the governor's thread, in tick() or by page_back(). Returns a KeptMemory.)")
      .def(
          "page_back",
          [](const PyGovernor& self) {
            return self.shared()
                ->CallWithoutGil(
                    [](Governor& open) { return open.BringPagesBack(); })
                .count();
          },
          R"(page_back()

Brings some of what is kept in memory back from swap now, at most what 100 ms are
worth; nothing while there is pressure. Returns bytes.)")
      .def(
          "start_thread",
          [](const PyGovernor& self) {
            OkOrThrow(self.shared()->CallWithoutGil(
                [](Governor& open) { return open.StartThread(); }));
          },
          R"(start_thread()

Starts the governor's thread, which looks after the machine as tick() does; again
does nothing.)")
      .def(
          "tick",
          [](const PyGovernor& self) {
            return absl::ToDoubleSeconds(self.shared()->CallWithoutGil(
                [](Governor& open) { return open.Tick(absl::Now()); }));
          },
          R"(tick()

One round of looking after the machine: reads it, has memory given back before it
swaps, measures unmanaged memory, serves requests that wait. Returns the seconds
until it should be called again. Reclaim callbacks run inside.)")
      .def(
          "close", [](PyGovernor& self) { self.shared()->Close(); },
          R"(close()

Releases the device; again does nothing. Waits for a reclaim callback that is
running. Ctrl-C ends that wait, and is raised; the governor is open as before, or
closed if the callback ended just then. Raises GovernorError, with nothing
changed, while regions or leases hold bytes.)")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__",
           [](PyGovernor& self, const py::args& raised) {
             // A forked child unwinds what is not its own.
             if (!self.shared()->is_current_process()) return;
             CloseOnExit(raised, [&] { self.shared()->Close(); });
           })
      .def("__repr__", &Represent);
}

}  // namespace governor
