#include "tests/bench/fma_peak.hpp"

#include <omp.h>
#include <time.h>

#include <array>
#include <string_view>

#include "mpi/stopwatch.hpp"
#include "src/sparse/kernels.hpp"

namespace plexus::bench {

namespace {

/// A chain is a register that is multiplied and added to over and over. There are more than latency times
/// units of any processor, so that only the units limit.
constexpr int chains = 14;

/// Does `rounds` multiply-adds on every lane of every chain.
using Rounds = void (*)(long rounds);

#ifdef __x86_64__

// In assembly, as neither the compiler nor its flags must change a thing. Registers 14 and 15 hold the factor
// and the summand; all values converge to 2.
#define PLEXUS_EACH_CHAIN(INSTRUCTION) \
  ".irp chain,0,1,2,3,4,5,6,7,8,9,10,11,12,13\n\t" INSTRUCTION "\n\t.endr\n\t"
#define PLEXUS_ROUNDS(LOAD, START, STEP, END)                                                          \
  const float factor = 0.5F;                                                                           \
  const float summand = 1.0F;                                                                          \
  asm volatile(                                                                                        \
      LOAD PLEXUS_EACH_CHAIN(START) "1:\n\t" PLEXUS_EACH_CHAIN(STEP) "dec %[rounds]\n\tjnz 1b\n\t" END \
      : [rounds] "+r"(rounds)                                                                          \
      : [factor] "m"(factor), [summand] "m"(summand)                                                   \
      : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")

void rounds_of_sse(long rounds) {
  PLEXUS_ROUNDS(
      "movss %[factor], %%xmm14\n\tshufps $0, %%xmm14, %%xmm14\n\t"
      "movss %[summand], %%xmm15\n\tshufps $0, %%xmm15, %%xmm15\n\t",
      "movaps %%xmm15, %%xmm\\chain", "mulps %%xmm14, %%xmm\\chain\n\taddps %%xmm15, %%xmm\\chain", "");
}

void rounds_of_avx2(long rounds) {
  PLEXUS_ROUNDS("vbroadcastss %[factor], %%ymm14\n\tvbroadcastss %[summand], %%ymm15\n\t",
                "vmovaps %%ymm15, %%ymm\\chain", "vfmadd213ps %%ymm15, %%ymm14, %%ymm\\chain",
                "vzeroupper\n\t");
}

void rounds_of_avx512(long rounds) {
  PLEXUS_ROUNDS("vbroadcastss %[factor], %%zmm14\n\tvbroadcastss %[summand], %%zmm15\n\t",
                "vmovaps %%zmm15, %%zmm\\chain", "vfmadd213ps %%zmm15, %%zmm14, %%zmm\\chain",
                "vzeroupper\n\t");
}

#else

using FourLanes = float __attribute__((vector_size(16)));

void rounds_of_four_lanes(long rounds) {
  std::array<FourLanes, chains> values{};
  for (; rounds > 0; --rounds) {
    for (FourLanes& value : values) value = value * 0.5F + 1.0F;
  }
  asm volatile("" : : "r"(values.data()) : "memory");
}

#endif

struct RegisterSet {
  Rounds run;
  int lanes;
};

RegisterSet registers_in_use() {
#ifdef __x86_64__
  const std::string_view name = kernels().name;
  if (name == "avx512") return {rounds_of_avx512, 16};
  if (name == "avx2") return {rounds_of_avx2, 8};
  return {rounds_of_sse, 4};
#else
  return {rounds_of_four_lanes, 4};
#endif
}

/// Processor time of the calling thread.
double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

Peak fma_peak(double seconds) {
  constexpr long rounds = 20'000;  // about 0.1 ms, so that threads end together
  const RegisterSet registers = registers_in_use();
  double flops_per_second = 0;
  double on_core = 1;
#pragma omp parallel reduction(+ : flops_per_second) reduction(min : on_core)
  {
    Stopwatch watch;
    const double start = thread_seconds();
    double passed = 0;
    double done = 0;
    while (passed < seconds) {
      registers.run(rounds);
      done += static_cast<double>(rounds) * chains * registers.lanes * 2;
      passed += watch.lap();
    }
    const double worked = thread_seconds() - start;
    flops_per_second += done / worked;
    on_core = worked / passed;
  }
  return {flops_per_second, on_core};
}

}  // namespace plexus::bench
