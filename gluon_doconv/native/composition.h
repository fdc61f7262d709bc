// The arithmetic of kernel composition, W' = W (D' + I)^T and its two gradients, on arrays in memory.
//
//   weight  (C_out, C_in/groups, D_mul), where D_mul = M*N also (C_out, C_in/groups, M, N)
//   d       (M*N, D_mul, C_in), which is D' = D - I
//   kernel  (C_out, C_in/groups, M, N)
//
// The matrix of an input channel is applied to one row of numbers for every output channel, or summed over them. Every
// sum is made by one thread in one order: its bits depend neither on the number of threads nor on how they divide the
// channels.

#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

constexpr int64_t kRows = 4;                // output channels that share one reading of a matrix
constexpr int64_t kChannels = 64;           // input channels whose matrices a thread holds at a time, at most,
constexpr int64_t kHeldNumbers = 1 << 16;   // and numbers in them
constexpr int64_t kWorthThreads = 1 << 21;  // multiplications from which on threads are faster than one

template <typename T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
};

template <typename T>
using Vector = typename VectorOf<T>::type;

template <typename T>
constexpr int kLanes = kVectorBytes / sizeof(T);

template <typename T>
constexpr int64_t Padded(int64_t size) {
  return (size + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

template <typename T>
inline Vector<T> Load(const T* from, int64_t count = kLanes<T>) {
  Vector<T> vector{};
  std::memcpy(&vector, from, count * sizeof(T));
  return vector;
}

template <typename T>
inline void Store(const Vector<T>& vector, T* to, int64_t count = kLanes<T>) {
  std::memcpy(to, &vector, count * sizeof(T));
}

// Rows of `size` numbers, one for each output channel, `stride` apart, in an array that ends at `end`.
template <typename T>
struct Rows {
  T* first;
  int64_t size, stride;
  const T* end;

  T* At(int64_t row, int64_t column) const { return first + row * stride + column; }

  // What lies beyond the row is the next one's: harmless in lanes that nobody reads, and read faster than left out.
  Vector<std::remove_const_t<T>> Read(int64_t row, int64_t column) const {
    const T* const from = At(row, column);
    return end - from >= kLanes<T> ? Load(from) : Load(from, std::min<int64_t>(kLanes<T>, size - column));
  }
};

// to[r][p] = sum over s of from[r][s] * matrix[s][p], for R rows
template <int64_t R, typename T>
inline void Multiply(const Rows<const T>& from, const T* matrix, const Rows<T>& to) {
  for (int64_t p = 0; p < to.size; p += kLanes<T>) {
    Vector<T> sums[R] = {};
    for (int64_t s = 0; s < from.size; ++s) {
      const Vector<T> column = Load<T>(matrix + s * Padded<T>(to.size) + p);
      for (int64_t r = 0; r < R; ++r) sums[r] += column * *from.At(r, s);
    }
    for (int64_t r = 0; r < R; ++r) Store<T>(sums[r], to.At(r, p), std::min<int64_t>(kLanes<T>, to.size - p));
  }
}

// matrix[s][p] += sum over r of left[r][s] * right[r][p], for R rows
template <int64_t R, typename T>
inline void Accumulate(const Rows<const T>& left, const Rows<const T>& right, T* matrix) {
  for (int64_t p = 0; p < right.size; p += kLanes<T>) {
    Vector<T> rows[R];
    for (int64_t r = 0; r < R; ++r) rows[r] = right.Read(r, p);
    for (int64_t s = 0; s < left.size; ++s) {
      T* place = matrix + s * Padded<T>(right.size) + p;
      Vector<T> sum = Load<T>(place);
      for (int64_t r = 0; r < R; ++r) sum += rows[r] * *left.At(r, s);
      Store<T>(sum, place);
    }
  }
}

// Calls work(row, R) for groups of R rows: kRows as long as there are so many, then single ones.
template <typename Work>
void ForRows(int64_t rows, const Work& work) {
  int64_t row = 0;
  for (; row + kRows <= rows; row += kRows) work(row, std::integral_constant<int64_t, kRows>());
  for (; row < rows; ++row) work(row, std::integral_constant<int64_t, 1>());
}

// Whether (s, p) is on the diagonal of I, which is tiled along D_mul as often as it fits.
inline bool OnDiagonal(int64_t s, int64_t p, int64_t area, int64_t d_mul) {
  return s % area == p && s / area < std::max<int64_t>(1, d_mul / area);
}

// One composition. SIZE is M*N and D_mul where they are equal and the compiler is to know them; 0 elsewhere.
template <typename T, int64_t SIZE>
class Composition {
 public:
  Composition(const std::vector<int64_t>& weight, const std::vector<int64_t>& d)
      : area_(d[0]), d_mul_(d[1]), channels_(d[2]), inputs_(weight[1]), outputs_(weight[0] * weight[1] / d[2]) {}

  void Forward(const T* weight, const T* d, T* kernel) const {
    ForChannels([&](int64_t channel, int64_t count) {
      const std::vector<T> matrices = Matrices<false>(d, channel, count);
      ForRows(outputs_, [&](int64_t row, auto rows) {
        for (int64_t i = 0; i < count; ++i)
          Multiply<decltype(rows)::value>(Columns(weight, DMul(), channel + i, row),
                                          &matrices[i * DMul() * Padded<T>(Area())],
                                          Columns(kernel, Area(), channel + i, row));
      });
    });
  }

  void Backward(const T* grad, const T* weight, const T* d, T* dweight, T* dd) const {
    ForChannels([&](int64_t channel, int64_t count) {
      const std::vector<T> matrices = Matrices<true>(d, channel, count);
      std::vector<T> sums(count * DMul() * Padded<T>(Area()));
      ForRows(outputs_, [&](int64_t row, auto rows) {
        for (int64_t i = 0; i < count; ++i) {
          const Rows<const T> g = Columns(grad, Area(), channel + i, row);
          Multiply<decltype(rows)::value>(g, &matrices[i * Area() * Padded<T>(DMul())],
                                          Columns(dweight, DMul(), channel + i, row));
          Accumulate<decltype(rows)::value>(Columns(weight, DMul(), channel + i, row), g,
                                            &sums[i * DMul() * Padded<T>(Area())]);
        }
      });
      WriteSums(sums.data(), dd, channel, count);
    });
  }

 private:
  int64_t Area() const { return SIZE ? SIZE : area_; }
  int64_t DMul() const { return SIZE ? SIZE : d_mul_; }

  // The numbers of input channel `channel`, from output channel `row` of its group on.
  template <typename U>
  Rows<U> Columns(U* array, int64_t size, int64_t channel, int64_t row) const {
    const int64_t stride = inputs_ * size, group = channel / inputs_;
    U* const first = array + (group * outputs_ + row) * stride + channel % inputs_ * size;
    return {first, size, stride, array + channels_ * outputs_ * size};
  }

  // Calls work(channel, count) for all input channels, never for two groups at a time, divided among threads.
  template <typename Work>
  void ForChannels(const Work& work) const {
    const bool threads = channels_ * outputs_ * Area() * DMul() >= kWorthThreads;
    const int64_t fit = std::max<int64_t>(1, kHeldNumbers / (Padded<T>(Area()) * Padded<T>(DMul())));
    const int64_t step = std::min({kChannels, fit, inputs_}), steps = (inputs_ + step - 1) / step;
#pragma omp parallel for schedule(static) if (threads)
    for (int64_t part = 0; part < channels_ / inputs_ * steps; ++part) {
      const int64_t first = part % steps * step;
      work(part / steps * inputs_ + first, std::min(step, inputs_ - first));
    }
  }

  // D' + I of `count` channels: [i][s][p], or transposed [i][p][s], the last axis padded with zeros.
  template <bool transposed>
  std::vector<T> Matrices(const T* d, int64_t channel, int64_t count) const {
    const int64_t width = Padded<T>(transposed ? DMul() : Area()), size = width * (transposed ? Area() : DMul());
    std::vector<T> matrices(count * size);
    for (int64_t p = 0; p < Area(); ++p)
      for (int64_t s = 0; s < DMul(); ++s) {
        const T* const from = d + (p * DMul() + s) * channels_ + channel;
        T* const to = &matrices[transposed ? p * width + s : s * width + p];
        const T identity = OnDiagonal(s, p, Area(), DMul());
        for (int64_t i = 0; i < count; ++i) to[i * size] = from[i] + identity;
      }
    return matrices;
  }

  void WriteSums(const T* sums, T* dd, int64_t channel, int64_t count) const {
    const int64_t width = Padded<T>(Area());
    for (int64_t p = 0; p < Area(); ++p)
      for (int64_t s = 0; s < DMul(); ++s)
        for (int64_t i = 0; i < count; ++i)
          dd[(p * DMul() + s) * channels_ + channel + i] = sums[(i * DMul() + s) * width + p];
  }

  const int64_t area_, d_mul_, channels_, inputs_, outputs_;  // M*N, D_mul, C_in, C_in/groups, C_out/groups
};

}  // namespace
