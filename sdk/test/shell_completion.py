"""The installed command in a user's hands: shell_completion.py PREFIX bash | zsh | man

PREFIX is where it is installed. A shell is an interactive one on a terminal, which finds the completion by itself, bash
through bash-completion and zsh through compinit; what Tab makes of a line is compared. man must find the page. Exit status
77, a skipped test: the program is not installed.
"""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

prefix, wanted = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
share = prefix / "share"
bash_completion = "/usr/share/bash-completion/bash_completion"

# In both shells ^X shows the line as it is, between marks that no command line has, and empties it.
START = {
    "bash": f"""
        PS1='' HISTFILE=
        source {bash_completion}
        show() {{ printf '{{%s}}\\n' "$READLINE_LINE"; READLINE_LINE=; }}
        bind -x '"\\C-x": show'
        bind 'set bell-style none'
        """,
    "zsh": """
        PS1='' HISTFILE=
        autoload -Uz compinit && compinit -u -D
        show() { print -r -- "{$BUFFER}"; BUFFER= }
        zle -N show && bindkey '^X' show
        unsetopt beep
        """,
}
# zsh looks in these by itself where they are the system's.
FPATH = {"bash": "", "zsh": f"fpath=({share}/zsh/site-functions $fpath)\n"}
if prefix in (pathlib.Path("/usr"), pathlib.Path("/usr/local")):
    FPATH["zsh"] = ""
COMMAND = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}

# What is completed, what is typed, and what the line is after Tab.
TYPED = [
    ("a command", "pg_ratchet rep", "pg_ratchet repair "),
    ("the kind of a race", "pg_ratchet race c", "pg_ratchet race counters "),
    ("an option behind others", "pg_ratchet sweep --table jobs --ol", "pg_ratchet sweep --table jobs --older-than "),
    ("an option of a kind of race", "pg_ratchet race own --writ", "pg_ratchet race own --writers "),
    ("a file", "pg_ratchet race gate --report some", "pg_ratchet race gate --report some-file.html "),
    ("nothing else", "pg_ratchet list --older", "pg_ratchet list --older"),
]


def lines_of(shell, directory):
    """What the shell makes of each line of TYPED."""
    environment = {"PATH": f"{prefix}/bin:/usr/bin:/bin", "HOME": str(directory), "TERM": "dumb", "LC_ALL": "C.UTF-8",
                   "XDG_DATA_DIRS": f"{share}:/usr/local/share:/usr/share"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execvpe(COMMAND[shell][0], COMMAND[shell], environment)

    heard = ""

    def wait_for(pattern):
        nonlocal heard
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, heard)):
            if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                sys.exit(f"{shell} does not answer: {heard!r}")
            try:
                heard += os.read(terminal, 4096).decode(errors="replace")
            except OSError:
                sys.exit(f"{shell} has ended: {heard!r}")
        heard = heard[found.end():]
        return found

    try:
        (directory / "start").write_text(FPATH[shell] + START[shell])
        # What is typed is echoed, the sum is not.
        os.write(terminal, b". ./start; echo begin$((1 + 1))\n")
        wait_for("begin2")
        answers = []
        for _, typed, _ in TYPED:
            os.write(terminal, typed.encode() + b"\t\x18")
            answers.append(wait_for(r"\{([^}]*)\}").group(1))
        return answers
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def verdict(true, what):
    print(f"{'ok' if true else 'FAILED'}: {what}")
    return true


if not shutil.which(wanted):
    skip(f"{wanted} is not installed")
if wanted == "man":
    # man looks in the prefix by itself only where it is the system's.
    page = subprocess.run(["man", "-w", "pg_ratchet"], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "MANPATH": f"{share}/man"}).stdout.strip()
    sys.exit(not verdict(page.startswith(f"{share}/man/man1/pg_ratchet.1"), f"man finds the page: {page!r}"))

if wanted == "bash" and not os.path.exists(bash_completion):
    skip("bash has no completions here, as Debian's package bash-completion has")
with tempfile.TemporaryDirectory() as directory:
    directory = pathlib.Path(directory)
    (directory / "some-file.html").touch()
    answers = lines_of(wanted, directory)
verdicts = [verdict(answer == line, f"{wanted} completes {what}: {typed!r}, {answer!r}")
            for (what, typed, line), answer in zip(TYPED, answers)]
sys.exit(not all(verdicts))
