# SPDX-License-Identifier: GPL-2.0-or-later
"""What 'check' says that nestpci mends, 'plan' makes changes for; what it does not say so of, 'plan' refuses."""
import json
import shlex
import subprocess

import pytest


def run(nestpci, *words):
    return subprocess.run([nestpci, *words], capture_output=True, text=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})


def findings_of(nestpci, snapshot):
    return json.loads(run(nestpci, "check", "--snapshot", snapshot, "--json").stdout)["findings"]


def check_named(nestpci, snapshot, finding):
    """The command that a finding names makes a plan, of which each change names the check; or says why it cannot."""
    words = shlex.split(finding["change"])
    assert words[:2] == ["nestpci", "apply"]
    done = run(nestpci, "plan", "--snapshot", snapshot, "--json", *words[2:])
    if done.returncode == 3:
        assert done.stderr.startswith(f"nestpci: plan: {finding['check']}: "), done.stderr
        assert len(done.stderr) > len(finding["summary"]) + 60, done.stderr
        return 0
    assert done.returncode == 0, done.stderr
    changes = json.loads(done.stdout)["changes"]
    assert all(finding["check"] in change["check"].split(", ") for change in changes)
    return len(changes)


def test_what_check_names_plan_makes(nestpci, tree):
    made, refused, unnamed = set(), set(), set()
    for snapshot in sorted((tree / "tests/snapshots").glob("*.snap")):
        for finding in findings_of(nestpci, snapshot):
            if finding["verdict"] not in ("WARN", "FAIL"):
                assert finding["change"] is None
            elif finding["change"]:
                (made if check_named(nestpci, snapshot, finding) else refused).add(finding["check"])
            elif finding["scope"] == "host" and finding["check"] not in unnamed:
                done = run(nestpci, "plan", "--snapshot", snapshot, "--for", finding["check"])
                assert (done.returncode, "nestpci has no change for it" in done.stderr) == (3, True), done.stderr
                unnamed.add(finding["check"])
    print(f"\nchanges made for: {sorted(made)}; refused with a reason: {sorted(refused - made)}; none: {sorted(unnamed)}")
    assert {"iommu-default", "iommu-not-disabled", "kvm-nested", "boot-cmdline-one-line", "boot-modules-allowed",
            "boot-initramfs-current", "transparent-hugepages", "boot-parameters-elsewhere"} <= made


@pytest.mark.parametrize("name", ["intel-desktop-kernel-off", "nested-off", "intel-server-two-line-cmdline",
                                  "intel-desktop-many-mistakes"])
def test_a_plan_of_everything_has_what_each_check_alone_would_have(nestpci, tree, name):
    snapshot = tree / f"tests/snapshots/{name}.snap"
    whole = json.loads(run(nestpci, "plan", "--snapshot", snapshot, "--json").stdout)
    checks = {check for change in whole["changes"] for check in change["check"].split(", ")}
    named = {finding["check"] for finding in findings_of(nestpci, snapshot) if finding["change"]
             and finding["scope"] == "host"}
    assert checks == named - {other["check"] for other in whole["others"]}
    assert checks
