// A pretend accelerator for tests: its tensors lie in CPU memory and are computed on by the CPU's kernels, but they
// refuse whatever CUDA refuses: other devices' tensors, NumPy, CPU generators. As on Apple's MPS, float64 is refused too.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/Functions.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Generator.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/library.h>

#include <set>
#include <string>

namespace {
constexpr auto KIND = c10::DeviceType::PrivateUse1;
const c10::Device HERE(KIND, 0), CPU(c10::DeviceType::CPU);

// --- what PyTorch wants of a device: memory, a guard, hooks

struct Memory final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes ? c10::alloc_cpu(bytes) : nullptr;
    return {data, data, &c10::free_cpu, HERE};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &c10::free_cpu; }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
};
Memory memory;
REGISTER_ALLOCATOR(KIND, &memory)

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return KIND; }
  c10::Device exchangeDevice(c10::Device) const override { return HERE; }
  c10::Device getDevice() const override { return HERE; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const override { return stream(); }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, HERE); }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

// its random numbers are the CPU's of another seed, and its state is longer than the CPU's, so that neither passes for
// the other
struct Draws final : c10::GeneratorImpl {
  static constexpr uint64_t OTHER = 0x5eed;
  static constexpr int64_t MARK = 8;
  at::Generator inner = at::detail::createCPUGenerator();
  Draws() : c10::GeneratorImpl(HERE, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1)) { set_current_seed(0); }
  void set_current_seed(uint64_t seed) override { inner.set_current_seed(seed ^ OTHER); }
  uint64_t current_seed() const override { return inner.current_seed() ^ OTHER; }
  uint64_t seed() override { return inner.seed() ^ OTHER; }
  void set_offset(uint64_t) override { TORCH_CHECK(false, "The pretend device's generator has no offset"); }
  uint64_t get_offset() const override { TORCH_CHECK(false, "The pretend device's generator has no offset"); }
  void set_state(const c10::TensorImpl& state) override {
    at::Tensor given(c10::intrusive_ptr<c10::TensorImpl>::reclaim_copy(const_cast<c10::TensorImpl*>(&state)));
    TORCH_CHECK(given.numel() == MARK + inner.get_state().numel(), "RNG state is wrong size");
    inner.set_state(given.slice(0, MARK).clone());
  }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    auto mark = at::zeros({MARK}, at::TensorOptions(CPU).dtype(at::kByte));
    return at::cat({mark, inner.get_state()}).getIntrusivePtr();
  }
  Draws* clone_impl() const override {
    auto* made = new Draws();
    made->inner = inner.clone();
    return made;
  }
};

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  at::Generator getNewGenerator(c10::DeviceIndex) const override { return at::make_generator<Draws>(); }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    static at::Generator own = at::make_generator<Draws>();
    return own;
  }
};
const bool hooked = [] { at::RegisterPrivateUse1HooksInterface(new Hooks()); return true; }();

// --- how often the host has waited for the device: reads of its values, and copies of values to it

int64_t reads = 0, uploads = 0;
const std::set<std::string> LOOKS = {"aten::nonzero", "aten::masked_select", "aten::_unique2", "aten::unique_dim",
  "aten::unique_consecutive", "aten::equal", "aten::bincount", "aten::repeat_interleave"};  // whose sizes or results are values

// --- one tensor, two faces: the device's and the CPU's, over the same memory

bool is_here(const at::Tensor& t) { return t.defined() && t.device().type() == KIND; }

void refuse_double(c10::ScalarType type) {
  TORCH_CHECK_TYPE(type != c10::ScalarType::Double && type != c10::ScalarType::ComplexDouble,
                   "The pretend device has no float64, as MPS has none");
}

at::Tensor face(const at::Tensor& t, c10::Device device, c10::DispatchKey key, c10::Allocator* allocator) {
  auto release = [](void* kept) { delete static_cast<at::Tensor*>(kept); };
  auto* bytes = const_cast<void*>(t.storage().data());
  c10::Storage storage(c10::Storage::use_byte_size_t(), t.storage().nbytes(),
                       c10::DataPtr(bytes, new at::Tensor(t), release, device), allocator, false);
  auto made = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(key), t.dtype());
  made.unsafeGetTensorImpl()->set_sizes_and_strides(t.sizes(), t.strides(), t.storage_offset());
  return made;
}
at::Tensor on_cpu(const at::Tensor& t) { return face(t, CPU, c10::DispatchKey::CPU, nullptr); }
at::Tensor on_device(const at::Tensor& t) {
  refuse_double(t.scalar_type());
  return face(t, HERE, c10::DispatchKey::PrivateUse1, &memory);
}

// --- every operation: by the CPU's kernel, after the checks that CUDA's kernels make

using Pair = std::pair<at::Tensor, at::Tensor>;  // the device's face, the CPU's

[[noreturn]] void refuse_mix(const std::string& name) {
  TORCH_CHECK(false, "Expected all tensors to be on the same device, but found at least two devices, pretend:0 and cpu! (", name, ")");
}

at::Tensor result(const at::Tensor& t, const std::vector<Pair>& pairs) {
  if (!t.defined() || is_here(t)) return t;
  for (auto& [own, cpu] : pairs)
    if (cpu.is_same(t)) return own;
  for (auto& [own, cpu] : pairs) {  // a view of an argument
    if (!own.numel() || t.storage().unsafeGetStorageImpl() != cpu.storage().unsafeGetStorageImpl()) continue;
    auto view = at::detail::make_tensor<c10::TensorImpl>(c10::TensorImpl::VIEW, c10::Storage(own.storage()), own.key_set(), own.dtype());
    view.unsafeGetTensorImpl()->set_sizes_and_strides(t.sizes(), t.strides(), t.storage_offset());
    return view;
  }
  return on_device(t);
}

void by_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& arguments = op.schema().arguments();
  const auto& name = op.schema().name();
  // CUDA takes indices that lie on the CPU, of `x[i]` and `x[i] = y` alone
  const bool indexes = name == "aten::index" || name.rfind("aten::index_put", 0) == 0 || name == "aten::_index_put_impl_";
  const auto begin = stack->size() - arguments.size();
  reads += LOOKS.count(name);
  std::vector<Pair> pairs;
  bool stranger = false, draws = false;
  auto turn = [&](const at::Tensor& t, bool written, bool index) {
    if (!t.defined()) return t;
    if (!is_here(t)) {
      stranger |= !index && (written || t.dim() > 0);  // a number on the CPU may be read, not written
      uploads += index;
      return t;
    }
    reads += index && (t.scalar_type() == at::kBool || t.scalar_type() == at::kByte);
    const bool unsized = written && t.numel() == 0;  // an output, for the kernel to give a size
    pairs.emplace_back(t, unsized ? at::empty({0}, at::TensorOptions(CPU).dtype(t.dtype())) : on_cpu(t));
    return pairs.back().second;
  };
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto& value = (*stack)[begin + i];
    const auto* alias = arguments[i].alias_info();
    const bool written = alias && alias->isWrite();
    if (value.isTensor()) {
      value = turn(value.toTensor(), written, false);
    } else if (value.isTensorList()) {
      auto list = value.toTensorVector();
      for (auto& t : list) t = turn(t, written, false);
      value = list;
    } else if (value.isOptionalTensorList()) {
      auto list = value.toOptionalTensorVector();
      for (auto& t : list) if (t) t = turn(*t, written, indexes);
      value = list;
    } else if (value.isDevice()) {
      value = CPU;
    } else if (value.isGenerator()) {
      TORCH_CHECK(value.toGenerator().device().type() == KIND, "Expected a 'pretend' device type for generator but found 'cpu'");
      draws = true;
      value = static_cast<Draws*>(value.toGenerator().unsafeGetGeneratorImpl())->inner;
    } else if (value.isInt() && arguments[i].type()->str() == "ScalarType" ) {
      refuse_double(static_cast<c10::ScalarType>(value.toInt()));
    }
  }
  if (stranger && !pairs.empty()) refuse_mix(name);
  TORCH_CHECK(!draws || !pairs.empty(), "Expected a 'cpu' device type for generator but found 'pretend'");
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  for (auto& [own, cpu] : pairs) {  // outputs that were given a size
    if (own.sizes() == cpu.sizes() && own.storage().nbytes() == cpu.storage().nbytes()) continue;
    auto made = on_device(cpu);
    own.unsafeGetTensorImpl()->set_storage_keep_dtype(made.storage());
    own.unsafeGetTensorImpl()->set_sizes_and_strides(made.sizes(), made.strides(), made.storage_offset());
  }
  for (size_t i = stack->size() - op.schema().returns().size(); i < stack->size(); ++i) {
    auto& value = (*stack)[i];
    if (value.isTensor()) {
      value = result(value.toTensor(), pairs);
    } else if (value.isTensorList()) {
      auto list = value.toTensorVector();
      for (auto& t : list) t = result(t, pairs);
      value = list;
    }
  }
}

// --- what can't go that way: making tensors, moving them, reading a number, convolutions

using Size = c10::IntArrayRef;
using MaybeType = std::optional<c10::ScalarType>;

at::Tensor empty(Size size, MaybeType type, std::optional<c10::Layout>, std::optional<c10::Device>, std::optional<bool>, std::optional<c10::MemoryFormat> format) {
  refuse_double(c10::dtype_or_default(type));
  return at::detail::empty_generic(size, &memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(type), format);
}
at::Tensor empty_strided(Size size, Size stride, MaybeType type, std::optional<c10::Layout>, std::optional<c10::Device>, std::optional<bool>) {
  refuse_double(c10::dtype_or_default(type));
  return at::detail::empty_strided_generic(size, stride, &memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(type));
}
at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  reads += !is_here(to);
  uploads += !is_here(from);
  auto target = is_here(to) ? on_cpu(to) : to;
  target.copy_(is_here(from) ? on_cpu(from) : from);
  return to;
}
at::Tensor& set_storage(at::Tensor& t, c10::Storage storage, int64_t offset, Size size, Size stride) {
  t.unsafeGetTensorImpl()->set_storage_keep_dtype(std::move(storage));
  t.unsafeGetTensorImpl()->set_sizes_and_strides(size, stride, offset);
  return t;
}
at::Tensor& set_whole_storage(at::Tensor& t, c10::Storage storage) {
  const auto count = static_cast<int64_t>(storage.nbytes() / t.dtype().itemsize());
  return set_storage(t, std::move(storage), 0, {count}, {1});
}
at::Scalar item(const at::Tensor& t) {
  ++reads;
  return on_cpu(t).item();
}

void check_here(std::initializer_list<at::Tensor> tensors) {
  for (auto& t : tensors)
    if (t.defined() && !is_here(t)) refuse_mix("convolution");
}
at::Tensor convolution(const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& b, Size stride, Size padding, Size dilation, bool transposed, Size output_padding, int64_t groups) {
  auto bias = b.value_or(at::Tensor());
  check_here({x, w, bias});
  auto own = bias.defined() ? std::optional(on_cpu(bias)) : std::nullopt;
  return on_device(at::convolution(on_cpu(x), on_cpu(w), own, stride, padding, dilation, transposed, output_padding, groups));
}
std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(const at::Tensor& g, const at::Tensor& x, const at::Tensor& w, Size stride, Size padding, Size dilation, bool transposed, Size output_padding, int64_t groups, std::array<bool, 3> mask) {
  check_here({g, x, w});
  std::vector<int64_t> sizes{w.size(transposed ? 1 : 0) * (transposed ? groups : 1)};
  auto [a, b, c] = at::convolution_backward(on_cpu(g), on_cpu(x), on_cpu(w), at::OptionalIntArrayRef(sizes), stride, padding, dilation, transposed, output_padding, groups, mask);
  auto back = [](const at::Tensor& t) { return t.defined() ? on_device(t) : t; };
  return {back(a), back(b), back(c)};
}
}  // namespace

TORCH_LIBRARY(pretend, m) {
  m.def("waits() -> (int, int)", [] { return std::make_tuple(reads, uploads); });
}
TORCH_LIBRARY_IMPL(_, PrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&by_cpu>()); }
TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", &empty);
  m.impl("empty_strided", &empty_strided);
  m.impl("_copy_from", &copy_from);
  m.impl("_local_scalar_dense", &item);
  m.impl("set_.source_Storage", &set_whole_storage);
  m.impl("set_.source_Storage_storage_offset", &set_storage);
  // of these PyTorch has another version for devices without a kernel, which is not what CUDA does
  m.impl("native_group_norm", torch::CppFunction::makeFromBoxedFunction<&by_cpu>());
  m.impl("native_group_norm_backward", torch::CppFunction::makeFromBoxedFunction<&by_cpu>());
  m.impl("convolution_overrideable", &convolution);
  m.impl("convolution_backward_overrideable", &convolution_backward);
}

// autocast: the products in bfloat16, all else as it comes
TORCH_LIBRARY_IMPL(_, AutocastPrivateUse1, m) { m.fallback(torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, AutocastPrivateUse1, m) {
  KERNEL_PRIVATEUSEONE(linear, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(matmul, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(mm, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(bmm, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(addmm, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(baddbmm, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(conv1d, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(conv2d, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(conv_transpose1d, lower_precision_fp)
  KERNEL_PRIVATEUSEONE(conv_transpose2d, input, lower_precision_fp)
}
