#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>

#include "src/plan/machine_speed.hpp"
#include "src/plan/measured_kernel_speed.hpp"

namespace plexus {
namespace {

TEST(PlanMachineSpeed, ValuesBetweenMeasurementsLieOnLinesOverTheLogarithm) {
  const Curve curve = {{100, 2}, {10000, 4}, {40000, 10}};

  EXPECT_DOUBLE_EQ(value_at(curve, 100), 2);
  EXPECT_DOUBLE_EQ(value_at(curve, 1000), 3);
  EXPECT_DOUBLE_EQ(value_at(curve, 10000), 4);
  EXPECT_DOUBLE_EQ(value_at(curve, 20000), 7);
}

TEST(PlanMachineSpeed, ValuesBeyondTheMeasurementsAreThoseOfTheEnds) {
  const Curve curve = {{100, 2}, {10000, 4}};

  EXPECT_DOUBLE_EQ(value_at(curve, 1), 2);
  EXPECT_DOUBLE_EQ(value_at(curve, 1e9), 4);
}

TEST(PlanMachineSpeed, TwiceTheThreadsTakeHalfTheTime) {
  KernelSpeed of_two = with_threads(default_kernel_speed(), 2);
  KernelSpeed of_one = default_kernel_speed();
  EXPECT_EQ(of_two.whole, of_one.whole);  // ratios
  of_one.whole.clear();
  of_two.whole.clear();

  const auto halves = figures_of(of_two);
  const auto wholes = figures_of(of_one);

  ASSERT_EQ(halves.size(), wholes.size());
  for (std::size_t i = 0; i < halves.size(); ++i) EXPECT_DOUBLE_EQ(2 * *halves[i], *wholes[i]);
}

TEST(PlanMachineSpeed, AQuickMeasurementHasEveryFigure) {
  KernelSpeed speed = measured_kernel_speed(Effort::quick);

  for_each_figure(speed, [](const char* name, const auto& figure) {
    if constexpr (std::is_same_v<decltype(figure), const Curve&>) {
      ASSERT_FALSE(figure.empty()) << name;
      for (std::size_t i = 1; i < figure.size(); ++i) EXPECT_LT(figure[i - 1].at, figure[i].at) << name;
      for (const CurvePoint& point : figure) EXPECT_GT(point.value, 0) << name;
    } else {
      EXPECT_GE(figure, 0) << name;
      EXPECT_TRUE(std::isfinite(figure)) << name;
    }
  });
}

}  // namespace
}  // namespace plexus
