/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/place.h"

#include "base/snapshot.h"
#include "version.h"

bool place_option(struct place *place, int option, const char *value)
{
	if (option == OPTION_PLACE_ROOT)
		place->directory = value;
	else if (option == OPTION_PLACE_SNAPSHOT)
		place->snapshot = value;
	else
		return false;
	return true;
}

int place_usage(const struct verb_args *args, const struct place *place)
{
	return place->directory && place->snapshot ? verb_usage(args, "--root and --snapshot: one place at a time") : 0;
}

int place_open(const struct place *place, struct root *ret, struct error *error)
{
	if (place->snapshot)
		return root_open_snapshot(ret, place->snapshot, error);
	return root_open(ret, place->directory, error);
}

const char *place_other_version(const struct root *root)
{
	const char *by = root->snapshot ? root->snapshot->by : NULL;
	return by && strcmp(by, "nestpci " NESTPCI_VERSION) != 0 ? by : NULL;
}
