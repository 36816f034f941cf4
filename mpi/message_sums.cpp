#include "mpi/message_sums.hpp"

#include <algorithm>
#include <exception>
#include <type_traits>
#include <utility>

#include "mpi/watchdog.hpp"
#include "src/support/error.hpp"

namespace plexus {

template <class T>
MessageSums<T>::MessageSums(std::shared_ptr<const Communicator> communicator, std::size_t capacity,
                            std::size_t piece_bytes)
    : communicator_(std::move(communicator)),
      piece_(piece_bytes / sizeof(T)),
      exceptions_at_start_(std::uncaught_exceptions()),
      ring_(capacity),
      memory_(ring_.capacity()) {}

template <class T>
MessageSums<T>::~MessageSums() {
  if (std::uncaught_exceptions() > exceptions_at_start_) return;
  try {
    for (; !ring_.empty(); ring_.pop()) finish(requests(ring_.oldest()));
  } catch (const std::exception&) {
    // Who waits for the sums learns of the broken transport from its next call.
  }
}

template <class T>
bool MessageSums<T>::has_room(std::size_t count) const {
  return ring_.empty() || ring_.has_room(count * sizeof(T));
}

template <class T>
T* MessageSums<T>::place(std::uint64_t number) const {
  return reinterpret_cast<T*>(const_cast<std::byte*>(memory_.data()) + ring_.place(number));
}

template <class T>
std::span<T> MessageSums<T>::next(std::size_t count) {
  const std::size_t bytes = count * sizeof(T);
  if (bytes > ring_.capacity()) {
    ensure(ring_.empty(), "no room for a sum of {} values", count);
    ring_ = BlockRing(bytes);
    memory_.resize(ring_.capacity());
    started_ = 0;
    complete_ = 0;
  }
  const std::uint64_t number = ring_.next();
  ring_.push(bytes);
  count_ = count;
  return {place(number), count};
}

template <class T>
void MessageSums<T>::start() {
  constexpr bool integers = std::is_same_v<T, std::int64_t>;
  const std::uint64_t number = started_++;
  auto& parts = requests(number);
  parts.clear();
  for (std::size_t first = 0; first < count_; first += piece_) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, place(number) + first,
                             static_cast<int>(std::min(piece_, count_ - first)),
                             integers ? MPI_INT64_T : MPI_FLOAT, MPI_SUM, communicator_->get(), &request),
              "MPI_Iallreduce");
    parts.push_back(request);
  }
}

template <class T>
void MessageSums<T>::poll() {
  // To ask for one that is not complete moves all that are under way; to ask for a complete one moves
  // nothing.
  while (complete_ < started_ && complete(requests(complete_))) ++complete_;
}

template <class T>
void MessageSums<T>::wait() {
  const std::uint64_t number = ring_.oldest();
  poll();
  if (complete_ > number) return;
  const activity::Collective waiting("sum", static_cast<std::int64_t>(number));
  finish(requests(number));
  complete_ = number + 1;
}

template <class T>
const T* MessageSums<T>::values(std::size_t first, std::size_t, T*) const {
  return place(ring_.oldest()) + first;
}

template <class T>
void MessageSums<T>::pop() {
  ring_.pop();
}

template class MessageSums<std::int64_t>;
template class MessageSums<float>;

}  // namespace plexus
