#include "child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace ratchet::support {

namespace {

// What runs between fork and exec: async-signal-safe calls only, everything else was prepared before.
[[noreturn]] void become(char *const *argv, const char *log, const passwd *user, pid_t parent) {
  setpgid(0, 0);
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

std::string ordinary_user() {
  if (geteuid() != 0) return {};
  for (const char *name : {"postgres", "nobody"}) {
    if (getpwnam(name) != nullptr) return name;
  }
  throw std::runtime_error("running as root, and there is neither a user postgres nor nobody to run the server");
}

child_process::~child_process() { end(SIGKILL); }

void child_process::start(const std::vector<std::string> &command, const std::string &log, const std::string &user) {
  std::vector<char *> argv;
  for (const auto &word : command) argv.push_back(const_cast<char *>(word.c_str()));
  argv.push_back(nullptr);
  const passwd *account = user.empty() ? nullptr : getpwnam(user.c_str());
  const pid_t self = getpid();

  const pid_t pid = fork();
  if (pid == 0) become(argv.data(), log.c_str(), account, self);
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "cannot start " + command.front());
  pid_ = pid;
  setpgid(pid_, pid_);  // here too, so that end() finds the group whoever comes first
}

bool child_process::running() {
  if (pid_ == 0) return false;
  const pid_t reaped = waitpid(pid_, &exit_status_, WNOHANG);
  if (reaped == 0 || (reaped < 0 && errno == EINTR)) return true;
  pid_ = 0;
  return false;
}

void child_process::signal(int number) noexcept {
  if (pid_ != 0) kill(-pid_, number);
}

void child_process::end(int number) noexcept {
  using clock = std::chrono::steady_clock;
  signal(number);
  for (const auto deadline = clock::now() + std::chrono::seconds{10}; running();) {
    if (clock::now() > deadline) signal(SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

}  // namespace ratchet::support
