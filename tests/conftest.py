# SPDX-License-Identifier: GPL-2.0-or-later
"""What every pytest suite needs: where the tree and the programs are."""
import os
import pathlib

import pytest

TREE = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def tree():
    return TREE


@pytest.fixture(scope="session")
def build():
    """The build folder: NESTPCI_BUILD_DIR, which ./dev sets, or build/."""
    return pathlib.Path(os.environ.get("NESTPCI_BUILD_DIR") or TREE / "build")


@pytest.fixture(scope="session")
def nestpci(build):
    program = build / "nestpci"
    assert program.exists(), f"{program} is not there: run './dev build'"
    return program
