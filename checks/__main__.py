"""``python -m checks [NAME …]``: all that is wrong with the notebooks, one problem a line."""

import sys

import checks
import notebooks


def main(names):
    found = 0
    for path in notebooks.find(names):
        for problem in checks.problems(path):
            found += 1
            print(f"{path.parent.name}/{path.name}: {problem}")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ValueError as error:
        sys.exit(str(error))
