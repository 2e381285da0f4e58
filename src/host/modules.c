/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/modules.h"

/* A module that is asked for. */
struct wanted {
	const char *name;
	size_t offset;
};

static const struct wanted wanted[] = {
	{ "vfio", offsetof(struct modules, vfio) },
	{ "vfio_pci", offsetof(struct modules, vfio_pci) },
	{ "vfio_iommu_type1", offsetof(struct modules, vfio_iommu_type1) },
	{ "vfio_virqfd", offsetof(struct modules, vfio_virqfd) },
	{ "iommufd", offsetof(struct modules, iommufd) },
	{ "kvm_intel", offsetof(struct modules, kvm_intel) },
	{ "kvm_amd", offsetof(struct modules, kvm_amd) },
};

static struct module *module_of(struct modules *modules, const struct wanted *one)
{
	return (struct module *)((char *)modules + one->offset);
}

/* In modules.dep, what it depends on follows a colon. */
static size_t name_length(struct slice line)
{
	const char *colon = memchr(line.start, ':', line.length);
	return colon ? (size_t)(colon - line.start) : line.length;
}

/* "kernel/drivers/vfio/pci/vfio-pci.ko.xz: ..." is vfio_pci: which of ours, or NULL. */
static const struct wanted *find_wanted(struct slice line)
{
	line.length = name_length(line);
	const char *slash = line.length ? memrchr(line.start, '/', line.length) : NULL;
	const char *start = slash ? slash + 1 : line.start;
	const char *end = line.start + line.length;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		size_t length = strlen(wanted[i].name);
		if ((size_t)(end - start) < length + strlen(".ko") || memcmp(start + length, ".ko", 3) != 0)
			continue;
		size_t same = 0;
		while (same < length &&
		       (start[same] == wanted[i].name[same] || (start[same] == '-' && wanted[i].name[same] == '_')))
			same++;
		if (same == length)
			return &wanted[i];
	}
	return NULL;
}

static void pick_wanted(struct slice text, struct buffer *kept)
{
	struct slice line;
	while (slice_next_line(&text, &line))
		if (find_wanted(line))
			buffer_add_line(kept, line);
}

/*
 * Goes once through modules.builtin or modules.dep: those that it names, and whose state nothing else told, get `state`.
 */
static int note_listed(const struct root *root, struct arena *arena, const char *path, enum module_state state,
		       struct modules *modules, struct error *error)
{
	struct slice text;
	struct slice line;
	int r = root_read_excerpt(root, arena, path, pick_wanted, &text, error);
	if (r < 0)
		return r;
	while (slice_next_line(&text, &line)) {
		const struct wanted *one = find_wanted(line);
		struct module *module = one ? module_of(modules, one) : NULL;
		if (module && module->state == MODULE_UNKNOWN && !module->evidence)
			*module = (struct module){ state, arena_printf(arena, "%s: %.*s", path, (int)name_length(line),
								       line.start) };
	}
	return 0;
}

/* Loaded modules have a state; those of the kernel itself show here too, when they have parameters. */
static void note_loaded(const struct root *root, struct arena *arena, struct modules *modules)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct module *module = module_of(modules, &wanted[i]);
		const char *path = arena_printf(arena, "/sys/module/%s/initstate", wanted[i].name);
		struct fact state = fact_read_line(root, arena, path);
		if (fact_is(&state, "live"))
			*module = (struct module){ MODULE_LOADED, path };
		else if (!fact_absent(&state))
			*module = (struct module){ MODULE_UNKNOWN, fact_known(&state) ? arena_printf(arena, "%s: %s",
												     path, state.text) :
											state.problem };
		else if (root_exists(root, arena_printf(arena, "/sys/module/%s", wanted[i].name)))
			*module = (struct module){ MODULE_BUILT_IN,
						   arena_printf(arena, "/sys/module/%s", wanted[i].name) };
	}
}

/* What neither runs nor is listed: absent where both lists were read, else not known. */
static void finish(struct arena *arena, struct modules *modules, const char *folder, int r, const struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct module *module = module_of(modules, &wanted[i]);
		if (module->state != MODULE_UNKNOWN || module->evidence)
			continue;
		if (r == 0)
			*module = (struct module){ MODULE_ABSENT, arena_printf(arena, "%s/modules.dep", folder) };
		else
			module->evidence = arena_strdup(arena, error->text);
	}
}

/* Where the modules of the running kernel are. NixOS has them behind a link. */
static const char *find_folder(const struct root *root, struct arena *arena, const char *release)
{
	static const char *const places[] = { "/lib/modules", "/usr/lib/modules",
					      "/run/booted-system/kernel-modules/lib/modules" };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const char *folder = arena_printf(arena, "%s/%s", places[i], release);
		if (root_exists(root, folder))
			return folder;
	}
	return arena_printf(arena, "%s/%s", places[0], release);
}

static void read_states(const struct root *root, struct arena *arena, struct modules *modules)
{
	struct error error = { "" };
	char *release = NULL;
	const char *folder = "/lib/modules";
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		module_of(modules, &wanted[i])->state = MODULE_UNKNOWN;
	note_loaded(root, arena, modules);
	int r = root_read_line(root, arena, "/proc/sys/kernel/osrelease", &release, &error);
	if (r == 0) {
		folder = find_folder(root, arena, release);
		r = note_listed(root, arena, arena_printf(arena, "%s/modules.builtin", folder), MODULE_BUILT_IN,
				modules, &error);
	}
	if (release) {
		struct error second;
		int s = note_listed(root, arena, arena_printf(arena, "%s/modules.dep", folder), MODULE_AVAILABLE,
				    modules, &second);
		if (s < 0 && r == 0) {
			r = s;
			error = second;
		}
	}
	finish(arena, modules, folder, r, &error);
}

void modules_read(const struct root *root, struct arena *arena, struct modules *ret)
{
	*ret = (struct modules){ 0 };
	read_states(root, arena, ret);
	ret->vfio_device = fact_exists(root, arena, "/dev/vfio/vfio");
	ret->iommu_device = fact_exists(root, arena, "/dev/iommu");
	ret->dma_entry_limit = fact_read_number(root, arena, "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit",
						10);
	ret->allow_unsafe_interrupts =
		fact_read_switch(root, arena, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");
	ret->disable_hugepages = fact_read_switch(root, arena,
						  "/sys/module/vfio_iommu_type1/parameters/disable_hugepages");
	ret->unsafe_noiommu = fact_read_switch(root, arena, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	ret->iommufd_unsafe_interrupts = fact_read_switch(root, arena,
							  "/sys/module/iommufd/parameters/allow_unsafe_interrupts");
	ret->disable_denylist = fact_read_switch(root, arena, "/sys/module/vfio_pci/parameters/disable_denylist");
	ret->disable_idle_d3 = fact_read_switch(root, arena, "/sys/module/vfio_pci/parameters/disable_idle_d3");
}
