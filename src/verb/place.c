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

int place_open(const struct place *place, struct root *ret, struct error *error)
{
	if (place->directory && place->snapshot)
		return error_set(error, -EINVAL, "--root and --snapshot: one place at a time");
	if (place->snapshot)
		return root_open_snapshot(ret, place->snapshot, error);
	return root_open(ret, place->directory, error);
}

const char *place_other_version(const struct root *root)
{
	const char *by = root->snapshot ? root->snapshot->by : NULL;
	return by && strcmp(by, "nestpci " NESTPCI_VERSION) != 0 ? by : NULL;
}
