"""node-postgres and postgres.js raise what docs/clients/README.md says: node/clients.js, with what node/package.json names from
npm.

Skipped where there is no npm, or none that gets packages.
"""
import json
import sys

import _documented
import _npm

sys.exit(_npm.run("node", "clients.js", json.dumps(_documented.errors())))
