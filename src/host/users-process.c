/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that hold a device node open: every descriptor of every process, /proc/PID/fd. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/users-internal.h"

struct mount_point {
	const char *path;
	bool remote; /* a server may keep us waiting: no look at what is below it */
};

struct mount_points {
	struct mount_point *items;
	size_t count;
	size_t room;
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

static void add_mount_point(struct finding *finding, struct mount_points *points, struct slice path, struct slice type)
{
	if (points->count == points->room) {
		points->room = points->room ? points->room * 2 : 32;
		points->items = arena_grow(finding->arena, points->items, points->count, points->room,
					   sizeof(*points->items));
	}
	/* "/" is kept as "", so that every path goes on with a slash behind its mount point. */
	size_t length = path.length == 1 ? 0 : path.length;
	points->items[points->count++] = (struct mount_point){ arena_strndup(finding->arena, path.start, length),
							       is_remote(type) };
}

/* proc_pid_mountinfo(5): the mount point is the fifth word, the type the first behind a "-". */
static void find_mount_points(struct finding *finding, struct mount_points *ret)
{
	struct slice text;
	struct slice line;
	if (root_read(finding->root, finding->arena, "/proc/self/mountinfo", &text, NULL) < 0)
		return;
	while (slice_next_line(&text, &line)) {
		struct slice words[5];
		struct slice word = { "", 0 };
		size_t count = 0;
		while (count < ARRAY_SIZE(words) && slice_next_word(&line, &words[count]))
			count++;
		while (!slice_equals(word, "-") && slice_next_word(&line, &word))
			;
		if (count == ARRAY_SIZE(words) && slice_next_word(&line, &word))
			add_mount_point(finding, ret, words[4], word);
	}
}

/* The mount point nearest to a path decides; of several at one place, the one mounted last. */
static bool is_on_remote(const struct mount_points *points, const char *path)
{
	size_t longest = 0;
	bool remote = false;
	for (size_t i = 0; i < points->count; i++) {
		size_t length = strlen(points->items[i].path);
		if (length < longest || strncmp(path, points->items[i].path, length) != 0 || path[length] != '/')
			continue;
		longest = length;
		remote = points->items[i].remote;
	}
	return remote;
}

struct scan {
	struct finding *finding;
	struct mount_points mounts;
	size_t hidden;          /* processes whose descriptors we cannot see */
	const char *hidden_pid; /* one of them */
};

/* The node that a descriptor is open on, or NULL. */
static struct node *node_behind(struct scan *scan, DIR *directory, const char *name, bool *ret_hidden)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(dirfd(directory), name, target, sizeof(target) - 1);
	if (length < 0 && (errno == EACCES || errno == EPERM))
		*ret_hidden = true;
	if (length <= 0)
		return NULL;
	target[length] = '\0';
	/* Sockets, pipes, anonymous inodes have no path; a regular file on a dead server must not be asked for. */
	if (target[0] != '/' || is_on_remote(&scan->mounts, target))
		return NULL;
	if (scan->finding->root->kind != ROOT_LIVE)
		return users_node_by_device(scan->finding, target);
	struct statx status;
	if (statx(dirfd(directory), name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &status) < 0)
		return NULL;
	if (!S_ISBLK(status.stx_mode) && !S_ISCHR(status.stx_mode))
		return NULL;
	return users_node_by_number(scan->finding, makedev(status.stx_rdev_major, status.stx_rdev_minor),
				    S_ISBLK(status.stx_mode));
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

static void report(struct scan *scan, const char *pid, struct node *node, size_t *reported, size_t *count)
{
	size_t index = (size_t)(node - scan->finding->nodes);
	for (size_t i = 0; i < *count; i++)
		if (reported[i] == index)
			return;
	reported[(*count)++] = index;
	node->explained = true;
	/* Keyboards and mice are taken away from who holds them without harm: reads give ENODEV (drivers/input/evdev.c). */
	bool needed = strcmp(node->subsystem, "input") != 0 && strcmp(node->subsystem, "nvidiactl") != 0;
	users_add(scan->finding, node->owner, USE_PROCESS, needed, "process %s (%s) holds %s open", pid,
		  process_name(scan->finding, pid), node->device);
}

static void count_hidden(struct scan *scan, const char *pid)
{
	scan->hidden++;
	scan->hidden_pid = pid;
}

static void scan_process(struct scan *scan, const char *pid, size_t *reported)
{
	const char *path = arena_printf(scan->finding->arena, "/proc/%s/fd", pid);
	AUTO_CLOSE int fd = root_open_file(scan->finding->root, path, O_RDONLY | O_DIRECTORY, NULL);
	if (fd < 0) {
		/* A process that has ended meanwhile holds nothing. */
		if (!root_absent(fd) && fd != -ESRCH)
			count_hidden(scan, pid);
		return;
	}
	AUTO_CLOSEDIR DIR *directory = fdopendir(fd);
	if (!directory) {
		count_hidden(scan, pid);
		return;
	}
	TAKE_FD(fd);
	size_t count = 0;
	bool hidden = false;
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		struct node *node = NULL;
		if (entry->d_name[0] != '.')
			node = node_behind(scan, directory, entry->d_name, &hidden);
		if (node)
			report(scan, pid, node, reported, &count);
	}
	if (hidden)
		count_hidden(scan, pid);
}

/* Without root, nothing can be said of other users' processes: /proc may not even list them (mount option hidepid). */
static void report_hidden(struct scan *scan)
{
	struct finding *finding = scan->finding;
	if (finding->root->kind == ROOT_LIVE && geteuid() != 0)
		users_add_unknown(finding, true,
				  "not known what processes of other users hold open: only root can see that");
	else if (scan->hidden)
		users_add_unknown(
			finding, true,
			arena_printf(finding->arena,
				     "not known what %zu processes hold open, such as %s (%s): the kernel keeps it "
				     "from us",
				     scan->hidden, scan->hidden_pid, process_name(finding, scan->hidden_pid)));
}

void users_find_processes(struct finding *finding)
{
	struct error error;
	struct list names = { .arena = finding->arena };
	int r = root_list(finding->root, finding->arena, "/proc", &names, &error);
	/* Nothing runs on an offline system. */
	if (root_absent(r) && finding->root->kind != ROOT_LIVE)
		return;
	if (r < 0) {
		users_add_unknown(finding, true,
				  arena_printf(finding->arena, "not known which processes use it: %s", error.text));
		return;
	}
	struct scan scan = { .finding = finding };
	size_t *reported = arena_alloc_array(finding->arena, finding->node_count + 1, sizeof(*reported));
	find_mount_points(finding, &scan.mounts);
	for (size_t i = 0; i < names.count; i++)
		if (names.items[i][0] >= '0' && names.items[i][0] <= '9')
			scan_process(&scan, names.items[i], reported);
	report_hidden(&scan);
}
