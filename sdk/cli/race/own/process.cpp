#include "race/own/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>

#include "race/settings.hpp"

namespace ratchet::cli::own {

namespace {

using std::chrono::steady_clock;

constexpr int slice_ms = 20;  // how often a wait looks whether it is to end
constexpr std::chrono::seconds grace{2};
constexpr std::size_t kept_output = 65536;

std::mutex running_mutex;
std::set<pid_t> running;  // groups whose leader has not been reaped

class pipe_end {
 public:
  explicit pipe_end(int fd = -1) : fd_(fd) {}
  ~pipe_end() { close(); }
  pipe_end(pipe_end &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  pipe_end(const pipe_end &) = delete;
  pipe_end &operator=(const pipe_end &) = delete;

  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

std::pair<pipe_end, pipe_end> new_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "no pipe");
  return {pipe_end{fds[0]}, pipe_end{fds[1]}};
}

std::vector<char *> pointers(std::vector<std::string> &words) {
  std::vector<char *> list;
  for (auto &word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string> &added) {
  std::vector<std::string> result;
  for (char **entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (added.count(text.substr(0, text.find('='))) == 0) result.push_back(text);
  }
  for (const auto &[name, value] : added) result.push_back(name + "=" + value);
  return result;
}

// Starts the program. Our threads block signals, which it is not to inherit.
pid_t spawn(std::vector<std::string> command, const std::map<std::string, std::string> &environment, int out, int err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);

  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);

  auto extended = merged_environment(environment);
  pid_t pid = 0;
  int failure = 0;
  {
    const std::lock_guard lock{running_mutex};
    failure = posix_spawnp(&pid, command[0].c_str(), &files, &how, pointers(command).data(), pointers(extended).data());
    if (failure == 0) running.insert(pid);
  }
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  if (failure != 0) throw std::system_error(failure, std::generic_category(), "cannot start " + command[0]);
  return pid;
}

// Reads what there is; closes the pipe at its end. Keeps the last of a long output.
void drain(pipe_end &from, std::string &text) {
  char buffer[4096];
  const auto count = read(from.fd(), buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  if (text.size() > kept_output) text.erase(0, text.size() - kept_output);
  if (count == 0) from.close();
}

// A child and what it says.
class child {
 public:
  child(const std::vector<std::string> &command, const std::map<std::string, std::string> &environment) {
    auto [out, out_end] = new_pipe();
    auto [err, err_end] = new_pipe();
    pid_ = spawn(command, environment, out_end.fd(), err_end.fd());
    out_end.close();
    err_end.close();
    collect_from(std::move(out), std::move(err));
  }

  ~child() {
    if (!reaped_) kill(-pid_, SIGKILL);
    while (!reaped_) look(true);
  }

  child(const child &) = delete;
  child &operator=(const child &) = delete;

  // Waits until it ends or the time is over, and reads meanwhile. Answers whether it has ended.
  bool wait_until(steady_clock::time_point end, const std::atomic<bool> &stop) {
    while (!reaped_ && steady_clock::now() < end && !stop) {
      read_for(slice_ms);
      look(false);
    }
    return reaped_;
  }

  // Ends its group. Reaps it only then: as long as nobody has, the group's number is nobody else's.
  void end() {
    kill(-pid_, SIGTERM);
    const auto deadline = steady_clock::now() + grace;
    while (!has_ended() && steady_clock::now() < deadline) read_for(slice_ms);
    kill(-pid_, SIGKILL);
    look(true);
  }

  process_result result(bool timed_out) {
    while (reaped_ && read_for(0)) {
    }
    result_.timed_out = timed_out;
    return std::move(result_);
  }

 private:
  void collect_from(pipe_end out, pipe_end err) {
    out_ = std::make_unique<pipe_end>(std::move(out));
    err_ = std::make_unique<pipe_end>(std::move(err));
  }

  // Answers whether there was something.
  bool read_for(int ms) {
    pollfd both[] = {{out_->fd(), POLLIN, 0}, {err_->fd(), POLLIN, 0}};
    const bool closed = out_->fd() < 0 && err_->fd() < 0;
    if (poll(both, 2, closed && ms > 1 ? 1 : ms) <= 0) return false;
    if (both[0].revents != 0) drain(*out_, result_.out);
    if (both[1].revents != 0) drain(*err_, result_.err);
    return true;
  }

  bool has_ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  void look(bool wait) {
    int status = 0;
    const std::lock_guard lock{running_mutex};  // whoever kills a group must know that its leader was not reaped
    const auto found = waitpid(pid_, &status, wait ? 0 : WNOHANG);
    if (found == 0 || (found < 0 && errno == EINTR)) return;
    running.erase(pid_);
    reaped_ = true;
    result_.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  pid_t pid_ = 0;
  bool reaped_ = false;
  std::unique_ptr<pipe_end> out_;
  std::unique_ptr<pipe_end> err_;
  process_result result_;
};

}  // namespace

process_result run_process(const std::vector<std::string> &command,
                           const std::map<std::string, std::string> &environment, std::chrono::milliseconds limit,
                           const std::atomic<bool> &stop) {
  if (stop) throw interrupted{};
  child program{command, environment};
  const bool ended = program.wait_until(steady_clock::now() + limit, stop);
  if (!ended) program.end();
  if (!ended && stop) throw interrupted{};
  return program.result(!ended);
}

void kill_processes() noexcept {
  const std::lock_guard lock{running_mutex};
  for (const auto pid : running) kill(-pid, SIGKILL);
}

}  // namespace ratchet::cli::own
