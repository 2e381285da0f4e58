/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/plain-monitor.h"

#include "qemu/argv.h"
#include "qemu/keyval.h"

static bool is_on(const char *value)
{
	return value && keyval_boolean(value) == 1;
}

/* "socket,id=qmp,path=/run/x.qmp,server=on,wait=off", of this id. */
static const char *path_of_chardev(struct arena *arena, const struct qemu_argv *argv, const char *id)
{
	for (size_t i = 0; i < argv->option_count; i++) {
		struct keyval list;
		if (!text_equals(argv->options[i].name, "chardev"))
			continue;
		keyval_parse(arena, qemu_argument(argv, &argv->options[i]), "backend", &list);
		if (text_equals(keyval_get(&list, "id"), id) && text_equals(keyval_get(&list, "backend"), "socket") &&
		    is_on(keyval_get(&list, "server")))
			return keyval_get(&list, "path");
	}
	return NULL;
}

/* "unix:/run/x.qmp,server=on,wait=off" */
static const char *path_of_qmp(struct arena *arena, const char *text)
{
	static const char prefix[] = "unix:";
	struct keyval list;
	if (!text_starts_with(text, prefix))
		return NULL;
	keyval_parse(arena, text + strlen(prefix), "path", &list);
	return is_on(keyval_get(&list, "server")) ? keyval_get(&list, "path") : NULL;
}

static const char *path_of_mon(struct arena *arena, const struct qemu_argv *argv, const char *text)
{
	struct keyval list;
	keyval_parse(arena, text, "chardev", &list);
	const char *chardev = keyval_get(&list, "chardev");
	return chardev && text_equals(keyval_get(&list, "mode"), "control") ? path_of_chardev(arena, argv, chardev) :
									      NULL;
}

const char *plain_monitor_path(struct arena *arena, const struct vm *vm)
{
	if (!vm->line)
		return NULL;
	const struct qemu_argv *argv = vm->line->argv;
	for (size_t i = 0; i < argv->option_count; i++) {
		const struct qemu_option *option = &argv->options[i];
		const char *text = qemu_argument(argv, option);
		const char *path = NULL;
		if (text_equals(option->name, "qmp") || text_equals(option->name, "qmp-pretty"))
			path = path_of_qmp(arena, text);
		else if (text_equals(option->name, "mon"))
			path = path_of_mon(arena, argv, text);
		if (path && path[0] == '/')
			return path;
	}
	return NULL;
}
