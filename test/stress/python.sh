# shellcheck shell=bash
# Sourced by the loads of this directory: sets python to one that has psycopg2. The packages are the distribution's, so a
# Python from elsewhere that comes first in the path does not have them.
python=
for candidate in "${PYTHON:-python3}" /usr/bin/python3; do
  if "$candidate" -c 'import psycopg2' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { echo "no Python with psycopg2: 'make deps' installs it, or set PYTHON" >&2; exit 1; }
export PYTHONDONTWRITEBYTECODE=1
