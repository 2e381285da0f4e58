/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device from one driver to another, by driver_override: never by ids, which would catch its twin as well. */
#pragma once

#include "host/bind-record.h"

/* What a device has now. Live system only. */
int bind_state_read(const struct root *root, struct arena *arena, struct pci_address address, unsigned int timeout_ms,
		    struct bind_state *ret, struct error *error) MUST_CHECK;

/*
 * Gives a device another state and verifies that it has it. `probe`: the kernel chooses the driver, state->driver does
 * not count; that it finds none is no failure. -ETIMEDOUT: a write hangs in the kernel, the error says which.
 */
int bind_move(const struct root *root, struct pci_address address, const struct bind_state *state, bool probe,
	      unsigned int timeout_ms, struct error *error) MUST_CHECK;
