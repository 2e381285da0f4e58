# SPDX-License-Identifier: GPL-2.0-or-later
"""What nestpci-libvirt changes, with a real libvirtd: definitions stored and put back, domains started and waited for."""
from conftest import domain_xml

WISHES = {"viommu": True, "libvirt": 9000000}


def edited(libvirt, name, **wishes):
    before = libvirt.definition(name)
    result = libvirt.ask("edit", xml=before, wishes={**WISHES, **wishes})
    assert isinstance(result, dict), result
    return before, result["xml"]


def test_a_definition_is_stored_and_put_back(libvirt):
    libvirt.define(domain_xml("l1"))
    file_before = libvirt.file("l1")
    before, after = edited(libvirt, "l1")
    stored = libvirt.ask("store", domain="l1", before=before, after=after)
    assert "<driver intremap='on' caching_mode='on'/>" in stored["xml"]
    # Done already is no failure.
    assert libvirt.ask("store", domain="l1", before=before, after=after) == stored
    assert libvirt.ask("edit", xml=stored["xml"], wishes=WISHES)["changed"] is False
    back = libvirt.ask("store", domain="l1", before=after, after=before)
    assert back["xml"] == before
    assert libvirt.definition("l1") == before
    assert libvirt.file("l1") == file_before
