/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <sys/wait.h>

#include "base/arena.h"

static void gives_zeroed_and_aligned_memory(void **state)
{
	AUTO_ARENA arena = { 0 };
	for (size_t size = 1; size < 3000; size += 7) {
		unsigned char *place = arena_alloc(&arena, size);
		assert_int((uintptr_t)place % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int(place[i], 0);
		memset(place, 0xff, size);
	}
}

static void keeps_small_ones_together_around_a_large_one(void **state)
{
	AUTO_ARENA arena = { 0 };
	char *before = arena_alloc(&arena, 16);
	char *large = arena_alloc(&arena, (size_t)1 << 20);
	char *after = arena_alloc(&arena, 16);
	memset(large, 1, (size_t)1 << 20);
	assert_ptr_equal(after, before + 16);
	assert_int(after[0], 0);
}

static void begins_with_a_large_one(void **state)
{
	AUTO_ARENA arena = { 0 };
	memset(arena_alloc(&arena, 100000), 1, 100000);
	char *small = arena_alloc(&arena, 16);
	assert_int(small[15], 0);
}

static void grows_an_array(void **state)
{
	AUTO_ARENA arena = { 0 };
	int *numbers = arena_alloc_array(&arena, 3, sizeof(int));
	for (int i = 0; i < 3; i++)
		numbers[i] = i + 1;
	int *more = arena_grow(&arena, numbers, 3, 6, sizeof(int));
	assert_int(more[0], 1);
	assert_int(more[2], 3);
	assert_int(more[5], 0);
	assert_non_null(arena_grow(&arena, NULL, 0, 4, sizeof(int)));
}

static void copies_and_prints_text(void **state)
{
	AUTO_ARENA arena = { 0 };
	assert_string_equal(arena_strdup(&arena, ""), "");
	assert_string_equal(arena_strdup(&arena, "vfio-pci"), "vfio-pci");
	assert_string_equal(arena_strndup(&arena, "0000:01:00.0", 4), "0000");
	assert_string_equal(arena_printf(&arena, "%s.%d", "0000:01:00", 7), "0000:01:00.7");
	char *wide = arena_printf(&arena, "%0100000d", 1);
	assert_int(strlen(wide), 100000);
}

static void can_be_released_twice_and_used_again(void **state)
{
	struct arena arena = { 0 };
	arena_release(&arena);
	arena_strdup(&arena, "one");
	arena_release(&arena);
	assert_null(arena.chunks);
	assert_string_equal(arena_strdup(&arena, "two"), "two");
	arena_release(&arena);
}

/* The exit status of a process that asks for `count` elements of `size` bytes; its message goes nowhere. */
static int status_of_asking_for(size_t count, size_t size)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct arena arena = { 0 };
		if (!freopen("/dev/null", "w", stderr))
			_exit(99);
		arena_alloc_array(&arena, count, size);
		_exit(0);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void ends_the_program_when_too_much_is_asked(void **state)
{
	assert_int(status_of_asking_for(SIZE_MAX / 2, 3), 3);
	assert_int(status_of_asking_for(SIZE_MAX, 1), 3);
	assert_int(status_of_asking_for(100, 100), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_and_aligned_memory),
		cmocka_unit_test(keeps_small_ones_together_around_a_large_one),
		cmocka_unit_test(begins_with_a_large_one),
		cmocka_unit_test(grows_an_array),
		cmocka_unit_test(copies_and_prints_text),
		cmocka_unit_test(can_be_released_twice_and_used_again),
		cmocka_unit_test(ends_the_program_when_too_much_is_asked),
	};
	return cmocka_run_group_tests_name("base-arena", tests, NULL, NULL);
}
