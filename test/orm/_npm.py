"""Runs a program of Node.js beside what its package.json names from npm."""
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(os.path.dirname(os.path.dirname(HERE)), "build", "test")
SKIPPED = 77


def run(folder, program, *arguments):
    """The exit status of the program, or 77 where there is no npm, or none that gets packages."""
    if not shutil.which("node") or not shutil.which("npm"):
        print("no node or npm: skipped")
        return SKIPPED
    work = os.path.join(BUILD, folder)
    os.makedirs(work, exist_ok=True)
    for file in ("package.json", program):
        shutil.copy(os.path.join(HERE, folder, file), work)
    installed = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"],
        cwd=work, timeout=300, check=False,
    )
    if installed.returncode != 0:
        print("npm gets no packages: skipped")
        return SKIPPED
    return subprocess.run(["node", program, *arguments], cwd=work, timeout=300, check=False).returncode
