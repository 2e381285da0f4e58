/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/kernel.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/child.h"
#include "base/file.h"
#include "base/root.h"

#define DOWNLOAD_TIMEOUT_MS 600000
#define UNPACK_TIMEOUT_MS 300000

/* The smallest of Debian's kernels: NVMe is built in, and it boots fastest. */
#define KERNEL_PACKAGE "linux-image-cloud-amd64"

static int run(struct arena *arena, const char *directory, unsigned int timeout_ms, struct slice *output,
	       struct error *error, const char *const *argv)
{
	struct child_request request = { .argv = argv, .directory = directory, .timeout_ms = timeout_ms };
	struct child_result result;
	int r = child_run_ok(arena, &request, &result, error);
	if (r == 0 && output)
		*output = result.output;
	return r;
}

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The package that a meta-package stands for: the first of its dependencies. */
static int resolve_kernel_package(struct arena *arena, const char **ret, struct error *error)
{
	struct slice text;
	int r = run(arena, NULL, UNPACK_TIMEOUT_MS, &text, error,
		    ARGV("apt-cache", "--no-all-versions", "show", KERNEL_PACKAGE));
	if (r < 0)
		return error_prefix(
			error, r,
			"look up the kernel package (is this Debian, with package lists? run apt-get update)");
	struct slice line;
	while (slice_next_line(&text, &line)) {
		static const char depends[] = "Depends: ";
		if (line.length <= strlen(depends) || memcmp(line.start, depends, strlen(depends)) != 0)
			continue;
		const char *name = line.start + strlen(depends);
		*ret = arena_strndup(arena, name, strcspn(name, " ,(\n"));
		return 0;
	}
	return error_set(error, -ENOENT, "package " KERNEL_PACKAGE " names no kernel in its dependencies");
}

/* Downloads a package into the cache and unpacks it in a directory of its own, unless that was done before. */
static int unpack_package(struct arena *arena, const char *cache, const char *package,
			  void (*progress)(const char *text), const char **ret_tree, struct error *error)
{
	const char *tree = arena_printf(arena, "%s/%s", cache, package);
	const char *partial = arena_printf(arena, "%s.partial", tree);
	*ret_tree = tree;
	if (access(tree, F_OK) == 0)
		return 0;
	progress(arena_printf(arena, "download and unpack package %s", package));
	int r = file_remove_tree(partial, error);
	if (r == 0)
		r = file_make_directories(partial, 0755, error);
	if (r == 0)
		r = run(arena, partial, DOWNLOAD_TIMEOUT_MS, NULL, error,
			ARGV("apt-get", "download", "-o", "APT::Sandbox::User=root", package));
	if (r < 0)
		return r;
	struct root root;
	struct list names = { .arena = arena };
	if ((r = root_open(&root, partial, error)) < 0)
		return r;
	r = root_list(&root, arena, "/", &names, error);
	root_close(&root);
	if (r == 0 && names.count != 1)
		r = error_set(error, -ENOENT, "apt-get download %s left no package in %s", package, partial);
	if (r == 0)
		r = run(arena, partial, UNPACK_TIMEOUT_MS, NULL, error, ARGV("dpkg-deb", "-x", names.items[0], "."));
	if (r == 0)
		r = file_remove(arena_printf(arena, "%s/%s", partial, names.items[0]), error);
	if (r == 0 && rename(partial, tree) < 0)
		r = error_set_errno(error, -errno, "rename %s", partial);
	return r;
}

/*
 * Where the compressed kernel is in a bzImage (Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"):
 * setup_sects at 0x1f1, protocol version at 0x206, payload_offset at 0x248 and payload_length at 0x24c, counted from the
 * start of the protected-mode code.
 */
static struct slice find_payload(struct slice image)
{
	struct slice none = { 0 };
	if (image.length < 0x250 || memcmp(image.start + 0x202, "HdrS", 4) != 0)
		return none;
	const unsigned char *header = (const unsigned char *)image.start;
	uint16_t version;
	uint32_t offset;
	uint32_t length;
	memcpy(&version, header + 0x206, sizeof(version));
	memcpy(&offset, header + 0x248, sizeof(offset));
	memcpy(&length, header + 0x24c, sizeof(length));
	size_t sectors = header[0x1f1] ? header[0x1f1] : 4;
	size_t start = (sectors + 1) * 512 + le32toh(offset);
	if (le16toh(version) < 0x0208 || start > image.length || le32toh(length) > image.length - start)
		return none;
	return (struct slice){ image.start + start, le32toh(length) };
}

/* Which program unpacks it, by the first bytes; the kernel's build appends four bytes of size to all but gzip. */
static const char *decompressor(struct slice payload, size_t *trailer)
{
	static const struct {
		const char *magic;
		size_t length;
		const char *program;
		size_t trailer;
	} formats[] = {
		{ "\x02\x21\x4c\x18", 4, "lz4", 4 },
		{ "\x28\xb5\x2f\xfd", 4, "zstd", 4 },
		{ "\xfd"
		  "7zXZ",
		  5, "xz", 4 },
		{ "\x1f\x8b", 2, "gzip", 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (payload.length > formats[i].length + formats[i].trailer &&
		    memcmp(payload.start, formats[i].magic, formats[i].length) == 0) {
			*trailer = formats[i].trailer;
			return formats[i].program;
		}
	return NULL;
}

/*
 * An uncompressed kernel: QEMU starts it through its PVH entry, and no level has to unpack it, which under nested
 * virtualization takes seconds. Returns NULL where that does not work out; the bzImage does then.
 */
static const char *extract_elf(struct arena *arena, const char *cache, const char *release, struct slice image)
{
	size_t trailer;
	struct slice payload = find_payload(image);
	const char *program = payload.length ? decompressor(payload, &trailer) : NULL;
	const char *elf = arena_printf(arena, "%s/vmlinux-%s", cache, release);
	if (access(elf, R_OK) == 0)
		return elf;
	if (!program || !child_find_program(arena, program))
		return NULL;
	payload.length -= trailer;
	const char *packed = arena_printf(arena, "%s.packed", elf);
	const char *partial = arena_printf(arena, "%s.partial", elf);
	AUTO_CLOSE int out = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct child_request request = {
		.argv = ARGV(program, "-dc", packed),
		.stdout_fd = out,
		.timeout_ms = UNPACK_TIMEOUT_MS,
	};
	struct child_result result;
	char magic[4] = { 0 };
	bool done = out >= 0 && file_replace(packed, payload, 0644, NULL) == 0 &&
		    child_run_ok(arena, &request, &result, NULL) == 0;
	AUTO_CLOSE int in = open(partial, O_RDONLY | O_CLOEXEC);
	done = done && in >= 0 && read(in, magic, sizeof(magic)) == 4 &&
	       memcmp(magic,
		      "\x7f"
		      "ELF",
		      4) == 0 &&
	       rename(partial, elf) == 0;
	unlink(packed);
	if (!done)
		unlink(partial);
	return done ? elf : NULL;
}

/* modprobe wants modules.dep, which a package's own scripts would have made; busybox's cannot read every compression. */
static int prepare_modules(struct arena *arena, const char *tree, const char *release, const char *busybox,
			   void (*progress)(const char *text), struct error *error)
{
	const char *modules = arena_printf(arena, "%s/lib/modules/%s", tree, release);
	if (access(arena_printf(arena, "%s/modules.dep", modules), R_OK) == 0)
		return 0;
	progress("index the kernel's modules");
	int r = run(arena, NULL, UNPACK_TIMEOUT_MS, NULL, error,
		    ARGV("find", modules, "-name", "*.ko.xz", "-exec", "xz", "-d", "{}", "+"));
	if (r == 0)
		r = run(arena, NULL, UNPACK_TIMEOUT_MS, NULL, error,
			ARGV("find", modules, "-name", "*.ko.zst", "-exec", "zstd", "-q", "-d", "--rm", "{}", "+"));
	if (r == 0)
		r = run(arena, NULL, UNPACK_TIMEOUT_MS, NULL, error, ARGV(busybox, "depmod", "-b", tree, release));
	return r;
}

/* usr/lib/modules and lib/modules: packages of a merged /usr have only the former. */
static int settle_module_folder(struct arena *arena, const char *tree, struct error *error)
{
	const char *lib = arena_printf(arena, "%s/lib", tree);
	if (access(lib, F_OK) == 0)
		return 0;
	return symlink("usr/lib", lib) < 0 ? error_set_errno(error, -errno, "%s", lib) : 0;
}

int lab_get_kernel(struct arena *arena, const char *cache, const char *busybox, void (*progress)(const char *text),
		   struct lab_kernel *ret, struct error *error)
{
	const char *package = NULL;
	int r = resolve_kernel_package(arena, &package, error);
	if (r == 0)
		r = unpack_package(arena, cache, package, progress, &ret->tree, error);
	if (r == 0)
		r = settle_module_folder(arena, ret->tree, error);
	if (r < 0)
		return r;
	/* linux-image-RELEASE, or linux-image-RELEASE-unsigned */
	const char *release = package + strlen("linux-image-");
	size_t length = strlen(release);
	if (text_ends_with(release, "-unsigned"))
		length -= strlen("-unsigned");
	ret->release = arena_strndup(arena, release, length);
	ret->image = arena_printf(arena, "%s/boot/vmlinuz-%s", ret->tree, ret->release);
	r = prepare_modules(arena, ret->tree, ret->release, busybox, progress, error);
	if (r < 0)
		return r;
	struct root live;
	struct slice image;
	if ((r = root_open(&live, NULL, error)) < 0)
		return r;
	r = root_read(&live, arena, ret->image, &image, error);
	root_close(&live);
	if (r < 0)
		return r;
	const char *elf = extract_elf(arena, cache, ret->release, image);
	if (elf)
		ret->image = elf;
	return 0;
}

int lab_get_busybox(struct arena *arena, const char *cache, void (*progress)(const char *text), const char **ret,
		    struct error *error)
{
	const char *tree;
	int r = unpack_package(arena, cache, "busybox-static", progress, &tree, error);
	if (r < 0)
		return r;
	*ret = arena_printf(arena, "%s/bin/busybox", tree);
	if (access(*ret, X_OK) < 0)
		*ret = arena_printf(arena, "%s/usr/bin/busybox", tree);
	return access(*ret, X_OK) < 0 ? error_set_errno(error, -errno, "%s", *ret) : 0;
}
