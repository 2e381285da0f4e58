/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI devices as JSON: docs/json.md. */
#pragma once

#include "base/json.h"
#include "host/passable-read.h"

/* The members that 'list' prints of each device; 'show' adds more. */
struct json_object *device_to_json(struct arena *arena, const struct passables *passables, size_t place);

/* "0x1f", or null. */
void json_add_hex(struct json_object *object, const char *key, uint64_t number);

/* Texts, and addresses as texts. */
struct json_object *json_new_texts(const struct list *texts);
struct json_object *json_new_address(struct pci_address address);
