/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "base/shell.h"
#include "qemu/argv.h"

struct reading {
	struct arena arena;
	struct shell_line line;
	struct qemu_argv argv;
};

static void read_text(struct reading *reading, const char *text)
{
	*reading = (struct reading){ 0 };
	assert_int(shell_read_line(&reading->arena, slice_of(text), &reading->line, NULL), 0);
	assert_int(qemu_argv_parse(&reading->arena, reading->line.words.items, reading->line.words.count,
				   &reading->argv, NULL),
		   0);
}

/* Options as "name=argument", disk images as "=image". */
static void assert_options(const char *text, const char *wanted)
{
	struct reading reading;
	read_text(&reading, text);
	struct buffer got = { .arena = &reading.arena };
	buffer_puts(&got, "");
	for (size_t i = 0; i < reading.argv.option_count; i++) {
		const struct qemu_option *option = &reading.argv.options[i];
		const char *value = option->name ? qemu_argument(&reading.argv, option) :
						   reading.argv.words[option->word];
		buffer_printf(&got, "%s%s%s%s", i ? " " : "", option->name ? option->name : "", *value ? "=" : "",
			      value);
	}
	assert_string_equal(got.text, wanted);
	arena_release(&reading.arena);
}

static void options_know_their_argument(void **state)
{
	(void)state;
	assert_options("kvm -daemonize -m 4096 -S", "daemonize m=4096 S");
	assert_options("kvm --daemonize --m 4096", "daemonize m=4096");
	assert_options("kvm", "");
}

static void an_argument_may_begin_with_a_dash(void **state)
{
	(void)state;
	assert_options("kvm -append -quiet -S", "append=-quiet S");
	assert_options("kvm -serial -", "serial=-");
}

static void a_bare_word_is_a_disk_image(void **state)
{
	(void)state;
	assert_options("kvm disk.img -m 1", "=disk.img m=1");
}

static void an_unknown_option_is_guessed(void **state)
{
	(void)state;
	assert_options("kvm -vendor-thing 5 -m 1", "vendor-thing=5 m=1");
	assert_options("kvm -vendor-switch -m 1", "vendor-switch m=1");
}

static void assert_program(const char *text, const char *wanted)
{
	struct reading reading;
	read_text(&reading, text);
	size_t program = reading.argv.program;
	assert_string_equal(program == QEMU_NO_WORD ? "none" : reading.argv.words[program], wanted);
	arena_release(&reading.arena);
}

static void the_program_may_stand_behind_a_launcher(void **state)
{
	(void)state;
	assert_program("/usr/bin/kvm -m 1", "/usr/bin/kvm");
	assert_program("/usr/bin/taskset --cpu-list --all-tasks 0-3 /usr/bin/kvm -m 1", "/usr/bin/kvm");
	assert_program("systemd-run --scope -p X=1 qemu-system-x86_64 -m 1", "qemu-system-x86_64");
	assert_program("/opt/my-emulator -m 1", "/opt/my-emulator");
	assert_program("-machine q35", "none");
}

static void assert_query(const char *text, bool wanted)
{
	struct reading reading;
	read_text(&reading, text);
	assert_int(qemu_argv_is_query(&reading.argv), wanted);
	arena_release(&reading.arena);
}

static void questions_are_told_from_vms(void **state)
{
	(void)state;
	assert_query("kvm -version", true);
	assert_query("kvm --version", true);
	assert_query("kvm -h", true);
	assert_query("kvm -device help", true);
	assert_query("kvm -device e1000,help", true);
	assert_query("kvm -machine help", true);
	assert_query("kvm -cpu '?'", true);
	assert_query("kvm -machine none -qmp stdio", true);
	assert_query("kvm -M none,accel=tcg", true);
	assert_query("kvm -machine q35 -append help", false);
	assert_query("kvm -machine q35 -name version", false);
}

static void broken_lines_are_errors(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct qemu_argv argv;
	struct error error;
	const char *const nothing[] = { "" };
	const char *const open_end[] = { "kvm", "-m", "1", "-device" };
	assert_int(qemu_argv_parse(&arena, NULL, 0, &argv, &error), -EINVAL);
	assert_int(qemu_argv_parse(&arena, nothing, 1, &argv, &error), -EINVAL);
	assert_contains(error.text, "empty");
	assert_int(qemu_argv_parse(&arena, open_end, 4, &argv, &error), -EINVAL);
	assert_contains(error.text, "'-device'");
}

static void ten_thousand_words(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct list words = { .arena = &arena };
	struct qemu_argv argv;
	list_add(&words, "kvm");
	for (size_t i = 0; i < 5000; i++) {
		list_add(&words, "-device");
		list_add(&words, "e1000");
	}
	assert_int(qemu_argv_parse(&arena, words.items, words.count, &argv, NULL), 0);
	assert_int(argv.option_count, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_know_their_argument),
		cmocka_unit_test(an_argument_may_begin_with_a_dash),
		cmocka_unit_test(a_bare_word_is_a_disk_image),
		cmocka_unit_test(an_unknown_option_is_guessed),
		cmocka_unit_test(the_program_may_stand_behind_a_launcher),
		cmocka_unit_test(questions_are_told_from_vms),
		cmocka_unit_test(broken_lines_are_errors),
		cmocka_unit_test(ten_thousand_words),
	};
	return cmocka_run_group_tests_name("qemu-argv", tests, NULL, NULL);
}
