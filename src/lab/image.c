/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/image.h"

#include <errno.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/file.h"
#include "base/root.h"
#include "lab/cpio.h"
#include "lab/init-script.h"
#include "lab/kernel.h"

#define QEMU "qemu-system-x86_64"
#define LDD_TIMEOUT_MS 30000

/* What L0 and L1 may load, by name; what the kernel has built in, or does not have, is passed over. */
static const char *const module_names[] = {
	"kvm",           "kvm-amd",  "kvm-intel", "irqbypass", "vfio", "vfio_virqfd", "vfio_iommu_type1",
	"vfio-pci-core", "vfio-pci", "nvme",      "nvme-core", "loop", "virtio_pci",  "virtio_net",
	"dm-mod",        "raid1",    "md-mod",    "ext4",      "vfat",
};

/* Firmware that QEMU loads for the machines here, where Debian's packages put it. */
static const char *const firmware[] = {
	"/usr/share/seabios/bios-256k.bin",  "/usr/share/qemu/bios-256k.bin", "/usr/share/qemu/kvmvapic.bin",
	"/usr/share/qemu/linuxboot_dma.bin", "/usr/share/qemu/linuxboot.bin", "/usr/share/qemu/pvh.bin",
};

struct parts {
	const char *self;
	const char *busybox;
	struct list applets;
	struct list self_libraries;
	const char *qemu;
	struct list qemu_libraries;
	struct list qemu_files; /* firmware and accelerator modules that are there */
	struct list modules;    /* paths below lib/modules/RELEASE/ */
	struct lab_kernel kernel;
};

/* The shared libraries of a program; none for a static one. Lines of ldd: "libz.so.1 => /lib/x/libz.so.1 (0x...)". */
static int find_libraries(struct arena *arena, const char *program, struct list *ret, struct error *error)
{
	struct child_request request = {
		.argv = (const char *const[]){ "ldd", program, NULL },
		.timeout_ms = LDD_TIMEOUT_MS,
	};
	struct child_result result;
	int r = child_run(arena, &request, &result, error);
	if (r < 0)
		return error_prefix(error, r, "find the libraries of %s", program);
	struct slice line;
	while (slice_next_line(&result.output, &line)) {
		struct slice word;
		if (memmem(line.start, line.length, "not found", 9))
			return error_set(error, -ENOENT, "%s: a library is missing; is it installed whole?", program);
		while (slice_next_word(&line, &word)) {
			if (word.start[0] != '/')
				continue;
			const char *path = arena_strndup(arena, word.start, word.length);
			if (!list_contains(ret, path))
				list_add(ret, path);
			break;
		}
	}
	return 0;
}

static int find_applets(struct arena *arena, const char *busybox, struct list *ret, struct error *error)
{
	struct child_request request = {
		.argv = (const char *const[]){ busybox, "--list", NULL },
		.timeout_ms = LDD_TIMEOUT_MS,
	};
	struct child_result result;
	int r = child_run_ok(arena, &request, &result, error);
	struct slice line;
	while (r == 0 && slice_next_line(&result.output, &line))
		list_add(ret, arena_strndup(arena, line.start, line.length));
	return r;
}

/* "kernel/drivers/vfio/vfio.ko" for the name "vfio"; '-' and '_' are the same in a module's name. */
static bool is_module(struct slice path, const char *name)
{
	const char *slash = memrchr(path.start, '/', path.length);
	const char *base = slash ? slash + 1 : path.start;
	size_t length = path.length - (size_t)(base - path.start);
	size_t name_length = strlen(name);
	if (length != name_length + 3 || memcmp(base + name_length, ".ko", 3) != 0)
		return false;
	for (size_t i = 0; i < name_length; i++)
		if ((base[i] == '_' ? '-' : base[i]) != (name[i] == '_' ? '-' : name[i]))
			return false;
	return true;
}

/* The modules wanted, each with what it needs, from modules.dep: "path: path path..." */
static int find_modules(struct arena *arena, const struct lab_kernel *kernel, struct list *ret, struct error *error)
{
	AUTO_ROOT root = ROOT_NONE;
	struct slice text;
	int r = root_open(&root, NULL, error);
	if (r == 0)
		r = root_read(&root, arena,
			      arena_printf(arena, "%s/lib/modules/%s/modules.dep", kernel->tree, kernel->release),
			      &text, error);
	struct slice line;
	while (r == 0 && slice_next_line(&text, &line)) {
		const char *colon = memchr(line.start, ':', line.length);
		if (!colon)
			continue;
		struct slice module = { line.start, (size_t)(colon - line.start) };
		bool wanted = false;
		for (size_t i = 0; i < ARRAY_SIZE(module_names); i++)
			wanted |= is_module(module, module_names[i]);
		struct slice word;
		struct slice rest = { colon + 1, line.length - module.length - 1 };
		const char *path = arena_strndup(arena, module.start, module.length);
		if (wanted && !list_contains(ret, path))
			list_add(ret, path);
		while (wanted && slice_next_word(&rest, &word)) {
			path = arena_strndup(arena, word.start, word.length);
			if (!list_contains(ret, path))
				list_add(ret, path);
		}
	}
	return r;
}

static void find_qemu_files(struct arena *arena, struct list *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(firmware); i++)
		if (access(firmware[i], R_OK) == 0)
			list_add(ret, firmware[i]);
	glob_t found;
	if (glob("/usr/lib/*/qemu/accel-*.so", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			list_add(ret, arena_strdup(arena, found.gl_pathv[i]));
	globfree(&found);
}

static int gather_parts(struct arena *arena, const char *cache, void (*progress)(const char *text), struct parts *parts,
			struct error *error)
{
	*parts = (struct parts){
		.applets = { .arena = arena },
		.self_libraries = { .arena = arena },
		.qemu_libraries = { .arena = arena },
		.qemu_files = { .arena = arena },
		.modules = { .arena = arena },
	};
	char *self = arena_alloc(arena, 4096);
	if (readlink("/proc/self/exe", self, 4095) < 0)
		return error_set_errno(error, -errno, "/proc/self/exe");
	parts->self = self;
	parts->qemu = child_find_program(arena, QEMU);
	if (!parts->qemu)
		return error_set(error, -ENOENT, QEMU " not found in PATH; install QEMU (Debian: qemu-system-x86)");
	int r = lab_get_busybox(arena, cache, progress, &parts->busybox, error);
	if (r == 0)
		r = lab_get_kernel(arena, cache, parts->busybox, progress, &parts->kernel, error);
	if (r == 0)
		r = find_applets(arena, parts->busybox, &parts->applets, error);
	if (r == 0)
		r = find_libraries(arena, parts->self, &parts->self_libraries, error);
	if (r == 0)
		r = find_libraries(arena, parts->qemu, &parts->qemu_libraries, error);
	if (r == 0)
		r = find_modules(arena, &parts->kernel, &parts->modules, error);
	find_qemu_files(arena, &parts->qemu_files);
	return r;
}

/* A path of this machine at the same place in the archive. */
static void add_same(struct cpio *cpio, const char *path, mode_t mode)
{
	if (!list_contains(&cpio->directories, path)) {
		cpio_add_file(cpio, path + 1, mode, path);
		list_add(&cpio->directories, path); /* not twice: a library of two programs */
	}
}

static void add_base(struct cpio *cpio, struct arena *arena, const struct parts *parts)
{
	static const char *const directories[] = {
		"dev", "proc", "sys", "tmp", "run", "etc", "mnt", "sbin", "usr/bin"
	};
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		cpio_add_directory(cpio, directories[i]);
	cpio_add_character_device(cpio, "dev/console", 0600, 5, 1);
	cpio_add_character_device(cpio, "dev/null", 0666, 1, 3);
	cpio_add_text(cpio, "init", 0755, (struct slice){ lab_init_script, sizeof(lab_init_script) - 1 });
	cpio_add_file(cpio, "bin/busybox", 0755, parts->busybox);
	for (size_t i = 0; i < parts->applets.count; i++)
		if (strcmp(parts->applets.items[i], "busybox") != 0)
			cpio_add_link(cpio, arena_printf(arena, "bin/%s", parts->applets.items[i]), "busybox");
	/* The kernel itself calls this one, by this path. */
	cpio_add_link(cpio, "sbin/modprobe", "/bin/busybox");
	cpio_add_file(cpio, "bin/nestpci", 0755, parts->self);
	for (size_t i = 0; i < parts->self_libraries.count; i++)
		add_same(cpio, parts->self_libraries.items[i], 0755);
}

static void add_hypervisor(struct cpio *cpio, struct arena *arena, const struct parts *parts, const char *inner)
{
	cpio_add_file(cpio, "usr/bin/" QEMU, 0755, parts->qemu);
	for (size_t i = 0; i < parts->qemu_libraries.count; i++)
		add_same(cpio, parts->qemu_libraries.items[i], 0755);
	for (size_t i = 0; i < parts->qemu_files.count; i++)
		add_same(cpio, parts->qemu_files.items[i], 0644);
	const char *modules = arena_printf(arena, "lib/modules/%s", parts->kernel.release);
	for (size_t i = 0; i < parts->modules.count; i++) {
		const char *name = arena_printf(arena, "%s/%s", modules, parts->modules.items[i]);
		cpio_add_file(cpio, name, 0644, arena_printf(arena, "%s/%s", parts->kernel.tree, name));
	}
	static const char *const indexes[] = { "modules.dep", "modules.alias" };
	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
		const char *name = arena_printf(arena, "%s/%s", modules, indexes[i]);
		cpio_add_file(cpio, name, 0644, arena_printf(arena, "%s/%s", parts->kernel.tree, name));
	}
	cpio_add_file(cpio, "boot/kernel", 0644, parts->kernel.image);
	cpio_add_file(cpio, "boot/initrd", 0644, inner);
}

/* What the images are made of: when this text is the same, they are. */
static const char *describe_parts(struct arena *arena, const struct parts *parts)
{
	struct buffer text = { .arena = arena };
	const char *const files[] = { parts->self, parts->busybox, parts->qemu, parts->kernel.image };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct stat status = { 0 };
		if (!files[i] || stat(files[i], &status) < 0)
			continue;
		buffer_printf(&text, "%s %lld %lld.%09ld\n", files[i], (long long)status.st_size,
			      (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
	}
	buffer_printf(&text, "%s\n", parts->kernel.release);
	for (size_t i = 0; i < parts->modules.count; i++)
		buffer_printf(&text, "%s\n", parts->modules.items[i]);
	return text.text;
}

static bool is_current(struct arena *arena, const char *stamp, const char *description)
{
	AUTO_ROOT root = ROOT_NONE;
	struct slice text;
	return root_open(&root, NULL, NULL) == 0 && root_read(&root, arena, stamp, &text, NULL) == 0 &&
	       slice_equals(text, description);
}

static int write_image(struct arena *arena, const struct parts *parts, const struct lab_image *image, int level,
		       struct error *error)
{
	/* Beside the old one: a machine may be booting from that at this moment. */
	const char *partial = arena_printf(arena, "%s.partial", image->initrd[level]);
	struct cpio cpio;
	cpio_start(&cpio, arena, partial, error);
	add_base(&cpio, arena, parts);
	if (level < 2)
		add_hypervisor(&cpio, arena, parts, image->initrd[level + 1]);
	int r = cpio_finish(&cpio);
	if (r == 0 && rename(partial, image->initrd[level]) < 0)
		r = error_set_errno(error, -errno, "rename %s", partial);
	return r;
}

int lab_get_image(struct arena *arena, const char *cache, void (*progress)(const char *text), struct lab_image *ret,
		  struct error *error)
{
	struct parts parts = { 0 };
	int r = file_make_directories(cache, 0755, error);
	if (r == 0)
		r = gather_parts(arena, cache, progress, &parts, error);
	if (r < 0)
		return r;
	*ret = (struct lab_image){ .kernel = parts.kernel.image, .qemu = parts.qemu };
	for (int level = 0; level < 3; level++)
		ret->initrd[level] = arena_printf(arena, "%s/level%d.cpio", cache, level);
	const char *stamp = arena_printf(arena, "%s/images.stamp", cache);
	const char *description = describe_parts(arena, &parts);
	bool there = true;
	for (int level = 0; level < 3; level++)
		there = there && access(ret->initrd[level], R_OK) == 0;
	if (there && is_current(arena, stamp, description))
		return 0;
	progress("build the boot images");
	r = file_remove(stamp, error);
	for (int level = 2; level >= 0 && r == 0; level--)
		r = write_image(arena, &parts, ret, level, error);
	if (r == 0)
		r = file_replace(stamp, slice_of(description), 0644, error);
	return r < 0 ? error_prefix(error, r, "build the boot images") : 0;
}
