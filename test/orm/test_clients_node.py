"""docs/clients.md is true of node-postgres and postgres.js: node/clients.js runs its calls, with what node/package.json names
from npm.

Skipped where there is no npm, or none that gets packages.
"""
import json
import sys

import _documented
import _npm

page = {"blocks": [["\n".join(lines), heading] for heading, lines in _documented.blocks("js")], "errors": _documented.errors()}
sys.exit(_npm.run("node", "clients.js", json.dumps(page)))
