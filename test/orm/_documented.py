"""The code blocks of docs/clients.md, so that tests run what people copy."""
import os
import re

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs", "clients.md")


def blocks(language):
    """(heading, lines of the block) for each block in that language."""
    heading, found, inside = None, [], None
    with open(PAGE, encoding="utf-8") as page:
        for line in page.read().splitlines():
            if line.startswith("```"):
                if inside is None:
                    inside = []
                    if line[3:] == language:
                        found.append((heading, inside))
                else:
                    inside = None
            elif inside is not None:
                inside.append(line)
            elif line.startswith("#"):
                heading = line.lstrip("# ")
    return found


def errors():
    """client -> (what it raises for 23R01 to 23R04, what for a contract that cannot be enforced) of the table of errors."""
    with open(PAGE, encoding="utf-8") as page:
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page if line.startswith("| ")]
    plain = [[re.sub("`", "", cell) for cell in row] for row in rows]
    return {row[0]: (row[1], row[2]) for row in plain if row[0] != "client"}
