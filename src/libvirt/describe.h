/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain's XML as a tree of JSON: what nestpci reads of a VM, and nothing else; no disk, no password, no description
 * of anybody's leaves the helper. What the elements mean is the core's business (vm/libvirt-line.h).
 *
 * An element is {"name": "iommu", "attributes": {"model": "intel"}, "text": "...", "children": [...]}; members that
 * would be empty are left out. Names of other namespaces than libvirt's own begin with "qemu:", or are left out.
 */
#pragma once

#include "base/json.h"

/* libvirt itself passes no longer text on (REMOTE_STRING_MAX in its remote_protocol.x). */
#define DESCRIBE_XML_MAX ((size_t)4 * 1024 * 1024)

/*
 * -EINVAL: it is no XML, or none of a domain; the text says at what line. -EFBIG: it is too long. Nothing but the text is
 * looked at: no DTD, no entity, no other file, no network.
 */
int describe_domain(struct slice xml, struct json_object **ret, struct error *error) MUST_CHECK;
