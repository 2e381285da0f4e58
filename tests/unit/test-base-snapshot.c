/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "base/snapshot.h"

#define HEAD "nestpci snapshot 1\n"

static void read_text(struct snapshot *snapshot, const char *text)
{
	struct error error;
	snapshot_init(snapshot);
	if (snapshot_read_text(slice_of(text), "x.snap", snapshot, &error) < 0)
		fail_msg("%s", error.text);
}

static void assert_written(const struct snapshot *snapshot, const char *wanted)
{
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	snapshot_write(snapshot, &text);
	assert_string_equal(text.text, wanted);
}

static const struct snapshot_node *node_at(const struct snapshot *snapshot, const char *path)
{
	struct snapshot_node *node = NULL;
	int r = snapshot_walk(snapshot, path, false, &node);
	if (r < 0)
		fail_msg("%s: %s", path, strerror(-r));
	return node;
}

static void assert_content(const struct snapshot *snapshot, const char *path, const char *wanted, size_t length)
{
	const struct snapshot_node *node = node_at(snapshot, path);
	assert_non_null(node->text);
	assert_int(node->length, length);
	assert_memory_equal(node->text, wanted, length);
	assert_int(node->text[length], 0);
}

/* In canonical order: what is read is written again as it stands. */
static const char canonical[] = HEAD "by nestpci 0.1.0\n"
				     "# Two lines\n"
				     "# of comment\n"
				     "ask claimed/dev/sda ! EBUSY /dev/sda: Device or resource busy\n"
				     "ask kvm/nested_state = 16\n"
				     "ask log/kmsg:\n"
				     "\tfirst\n"
				     "\tsecond\n"
				     "\n"
				     "[/]\n"
				     "%23odd = name\n"
				     "%2D = dash\n"
				     "0000:00:1f.0 = colons\n"
				     "a%25b%20c = blank\n"
				     "blank =\n"
				     "cmdline: words\n"
				     "\tqemu\n"
				     "\t\n"
				     "\t-name\n"
				     "colon%3A = end\n"
				     "config: hex\n"
				     "\t86 80 00 ff 01 02 03 04 05 06 07 08 09 0a 0b 0c\n"
				     "\t00 * 48\n"
				     "\t01\n"
				     "denied -> ! EACCES\n"
				     "empty:\n"
				     "escapes: escaped\n"
				     "\ta\\tb\\x1b[0m\\n\n"
				     "\tno newline\\x20\n"
				     "folder/\n"
				     "hidden/ ! EACCES\n"
				     "link -> ../a%20b\n"
				     "magic -> /dev/vfio/12%20(deleted) @ char 240:1\n"
				     "magic2 -> socket:[1] @ socket\n"
				     "magic3 -> /srv @ directory\n"
				     "magic4 -> /srv/x @ regular\n"
				     "null @ char 1:3\n"
				     "pipe @ fifo\n"
				     "sda @ block 8:16\n"
				     "secret ! EIO\n"
				     "socket @ socket\n"
				     "strange ! errno-250\n"
				     "text:\n"
				     "\t\tindented\n"
				     "\t\n"
				     "\tgr\303\274n\n"
				     "timed @ regular 12 -7\n"
				     "timed = and read\n"
				     "unread ?\n"
				     "unreadlink ->\n"
				     "untimed @ regular 0 1700000000\n"
				     "\n"
				     "[/hidden]\n"
				     "known = 1\n"
				     "\n"
				     "[/z/deep]\n"
				     "er = 1\n";

static void writes_what_it_read(void **state)
{
	AUTO_SNAPSHOT snapshot;
	(void)state;
	read_text(&snapshot, canonical);
	assert_written(&snapshot, canonical);
	assert_string_equal(snapshot.by, "nestpci 0.1.0");
}

static void knows_every_kind_of_content(void **state)
{
	static const char config[] = "\x86\x80\0\xff\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c";
	AUTO_SNAPSHOT snapshot;
	(void)state;
	read_text(&snapshot, canonical);
	assert_content(&snapshot, "/-", "dash\n", 5);
	assert_content(&snapshot, "/a%b c", "blank\n", 6);
	assert_content(&snapshot, "/colon:", "end\n", 4);
	assert_content(&snapshot, "/blank", "\n", 1);
	assert_content(&snapshot, "/empty", "", 0);
	assert_content(&snapshot, "/text", "\tindented\n\ngr\303\274n\n", 17);
	assert_content(&snapshot, "/cmdline", "qemu\0\0-name\0", 12);
	assert_content(&snapshot, "/escapes", "a\tb\033[0m\nno newline ", 19);
	assert_int(node_at(&snapshot, "/config")->length, 65);
	assert_memory_equal(node_at(&snapshot, "/config")->text, config, 16);
	assert_int(node_at(&snapshot, "/config")->text[63], 0);
	assert_int(node_at(&snapshot, "/config")->text[64], 1);
	assert_null(node_at(&snapshot, "/unread")->text);
	assert_int(node_at(&snapshot, "/unread")->kind, SNAPSHOT_REGULAR);
	assert_int(node_at(&snapshot, "/secret")->error, EIO);
	assert_int(node_at(&snapshot, "/sda")->kind, SNAPSHOT_BLOCK);
	assert_int(node_at(&snapshot, "/sda")->number, makedev(8, 16));
	assert_string_equal(node_at(&snapshot, "/link")->text, "../a b");
	assert_int(node_at(&snapshot, "/timed")->times->size, 12);
	assert_int(node_at(&snapshot, "/timed")->times->mtime, -7);
}

static void sorts_what_was_written_by_hand(void **state)
{
	AUTO_SNAPSHOT snapshot;
	(void)state;
	read_text(&snapshot, HEAD "\n[/b]\nz = 1\n# gone\na = 2\n[/a]\n[/b-c]\nx/\n[/b/d]\ny: hex\n\t41420A\n"
				  "q:\n\tone\n\n\ttwo\n");
	assert_written(&snapshot, HEAD "\n[/]\na/\n\n[/b]\na = 2\nz = 1\n\n[/b/d]\nq:\n\tone\n\t\n\ttwo\ny = AB\n"
				       "\n[/b-c]\nx/\n");
}

static void says_what_is_not_known(void **state)
{
	static const char text[] = HEAD "partial\noffline\n\n[/]\n- gone\n\n[/a]\nx = 1\n- *\n\n[/b]\ny = 1\n- %2A z\n";
	AUTO_SNAPSHOT snapshot;
	struct snapshot_node *node;
	(void)state;
	read_text(&snapshot, text);
	assert_true(snapshot.offline);
	assert_int(snapshot_walk(&snapshot, "/gone", true, &node), -ENOENT);
	assert_int(snapshot_walk(&snapshot, "/gone/below", true, &node), -ENOENT);
	assert_int(snapshot_walk(&snapshot, "/other", true, &node), -ENODATA);
	assert_int(snapshot_walk(&snapshot, "/a/y", true, &node), -ENOENT);
	assert_int(snapshot_walk(&snapshot, "/b/z", true, &node), -ENOENT);
	assert_int(snapshot_walk(&snapshot, "/b/*", true, &node), -ENOENT);
	assert_int(snapshot_walk(&snapshot, "/b/w", true, &node), -ENODATA);
	assert_written(&snapshot, text);
}

static void follows_links_inside(void **state)
{
	static const struct {
		const char *path;
		int result;
		const char *real;
	} rows[] = {
		{ "/a/file", 0, "/a/file" },
		{ "/a/./../a//file", 0, "/a/file" },
		{ "/../../../a/file", 0, "/a/file" },
		{ "a/file", 0, "/a/file" },
		{ "/absolute", 0, "/a/file" },
		{ "/relative", 0, "/a/file" },
		{ "/out/file", 0, "/a/file" },
		{ "/top/a/file", 0, "/a/file" },
		{ "/to-folder/file", 0, "/a/file" },
		{ "/to-folder/", 0, "/a" },
		{ "/chain/file", 0, "/a/file" },
		{ "/a/file/", -ENOTDIR, NULL },
		{ "/absolute/", -ENOTDIR, NULL },
		{ "/a/file/x", -ENOTDIR, NULL },
		{ "/a/file/..", -ENOTDIR, NULL },
		{ "/none", -ENOENT, NULL },
		{ "/dangling", -ENOENT, NULL },
		{ "/loop", -ELOOP, NULL },
		{ "/loop2/x", -ELOOP, NULL },
		{ "/grows", -ELOOP, NULL },
		{ "/unread", -ENODATA, NULL },
		{ "/unread/x", -ENODATA, NULL },
		{ "/denied/x", -EACCES, NULL },
		{ "/hidden/known", 0, "/hidden/known" },
		{ "/hidden/other", -EACCES, NULL },
		{ "", -ENOENT, NULL },
		{ "/", 0, "/" },
		{ "/..", 0, "/" },
	};
	AUTO_SNAPSHOT snapshot;
	AUTO_ARENA arena = { 0 };
	(void)state;
	read_text(&snapshot, HEAD "[/]\nabsolute -> /a/file\nrelative -> a/file\nout -> ../../../../a\ntop -> /\n"
				  "to-folder -> a\nchain -> to-folder/../to-folder/\ndangling -> /a/none\n"
				  "loop -> loop2\nloop2 -> /loop\ngrows -> grows/x\nunread ->\ndenied -> ! EACCES\n"
				  "hidden/ ! EACCES\n[/a]\nfile = x\n[/hidden]\nknown = 1\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct snapshot_node *node = NULL;
		int r = snapshot_walk(&snapshot, rows[i].path, true, &node);
		if (r != rows[i].result)
			fail_msg("%s gives %s", rows[i].path, strerror(-r));
		if (r == 0)
			assert_string_equal(snapshot_path(&arena, node), rows[i].real);
	}
	assert_int(node_at(&snapshot, "/loop")->kind, SNAPSHOT_LINK);
	assert_int(node_at(&snapshot, "/to-folder")->kind, SNAPSHOT_LINK);
}

static void forty_links_are_the_most(void **state)
{
	AUTO_SNAPSHOT snapshot;
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	struct snapshot_node *node;
	(void)state;
	buffer_puts(&text, HEAD "[/]\nl0 = end\n");
	for (int i = 1; i <= 41; i++)
		buffer_printf(&text, "l%d -> l%d\n", i, i - 1);
	read_text(&snapshot, text.text);
	assert_int(snapshot_walk(&snapshot, "/l40", true, &node), 0);
	assert_int(snapshot_walk(&snapshot, "/l41", true, &node), -ELOOP);
	char path[PATH_MAX + 2];
	memset(path, '/', sizeof(path));
	path[PATH_MAX + 1] = '\0';
	assert_int(snapshot_walk(&snapshot, path, true, &node), -ENAMETOOLONG);
	memset(path + 1, 'x', 256);
	path[257] = '\0';
	assert_int(snapshot_walk(&snapshot, path, true, &node), -ENAMETOOLONG);
}

static void refuses_what_is_wrong_by_file_and_line(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} rows[] = {
		{ "", "x.snap: no snapshot of nestpci: its first line is not 'nestpci snapshot 1'" },
		{ "hello\n", "x.snap: no snapshot of nestpci" },
		{ "nestpci snapshot 2\n", "x.snap:1: a snapshot of format '2': this nestpci knows format 1 only" },
		{ HEAD "nonsense\n", "x.snap:2: 'nonsense': the head has lines with" },
		{ HEAD "base other.snap\n", "x.snap:2: a base is a file beside the snapshot" },
		{ HEAD "remove /sys\n", "x.snap:2: remove /sys: the base has no such thing" },
		{ HEAD "remove sys\n", "x.snap:2: 'remove' is followed by a path" },
		{ HEAD "remove /\n", "x.snap:2: 'remove' is followed by a path" },
		{ HEAD "ask\n", "x.snap:2: 'ask': the head has lines" },
		{ HEAD "ask  = x\n", "x.snap:2: 'ask' is followed by a key" },
		{ HEAD "ask key\n", "x.snap:2: 'ask key' is followed by" },
		{ HEAD "ask key ! EWHAT x\n", "x.snap:2: 'EWHAT' is no error's name" },
		{ HEAD "ask k = 1\nask k = 2\n", "x.snap:3: /k: line 2 says what it is already" },
		{ HEAD "[sys]\n", "x.snap:2: '[sys]': a section is begun by the path of a directory" },
		{ HEAD "[/\n", "x.snap:2: '[/': a section is begun" },
		{ HEAD "[/a/../b]\n", "x.snap:2: '..' is no name of a file" },
		{ HEAD "[//a]\n", "x.snap:2: '' is no name of a file" },
		{ HEAD "[/a%2fb]\n", "x.snap:2: 'a%2fb' is no name of a file" },
		{ HEAD "[/a%00b]\n", "x.snap:2: 'a%00b': a '%' is followed by two hexadecimal digits, not 00" },
		{ HEAD "[/a%4]\n", "x.snap:2: 'a%4': a '%' is followed" },
		{ HEAD "[/a]\n[/a]\n", "x.snap:3: '[/a]': has a section above already" },
		{ HEAD "[/a]\nx = 1\nx = 1\n", "x.snap:4: /a/x: line 3 says what it is already" },
		{ HEAD "[/a]\nx = 1\nx -> y\n", "x.snap:4: /a/x: line 3 says what it is already" },
		{ HEAD "[/a]\nx = 1\n- x\n", "x.snap:4: 'x': line 3 says what it is already" },
		{ HEAD "[/a]\n- x\nx = 1\n", "x.snap:4: /a/x: line 3 says what it is already" },
		{ HEAD "[/a]\nx = 1\n[/a/x]\n", "x.snap:4: /a/x: line 3 says that it is no directory already" },
		{ HEAD "[/a/x]\n[/a]\nx = 1\n", "x.snap:4: /a/x: line 2 says that it is a directory already" },
		{ HEAD "[/a]\nx @ regular 1 2\nx -> y\n", "x.snap:4: /a/x is a regular file by a line above" },
		{ HEAD "[/a]\nx @ regular 1 2\nx @ regular 1 2\n", "x.snap:4: /a/x: another line says what it is" },
		{ HEAD "[/a]\nx -> y\nx @ regular 1 2\n", "x.snap:4: /a/x: another line says what it is" },
		{ HEAD "[/a]\nx @ regular 1\n", "x.snap:3: '@ regular' is followed by a size and a time" },
		{ HEAD "[/a]\nx @ fifo 1\n", "x.snap:3: '@ fifo 1': it can be" },
		{ HEAD "[/a]\nx @ directory\n", "x.snap:3: a directory is written 'name/'" },
		{ HEAD "[/a]\nx -> y @ door\n", "x.snap:3: '@ door': it can be" },
		{ HEAD "[/a]\nx -> y @ char 1\n", "x.snap:3: '1' is no device number" },
		{ HEAD "[/a]\nx @ regular 1 z\n", "x.snap:3: '@ regular' is followed by a size and a time" },
		{ HEAD "[/a]\nx @ block 8\n", "x.snap:3: '8' is no device number like 259:3" },
		{ HEAD "[/a]\nx @ door 8:0\n", "x.snap:3: '@ door 8:0': it can be" },
		{ HEAD "[/a]\nx ! OUCH\n", "x.snap:3: 'OUCH' is no error's name, like EACCES" },
		{ HEAD "[/a]\nx ! errno-256\n", "x.snap:3: 'errno-256' is no error's name" },
		{ HEAD "[/a]\nx/ = 1\n", "x.snap:3: ' = 1' behind a directory" },
		{ HEAD "[/a]\nx\n", "x.snap:3: 'x': a name is followed by" },
		{ HEAD "[/a]\nx =1\n", "x.snap:3: '=' is followed by a blank" },
		{ HEAD "[/a]\nx ->y\n", "x.snap:3: '->' is followed by a blank" },
		{ HEAD "[/a]\n x = 1\n", "x.snap:3: a line that begins with a blank" },
		{ HEAD "[/a]\nx = 1\n\ttab\n", "x.snap:4: a line that begins with a tab belongs to an entry" },
		{ HEAD "[/a]\nx: octal\n\t1\n", "x.snap:3: ' octal' behind a colon" },
		{ HEAD "[/a]\nx: hex\n\t1\n", "x.snap:4: bytes are pairs of hexadecimal digits" },
		{ HEAD "[/a]\nx: hex\n\t0g\n", "x.snap:4: bytes are pairs of hexadecimal digits" },
		{ HEAD "[/a]\nx: hex\n\t00 * 9999999\n", "x.snap:4: behind '*' stands how often" },
		{ HEAD "[/a]\nx: escaped\n\t\\q\n", "x.snap:4: a '\\' is followed by" },
		{ HEAD "[/a]\nx: escaped\n\t\\x1\n", "x.snap:4: a '\\' is followed by" },
		{ HEAD "[/a]\r\n", "x.snap:2: a carriage return: lines end with a newline alone" },
		{ HEAD "x\033[0m\n", "x.snap:2: the byte 0x1b, which is a control character or no UTF-8" },
		{ HEAD "\302\233\n", "x.snap:2: the byte 0xc2, which is a control character or no UTF-8" },
		{ HEAD "\377\n", "x.snap:2: the byte 0xff" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_SNAPSHOT snapshot;
		struct error error = { "" };
		snapshot_init(&snapshot);
		assert_int(snapshot_read_text(slice_of(rows[i].text), "x.snap", &snapshot, &error), -EINVAL);
		if (!text_starts_with(error.text, rows[i].message))
			fail_msg("'%s' gives '%s', wanted '%s'", rows[i].text, error.text, rows[i].message);
	}
}

static void assert_refused(const struct buffer *text, const char *message)
{
	AUTO_SNAPSHOT snapshot;
	struct error error = { "" };
	snapshot_init(&snapshot);
	assert_int(snapshot_read_text((struct slice){ text->text, text->length }, "x.snap", &snapshot, &error),
		   -EINVAL);
	assert_contains(error.text, message);
}

static void has_limits(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct buffer nul = { .arena = &arena };
	struct buffer line = { .arena = &arena };
	struct buffer deep = { .arena = &arena };
	struct buffer large = { .arena = &arena };
	struct buffer comments = { .arena = &arena };
	(void)state;
	buffer_puts(&nul, HEAD "[/a]\nx = ");
	buffer_add(&nul, "a\0b\n", 4);
	assert_refused(&nul, "x.snap:3: a NUL: this is no text");
	buffer_puts(&line, HEAD "# ");
	for (size_t i = 0; i < SNAPSHOT_LINE_MAX; i++)
		buffer_putc(&line, 'x');
	assert_refused(&line, "x.snap:2: a line of 65538 bytes; 65536 is the most");
	buffer_puts(&deep, HEAD "[");
	for (int i = 0; i <= SNAPSHOT_DEPTH_MAX; i++)
		buffer_puts(&deep, "/a");
	buffer_puts(&deep, "]\n");
	assert_refused(&deep, "x.snap:2: more than 128 directories in each other");
	buffer_puts(&large, HEAD "[/a]\nx: hex\n");
	for (int i = 0; i <= 64; i++)
		buffer_puts(&large, "\t00 * 1048576\n");
	assert_refused(&large, "a content larger than 64 MiB");
	buffer_puts(&comments, HEAD);
	for (int i = 0; i <= 1000; i++)
		buffer_puts(&comments, "#\n");
	assert_refused(&comments, "x.snap:1002: more than 1000 lines of comments");
}

static int read_file(void *const *state, const char *name, struct snapshot *snapshot, struct error *error)
{
	snapshot_init(snapshot);
	return snapshot_read_file(in_folder(state, name), snapshot, error);
}

static void a_few_lines_make_a_variant(void **state)
{
	AUTO_SNAPSHOT snapshot;
	struct error error = { "" };
	put_file(state, "host.snap",
		 HEAD
		 "by nestpci 0.1.0\nask kvm/nested_state = 16\n\n[/sys/class/iommu]\ndmar0 -> ../../devices/dmar0\n"
		 "\n[/sys/devices/dmar0]\ncap = d2\n\n[/proc]\ncmdline = intel_iommu=on\nmeminfo ?\n");
	put_file(state, "off.snap",
		 HEAD "base host.snap\nremove /sys/class/iommu/dmar0\nremove /sys/devices/dmar0\n"
		      "ask kvm/nested_state ! ENOTSUP no KVM\n\n[/proc]\ncmdline = quiet\n- meminfo\n\n"
		      "[/sys/devices/dmar0]\nnew = 1\n");
	if (read_file(state, "off.snap", &snapshot, &error) < 0)
		fail_msg("%s", error.text);
	assert_written(&snapshot, HEAD "by nestpci 0.1.0\nask kvm/nested_state ! ENOTSUP no KVM\n\n[/proc]\n"
				       "cmdline = quiet\n\n[/sys/class]\niommu/\n\n[/sys/devices/dmar0]\nnew = 1\n");
}

static void refuses_a_variant_that_hides_what_it_does(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} rows[] = {
		{ "[/]\na = 1\n", "x.snap:4: /a is a directory in the base: remove it first" },
		{ "[/a/file]\n", "x.snap:3: /a/file is no directory in the base: remove it first" },
		{ "[/link]\n", "x.snap:3: /link is no directory in the base: remove it first" },
		{ "[/]\n- a\n", "'a' is a directory in the base: take it away by 'remove PATH'" },
		{ "remove /a/none\n", "remove /a/none: the base has no such thing" },
		{ "remove /link/file\n", "remove /link/file: the base has no such thing" },
		{ "base base.snap\n", "the base stands before all that is said of it" },
	};
	put_file(state, "base.snap", HEAD "[/]\nlink -> a\n[/a]\nfile = 1\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_SNAPSHOT snapshot;
		AUTO_ARENA arena = { 0 };
		struct error error = { "" };
		put_file(state, "x.snap", arena_printf(&arena, HEAD "base base.snap\n%s", rows[i].text));
		assert_int(read_file(state, "x.snap", &snapshot, &error), -EINVAL);
		assert_contains(error.text, rows[i].message);
	}
}

static void a_base_is_a_file_in_the_same_folder(void **state)
{
	static const struct {
		const char *base;
		int result;
		const char *message;
	} rows[] = {
		{ "../secret", -EINVAL, "a base is a file in the folder of its snapshot" },
		{ "/etc/passwd", -EINVAL, "a base is a file in the folder of its snapshot" },
		{ "..", -EINVAL, "a base is a file in the folder of its snapshot" },
		{ "link.snap", -ELOOP, "base link.snap: is a symbolic link" },
		{ "folder", -EINVAL, "folder: not a regular file" },
		{ "fifo", -EINVAL, "fifo: not a regular file" },
		{ "none.snap", -ENOENT, "base none.snap: No such file or directory" },
		{ "x.snap", -ELOOP, "x.snap: is its own base" },
		{ "y.snap", -ELOOP, "x.snap: is its own base" },
	};
	put_file(state, "secret", HEAD "[/]\nsecret = 1\n");
	put_directory(state, "in/folder");
	put_link(state, "in/link.snap", "../secret");
	assert_int(mkfifo(in_folder(state, "in/fifo"), 0600), 0);
	put_file(state, "in/y.snap", HEAD "base x.snap\n");
	alarm(10);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_SNAPSHOT snapshot;
		AUTO_ARENA arena = { 0 };
		struct error error = { "" };
		put_file(state, "in/x.snap", arena_printf(&arena, HEAD "base %s\n", rows[i].base));
		int r = read_file(state, "in/x.snap", &snapshot, &error);
		if (r != rows[i].result)
			fail_msg("base %s gives %d: %s", rows[i].base, r, error.text);
		assert_contains(error.text, rows[i].message);
		assert_contains(error.text, "in/x.snap:2: ");
	}
	alarm(0);
}

static void eight_bases_are_the_most(void **state)
{
	AUTO_SNAPSHOT eight;
	AUTO_SNAPSHOT nine;
	AUTO_ARENA arena = { 0 };
	struct error error = { "" };
	put_file(state, "s0", HEAD "[/]\nx = 1\n");
	for (int i = 1; i <= 9; i++)
		put_file(state, arena_printf(&arena, "s%d", i), arena_printf(&arena, HEAD "base s%d\n", i - 1));
	assert_int(read_file(state, "s8", &eight, &error), 0);
	assert_content(&eight, "/x", "1\n", 2);
	assert_int(read_file(state, "s9", &nine, &error), -ELOOP);
	assert_contains(error.text, "s0: more than 8 bases upon each other");
}

static void refuses_what_is_no_file(void **state)
{
	AUTO_SNAPSHOT snapshot;
	struct error error = { "" };
	assert_int(read_file(state, "none", &snapshot, &error), -ENOENT);
	assert_contains(error.text, "none: No such file or directory");
	assert_int(read_file(state, ".", &snapshot, &error), -EINVAL);
	assert_contains(error.text, "not a regular file");
	put_file(state, "huge", HEAD);
	assert_int(truncate(in_folder(state, "huge"), (off_t)SNAPSHOT_FILE_MAX * 64), 0);
	assert_int(read_file(state, "huge", &snapshot, &error), -EFBIG);
	assert_contains(error.text, "larger than 512 MiB");
}

static void fifty_thousand_functions_are_read_at_once(void **state)
{
	AUTO_SNAPSHOT snapshot;
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	size_t count;
	(void)state;
	buffer_puts(&text, HEAD "[/sys/bus/pci/devices]\n");
	for (unsigned int i = 0; i < 50000; i++)
		buffer_printf(&text, "%04x:%02x:%02x.%x -> ../../../devices/f%u\n", i >> 16, i >> 8 & 0xff,
			      i >> 3 & 0x1f, i & 7, i);
	for (unsigned int i = 0; i < 50000; i++)
		buffer_printf(&text, "[/sys/devices/f%u]\nclass = 0x020000\nvendor = 0x8086\n", i);
	/* Were anything quadratic, this would take minutes. */
	alarm(20);
	read_text(&snapshot, text.text);
	for (unsigned int i = 0; i < 50000; i++) {
		struct snapshot_node *node;
		const char *path = arena_printf(&arena, "/sys/bus/pci/devices/%04x:%02x:%02x.%x/vendor", i >> 16,
						i >> 8 & 0xff, i >> 3 & 0x1f, i & 7);
		assert_int(snapshot_walk(&snapshot, path, true, &node), 0);
	}
	snapshot_children(&arena, node_at(&snapshot, "/sys/bus/pci/devices"), &count);
	assert_int(count, 50000);
	alarm(0);
}

static void names_errors_both_ways(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	for (int number = 1; number <= 133; number++)
		assert_int(snapshot_errno_number(slice_of(snapshot_errno_name(&arena, number))), number);
	assert_string_equal(snapshot_errno_name(&arena, EACCES), "EACCES");
	assert_int(snapshot_errno_number(slice_of("errno-")), 0);
	assert_int(snapshot_errno_number(slice_of("errno-00000001")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_it_read),
		cmocka_unit_test(knows_every_kind_of_content),
		cmocka_unit_test(sorts_what_was_written_by_hand),
		cmocka_unit_test(says_what_is_not_known),
		cmocka_unit_test(follows_links_inside),
		cmocka_unit_test(forty_links_are_the_most),
		cmocka_unit_test(refuses_what_is_wrong_by_file_and_line),
		cmocka_unit_test(has_limits),
		test_in_folder(a_few_lines_make_a_variant),
		test_in_folder(refuses_a_variant_that_hides_what_it_does),
		test_in_folder(a_base_is_a_file_in_the_same_folder),
		test_in_folder(eight_bases_are_the_most),
		test_in_folder(refuses_what_is_no_file),
		cmocka_unit_test(fifty_thousand_functions_are_read_at_once),
		cmocka_unit_test(names_errors_both_ways),
	};
	return cmocka_run_group_tests_name("base-snapshot", tests, NULL, NULL);
}
