#include "throwaway_pooler.hpp"

#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <pqxx/pqxx>
#include <stdexcept>
#include <thread>

#include "throwaway_server.hpp"

namespace ratchet::support {

namespace {

constexpr const char *program = "/usr/sbin/pgbouncer";
constexpr const char *port = "6432";

}  // namespace

bool throwaway_pooler::available() { return access(program, X_OK) == 0; }

throwaway_pooler::throwaway_pooler(const throwaway_server &server) : directory_(server.directory() / "pooler") {
  const auto user = ordinary_user();
  std::filesystem::create_directory(directory_);
  write_settings(server);
  if (const passwd *account = user.empty() ? nullptr : getpwnam(user.c_str());
      account != nullptr && chown(directory_.c_str(), account->pw_uid, account->pw_gid) != 0) {
    throw std::runtime_error("cannot hand over " + directory_.string());
  }
  child_.start({program, directory_ / "pgbouncer.ini"}, directory_ / "log", user);
  wait_until_ready();
}

throwaway_pooler::~throwaway_pooler() {
  child_.end(SIGQUIT);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string throwaway_pooler::dsn(std::string_view database) const {
  return "host=" + directory_.string() + " port=" + port + " user=postgres dbname=" + std::string{database};
}

// Few server connections, so that clients do share them: whatever a session left behind would meet another one.
void throwaway_pooler::write_settings(const throwaway_server &server) const {
  std::ofstream file{directory_ / "pgbouncer.ini"};
  file << "[databases]\n* = host=" << server.directory().string() << " port=5432 user=postgres\n"
       << "[pgbouncer]\nlisten_addr =\nlisten_port = " << port << "\nunix_socket_dir = " << directory_.string()
       << "\nauth_type = any\npool_mode = transaction\nmax_client_conn = 200\n"
       << "default_pool_size = 8\nserver_login_retry = 0.1\n";
  if (!file.flush()) throw std::runtime_error("cannot write the settings of PgBouncer");
}

void throwaway_pooler::wait_until_ready() {
  using clock = std::chrono::steady_clock;
  for (const auto deadline = clock::now() + std::chrono::seconds{30}; clock::now() < deadline;
       std::this_thread::sleep_for(std::chrono::milliseconds{10})) {
    if (!child_.running()) break;
    try {
      const pqxx::connection attempt{dsn("postgres")};
      return;
    } catch (const pqxx::broken_connection &) {
      continue;  // not yet
    }
  }
  std::ifstream log{directory_ / "log"};
  throw std::runtime_error("PgBouncer did not start:\n" + std::string{std::istreambuf_iterator<char>{log}, {}});
}

}  // namespace ratchet::support
