#include "dropping_proxy.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace ratchet::test {

namespace {

constexpr const char *socket_name = ".s.PGSQL.5432";
constexpr int patience_ms = 20;  // how often a thread looks whether it should stop

sockaddr_un address_of(const std::string &path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("socket path too long");
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

// A Unix socket after bind() or connect(), whichever `attach` is.
template <typename Attach>
int open_socket(const std::filesystem::path &path, Attach attach) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(path);
  if (fd < 0 || attach(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot open the socket " + path.string());
  }
  return fd;
}

std::filesystem::path new_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "rproxy.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create a directory");
  return name;
}

}  // namespace

dropping_proxy::dropping_proxy(std::filesystem::path server) : server_(std::move(server)), directory_(new_directory()) {
  listener_ = open_socket(directory_ / socket_name, bind);
  if (listen(listener_, 64) != 0) throw std::runtime_error("cannot listen");
  acceptor_ = std::thread{[this] { accept_until_stopped(); }};
}

dropping_proxy::~dropping_proxy() {
  stop_ = true;
  acceptor_.join();
  for (auto &each : connections_) each.join();
  close(listener_);
  std::filesystem::remove_all(directory_);
}

std::string dropping_proxy::dsn(const std::string &database) const {
  return "host=" + directory_.string() + " port=5432 user=postgres dbname=" + database;
}

void dropping_proxy::drop_next(std::string text) {
  const std::lock_guard lock{mutex_};
  dropped_ = std::move(text);
}

bool dropping_proxy::wanted(const std::string &message) {
  const std::lock_guard lock{mutex_};
  if (dropped_.empty() || message.find(dropped_) == std::string::npos) return false;
  dropped_.clear();
  return true;
}

void dropping_proxy::accept_until_stopped() {
  pollfd watched{listener_, POLLIN, 0};
  while (!stop_) {
    if (poll(&watched, 1, patience_ms) <= 0) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) connections_.emplace_back([this, client] { forward(client); });
  }
}

void dropping_proxy::forward(int client) {
  int server = -1;
  try {
    server = open_socket(server_, connect);
    pollfd watched[2]{{client, POLLIN, 0}, {server, POLLIN, 0}};
    bool open = true;
    while (open && !stop_) {
      if (poll(watched, 2, patience_ms) <= 0) continue;
      if (watched[0].revents != 0) open = pass_on(client, server, true);
      if (open && watched[1].revents != 0) open = pass_on(server, client, false);
    }
  } catch (const std::exception &) {
    // the server is away: the client learns it by the end of its connection
  }
  close(client);
  if (server >= 0) close(server);
}

// Whether the connection goes on.
bool dropping_proxy::pass_on(int from, int to, bool may_drop) {
  char buffer[65536];
  const auto size = read(from, buffer, sizeof buffer);
  if (size <= 0) return false;
  if (send(to, buffer, static_cast<std::size_t>(size), MSG_NOSIGNAL) != size) return false;
  if (!may_drop || !wanted({buffer, static_cast<std::size_t>(size)})) return true;
  (void)!read(to, buffer, sizeof buffer);  // the answer: what was asked for is done now
  return false;
}

}  // namespace ratchet::test
