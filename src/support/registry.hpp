#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/support/error.hpp"
#include "src/support/text.hpp"

namespace plexus {

/// Things of one kind that the config can name, each with a line of help. A new one registers itself from its
/// own file with a static `Registrar`; nothing else has to change.
template <class Base, class... Args>
class Registry {
 public:
  using Factory = std::function<std::unique_ptr<Base>(Args...)>;
  struct Entry {
    std::string help;
    Factory factory;
  };

  static Registry& instance() {
    static Registry registry;
    return registry;
  }

  void add(const std::string& name, std::string help, Factory factory) {
    entries_.insert_or_assign(name, Entry{std::move(help), std::move(factory)});
  }

  /// @throws InputError naming `config_key` and the known names when `name` is not one of them.
  [[nodiscard]] std::unique_ptr<Base> make(const std::string& name, const std::string& config_key,
                                           Args... args) const {
    const auto found = entries_.find(name);
    require(found != entries_.end(), "{} is '{}', which does not exist. {}", config_key, name,
            known_names_hint(name, names()));
    return found->second.factory(std::forward<Args>(args)...);
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, entry] : entries_) all.push_back(name);
    return all;
  }

  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::map<std::string, Entry> entries_;
};

/// Adds one entry to a registry before `main` starts.
template <class Base, class... Args>
struct Registrar {
  Registrar(const std::string& name, std::string help, typename Registry<Base, Args...>::Factory factory) {
    Registry<Base, Args...>::instance().add(name, std::move(help), std::move(factory));
  }
};

}  // namespace plexus
