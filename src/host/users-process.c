/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that hold a device node open: every descriptor of every process, /proc/PID/fd. */
#include <unistd.h>

#include "host/users-internal.h"

/* The mount points of a namespace: under each path, whether a server may keep us waiting for what is below it. */
struct mount_points {
	struct index paths;
	bool has_remote;
};

static bool is_remote(struct slice type)
{
	static const char *const types[] = { "nfs", "cifs",      "smb3",  "ceph", "fuse",   "9p",
					     "afs", "glusterfs", "ocfs2", "gfs2", "lustre", "autofs" };
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (type.length >= strlen(types[i]) && memcmp(type.start, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

/* proc_pid_mountinfo(5): the mount point is the fifth word, the type the first behind a "-". */
static bool parse_mount_point(struct slice line, struct slice *ret_path, struct slice *ret_type)
{
	for (size_t i = 0; i < 5; i++)
		if (!slice_next_word(&line, ret_path))
			return false;
	do {
		if (!slice_next_word(&line, ret_type))
			return false;
	} while (!slice_equals(*ret_type, "-"));
	return slice_next_word(&line, ret_type);
}

static bool read_mount_points(struct finding *finding, const char *path, struct mount_points *ret)
{
	struct slice text;
	struct slice line;
	struct list paths = { .arena = finding->arena };
	struct list remote = { .arena = finding->arena };
	if (root_read(finding->root, finding->arena, path, &text, NULL) < 0)
		return false;
	while (slice_next_line(&text, &line)) {
		struct slice point;
		struct slice type;
		if (!parse_mount_point(line, &point, &type))
			continue;
		/* "/" is kept as "", so that every path goes on with a slash behind its mount point. */
		list_add(&paths, arena_strndup(finding->arena, point.start, point.length == 1 ? 0 : point.length));
		list_add(&remote, is_remote(type) ? "remote" : NULL);
		ret->has_remote |= is_remote(type);
	}
	/* Of several at one place the one mounted last is seen: backwards, because the first that is put in is found. */
	for (size_t i = paths.count; i-- > 0;)
		index_put_text(&ret->paths, finding->arena, paths.items[i], remote.items[i] != NULL);
	return true;
}

/* The mount point nearest to a path decides. */
static bool is_on_remote(struct finding *finding, const struct mount_points *points, const char *path)
{
	if (!points->has_remote)
		return false;
	char *copy = arena_strdup(finding->arena, path);
	for (char *slash = strrchr(copy, '/'); slash; slash = strrchr(copy, '/')) {
		*slash = '\0';
		size_t remote = index_find_text(&points->paths, copy);
		if (remote != SIZE_MAX)
			return remote;
	}
	return false;
}

struct scan {
	struct finding *finding;
	struct index namespaces;     /* mount namespaces, by the text of /proc/PID/ns/mnt */
	struct mount_points *mounts; /* of each; the first is ours */
	size_t namespace_count;
	size_t namespace_room;
	size_t hidden;          /* processes whose descriptors we cannot see */
	const char *hidden_pid; /* one of them */
};

/* A process, and what we need to know of it. */
struct process {
	const char *pid;
	size_t number; /* as they come, from 1 */
	const char *folder;
	const char *name; /* NULL: not asked for yet */
	const struct mount_points *mounts;
	bool hidden;
};

static const struct mount_points *add_namespace(struct scan *scan, const char *mountinfo)
{
	struct mount_points points = { 0 };
	if (!read_mount_points(scan->finding, mountinfo, &points) && scan->namespace_count)
		return NULL;
	if (scan->namespace_count == scan->namespace_room) {
		scan->namespace_room = scan->namespace_room ? scan->namespace_room * 2 : 8;
		scan->mounts = arena_grow(scan->finding->arena, scan->mounts, scan->namespace_count,
					  scan->namespace_room, sizeof(*scan->mounts));
	}
	scan->mounts[scan->namespace_count] = points;
	return &scan->mounts[scan->namespace_count++];
}

/*
 * What a process has open is named as its own mount namespace has it: what is a local path in ours may be on a server
 * there. Where that is not to be known, ours must do.
 */
static const struct mount_points *mounts_of(struct scan *scan, const struct process *process)
{
	char *name;
	struct arena *arena = scan->finding->arena;
	const char *link = arena_printf(arena, "/proc/%s/ns/mnt", process->pid);
	if (root_read_link(scan->finding->root, arena, link, &name, NULL) < 0)
		return &scan->mounts[0];
	size_t at = index_find_text(&scan->namespaces, name);
	if (at != SIZE_MAX)
		return &scan->mounts[at];
	const struct mount_points *added = add_namespace(scan, arena_printf(arena, "/proc/%s/mountinfo", process->pid));
	if (!added)
		return &scan->mounts[0];
	index_put_text(&scan->namespaces, arena, name, (size_t)(added - scan->mounts));
	return added;
}

/* The node that a descriptor is open on, or NULL. */
static struct node *node_behind(struct scan *scan, struct process *process, const char *descriptor)
{
	struct finding *finding = scan->finding;
	struct stat status;
	char *target;
	const char *path = arena_printf(finding->arena, "%s/%s", process->folder, descriptor);
	int r = root_read_link(finding->root, finding->arena, path, &target, NULL);
	if (r == -EACCES || r == -EPERM)
		process->hidden = true;
	/* Sockets, pipes, anonymous inodes have no path; a regular file on a dead server must not be asked for. */
	if (r < 0 || target[0] != '/')
		return NULL;
	/* Nothing is open there: the name alone tells. */
	if (finding->root->kind == ROOT_OFFLINE)
		return users_node_by_device(finding, target);
	if (!process->mounts)
		process->mounts = mounts_of(scan, process);
	if (is_on_remote(finding, process->mounts, target) || root_stat(finding->root, path, &status, NULL) < 0 ||
	    (!S_ISBLK(status.st_mode) && !S_ISCHR(status.st_mode)))
		return NULL;
	return users_node_by_number(finding, status.st_rdev, S_ISBLK(status.st_mode));
}

/* A process's name is its own to choose: nothing of it may reach a terminal's control sequences. */
static const char *process_name(struct finding *finding, const char *pid)
{
	char *name;
	if (root_read_line(finding->root, finding->arena, arena_printf(finding->arena, "/proc/%s/comm", pid), &name,
			   NULL) < 0)
		return "?";
	for (char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return name;
}

static void report(struct scan *scan, struct process *process, struct node *node)
{
	struct finding *finding = scan->finding;
	if (node->reported_by == process->number)
		return;
	node->reported_by = process->number;
	node->explained = true;
	if (!process->name)
		process->name = process_name(finding, process->pid);
	/* Keyboards and mice are taken away from who holds them without harm: reads give ENODEV (drivers/input/evdev.c). */
	bool needed = strcmp(node->subsystem, "input") != 0 && strcmp(node->subsystem, "nvidiactl") != 0;
	users_add_for(finding, node, USE_PROCESS, needed,
		      arena_printf(finding->arena, "process %s (%s)", process->pid, process->name),
		      arena_printf(finding->arena, "process %s (%s) holds %s open", process->pid, process->name,
				   node->device));
}

static void count_hidden(struct scan *scan, const char *pid)
{
	scan->hidden++;
	scan->hidden_pid = pid;
}

static void scan_process(struct scan *scan, const char *pid, size_t number)
{
	struct finding *finding = scan->finding;
	struct list descriptors = { .arena = finding->arena };
	struct process process = { .pid = pid, .number = number };
	process.folder = arena_printf(finding->arena, "/proc/%s/fd", pid);
	int r = root_list(finding->root, finding->arena, process.folder, &descriptors, NULL);
	/* A process that has ended meanwhile holds nothing. */
	if (r < 0 && !root_absent(r) && r != -ESRCH)
		process.hidden = true;
	for (size_t i = 0; i < descriptors.count; i++) {
		struct node *node = node_behind(scan, &process, descriptors.items[i]);
		if (node)
			report(scan, &process, node);
	}
	if (process.hidden)
		count_hidden(scan, pid);
}

/* Without root, nothing can be said of other users' processes: /proc may not even list them (mount option hidepid). */
static void report_hidden(struct scan *scan)
{
	struct finding *finding = scan->finding;
	if (finding->root->kind != ROOT_OFFLINE && !root_sees_all(finding->root, finding->arena))
		users_add_unknown(finding, USERS_DEVICES, true, "processes",
				  "not known what processes of other users hold open: only root can see that");
	else if (scan->hidden)
		users_add_unknown(
			finding, USERS_DEVICES, true, "processes",
			"not known what %zu processes hold open, such as %s (%s): the kernel keeps it from us",
			scan->hidden, scan->hidden_pid, process_name(finding, scan->hidden_pid));
}

void users_find_processes(struct finding *finding)
{
	struct error error;
	struct list names = { .arena = finding->arena };
	if (!(finding->has & USERS_DEVICES))
		return;
	int r = root_list(finding->root, finding->arena, "/proc", &names, &error);
	/* Nothing runs on an offline system. */
	if (root_absent(r) && finding->root->kind == ROOT_OFFLINE)
		return;
	if (r < 0) {
		users_add_unknown(finding, USERS_DEVICES, true, "processes", "not known which processes use it: %s",
				  error.text);
		return;
	}
	struct scan scan = { .finding = finding };
	/* The first are ours, or none. */
	(void)add_namespace(&scan, "/proc/self/mountinfo");
	for (size_t i = 0; i < names.count; i++)
		if (names.items[i][0] >= '0' && names.items[i][0] <= '9')
			scan_process(&scan, names.items[i], i + 1);
	report_hidden(&scan);
}
