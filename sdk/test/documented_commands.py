"""The commands that the documentation names exist: targets of make, programs of the repository, and pg_ratchet's subcommands
with their options. Argument: pg_ratchet. What the commands do is shown by tests of their own."""
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "sdk/README.md", *glob.glob("docs/**/*.md", root_dir=ROOT, recursive=True)]


def code(page):
    """The code of a page, a piece each: lines of blocks, joined where a backslash ends them, and what stands in backquotes."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        text = re.sub(r"\\\n\s*", " ", file.read())
    prose = []
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()
        else:
            prose.append(line)
    yield from (re.sub(r"\s+", " ", piece) for piece in re.findall(r"`([^`]+)`", "\n".join(prose)))


def help_of(program, words):
    return subprocess.run([program, *words, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout


def main(program):
    with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as file:
        targets = set(re.findall(r"^([a-z][a-z-]*)(?= *:[^=]|:$)", file.read(), re.M)) | {"all", "clean", "install", "uninstall"}  # PGXS
    main_help, helps, findings, seen = help_of(program, []), {}, [], 0
    subcommands = set(re.findall(r"^  ([a-z]+)\b", main_help, re.M))
    everywhere = "".join(help_of(program, path.split()) for path in sorted(subcommands - {"race"})
                         + [f"race {kind}" for kind in ("gate", "counters", "jobs", "own")])
    for page in PAGES:
        for piece in code(page):
            for target in re.findall(r"(?:^|&& |sudo |; )make(?: -C \S+)? ([a-z][a-z-]*)", piece):
                seen += 1
                if target not in targets:
                    findings.append(f"{page}: there is no target: {piece}")
            for path in re.findall(r"(?:^|&& )((?:test|tools)/[\w/.-]+)", piece):
                seen += 1
                if "topic" not in path and not os.path.exists(os.path.join(ROOT, path)):
                    findings.append(f"{page}: there is no {path}")
            # What a page says of an option by itself: `--think TIME`.
            alone = re.fullmatch(r"(--[a-z][a-z-]*) ([A-Z][A-Z=]*)", piece)
            if alone and page.startswith("docs/") and re.search(rf"{alone[1]}\b(?!-)", everywhere):
                seen += 1
                if not re.search(rf"{alone[1]} {alone[2]}(?![A-Z=])", everywhere):
                    findings.append(f"{page}: pg_ratchet has {alone[1]}, but not {piece}")
            for command in re.findall(r"(?:^|\s|/|\$ )pg_ratchet ([a-z][^|;]*)", piece):
                words = command.split()
                path = [words[0]]
                if path[0] not in subcommands:
                    findings.append(f"{page}: there is no such subcommand: {piece}")
                    continue
                text = helps.setdefault(tuple(path), help_of(program, path))
                if len(words) > 1 and re.fullmatch("[a-z]+", words[1]) and re.search(rf"^  {words[1]}\b", text, re.M):
                    path.append(words[1])
                    text = helps.setdefault(tuple(path), help_of(program, path))
                seen += 1
                for option in re.findall(r"(?<![\w'-])(--[a-z][a-z-]*)", command):
                    if not re.search(rf"{option}\b(?!-)", text):
                        findings.append(f"{page}: pg_ratchet {' '.join(path)} has no {option}")
    print("\n".join(findings) or f"{seen} commands are there")
    return 1 if findings or seen < 20 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
