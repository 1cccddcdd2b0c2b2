#include "throwaway_server.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <pqxx/pqxx>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace ratchet::support {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds poll_interval{10};

std::system_error failed(const std::string &what) { return {errno, std::generic_category(), what}; }

// Where PostgreSQL's programs are. pg_config knows; Debian keeps them out of PATH.
std::filesystem::path binaries() {
  const char *chosen = std::getenv("PG_CONFIG");
  const std::string command = std::string{chosen != nullptr ? chosen : "pg_config"} + " --bindir";
  std::string output;
  if (FILE *pipe = popen(command.c_str(), "r"); pipe != nullptr) {
    char buffer[512];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
    pclose(pipe);
  }
  output.erase(output.find_last_not_of(" \n") + 1);
  if (output.empty() || !std::filesystem::exists(output + "/initdb")) {
    throw std::runtime_error("no PostgreSQL server programs found through '" + command + "'");
  }
  return output;
}

// A new directory with a short name: the path of a Unix socket is limited to 107 bytes.
std::filesystem::path new_directory() {
  const char *chosen = std::getenv("TMPDIR");
  std::string base = chosen != nullptr && std::strlen(chosen) < 60 ? chosen : "/tmp";
  std::string name = base + "/ratchet.XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw failed("cannot create a directory in " + base);
  return name;
}

}  // namespace

void throwaway_server::start() {
  const auto programs = binaries();
  user_ = ordinary_user();
  {
    const std::lock_guard lock{mutex_};
    if (stopped_) throw std::runtime_error("the server was stopped while it started");
    directory_ = new_directory();
  }
  if (!user_.empty()) {
    const passwd *user = getpwnam(user_.c_str());
    if (chown(directory_.c_str(), user->pw_uid, user->pw_gid) != 0)
      throw failed("cannot hand over " + directory_.string());
  }

  const std::string data = directory_ / "data";
  launch({programs / "initdb", "--pgdata=" + data, "--username=postgres", "--auth=trust", "--encoding=UTF8",
          "--locale=C", "--no-sync", "--no-instructions"});
  if (wait_for_exit() != 0) throw std::runtime_error("initdb failed:\n" + end_of_log());

  run_server();
}

void throwaway_server::run_server() {
  launch({binaries() / "postgres", "-D", directory_ / "data", "-k", directory_, "-c", "listen_addresses=", "-c",
          std::string{"fsync="} + (options_.fsync ? "on" : "off"), "-c",
          "max_connections=" + std::to_string(options_.max_connections), "-c", "shared_buffers=32MB", "-c",
          std::string{"shared_preload_libraries="} + options_.preload});
  wait_until_ready();
}

void throwaway_server::restart() {
  {
    const std::lock_guard lock{mutex_};
    child_.end(SIGQUIT);
  }
  run_server();
}

void throwaway_server::stop() noexcept {
  const std::lock_guard lock{mutex_};
  stopped_ = true;
  child_.end(SIGQUIT);  // to the server an immediate shutdown
  if (!directory_.empty() && !removed_) {
    removed_ = true;  // once: the name may be somebody else's soon
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
}

std::string throwaway_server::dsn(std::string_view database) const {
  return "host=" + directory_.string() + " port=5432 user=postgres dbname=" + std::string{database};
}

std::string throwaway_server::create_database(const std::string &name) const {
  pqxx::connection connection{dsn()};
  pqxx::nontransaction session{connection};
  session.exec("CREATE DATABASE " + name);
  return dsn(name);
}

void throwaway_server::launch(const std::vector<std::string> &command) {
  const std::lock_guard lock{mutex_};
  if (stopped_) throw std::runtime_error("the server was stopped while it started");
  child_.start(command, directory_ / "log", user_);
}

int throwaway_server::wait_for_exit() {
  for (;; std::this_thread::sleep_for(poll_interval)) {
    const std::lock_guard lock{mutex_};
    if (!child_.running()) return child_.exit_status();
  }
}

// The last line of postmaster.pid turns to "ready", as pg_ctl reads it.
void throwaway_server::wait_until_ready() {
  for (const auto deadline = steady_clock::now() + seconds{60}; steady_clock::now() < deadline;
       std::this_thread::sleep_for(poll_interval)) {
    {
      const std::lock_guard lock{mutex_};
      if (!child_.running()) throw std::runtime_error("the server did not start:\n" + end_of_log());
    }
    std::ifstream file{directory_ / "data" / "postmaster.pid"};
    std::string line;
    std::string last;
    while (std::getline(file, line)) last = line;
    if (last.rfind("ready", 0) == 0) return;
  }
  throw std::runtime_error("the server did not become ready:\n" + end_of_log());
}

std::string throwaway_server::end_of_log() const {
  std::ifstream file{directory_ / "log"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  constexpr std::size_t enough = 2000;
  return text.size() <= enough ? text : text.substr(text.size() - enough);
}

void forget_pg_environment() {
  for (const char *name : {"PGHOST",           "PGHOSTADDR",
                           "PGPORT",           "PGDATABASE",
                           "PGUSER",           "PGPASSWORD",
                           "PGPASSFILE",       "PGSERVICE",
                           "PGSERVICEFILE",    "PGOPTIONS",
                           "PGAPPNAME",        "PGSSLMODE",
                           "PGREQUIRESSL",     "PGSSLCERT",
                           "PGSSLKEY",         "PGSSLROOTCERT",
                           "PGREQUIREPEER",    "PGREQUIREAUTH",
                           "PGCHANNELBINDING", "PGCONNECT_TIMEOUT",
                           "PGCLIENTENCODING", "PGTARGETSESSIONATTRS",
                           "PGDATESTYLE",      "PGTZ",
                           "PGGEQO",           "PGDATA"}) {
    unsetenv(name);
  }
}

}  // namespace ratchet::support
