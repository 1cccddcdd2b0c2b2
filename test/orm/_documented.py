"""What docs/clients/ says, for tests that compare."""
import os
import re

PAGES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs", "clients")


def lines(page):
    with open(os.path.join(PAGES, page), encoding="utf-8") as file:
        return file.read().splitlines()


def code(page, language):
    """The blocks of the page in that language, as one text."""
    found, inside = [], None
    for line in lines(page):
        if line.startswith("```"):
            inside = line[3:] if inside is None else None
        elif inside == language:
            found.append(line)
    return "\n".join(found)


def errors():
    """client -> (what it raises for 23R01 to 23R05, what for a contract that cannot be enforced) of the table of errors."""
    rows = [[cell.strip() for cell in re.sub("`", "", line).strip("|").split("|")] for line in lines("README.md") if line.startswith("| ")]
    return {row[0]: (row[1], row[2]) for row in rows if len(row) == 5 and row[0] != "client"}
