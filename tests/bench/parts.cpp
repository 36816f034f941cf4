#include "tests/bench/parts.hpp"

namespace plexus::bench {

const std::vector<Part>& parts() {
  static const std::vector<Part> all = {
      {"roofs", "Roofs of the machine",
       "Independent multiply-adds in registers, reads in order from each level of the memory, and random "
       "cache lines of 1 GiB; all threads together. Hand-over: a cache line from one thread to another and "
       "back.",
       roofs},
      {"layers", "Phases of a sparse layer",
       "Useful operations are 2 x connections x batch for each of forward, input gradient and gradient. "
       "Backward is input gradient, gradient and momentum update; the first layer of a network needs no "
       "input gradient. A phase is repeated on its own: how threads hand over what they made to the next "
       "layer, only the epochs below show.",
       layers},
      {"batches", "The same with other batches", "One thread.", batches},
      {"connections", "Time per connection", "40 connections a neuron, one thread.", connections},
      {"comparison", "The same work by others",
       "A layer of 1000 x 1000 at a density of 4 %, batch 128, one thread. Backward is input gradient, "
       "gradient and update; gradient alone is what ranks exchange. Ratios above 1 mean that plexus is "
       "faster.",
       comparison},
      {"densities", "Where dense becomes faster", "Forward pass, 1000 x 1000, batch 128, one thread.",
       densities},
      {"initialisation", "Making a random layer", "Square layers at a density of 1 %.", initialisation},
      {"rewiring", "Rewiring",
       "Three square layers at a density of 1 %, rewired by SET (30 % replaced): choosing the edits, and "
       "with applying them (structure, weights, momentum, transposed index, and what is left for the next "
       "step to do). Pruning removes about 6 % of the hidden neurons at the same time.",
       rewiring},
      {"epoch", "A whole epoch",
       "epsilon 20, batch 128, all layers sparse and evolving, random data in memory; batches, training "
       "and rewiring included. The peak is that of all threads and ranks.",
       epoch, add_speed_ups},
      {"memory", "Memory",
       "Growth of the resident memory: weights, momentum and indices of a layer, per connection and per "
       "neuron; what a step on one rank adds, per connection; and all that one of two ranks has taken while "
       "it "
       "trains a network of so many connections, activations and sums under way included, per connection.",
       memory},
  };
  return all;
}

}  // namespace plexus::bench
