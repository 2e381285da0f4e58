/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/bind-move.h"

#include "host/guard.h"
#include "host/pci.h"

#define DRIVERS "/sys/bus/pci/drivers"

/* What drivers/base/driver.c prints for an override that is not set: "%s" of NULL. */
#define NOT_SET "(null)"

static int read_driver(const struct root *root, struct arena *arena, struct pci_address address, const char **ret,
		       struct error *error)
{
	char *target;
	int r = root_read_link(root, arena, pci_path(arena, address, "driver"), &target, error);
	if (r < 0 && !root_absent(r))
		return r;
	*ret = r < 0 ? NULL : text_basename(target);
	return 0;
}

int bind_state_read(const struct root *root, struct arena *arena, struct pci_address address, unsigned int timeout_ms,
		    struct bind_state *ret, struct error *error)
{
	char *override;
	int r = guard_read_line(root, arena, pci_path(arena, address, "driver_override"), timeout_ms, &override, error);
	if (r < 0)
		return r;
	ret->override = strcmp(override, NOT_SET) == 0 ? "" : override;
	return read_driver(root, arena, address, &ret->driver, error);
}

struct move {
	const struct root *root;
	struct arena *arena;
	struct pci_address address;
	const char *name; /* the address as text */
	unsigned int timeout_ms;
};

/* A write of no bytes never reaches the attribute; a newline alone takes the override off (driver_set_override()). */
static int set_override(const struct move *move, const char *override, struct error *error)
{
	struct bind_state now;
	int r = bind_state_read(move->root, move->arena, move->address, move->timeout_ms, &now, error);
	if (r < 0 || strcmp(now.override, override) == 0)
		return r;
	const char *path = pci_path(move->arena, move->address, "driver_override");
	r = guard_write(move->root, path, arena_printf(move->arena, "%s\n", override), move->timeout_ms, error);
	if (r < 0)
		return r;
	r = bind_state_read(move->root, move->arena, move->address, move->timeout_ms, &now, error);
	if (r < 0)
		return r;
	if (strcmp(now.override, override) != 0)
		return error_set(error, -EIO, "%s: does not keep '%s', but reads '%s'", path, override, now.override);
	return 0;
}

static int take_from(const struct move *move, const char *driver, struct error *error)
{
	const char *now;
	const char *path = arena_printf(move->arena, DRIVERS "/%s/unbind", driver);
	int r = guard_write(move->root, path, move->name, move->timeout_ms, error);
	if (r < 0)
		return r;
	r = read_driver(move->root, move->arena, move->address, &now, error);
	if (r < 0)
		return r;
	return now ? error_set(error, -EIO, "%s: done, but the driver is still %s", path, now) : 0;
}

/*
 * By the driver's own `bind` and not by drivers_probe: it says which driver, where several would take the device, and
 * it gives back the errno of the driver's probe.
 */
static int give_to(const struct move *move, const char *driver, struct error *error)
{
	const char *now;
	const char *folder = arena_printf(move->arena, DRIVERS "/%s", driver);
	if (!root_exists(move->root, folder))
		return error_set(error, -ENOENT, "driver %s is not loaded (%s is not there)", driver, folder);
	int r = guard_write(move->root, arena_printf(move->arena, "%s/bind", folder), move->name, move->timeout_ms,
			    error);
	if (r < 0 && r != -ETIMEDOUT)
		return error_prefix(error, r, "%s does not take it (the kernel's log may say why)", driver);
	if (r < 0)
		return r;
	r = read_driver(move->root, move->arena, move->address, &now, error);
	if (r < 0)
		return r;
	if (!text_equals(now, driver))
		return error_set(error, -EIO, "%s/bind: done, but the driver is %s", folder, now ? now : "none");
	return 0;
}

static int move_device(const struct move *move, const struct bind_state *state, bool probe, struct error *error)
{
	const char *now;
	/* First the override: nobody else may take the device in the moment when it has no driver. */
	int r = set_override(move, state->override, error);
	if (r < 0)
		return r;
	r = read_driver(move->root, move->arena, move->address, &now, error);
	if (r < 0)
		return r;
	if (!probe && text_equals(now, state->driver))
		return 0;
	if (now)
		r = take_from(move, now, error);
	if (r < 0)
		return r;
	if (probe)
		return guard_write(move->root, "/sys/bus/pci/drivers_probe", move->name, move->timeout_ms, error);
	return state->driver ? give_to(move, state->driver, error) : 0;
}

int bind_move(const struct root *root, struct pci_address address, const struct bind_state *state, bool probe,
	      unsigned int timeout_ms, struct error *error)
{
	AUTO_ARENA arena = { 0 };
	char text[PCI_ADDRESS_TEXT_MAX];
	struct move move = { root, &arena, address, pci_address_format(address, text), timeout_ms };
	int r = move_device(&move, state, probe, error);
	return r < 0 ? error_prefix(error, r, "%s", text) : 0;
}
