"""What the command says of itself: help_and_manual.py PG_RATCHET

Help of one screen, the host as psql has it, and man page and completions that know every command and option.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

pg_ratchet = sys.argv[1]


def expect(true, what, evidence=""):
    print(("ok: " if true else "FAILED: ") + what)
    if not true:
        sys.exit(f"{what}: {evidence}")


def say(*arguments, code=0):
    done = subprocess.run([pg_ratchet, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    expect(done.returncode == code, f"pg_ratchet {' '.join(arguments)} exits with {code}", done.stdout)
    return done.stdout


def commands_of(text):
    found = re.search(r"^Commands:\n((?:  \S.*\n)+)", text, re.M)
    return [line.split()[0] for line in found.group(1).splitlines()] if found else []


help_text = say("--help")
expect(len(help_text.splitlines()) <= 25, "--help fits 25 lines", help_text)
expect(max(map(len, help_text.splitlines())) <= 80, "and 80 columns", help_text)
top = commands_of(help_text)
expect({"race", "init", "list", "doctor", "health"} <= set(top), "all commands are listed", top)
kinds = commands_of(say("race", "--help"))
expect(kinds == ["gate", "counters", "jobs", "own"], "race has its kinds as commands", kinds)

paths = [[command] for command in top if command != "race"] + [["race", kind] for kind in kinds]
options = {}
for path in [["race"], *paths]:
    text = say(*path, "--help")
    expect(text.startswith("Usage: "), f"help of {' '.join(path)} begins with its usage", text)
    options[tuple(path)] = set(re.findall(r"--[a-z][a-z-]+", text.split("Examples:")[0])) - {"--help"}
    if path != ["race"]:
        expect("-h,--host" in text and "-U,--username" in text, f"{' '.join(path)} takes psql's options", text)

man = say("--generate", "man")
plain = man.replace("\\-", "-")
bash = say("--generate", "bash")
zsh = say("--generate", "zsh")
for path in paths:
    name = " ".join(path)
    expect(f".SH PG_RATCHET {name}\n" in plain, f"the man page has {name}", plain)
    expect(f"said='{name}'" in bash and f"said='{name}'" in zsh, f"both shells know {name}", bash)
if shutil.which("man"):
    with tempfile.TemporaryDirectory() as directory:
        page = pathlib.Path(directory) / "pg_ratchet.1"
        page.write_text(man)
        done = subprocess.run(["man", "--warnings", "-l", str(page)], capture_output=True, text=True,
                              env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
        expect(done.returncode == 0 and not done.stderr, "man has no complaint", done.stderr)


def complete(*words):
    """What bash offers after these words."""
    line = " ".join(f'"{word}"' for word in words)
    script = f"{bash}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(words) - 1}\n_pg_ratchet\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    return subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout.split()


expect(complete("pg_ratchet", "re") == ["repair"], "bash completes a command")
expect(complete("pg_ratchet", "race", "c") == ["counters"], "and the kind of a race")
expect("--older-than" in complete("pg_ratchet", "sweep", "--table", "jobs", "--o"), "and an option behind others")
if shutil.which("zsh"):
    done = subprocess.run(["zsh", "-n"], input=zsh, text=True, capture_output=True)
    expect(done.returncode == 0, "zsh reads its completion", done.stderr)

expect("did you mean 'list'?" in say("lits", code=2), "a slip is understood")
expect("see pg_ratchet --help" in say("frobnicate", code=2), "nonsense is sent to the help")
for wrong in ("30", "-1s", "soon", "1 fortnight", "1.2.3s"):
    text = say("watch", "t", "1", f"--timeout={wrong}", code=2)
    expect("no time with a unit" in text, f"'{wrong}' is no duration", text)
expect("is not between 50ms and" in say("watch", "t", "1", "--interval", "1ms", code=2), "nor too short a one")
text = say("health", "-d", "postgresql://x/y", "-h", "z", code=2)
expect("a connection URI says all" in text, "a URI and -h are not mixed", text)
text = say("health", "-h", "/nowhere", "-p", "1", "-U", "o'brien", "-d", "x", code=2)
expect("/nowhere/.s.PGSQL.1" in text, "-h and -p are where it looks", text)
