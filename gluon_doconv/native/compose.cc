// Kernel composition as an operator of MXNet for CPUs; composition.h says what weight, d and kernel are.
//
// All are float32, or all float64. With them goes `turn`, (1,) and float32, which comes out as well and holds nothing:
// MXNet goes backwards through a graph from the first parameter on. It would leave the gradients of all other W and D
// to the end, and hold the gradient of every W' until then. Where each composition gives its turn to the next, the way
// back to the first leads through all of them, layer by layer.

#include <mxnet/lib_api.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

#include "composition.h"

namespace ext = mxnet::ext;

namespace {

// Calls work(composition, T()) for the sizes and the dtype of these arrays.
template <typename T, typename Work>
void WithComposition(const std::vector<int64_t>& weight, const std::vector<int64_t>& d, const Work& work) {
  if (d[0] == 9 && d[1] == 9) return work(Composition<T, 9>(weight, d), T());
  work(Composition<T, 0>(weight, d), T());
}

template <typename Work>
ext::MXReturnValue Dispatch(const ext::MXTensor& weight, const ext::MXTensor& d, const Work& work) {
  if (weight.dtype == ext::kFloat32)
    WithComposition<float>(weight.shape, d.shape, work);
  else
    WithComposition<double>(weight.shape, d.shape, work);
  return ext::MX_SUCCESS;
}

using Attributes = std::unordered_map<std::string, std::string>;
using Tensors = std::vector<ext::MXTensor>;
using Shapes = std::vector<std::vector<unsigned int>>;

ext::MXReturnValue ParseAttributes(const Attributes&, int* inputs, int* outputs) {
  *inputs = 3;   // weight, d, turn
  *outputs = 2;  // turn, kernel
  return ext::MX_SUCCESS;
}

ext::MXReturnValue InferType(const Attributes&, std::vector<int>* in, std::vector<int>* out) {
  const int type = std::max((*in)[0], (*in)[1]);  // -1 where one is not known yet
  if (type > ext::kFloat64 || ((*in)[0] != (*in)[1] && std::min((*in)[0], (*in)[1]) >= 0)) {
    MX_ERROR_MSG << "weight and d have to be float32 both, or float64 both" << std::endl;
    return ext::MX_FAIL;
  }
  (*in)[0] = (*in)[1] = (*out)[1] = type;
  (*in)[2] = (*out)[0] = ext::kFloat32;
  return ext::MX_SUCCESS;
}

// The attribute `kernel` holds M and N, separated by spaces.
ext::MXReturnValue InferShape(const Attributes& attributes, Shapes* in, Shapes* out) {
  const std::vector<unsigned int>&weight = (*in)[0], &d = (*in)[1];
  std::vector<unsigned int>& folded = (*out)[1];
  (*out)[0] = (*in)[2];
  folded.assign(weight.begin(), weight.begin() + std::min<size_t>(2, weight.size()));
  std::istringstream kernel(attributes.at("kernel"));
  unsigned int area = 1, columns = 1;
  for (unsigned int size; kernel >> size; area *= size) folded.push_back(size);
  for (size_t axis = 2; axis < weight.size(); ++axis) columns *= weight[axis];
  if (weight.size() < 3 || d.size() != 3 || d[0] != area || d[1] != columns || weight[1] == 0 ||
      d[2] % weight[1] != 0 || d[2] == 0 || weight[0] % (d[2] / weight[1]) != 0) {
    MX_ERROR_MSG << "the shapes of weight and d do not belong together, or not to this kernel" << std::endl;
    return ext::MX_FAIL;
  }
  return ext::MX_SUCCESS;
}

ext::MXReturnValue Forward(const Attributes&, Tensors* in, Tensors* out, const ext::OpResource&) {
  ext::MXTensor &weight = (*in)[0], &d = (*in)[1], &kernel = (*out)[1];
  return Dispatch(weight, d, [&](const auto& composition, auto zero) {
    using T = decltype(zero);
    composition.Forward(weight.data<T>(), d.data<T>(), kernel.data<T>());
  });
}

// Given the gradients of turn and kernel, then weight, d and what else Forward had.
ext::MXReturnValue Backward(const Attributes&, Tensors* in, Tensors* out, const ext::OpResource&) {
  ext::MXTensor &grad = (*in)[1], &weight = (*in)[2], &d = (*in)[3], &dweight = (*out)[0], &dd = (*out)[1];
  return Dispatch(weight, d, [&](const auto& composition, auto zero) {
    using T = decltype(zero);
    composition.Backward(grad.data<T>(), weight.data<T>(), d.data<T>(), dweight.data<T>(), dd.data<T>());
  });
}

REGISTER_OP(doconv_compose)
    .setForward(Forward, "cpu")
    .setBackward(Backward, "cpu")
    .setParseAttrs(ParseAttributes)
    .setInferType(InferType)
    .setInferShape(InferShape);

}  // namespace

ext::MXReturnValue initialize(int) { return ext::MX_SUCCESS; }
