# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lab tests run: LAB=no none, LAB=two (as it comes) those marked 'lab', LAB=full those marked 'labfull', too.

Every test here needs one of the two marks.
"""
import os

import pytest

import debian_disk


def extent():
    return os.environ.get("LAB") or ("full" if os.environ.get("CI") else "two")


def reason_to_skip(item, lab):
    if lab == "no":
        return "LAB=no"
    if item.get_closest_marker("labfull") and lab != "full":
        return "runs with LAB=full"
    return None


def pytest_collection_modifyitems(items):
    for item in items:
        if not item.get_closest_marker("lab") and not item.get_closest_marker("labfull"):
            raise pytest.UsageError(f"{item.nodeid}: is marked neither lab nor labfull")
        reason = reason_to_skip(item, extent())
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def disk(build):
    """A disk with a Debian that boots by GRUB."""
    return debian_disk.get(build / "lab")
