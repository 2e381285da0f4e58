/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/guard.h"

#include "base/clock.h"
#include "test-host.h"

/* A FIFO that nobody reads holds up whoever opens it for writing, as a busy driver holds up a write to `unbind`. */
static void make_fifo(const char *path)
{
	if (mkfifo(path, 0600) < 0)
		fail_msg("cannot make %s", path);
}

static void reads_and_writes(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	char *text = NULL;
	put_file(state, "attribute", "(null)\n");
	assert_int(root_open(&root, NULL, &error), 0);
	const char *path = in_folder(state, "attribute");
	assert_int(guard_read_line(&root, &arena, path, 5000, &text, &error), 0);
	assert_string_equal(text, "(null)");
	assert_int(guard_write(&root, path, "vfio-pci\n", 5000, &error), 0);
	assert_int(guard_read_line(&root, &arena, path, 5000, &text, &error), 0);
	assert_string_equal(text, "vfio-pci");
}

static void passes_errors_on(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	char *text = NULL;
	assert_int(root_open(&root, NULL, &error), 0);
	const char *path = in_folder(state, "absent");
	assert_int(guard_read_line(&root, &arena, path, 5000, &text, &error), -ENOENT);
	assert_contains(error.text, path);
	assert_int(guard_write(&root, path, "1", 5000, &error), -ENOENT);
	assert_int(guard_is_claimed(&root, path, 5000, &error), -ENOENT);
	put_file(state, "plain", "");
	assert_int(guard_is_claimed(&root, in_folder(state, "plain"), 5000, &error), 0);
}

static void a_write_that_hangs_is_left(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	const char *path = in_folder(state, "unbind");
	make_fifo(path);
	assert_int(root_open(&root, NULL, &error), 0);
	uint64_t start = clock_ms();
	assert_int(guard_write(&root, path, "0000:01:00.0", 300, &error), -ETIMEDOUT);
	assert_true(clock_ms() - start < 5000);
	assert_contains(error.text, "unbind '0000:01:00.0': not done after 1 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(reads_and_writes),
		test_in_folder(passes_errors_on),
		test_in_folder(a_write_that_hangs_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
