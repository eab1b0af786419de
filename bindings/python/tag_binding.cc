#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "governor/budget/tag.h"

namespace py = pybind11;

namespace governor {
namespace {

// A ScopedTag between __enter__ and __exit__, which Python does not promise to
// call on one thread, or at all.
class PyTag {
 public:
  PyTag() = default;
  ~PyTag() {
    // On another thread the scope cannot be ended: it stays as it is.
    if (scope_ != nullptr && !IsThreadOfScope()) scope_.release();
  }

  void set_tag(Tag tag) { tag_ = tag; }
  Tag tag() const { return tag_; }

  void Enter() {
    if (scope_ != nullptr) {
      ThrowGovernorError(absl::StrCat("the tag is entered already: '",
                                      tag_.name(), "'; make another"));
    }
    thread_ = std::this_thread::get_id();
    scope_ = std::make_unique<ScopedTag>(tag_);
  }

  void Exit() {
    if (scope_ != nullptr && !IsThreadOfScope()) {
      ThrowGovernorError(absl::StrCat(
          "the tag was entered on another thread: '", tag_.name(), "'"));
    }
    scope_.reset();
  }

 private:
  bool IsThreadOfScope() const { return thread_ == std::this_thread::get_id(); }

  Tag tag_;
  std::thread::id thread_;
  std::unique_ptr<ScopedTag> scope_;
};

constexpr char kDoc[] =
    R"(Names what this thread is granted inside a `with`.

Made by Governor.tag. Scopes nest, and end on the thread and in the reverse of
the order in which they began: so not across an `await` or a `yield`.)";

}  // namespace

py::object MakeTag(py::handle name) {
  const Tag named = ValueOrThrow(Tag::Named(ToText("name", name)));
  auto [object, tag] = NewEmpty<PyTag>();
  tag.set_tag(named);
  return object;
}

void BindTag(py::module_& module) {
  py::class_<PyTag> tag(module, "Tag", kDoc, py::is_final());
  ForbidNew(tag);
  tag.def_property_readonly(
         "name",
         [](const PyTag& self) { return std::string(self.tag().name()); },
         "The name that refusals and snapshots show.")
      .def("__enter__",
           [](py::object self) {
             self.cast<PyTag&>().Enter();
             return self;
           })
      .def("__exit__", [](PyTag& self, const py::args&) { self.Exit(); })
      .def("__repr__", [](const PyTag& self) {
        return absl::StrCat("<governor.Tag '", std::string(self.tag().name()),
                            "'>");
      });
}

}  // namespace governor
