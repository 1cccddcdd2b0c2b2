"""TypeORM beside the whole scorecard contract: typeorm/policies.js, with what typeorm/package.json names from npm.

Skipped where there is no npm, or none that gets packages.
"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = os.path.join(os.path.dirname(os.path.dirname(HERE)), "build", "test", "typeorm")

if not shutil.which("node") or not shutil.which("npm"):
    print("no node or npm: skipped")
    sys.exit(77)
os.makedirs(WORK, exist_ok=True)
for file in ("package.json", "policies.js"):
    shutil.copy(os.path.join(HERE, "typeorm", file), WORK)
installed = subprocess.run(
    ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"], cwd=WORK, timeout=300, check=False
)
if installed.returncode != 0:
    print("npm gets no packages: skipped")
    sys.exit(77)
sys.exit(subprocess.run(["node", "policies.js"], cwd=WORK, timeout=300, check=False).returncode)
