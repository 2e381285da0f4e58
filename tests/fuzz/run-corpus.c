/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for libFuzzer: gives each file of a folder to the target, once. A folder without files is a failure. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "base/root.h"

static int run_file(const struct root *root, const char *folder, const char *name)
{
	AUTO_ARENA arena = { 0 };
	struct slice content;
	struct error error;
	const char *path = arena_printf(&arena, "%s/%s", folder, name);
	int r = root_read(root, &arena, path, &content, &error);
	if (r < 0) {
		fprintf(stderr, "%s\n", error.text);
		return r;
	}
	/* A copy of just that size, so that a byte read behind it is noticed. */
	uint8_t *data = malloc(content.length ? content.length : 1);
	if (!data)
		return -ENOMEM;
	memcpy(data, content.start, content.length);
	fprintf(stderr, "%s\n", name);
	LLVMFuzzerTestOneInput(data, content.length);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct list names = { 0 };
	struct error error;
	if (argc != 2) {
		fprintf(stderr, "Usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	if (root_open(&root, NULL, &error) < 0 || root_list(&root, &arena, argv[1], &names, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	for (size_t i = 0; i < names.count; i++)
		if (run_file(&root, argv[1], names.items[i]) < 0)
			return 1;
	printf("%zu inputs\n", names.count);
	return names.count ? 0 : 1;
}
