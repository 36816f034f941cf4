#!/usr/bin/env python3
"""Fails if a folder includes what it must not: the layers of the program, as lines that can be read.

usage: include_fence.py PROJECT_FOLDER
"""
import pathlib
import re
import sys

# folder: (project folders it may include, headers of libraries it must not include)
RULES = {
    "src": (("src",), ("mpi.h", "hdf5.h", "boost/")),
    "mpi": (("src", "mpi"), ("hdf5.h",)),
    "io": (("src", "io"), ("mpi.h", "boost/mpi")),
    "jobs": (("src", "mpi", "io", "jobs"), ("mpi.h",)),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def violations(root):
    for folder, (allowed, forbidden) in RULES.items():
        for path in sorted((root / folder).rglob("*.[ch]pp")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                own, library = match.groups()
                where = f"{path.relative_to(root)}:{number}"
                if own and own.split("/")[0] not in allowed:
                    yield f'{where}: {folder} may not include "{own}" (allowed: {", ".join(allowed)})'
                if library and any(library.startswith(name) for name in forbidden):
                    yield f"{where}: {folder} may not include <{library}>"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    missing = [folder for folder in RULES if not any((root / folder).rglob("*.cpp"))]
    found = [f"no sources in {root / folder}" for folder in missing] + list(violations(root))
    print("\n".join(found) or "all includes respect the folders")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
