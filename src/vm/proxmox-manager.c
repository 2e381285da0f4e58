/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proxmox VE as a manager: reads the configuration itself, changes it by `qm` only. */
#include <errno.h>

#include "vm/manager.h"
#include "vm/proxmox-file.h"
#include "vm/proxmox-running.h"
#include "vm/qm.h"

/* How often somebody else may be quicker than we. */
#define ATTEMPTS 8
/* A start can take long: hugepages, a device's reset, memory to pin (config_aware_timeout). */
#define START_TIMEOUT_S (30u * 60)
/* HA's services look for requests every 10 s or so. */
#define HA_TIMEOUT_S 120
#define QMP_TIMEOUT_MS 2000

/* ---- Settings ---- */

static int read_setting(const struct root *root, struct arena *arena, const char *vm, const char *key, const char **ret,
			struct error *error)
{
	struct proxmox_file file;
	int r = proxmox_file_read(root, arena, vm, &file, error);
	if (r == 0)
		*ret = proxmox_get(&file.next, key);
	return r;
}

/* "local-lvm:1,efitype=4m": a volume of 1 GiB is to be made; its name is Proxmox VE's to choose. */
static bool is_allocation(const char *value)
{
	size_t storage = value ? strcspn(value, ":,=") : 0;
	if (!storage || value[storage] != ':')
		return false;
	const char *size = value + storage + 1;
	size_t digits = strspn(size, "0123456789.");
	return digits && (size[digits] == '\0' || size[digits] == ',');
}

static bool has_part(const char *value, const char *part, size_t length)
{
	while (*value) {
		size_t next = strcspn(value, ",");
		if (next == length && memcmp(value, part, length) == 0)
			return true;
		value += next;
		value += *value == ',';
	}
	return false;
}

/* The volume that was made is of the storage that was asked for, and has the options that were. */
static bool is_same(struct arena *arena, const char *key, const char *wanted, const char *now)
{
	(void)key;
	if (!is_allocation(wanted) || is_allocation(now))
		return false;
	size_t storage = strcspn(wanted, ":") + 1;
	const char *volume = text_starts_with(now, "file=") ? now + strlen("file=") : now;
	if (strncmp(wanted, volume, storage) != 0)
		return false;
	for (const char *part = wanted + strcspn(wanted, ","); *part;) {
		part++;
		size_t length = strcspn(part, ",");
		/* A switch that is off may be left out. */
		bool off = length > 2 && memcmp(part + length - 2, "=0", 2) == 0;
		if (!has_part(now, part, length) &&
		    !(off && !strstr(now, arena_printf(arena, ",%.*s=", (int)length - 2, part))))
			return false;
		part += length;
	}
	return true;
}

static bool same(struct arena *arena, const char *key, const char *wanted, const char *now)
{
	return manager_is_same(&proxmox_manager, arena, key, wanted, now);
}

static const char *said(const char *value)
{
	return value ? value : "nothing";
}

/* A volume that was pending only is not destroyed with its setting, but kept as unused. */
static int purge_unused(const struct root *root, struct arena *arena, const char *vm, const char *value,
			struct error *error)
{
	struct proxmox_file file;
	size_t length = strcspn(value, ",");
	int r = proxmox_file_read(root, arena, vm, &file, error);
	for (size_t i = 0; r == 0 && i < file.next.in_force_count; i++) {
		const struct proxmox_entry *entry = &file.next.in_force[i];
		if (text_starts_with(entry->key, "unused") && strlen(entry->value) == length &&
		    memcmp(entry->value, value, length) == 0)
			return qm_set(root, arena, vm, entry->key, NULL, false, file.digest, error);
	}
	return r;
}

/* One try. -EAGAIN: somebody else changed the file meanwhile. */
static int try_to_write(const struct root *root, struct arena *arena, const char *vm, const char *key,
			const char *before, const char *after, struct error *error)
{
	struct proxmox_file file;
	struct proxmox_file then;
	int r = proxmox_file_read(root, arena, vm, &file, error);
	if (r < 0)
		return r;
	const char *now = proxmox_get(&file.next, key);
	if (same(arena, key, after, now))
		return 0;
	if (!same(arena, key, before, now))
		return error_set(error, -ESTALE, "VM %s: %s is '%s' now, neither '%s' nor '%s': somebody else set it",
				 vm, key, said(now), said(before), said(after));
	bool made_by_us = !after && is_allocation(before);
	int done = qm_set(root, arena, vm, key, after, made_by_us, file.digest, error);
	if (done == -EINTR || done == -ENOENT)
		return done;
	/* What the file says decides: qm leaves some things out without a word. */
	r = proxmox_file_read(root, arena, vm, &then, done < 0 ? NULL : error);
	if (r < 0)
		return done < 0 ? done : r;
	const char *got = proxmox_get(&then.next, key);
	if (same(arena, key, after, got))
		return made_by_us && now ? purge_unused(root, arena, vm, now, error) : 0;
	if (done < 0)
		return strcmp(file.digest, then.digest) == 0 ? done : -EAGAIN;
	return error_set(error, -EIO,
			 "'%s' said that it was done, but %s has %s: '%s': qemu-server did not take it, or somebody "
			 "else set it",
			 qm_set_text(arena, vm, key, after, made_by_us), then.path, key, said(got));
}

static int write_setting(const struct root *root, struct arena *arena, const char *vm, const char *key,
			 const char *before, const char *after, struct error *error)
{
	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		int r = try_to_write(root, arena, vm, key, before, after, error);
		if (r != -EAGAIN)
			return r;
	}
	return error_set(error, -EBUSY,
			 "VM %s: its configuration was changed by others %u times while %s was to be set", vm, ATTEMPTS,
			 key);
}

static const char *show(struct arena *arena, const char *vm, const char *key, const char *before, const char *after)
{
	const char *was = before ? arena_printf(arena, "is '%s'", before) : "is not set";
	return arena_printf(arena, "%s  # %s\n", qm_set_text(arena, vm, key, after, !after && is_allocation(before)),
			    was);
}

/* ---- Starting and stopping ---- */

static int is_running(const struct root *root, struct arena *arena, const char *vm, int *ret_pid, struct error *error)
{
	AUTO_CLOSE int fd = proxmox_open_pid(root, arena, vm, ret_pid, error);
	return fd >= 0 ? 1 : fd == -ESRCH ? 0 : fd;
}

static bool is_managed(const struct root *root, struct arena *arena, const char *vm)
{
	struct proxmox_node node;
	proxmox_node_open(root, arena, &node);
	return proxmox_node_manages(&node, vm);
}

static int start(const struct root *root, struct arena *arena, const char *vm, struct error *error)
{
	const char *const words[] = { "start", vm, NULL };
	AUTO_CLOSE int watch = proxmox_watch_pid_files();
	int r = qm_run(root, arena, words, START_TIMEOUT_S, error);
	if (r < 0 || !is_managed(root, arena, vm))
		return r;
	/* HA was only asked to. */
	return proxmox_wait_for_start(root, arena, vm, watch, HA_TIMEOUT_S, error);
}

static int shut_down(const struct root *root, struct arena *arena, const char *vm, unsigned int timeout_s,
		     struct error *error)
{
	const char *const words[] = { "shutdown", vm, "--timeout", arena_printf(arena, "%u", timeout_s), NULL };
	struct proxmox_stop stop;
	int r = proxmox_stop_open(root, arena, vm, &stop, error);
	if (r < 0)
		return r;
	if (stop.pidfd >= 0)
		r = qm_run(root, arena, words, timeout_s + 60, error);
	/* HA was only asked to, and does it when it comes to it. */
	if (r == 0)
		r = proxmox_stop_wait(arena, &stop, is_managed(root, arena, vm) ? timeout_s + HA_TIMEOUT_S : 10, error);
	proxmox_stop_close(&stop);
	return r;
}

static int wait_for_stop(const struct root *root, struct arena *arena, const char *vm, unsigned int timeout_s,
			 struct error *error)
{
	struct proxmox_stop stop;
	int r = proxmox_stop_open(root, arena, vm, &stop, error);
	if (r < 0)
		return r;
	r = proxmox_stop_wait(arena, &stop, timeout_s, error);
	proxmox_stop_close(&stop);
	return r;
}

static int open_qmp(const struct root *root, struct arena *arena, const char *vm, struct qmp *ret, struct error *error)
{
	int pid;
	if (root->kind != ROOT_LIVE)
		return error_set(error, -EROFS, "%s is not the running system", root->name);
	AUTO_CLOSE int fd = proxmox_open_pid(root, arena, vm, &pid, error);
	if (fd < 0)
		return fd;
	return qmp_open(arena_printf(arena, PROXMOX_RUN "/%s.qmp", vm), QMP_TIMEOUT_MS, ret, error);
}

const struct manager proxmox_manager = {
	.kind = VM_PROXMOX,
	.id = "proxmox",
	.name = "Proxmox VE",
	.read_setting = read_setting,
	.write_setting = write_setting,
	.is_same = is_same,
	.show = show,
	.is_running = is_running,
	.start = start,
	.shut_down = shut_down,
	.wait = wait_for_stop,
	.open_qmp = open_qmp,
};
