#include "throwaway_server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
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

// The user that runs the server: PostgreSQL refuses root.
std::string ordinary_user() {
  if (geteuid() != 0) return {};
  for (const char *name : {"postgres", "nobody"}) {
    if (getpwnam(name) != nullptr) return name;
  }
  throw std::runtime_error("running as root, and there is neither a user postgres nor nobody to run the server");
}

// What runs between fork and exec: async-signal-safe calls only, everything else was prepared before.
[[noreturn]] void become(char *const *argv, const char *log, const passwd *user, pid_t parent) {
  setpgid(0, 0);  // Ctrl-C in the terminal is for our owner, who stops us
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (user != nullptr && (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
    _exit(126);
  }
  prctl(PR_SET_PDEATHSIG, SIGQUIT);  // after setuid, which clears it
  if (getppid() != parent) _exit(125);
  const int in = open("/dev/null", O_RDONLY);
  const int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execv(argv[0], argv);
  _exit(127);
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

  launch({programs / "postgres", "-D", data, "-k", directory_, "-c", "listen_addresses=", "-c",
          std::string{"fsync="} + (options_.fsync ? "on" : "off"), "-c",
          "max_connections=" + std::to_string(options_.max_connections), "-c", "shared_buffers=32MB"});
  wait_until_ready();
}

void throwaway_server::stop() noexcept {
  const std::lock_guard lock{mutex_};
  stopped_ = true;
  if (child_ != 0) {
    kill(-child_, SIGQUIT);  // to the server an immediate shutdown; initdb's helpers are in its group
    for (const auto deadline = steady_clock::now() + seconds{10}; running();) {
      if (steady_clock::now() > deadline) kill(-child_, SIGKILL);
      std::this_thread::sleep_for(poll_interval);
    }
  }
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
  std::vector<char *> argv;
  for (const auto &word : command) argv.push_back(const_cast<char *>(word.c_str()));
  argv.push_back(nullptr);
  const std::string log = directory_ / "log";
  const passwd *user = user_.empty() ? nullptr : getpwnam(user_.c_str());
  const pid_t self = getpid();

  const std::lock_guard lock{mutex_};
  if (stopped_) throw std::runtime_error("the server was stopped while it started");
  child_ = fork();
  if (child_ == 0) become(argv.data(), log.c_str(), user, self);
  if (child_ < 0) {
    child_ = 0;
    throw failed("cannot start " + command.front());
  }
  setpgid(child_, child_);  // here too, so that stop() finds the group whoever comes first
}

// Whether the child lives; reaps it if not. The mutex must be held.
bool throwaway_server::running() {
  if (child_ == 0) return false;
  const pid_t reaped = waitpid(child_, &exit_status_, WNOHANG);
  if (reaped == 0 || (reaped < 0 && errno == EINTR)) return true;
  child_ = 0;
  return false;
}

int throwaway_server::wait_for_exit() {
  for (;; std::this_thread::sleep_for(poll_interval)) {
    const std::lock_guard lock{mutex_};
    if (!running()) return exit_status_;
  }
}

// The last line of postmaster.pid turns to "ready", as pg_ctl reads it.
void throwaway_server::wait_until_ready() {
  for (const auto deadline = steady_clock::now() + seconds{60}; steady_clock::now() < deadline;
       std::this_thread::sleep_for(poll_interval)) {
    {
      const std::lock_guard lock{mutex_};
      if (!running()) throw std::runtime_error("the server did not start:\n" + end_of_log());
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
