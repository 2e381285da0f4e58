/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/say.h"
#include "base/shell.h"
#include "verb/rewrite-request.h"

enum { OPTION_NULL = '0', OPTION_SHELL = 's', OPTION_JSON = 'j', OPTION_ROOT = 'r' };

static const struct verb_option options[] = {
	{ OPTION_SHELL, "shell", "FILE",
	  "read a shell-quoted line, as 'qm showcmd' prints it,\n"
	  "from a file, or '-' for standard input" },
	{ OPTION_NULL, "null", NULL, "print the words, each ended by a NUL byte" },
	{ OPTION_JSON, "json", NULL, "print words, changes and warnings as JSON" },
	{ OPTION_ROOT, "root", "DIR", "the host that runs the line is the one below DIR" },
	REWRITE_OPTIONS,
	{ 0 },
};

struct state {
	const struct verb_args *args;
	struct arena *arena;
	const char *shell_path;
	bool null;
	bool json;
	struct shell_line line; /* with --shell: the words as they were spelled */
};

static int read_all(struct arena *arena, const char *path, struct slice *ret, struct error *error)
{
	bool standard_input = strcmp(path, "-") == 0;
	AUTO_CLOSE int fd = standard_input ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "%s", standard_input ? "standard input" : path);
	struct buffer text = { .arena = arena };
	char block[65536];
	ssize_t got;
	while ((got = read(fd, block, sizeof(block))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(error, -errno, "%s", standard_input ? "standard input" : path);
		buffer_add(&text, block, (size_t)got);
	}
	*ret = (struct slice){ text.text ? text.text : "", text.length };
	return 0;
}

/* Whether a line begins with QEMU, or with a launcher and QEMU behind it (taskset --cpu-list --all-tasks 0-3 /usr/bin/kvm). */
static bool begins_with_qemu(struct arena *arena, const struct list *words)
{
	struct qemu_argv argv;
	return qemu_argv_parse(arena, words->items, words->count, &argv, NULL) == 0 && argv.program != QEMU_NO_WORD &&
	       qemu_is_program_name(words->items[argv.program]);
}

/* A second command is not passed over in silence. */
static int check_rest(struct arena *arena, struct slice text, size_t consumed, struct error *error)
{
	struct slice rest = { text.start + consumed, text.length - consumed };
	struct slice line;
	while (slice_next_line(&rest, &line)) {
		struct shell_line other;
		if (shell_read_line(arena, rest, &other, NULL) == 0 && begins_with_qemu(arena, &other.words))
			return error_set(error, -EINVAL, "there are two command lines; give one at a time");
	}
	return 0;
}

/*
 * Finds the command: the first line that begins with QEMU. 'qm showcmd' can print a sentence before it, with an
 * apostrophe in it that is no quote, so each line is tried on its own. Where no line begins with QEMU, and there is but
 * one, that one is meant.
 */
static int find_command(struct arena *arena, struct slice text, struct shell_line *ret, struct error *error)
{
	struct slice line;
	*ret = (struct shell_line){ 0 };
	struct slice rest = text;
	do {
		if (shell_read_line(arena, rest, ret, NULL) == 0 && begins_with_qemu(arena, &ret->words))
			return check_rest(arena, rest, ret->consumed, error);
	} while (slice_next_line(&rest, &line));
	struct slice trimmed = slice_trim(text);
	if (trimmed.length == 0)
		return error_set(error, -EINVAL, "no command line: the input is empty");
	int r = shell_read_line(arena, trimmed, ret, error);
	if (r < 0)
		return r;
	if (ret->consumed < trimmed.length)
		return error_set(error, -EINVAL, "several lines, and none begins with a QEMU program");
	return 0;
}

static int read_shell_line(struct state *state, struct vm_rewrite_request *request)
{
	struct error error;
	struct slice text = { 0 };
	int r = read_all(state->arena, state->shell_path, &text, &error);
	if (r < 0) {
		say("rewrite: %s", error.text);
		return VERB_FAILED;
	}
	r = find_command(state->arena, text, &state->line, &error);
	if (r < 0) {
		say("rewrite: %s: %s", strcmp(state->shell_path, "-") == 0 ? "standard input" : state->shell_path,
		    error.text);
		return VERB_USAGE;
	}
	request->words = state->line.words.items;
	request->count = state->line.words.count;
	return VERB_DONE;
}

static bool is_utf8(const char *text)
{
	for (const unsigned char *byte = (const unsigned char *)text; *byte;) {
		size_t more = *byte < 0x80 ? 0 : *byte >= 0xc2 && *byte < 0xe0 ? 1 : (*byte & 0xf0) == 0xe0 ? 2 : 3;
		if (*byte >= 0x80 && (*byte < 0xc2 || *byte > 0xf4))
			return false;
		for (byte++; more; more--, byte++)
			if ((*byte & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static int print_json(const struct viommu_result *result)
{
	AUTO_JSON *object = json_object_new_object();
	struct json_object *words = json_object_new_array();
	struct json_object *changes = json_object_new_array();
	struct json_object *warnings = json_object_new_array();
	json_add_bool(object, "changed", result->changed);
	json_object_object_add(object, "words", words);
	json_object_object_add(object, "changes", changes);
	json_object_object_add(object, "warnings", warnings);
	for (size_t i = 0; i < result->count; i++) {
		if (!is_utf8(result->words[i].text)) {
			say("rewrite: word %zu is not UTF-8, which JSON cannot hold; use --null", i + 1);
			return VERB_FAILED;
		}
		json_object_array_add(words, json_object_new_string(result->words[i].text));
	}
	for (size_t i = 0; i < result->changes.count; i++)
		json_object_array_add(changes, json_object_new_string(result->changes.items[i]));
	for (size_t i = 0; i < result->warnings.count; i++)
		json_object_array_add(warnings, json_object_new_string(result->warnings.items[i]));
	json_print(object);
	return VERB_DONE;
}

/*
 * One shell line. A word that was read from a line, and did not change, is spelled as it was, with the blanks (or the
 * backslash and newline) that stood before it; a new option gets those of the option in whose place it comes.
 */
static void print_line(const struct state *state, const struct viommu_result *result)
{
	struct buffer line = { .arena = state->arena };
	const struct shell_word *spelled = state->line.spelled;
	for (size_t i = 0; i < result->count; i++) {
		const struct viommu_word *word = &result->words[i];
		bool placed = spelled && word->place < state->line.words.count;
		bool is_option = word->origin == QEMU_NO_WORD && word->text[0] == '-';
		if (placed &&
		    (word->origin != QEMU_NO_WORD || is_option || i == 0 || result->words[i - 1].place != word->place))
			buffer_add(&line, spelled[word->place].gap.start, spelled[word->place].gap.length);
		else if (i)
			buffer_putc(&line, ' ');
		if (spelled && word->origin != QEMU_NO_WORD)
			buffer_add(&line, spelled[word->origin].spelling.start, spelled[word->origin].spelling.length);
		else
			shell_quote(&line, word->text);
	}
	if (state->line.tail.length)
		buffer_add(&line, state->line.tail.start, state->line.tail.length);
	fwrite(line.text, 1, line.length, stdout);
	putchar('\n');
}

static int print_result(const struct state *state, const struct viommu_result *result)
{
	if (state->json)
		return print_json(result);
	if (!state->null) {
		print_line(state, result);
		return VERB_DONE;
	}
	for (size_t i = 0; i < result->count; i++)
		fwrite(result->words[i].text, 1, strlen(result->words[i].text) + 1, stdout);
	return VERB_DONE;
}

static int take_words(struct state *state, struct vm_rewrite_request *request)
{
	const struct verb_args *args = state->args;
	size_t count = (size_t)(args->argc - args->next);
	if (state->shell_path && count)
		return verb_usage(args, "--shell and arguments exclude each other");
	if (state->shell_path)
		return read_shell_line(state, request);
	if (count == 0)
		return verb_usage(args, "no QEMU command line given");
	request->words = (const char *const *)args->argv + args->next;
	request->count = count;
	if (count == 1 && strpbrk(request->words[0], " \t\n"))
		return verb_usage(args,
				  "a whole line in one argument; give it on standard input to 'rewrite --shell -'");
	return VERB_DONE;
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct state state = { .args = args, .arena = &arena };
	struct list groups = { .arena = &arena };
	struct vm_rewrite_request request = { 0 };
	const char *directory = NULL;
	const char *value;
	int status = VERB_DONE;
	int id;
	while ((id = verb_next_option(args, &value, &status)) > 0) {
		if (id == OPTION_SHELL)
			state.shell_path = value;
		else if (id == OPTION_ROOT)
			directory = value;
		else if (id == OPTION_NULL)
			state.null = true;
		else if (id == OPTION_JSON)
			state.json = true;
		else if ((status = rewrite_take_option(args, &request, &groups, id, value)) != VERB_DONE)
			return status;
	}
	if (id < 0)
		return status;
	if (state.null && state.json)
		return verb_usage(args, "--null and --json exclude each other");
	struct error error;
	if (root_open(&root, directory, &error) < 0) {
		say("rewrite: %s", error.text);
		return VERB_FAILED;
	}
	request.root = &root;
	struct viommu_result result;
	status = take_words(&state, &request);
	if (status == VERB_DONE)
		status = rewrite_run(&arena, args, &request, &result);
	return status == VERB_DONE ? print_result(&state, &result) : status;
}

const struct verb verb_rewrite = {
	.name = "rewrite",
	.summary = "print a QEMU command line with a correct vIOMMU",
	.synopsis = "[OPTIONS] -- QEMU ARGUMENTS\n[OPTIONS] --shell FILE|-",
	.help = "Puts one intel-iommu with interrupt remapping and caching mode before every\n"
		"device it must translate, sets kernel-irqchip=split, and puts functions of one\n"
		"host group behind one bridge. What needs no change is passed on byte for byte;\n"
		"what was changed is said on stderr. A line that cannot get a correct vIOMMU is\n"
		"refused with the reason and the remedy.\n"
		"\n"
		"  qm showcmd 101 | nestpci rewrite --shell -\n"
		"  nestpci rewrite -- qemu-system-x86_64 -machine q35 -accel kvm -m 4G \\\n"
		"      -device vfio-pci,host=0000:01:00.0",
	.options = options,
	.takes_words = true,
	.run = run,
};
