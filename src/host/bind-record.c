/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/bind-record.h"

#include "base/file.h"

const char *bind_record_path(struct arena *arena, struct pci_address address)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	return arena_printf(arena, BIND_RECORDS "/%s", pci_address_format(address, text));
}

static size_t count_lines(struct slice text)
{
	size_t count = 0;
	struct slice line;
	while (slice_next_line(&text, &line))
		count++;
	return count;
}

static int parse_line(struct arena *arena, struct slice line, struct bind_record *record, struct error *error)
{
	const char *key = arena_strndup(arena, line.start, line.length);
	char *equals = strchr(key, '=');
	if (line.length == 0 || key[0] == '#')
		return 0;
	if (!equals)
		return error_set(error, -EINVAL, "'%.60s' is no key=value", key);
	*equals = '\0';
	const char *value = equals + 1;
	if (strcmp(key, "member") == 0) {
		struct bind_recorded *member = &record->members[record->count];
		*member = (struct bind_recorded){ .state = { NULL, "" } };
		int r = pci_address_parse(value, &member->address, error);
		if (r == 0)
			record->count++;
		return r;
	}
	if (record->count == 0)
		return error_set(error, -EINVAL, "%s= stands before any member=", key);
	struct bind_state *state = &record->members[record->count - 1].state;
	/* It becomes part of a path. */
	if (strchr(value, '/'))
		return error_set(error, -EINVAL, "'%.60s' is the name of no driver", value);
	if (strcmp(key, "driver") == 0)
		state->driver = *value ? value : NULL;
	else if (strcmp(key, "driver_override") == 0)
		state->override = value;
	return 0;
}

int bind_record_parse(struct arena *arena, const char *path, struct slice text, struct bind_record *ret,
		      struct error *error)
{
	struct bind_record record = { .path = path };
	struct slice line;
	record.members = arena_alloc_array(arena, count_lines(text) + 1, sizeof(*record.members));
	for (size_t number = 1; slice_next_line(&text, &line); number++) {
		int r = parse_line(arena, line, &record, error);
		if (r < 0)
			return error_prefix(error, r, "%s: line %zu", path, number);
	}
	if (record.count == 0)
		return error_set(error, -EINVAL, "%s: names no member", path);
	*ret = record;
	return 0;
}

const char *bind_record_format(struct arena *arena, const struct bind_record *record)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "# What these devices had before 'nestpci bind'; 'nestpci unbind' gives it back.\n");
	for (size_t i = 0; i < record->count; i++) {
		const struct bind_recorded *member = &record->members[i];
		char address[PCI_ADDRESS_TEXT_MAX];
		buffer_printf(&text, "member=%s\ndriver=%s\ndriver_override=%s\n",
			      pci_address_format(member->address, address),
			      member->state.driver ? member->state.driver : "", member->state.override);
	}
	return text.text;
}

const struct bind_state *bind_record_of(const struct bind_record *record, struct pci_address address)
{
	for (size_t i = 0; i < record->count; i++)
		if (pci_address_equal(record->members[i].address, address))
			return &record->members[i].state;
	return NULL;
}

/* Whether a file that is no record was to be this device's: by its name, or by a line in it. */
static bool is_meant(struct arena *arena, const char *path, struct slice text, struct pci_address address)
{
	char name[PCI_ADDRESS_TEXT_MAX];
	struct slice line;
	if (text_equals(text_basename(path), pci_address_format(address, name)))
		return true;
	const char *wanted = arena_printf(arena, "member=%s", name);
	while (slice_next_line(&text, &line))
		if (slice_equals(line, wanted))
			return true;
	return false;
}

/* -ENOENT: it has nothing to say of the device. */
static int read_record(const struct root *root, struct arena *arena, const char *path, struct pci_address address,
		       struct bind_record *ret, struct list *notes, struct error *error)
{
	struct slice text;
	struct error why;
	struct bind_record record = { 0 };
	int r = root_read(root, arena, path, &text, error);
	if (r < 0)
		return r;
	r = bind_record_parse(arena, path, text, &record, &why);
	if (r < 0 && is_meant(arena, path, text, address))
		return error_set(error, r,
				 "%s; this is the record of what the device had: mend it or remove it "
				 "(without it, unbind lets the kernel look for a driver)",
				 why.text);
	if (r < 0) {
		list_printf(notes, "a record of other devices is damaged, and passed over: %s; mend it or remove it",
			    why.text);
		return -ENOENT;
	}
	if (!bind_record_of(&record, address))
		return -ENOENT;
	*ret = record;
	return 0;
}

int bind_record_find(const struct root *root, struct arena *arena, struct pci_address address, struct bind_record *ret,
		     struct list *notes, struct error *error)
{
	struct list names = { .arena = arena };
	int r = root_list(root, arena, BIND_RECORDS, &names, error);
	if (r < 0)
		return root_absent(r) ? error_set(error, -ENOENT, "no record") : r;
	for (size_t i = 0; i < names.count; i++) {
		struct pci_address ignored;
		/* Anything else there is a file that was being written when the machine stopped. */
		if (pci_address_parse(names.items[i], &ignored, NULL) < 0)
			continue;
		r = read_record(root, arena, arena_printf(arena, BIND_RECORDS "/%s", names.items[i]), address, ret,
				notes, error);
		if (r != -ENOENT)
			return r;
	}
	return error_set(error, -ENOENT, "no record");
}

int bind_record_write(struct arena *arena, const struct bind_record *record, struct error *error)
{
	int r = file_make_directories(BIND_RECORDS, 0755, error);
	if (r < 0)
		return r;
	return file_replace(record->path, slice_of(bind_record_format(arena, record)), 0644, error);
}
