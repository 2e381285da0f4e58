/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an XML says, without asking any libvirt. */
#include "libvirt/describe.h"
#include "libvirt/operation.h"

static int describe(struct call *call, struct json_object *result, struct error *error)
{
	const char *xml;
	struct json_object *domain = NULL;
	int r = call_need_text(call, "xml", &xml, error);
	if (r == 0)
		r = describe_domain(slice_of(xml), &domain, error);
	if (r < 0)
		return r;
	json_object_object_add(result, "domain", domain);
	return 0;
}

static const struct operation operations[] = {
	{ "describe", ACCESS_NONE, describe },
};

const struct family family_describing = { operations, ARRAY_SIZE(operations) };
