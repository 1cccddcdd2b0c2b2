"""TypeORM beside the whole scorecard contract: typeorm/policies.js, with what typeorm/package.json names from npm.

Skipped where there is no npm, or none that gets packages.
"""
import sys

import _npm

sys.exit(_npm.run("typeorm", "policies.js"))
