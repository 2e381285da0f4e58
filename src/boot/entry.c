/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the boot loader hands to the kernel, as it was generated: the entry of the running kernel among loader entries
 * (UAPI.1 Boot Loader Specification), or in grub.cfg.
 */
#include "boot/boot-internal.h"

void boot_list_entries(struct boot_reading *reading, struct list *ret)
{
	static const char *const places[] = { "/boot/loader/entries", "/efi/loader/entries",
					      "/boot/efi/loader/entries" };
	for (size_t i = 0; i < ARRAY_SIZE(places) && !ret->count; i++) {
		struct list names = { .arena = reading->arena };
		boot_list_suffix(reading, places[i], ".conf", &names);
		for (size_t j = 0; j < names.count; j++)
			list_add(ret, arena_printf(reading->arena, "%s/%s", places[i], names.items[j]));
	}
}

/* The kernel that is looked for: the running one, or else the newest. */
static const char *wanted_release(const struct boot_reading *reading)
{
	const struct list *kernels = &reading->boot->kernels;
	if (reading->release)
		return reading->release;
	return kernels->count ? kernels->items[kernels->count - 1] : NULL;
}

/* Whether the path of a kernel is that of a release: "/vmlinuz-6.1.0-18-amd64", "/MACHINE/6.1.0-18-amd64/linux". */
static bool is_kernel_of(struct arena *arena, struct slice path, const char *release)
{
	const char *text = arena_strndup(arena, path.start, path.length);
	const char *part = strstr(text, release);
	if (!part || part == text)
		return false;
	char behind = part[strlen(release)];
	return (part[-1] == '-' || part[-1] == '/') && (behind == '\0' || behind == '/');
}

struct entry {
	struct slice version;
	struct slice kernel;
	const char *options; /* of all lines, joined */
};

static void parse_entry(struct arena *arena, struct slice text, struct entry *ret)
{
	struct buffer options = { .arena = arena };
	struct slice line;
	buffer_puts(&options, "");
	*ret = (struct entry){ .version = slice_of(""), .kernel = slice_of("") };
	while (slice_next_line(&text, &line)) {
		struct slice key;
		if (!slice_next_word(&line, &key))
			continue;
		struct slice value = slice_trim(line);
		if (slice_equals(key, "version")) {
			ret->version = value;
		} else if (slice_equals(key, "linux")) {
			ret->kernel = value;
		} else if (slice_equals(key, "options")) {
			if (options.length)
				buffer_putc(&options, ' ');
			buffer_add(&options, value.start, value.length);
		}
	}
	ret->options = options.text;
}

/* GRUB's environment block: lines NAME=value, in 1024 bytes. */
static const char *environment_value(struct boot_reading *reading, struct slice name)
{
	static const char *const blocks[] = { "/boot/grub2/grubenv", "/boot/grub/grubenv" };
	struct slice text = slice_of("");
	struct slice line;
	for (size_t i = 0; i < ARRAY_SIZE(blocks) && !text.length; i++)
		(void)!root_read(reading->root, reading->arena, blocks[i], &text, NULL);
	while (slice_next_line(&text, &line))
		if (line.length > name.length && line.start[name.length] == '=' &&
		    memcmp(line.start, name.start, name.length) == 0)
			return arena_strndup(reading->arena, line.start + name.length + 1,
					     line.length - name.length - 1);
	return NULL;
}

/* Puts in what GRUB's variables are worth: $kernelopts of RHEL 8 stands in its environment block. */
static void set_line(struct boot_reading *reading, const char *path, struct slice options)
{
	struct boot_cmdline *entry = &reading->boot->entry;
	struct buffer line = { .arena = reading->arena };
	struct slice word;
	buffer_puts(&line, "");
	while (slice_next_word(&options, &word)) {
		const char *value = arena_strndup(reading->arena, word.start, word.length);
		if (word.start[0] == '$') {
			/* Ubuntu's says only how the screen is handed over. */
			bool harmless = slice_equals(word, "$vt_handoff");
			struct slice name = { word.start + 1, word.length - 1 };
			value = harmless ? "" : environment_value(reading, name);
			if (!value && !entry->problem)
				entry->problem = arena_printf(
					reading->arena, "%s: %.*s is a variable of GRUB's, whose value is not known",
					path, word.length < 64 ? (int)word.length : 64, word.start);
		}
		if (!value || !value[0])
			continue;
		if (line.length)
			buffer_putc(&line, ' ');
		buffer_puts(&line, value);
	}
	entry->line = line.text;
	cmdline_parse(slice_of(entry->line), reading->arena, &entry->cmdline);
}

static void read_loader_entry(struct boot_reading *reading)
{
	struct boot_cmdline *result = &reading->boot->entry;
	const char *release = wanted_release(reading);
	struct list paths = { .arena = reading->arena };
	boot_list_entries(reading, &paths);
	result->path = "/boot/loader/entries";
	result->file = (struct fact){ .state = FACT_ABSENT, .path = result->path };
	for (size_t i = 0; i < paths.count; i++) {
		struct slice text;
		struct entry entry;
		if (!boot_read_file(reading, paths.items[i], &text))
			continue;
		parse_entry(reading->arena, text, &entry);
		bool same = release && (slice_equals(entry.version, release) ||
					is_kernel_of(reading->arena, entry.kernel, release));
		/* A single entry, as people write it by hand, names no version. */
		if (!same && !(paths.count == 1 && !entry.version.length))
			continue;
		result->path = paths.items[i];
		result->file = (struct fact){ .state = FACT_KNOWN, .path = result->path };
		list_add(&result->sources, result->path);
		set_line(reading, result->path, slice_of(entry.options));
		return;
	}
}

/* The words behind the kernel's path on a line "linux PATH WORDS"; false: it is none, or of another kernel. */
static bool is_linux_line(struct boot_reading *reading, struct slice line, const char *release, struct slice *ret)
{
	struct slice command;
	struct slice path;
	if (!slice_next_word(&line, &command) ||
	    !(slice_equals(command, "linux") || slice_equals(command, "linuxefi") ||
	      slice_equals(command, "linux16")) ||
	    !slice_next_word(&line, &path) || (release && !is_kernel_of(reading->arena, path, release)))
		return false;
	*ret = slice_trim(line);
	return true;
}

static void read_grub_entry(struct boot_reading *reading)
{
	struct boot_cmdline *result = &reading->boot->entry;
	const char *release = wanted_release(reading);
	struct slice text;
	struct slice line;
	struct slice options;
	result->file = grub_find_cfg(reading);
	result->path = result->file.path;
	if (!fact_known(&result->file))
		return;
	result->file = boot_read_fact(reading, result->path, &text);
	if (!fact_known(&result->file))
		return;
	list_add(&result->sources, result->path);
	/* The entry of a kernel stands before its recovery entry. */
	while (slice_next_line(&text, &line))
		if (is_linux_line(reading, line, release, &options)) {
			set_line(reading, result->path, options);
			return;
		}
}

void boot_read_entry(struct boot_reading *reading)
{
	struct boot *boot = reading->boot;
	boot->entry.sources.arena = reading->arena;
	if (boot->loader == BOOT_GRUB)
		read_grub_entry(reading);
	else if (boot->loader == BOOT_BLS || boot->loader == BOOT_SYSTEMD_BOOT || boot->loader == BOOT_OSTREE ||
		 boot->loader == BOOT_NIXOS)
		read_loader_entry(reading);
	/* Where nothing else is read, the entry is what people edit: Arch's by hand, Fedora's by grubby. */
	boot->entry.in_use = boot->entry.line && (boot->loader == BOOT_BLS ||
						  (boot->loader == BOOT_SYSTEMD_BOOT && !boot->kernel_cmdline.in_use));
}
