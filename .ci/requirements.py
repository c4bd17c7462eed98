# SPDX-License-Identifier: BSD-2-Clause
"""Prints what pyproject.toml asks pip for, one requirement a line: the build's and the package's, then named extras.

The working tree is not itself installed by pip (see .ci/setup), so that an edited Python file needs no reinstall.
"""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import tomllib
except ImportError:  # Python 3.10: pip carries the same parser
    from pip._vendor import tomli as tomllib


def main(extras: list[str]) -> None:
    """Print the requirements of the build, of the package and of each of ``extras``."""
    settings = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))
    project = settings["project"]
    lines = [*settings["build-system"]["requires"], *project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    print("\n".join(sorted(set(lines))))


if __name__ == "__main__":
    main(sys.argv[1:])
