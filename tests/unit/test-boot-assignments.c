/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/assignments.h"

#include "unit.h"

static const char *const watched[] = { "LINE", "LIST", NULL };

static struct assignments read_text(struct arena *arena, const char *text, bool bash)
{
	struct assignments all = { .arena = arena, .watched = watched, .bash = bash };
	assignments_read(&all, "/f", slice_of(text));
	return all;
}

static void assert_value(const char *text, const char *wanted)
{
	AUTO_ARENA arena = { 0 };
	struct assignments all = read_text(&arena, text, false);
	const struct assignment *line = assignments_find(&all, "LINE");
	if (!line)
		fail_msg("%s: not assigned", text);
	else if (!line->value)
		fail_msg("%s: %s", text, line->problem);
	else if (strcmp(line->value, wanted) != 0)
		fail_msg("%s: '%s', wanted '%s'", text, line->value, wanted);
}

static void assert_unknown(const char *text, const char *problem)
{
	AUTO_ARENA arena = { 0 };
	struct assignments all = read_text(&arena, text, false);
	const struct assignment *line = assignments_find(&all, "LINE");
	if (!line)
		fail_msg("%s: not assigned", text);
	else if (line->value)
		fail_msg("%s: guessed '%s'", text, line->value);
	else
		assert_contains(line->problem, problem);
}

static void reads_quotes_as_a_shell_does(void **state)
{
	assert_value("LINE=quiet\n", "quiet");
	assert_value("LINE=\"quiet splash\"", "quiet splash");
	assert_value("LINE='quiet  $NOT `this`'\n", "quiet  $NOT `this`");
	assert_value("LINE=a\"b c\"'d e'\\ f\n", "ab cd e f");
	assert_value("LINE=\"a \\\"b\\\" \\$c \\\\ \\d\"\n", "a \"b\" $c \\ \\d");
	assert_value("LINE=\n", "");
	assert_value("LINE=\"a # b\" # c\n", "a # b");
	assert_value("  LINE=a#b;\n", "a#b");
	assert_value("LINE=10$\n", "10$");
}

static void joins_continued_lines(void **state)
{
	assert_value("LINE=\"quiet \\\n\tiommu=pt\"\n", "quiet \tiommu=pt");
	assert_value("LINE=qui\\\net\n", "quiet");
	assert_value("LINE='a\nb'\n", "a\nb");
}

static void puts_in_what_was_assigned_before(void **state)
{
	assert_value("LINE=a\nLINE=\"$LINE b\"\nLINE=\"${LINE} c\"\n", "a b c");
	assert_value("X='y z'; export LINE=$X\n", "y z");
	assert_value("LINE=\"$LINE b\"\n", " b");
	assert_value("LINE=a\nexport LINE\n", "a");
}

static void a_comment_assigns_nothing(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct assignments all = read_text(&arena, "#LINE=a\n  # LINE=\"b\n\n", false);
	assert_null(assignments_find(&all, "LINE"));
	assert_null(all.broken);
}

static void says_what_only_a_shell_could_tell(void **state)
{
	assert_unknown("LINE=$(cat /x)\n", "/f:1: it takes a command's output");
	assert_unknown("\nLINE=\"a `uname -r`\"\n", "/f:2: it takes a command's output");
	assert_unknown("LINE=\"$ELSEWHERE\"\n", "$ELSEWHERE is used, which these files do not set");
	assert_unknown("LINE=${LINE:-a}\n", "expansion");
	assert_unknown("LINE=$1\n", "expansion");
	assert_unknown("LINE=~/x\n", "home");
	assert_unknown("X=$(y)\nLINE=a$X\n", "$X is used, which is not known from /f:1 on");
	assert_unknown("LINE+=a\n", "+=");
}

static void does_not_trust_what_is_conditional(void **state)
{
	assert_unknown("LINE=a\nif [ -e /x ]; then\n\tLINE=b\nfi\n", "/f:3: it is assigned under a condition");
	assert_unknown("[ -e /x ] && LINE=b\n", "condition");
	assert_unknown("[ -e /x ] ||\nLINE=b\n", "condition");
	assert_unknown("case $x in\na) LINE=b ;;\nesac\n", "condition");
	assert_unknown("for i in 1 2; do LINE=b; done\n", "condition");
	assert_unknown("f() {\n LINE=b\n}\n", "condition");
	assert_unknown("function f {\n LINE=b\n}\n", "condition");
	assert_unknown("( LINE=b )\n", "condition");
	assert_unknown("LINE=b | cat\n", "condition");
	assert_unknown("if x; then y; else unset LINE; fi\n", "the command 'unset' may change LINE");
}

static void goes_on_behind_what_is_conditional(void **state)
{
	assert_value("if [ -e /x ]; then\n\techo \"$LINE\"\nfi\nLINE=b\n", "b");
	assert_value("case $x in\na|b) echo ;;\n(c) ;;\nesac; LINE=b\n", "b");
	assert_value("while false; do x; done\nf() { echo; }\nLINE=b\n", "b");
	assert_value("X=`( . /etc/os-release && echo ${NAME} )`\nLINE=b\n", "b");
	assert_value("X=`lsb_release -i -s 2> /dev/null || echo Debian`\nLINE=b\n", "b");
	assert_value("x 2>/dev/null >&2 &\nLINE=b\n", "b");
}

static void notices_commands_that_may_change_it(void **state)
{
	assert_unknown("LINE=a\nunset LINE\n", "/f:2: the command 'unset' may change LINE");
	assert_unknown("LINE=a\n. /etc/other\n", "/f:2: the command '.' may change anything");
	assert_unknown("LINE=a\neval \"$x\"\n", "'eval'");
	assert_unknown(": ${LINE:=a}\n", "':'");
	assert_unknown("X=${LINE:=a}\n", "expansion");
	assert_unknown("${LINE:=true}\n", "may change LINE");
	assert_value("LINE=a\necho \"$LINE\"\n[ -n \"$LINE\" ]\n", "a");
	assert_value(". /etc/other\nLINE=a\n", "a");
}

/* Forgotten quotes: the shell takes the next word for a command, or for another variable. */
static void sees_forgotten_quotes(void **state)
{
	AUTO_ARENA arena = { 0 };
	assert_unknown("LINE=quiet splash\n", "/f:1: runs the command 'splash'");
	struct assignments all = read_text(&arena, "LINE=quiet intel_iommu=on\n", false);
	assert_string_equal(assignments_find(&all, "LINE")->value, "quiet");
	assert_string_equal(assignments_find(&all, "intel_iommu")->value, "on");
}

static void gives_up_where_the_way_is_lost(void **state)
{
	static const char *const texts[] = { "LINE=a\nLINE=\"b\n", "LINE=a 'b\n", "LINE=a\ncat <<END\nLINE=b\nEND\n",
					     "LINE=a\nif x\n" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO_ARENA arena = { 0 };
		struct assignments all = read_text(&arena, texts[i], false);
		assert_non_null(all.broken);
		assert_contains(all.broken, "/f:");
		assert_null(assignments_find(&all, "LINE")->value);
	}
}

static void reads_lists_of_bash(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct assignments all = read_text(
		&arena, "LIST=(vfio_pci vfio # c\n \"vfio_iommu_type1\")\nLIST+=(a)\nLINE=\" x \"\nLINE+=\" y \"\n",
		true);
	assert_string_equal(assignments_find(&all, "LIST")->value, "vfio_pci vfio vfio_iommu_type1 a");
	assert_string_equal(assignments_find(&all, "LIST")->added, "a");
	assert_true(assignments_find(&all, "LIST")->append);
	assert_int(assignments_find(&all, "LIST")->line, 3);
	assert_string_equal(assignments_find(&all, "LINE")->value, " x  y ");
	assert_string_equal(assignments_find(&all, "LINE")->added, " y ");
}

static void values_do_not_grow_without_end(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	buffer_puts(&text, "LINE=0123456789\n");
	for (size_t i = 0; i < 100; i++)
		buffer_puts(&text, "LINE=$LINE$LINE\n");
	struct assignments all = read_text(&arena, text.text, true);
	assert_null(assignments_find(&all, "LINE")->value);
	buffer_puts(&text, "LINE=0123456789\n");
	for (size_t i = 0; i < 100; i++)
		buffer_puts(&text, "LINE+=$LINE\n");
	all = read_text(&arena, text.text, true);
	assert_null(assignments_find(&all, "LINE")->value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_quotes_as_a_shell_does),
		cmocka_unit_test(joins_continued_lines),
		cmocka_unit_test(puts_in_what_was_assigned_before),
		cmocka_unit_test(a_comment_assigns_nothing),
		cmocka_unit_test(says_what_only_a_shell_could_tell),
		cmocka_unit_test(does_not_trust_what_is_conditional),
		cmocka_unit_test(goes_on_behind_what_is_conditional),
		cmocka_unit_test(notices_commands_that_may_change_it),
		cmocka_unit_test(sees_forgotten_quotes),
		cmocka_unit_test(gives_up_where_the_way_is_lost),
		cmocka_unit_test(reads_lists_of_bash),
		cmocka_unit_test(values_do_not_grow_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
