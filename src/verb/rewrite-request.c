/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/rewrite-request.h"

#include <errno.h>

#include "base/say.h"

int rewrite_take_option(const struct verb_args *args, struct vm_rewrite_request *request, struct list *groups, int id,
			const char *value)
{
	struct error error;
	int r = 0;
	if (id == OPTION_AW_BITS)
		r = vm_parse_aw_bits(value, &request->options.aw_bits, &error);
	else if (id == OPTION_EIM)
		r = vm_parse_switch("eim", value, &request->options.eim, &error);
	else if (id == OPTION_DEVICE_IOTLB)
		r = vm_parse_switch("device-iotlb", value, &request->options.device_iotlb, &error);
	else if (id == OPTION_GROUP)
		list_add(groups, value);
	request->groups = groups->items;
	request->group_count = groups->count;
	return r < 0 ? verb_usage(args, "%s", error.text) : VERB_DONE;
}

int rewrite_run(struct arena *arena, const struct verb_args *args, const struct vm_rewrite_request *request,
		struct viommu_result *ret)
{
	struct error error;
	int r = vm_rewrite(arena, request, ret, &error);
	if (r == -EINVAL)
		return verb_usage(args, "%s", error.text);
	if (r < 0) {
		say("%s: refused: %s", args->verb->name, error.text);
		return VERB_FAILED;
	}
	for (size_t i = 0; i < ret->changes.count; i++)
		say("%s", ret->changes.items[i]);
	for (size_t i = 0; i < ret->warnings.count; i++)
		say("note: %s", ret->warnings.items[i]);
	return VERB_DONE;
}
