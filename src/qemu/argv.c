/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/argv.h"

#include <errno.h>
#include <string.h>

/* clang-format off */

/*
 * QEMU's options, from qemu-options.hx of 5.2 to 11.0 (February 2026), with "id" and "loadstate" of Proxmox VE's build.
 * Sorted by strcmp, for bsearch.
 */
static const char *const options_without_argument[] = {
	"S", "alt-grab", "async-teardown", "audio-help", "ctrl-grab", "curses", "daemonize", "enable-fips",
	"enable-kvm", "enable-sync-profile", "full-screen", "h", "help", "jitdump", "mem-prealloc", "no-acpi",
	"no-fd-bootchk", "no-hpet", "no-quit", "no-reboot", "no-shutdown", "no-user-config", "nodefaults", "nographic",
	"old-param", "only-migratable", "perfmap", "portrait", "preconfig", "s", "sdl", "semihosting", "show-cursor",
	"singlestep", "snapshot", "usb", "version", "win2k-hack", "xen-attach", "xen-domid-restrict",
};

static const char *const options_with_argument[] = {
	"D", "L", "M", "accel", "acpitable", "action", "add-fd", "append", "audio", "audiodev", "bios", "blockdev",
	"boot", "cdrom", "chardev", "chroot", "compat", "cpu", "d", "debugcon", "device", "dfilter", "display", "drive",
	"dtb", "dump-vmstate", "echr", "fda", "fdb", "fsdev", "fw_cfg", "g", "gdb", "global", "hda", "hdb", "hdc",
	"hdd", "icount", "id", "incoming", "initrd", "iscsi", "k", "kernel", "loadstate", "loadvm", "m", "machine",
	"mem-path", "mon", "monitor", "msg", "mtdblock", "name", "net", "netdev", "nic", "numa", "object", "option-rom",
	"overcommit", "parallel", "pflash", "pidfile", "plugin", "prom-env", "qmp", "qmp-pretty", "qtest", "qtest-log",
	"readconfig", "realtime", "rotate", "rtc", "run-with", "runas", "sandbox", "sd", "seed", "semihosting-config",
	"serial", "set", "shim", "smbios", "smp", "soundhw", "spice", "tb-size", "tpmdev", "trace", "usbdevice", "uuid",
	"vga", "virtfs", "vnc", "watchdog", "watchdog-action", "writeconfig", "xen-domid",
};

/* Programs that run another one, which stands later on their line. */
static const char *const launchers[] = {
	"chrt",      "env",    "ionice",      "nice",    "nohup", "numactl", "prlimit", "setarch", "setpriv",
	"setsid",    "stdbuf", "sudo",        "systemd-run", "taskset", "time", "timeout", "unshare",
};

/* clang-format on */

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

#define IS_IN(name, table) (bsearch(name, table, ARRAY_SIZE(table), sizeof((table)[0]), compare_name) != NULL)

bool qemu_is_program_name(const char *path)
{
	const char *name = text_basename(path);
	return text_starts_with(name, "qemu-system-") || text_starts_with(name, "kvm.") || text_equals(name, "kvm") ||
	       text_equals(name, "qemu-kvm");
}

/* NAME=value in front of a command: what a shell puts into its environment. */
static bool is_assignment(const char *word)
{
	size_t name = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	return name > 0 && word[name] == '=';
}

static size_t find_program(const char *const *words, size_t count)
{
	if (words[0][0] == '-')
		return QEMU_NO_WORD;
	if (!IS_IN(text_basename(words[0]), launchers) && !is_assignment(words[0]))
		return 0;
	/* Behind a launcher: a word that looks like QEMU and is followed by an option; "sudo -g kvm qemu-..." is not fooled. */
	size_t found = 0;
	for (size_t i = 1; i < count; i++) {
		if (!qemu_is_program_name(words[i]))
			continue;
		if (!found)
			found = i;
		if (i + 1 == count || words[i + 1][0] == '-')
			return i;
	}
	return found;
}

/* An option that no table knows is a vendor's. Most options take an argument, and arguments seldom begin with a dash. */
static bool guess_argument(const char *const *words, size_t count, size_t option)
{
	return option + 1 < count && words[option + 1][0] != '-';
}

static const char *option_name(const char *word)
{
	return text_starts_with(word, "--") ? word + 2 : word + 1;
}

int qemu_argv_parse(struct arena *arena, const char *const *words, size_t count, struct qemu_argv *ret,
		    struct error *error)
{
	if (count == 0 || (count == 1 && words[0][0] == '\0'))
		return error_set(error, -EINVAL, "the QEMU command line is empty");
	struct qemu_argv argv = { .words = words, .word_count = count, .program = find_program(words, count) };
	argv.options = arena_alloc_array(arena, count, sizeof(*argv.options));
	for (size_t i = argv.program == QEMU_NO_WORD ? 0 : argv.program + 1; i < count; i++) {
		struct qemu_option *option = &argv.options[argv.option_count++];
		*option = (struct qemu_option){ .word = i, .argument = QEMU_NO_WORD, .known = true };
		if (words[i][0] != '-')
			continue;
		option->name = option_name(words[i]);
		bool takes_argument = IS_IN(option->name, options_with_argument);
		if (!takes_argument && !IS_IN(option->name, options_without_argument)) {
			option->known = false;
			takes_argument = guess_argument(words, count, i);
		}
		if (!takes_argument)
			continue;
		if (i + 1 == count)
			return error_set(error, -EINVAL, "option '%s' at the end of the line needs an argument",
					 words[i]);
		option->argument = ++i;
	}
	*ret = argv;
	return 0;
}

const char *qemu_argument(const struct qemu_argv *argv, const struct qemu_option *option)
{
	return option->argument == QEMU_NO_WORD ? "" : argv->words[option->argument];
}

const struct qemu_option *qemu_find_option(const struct qemu_argv *argv, const char *name)
{
	for (size_t i = argv->option_count; i-- > 0;)
		if (argv->options[i].name && strcmp(argv->options[i].name, name) == 0)
			return &argv->options[i];
	return NULL;
}

static bool asks_for_help(const char *argument)
{
	return text_equals(argument, "help") || text_equals(argument, "?") || text_ends_with(argument, ",help") ||
	       text_ends_with(argument, ",?");
}

static bool can_be_asked(const char *name)
{
	static const char *const options[] = {
		"M",       "accel",  "audiodev", "chardev", "cpu",     "d",     "device",   "display",
		"machine", "netdev", "nic",      "object",  "soundhw", "trace", "watchdog",
	};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(name, options[i]) == 0)
			return true;
	return false;
}

bool qemu_argv_is_query(const struct qemu_argv *argv)
{
	static const char *const queries[] = { "h", "help", "version", "audio-help" };
	for (size_t i = 0; i < argv->option_count; i++) {
		const struct qemu_option *option = &argv->options[i];
		if (!option->name)
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(queries); j++)
			if (strcmp(option->name, queries[j]) == 0)
				return true;
		if (can_be_asked(option->name) && asks_for_help(qemu_argument(argv, option)))
			return true;
		if ((text_equals(option->name, "machine") || text_equals(option->name, "M")) &&
		    (text_equals(qemu_argument(argv, option), "none") ||
		     text_starts_with(qemu_argument(argv, option), "none,")))
			return true;
	}
	return false;
}
