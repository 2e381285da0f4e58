/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nestpci-libvirt: the only program here that is linked with libvirt and libxml2. It reads one request, a JSON object,
 * from standard input, does one operation, and writes one reply, a JSON object, to standard output
 * (docs/libvirt-helper.md). Nothing is kept between two of them.
 *
 * An operation is a row of a family's table; a family is a file (families.c names them).
 */
#pragma once

#include <libvirt/libvirt.h>

#include "base/json.h"

enum access {
	ACCESS_NONE,  /* no connection is made */
	ACCESS_READ,  /* a read-only one, which needs no authentication on most systems */
	ACCESS_WRITE, /* whatever the caller may do */
};

struct call {
	struct json_object *request;
	struct arena *arena;
	virConnectPtr connection; /* NULL: ACCESS_NONE */
};

struct operation {
	const char *name;
	enum access access;
	/* Adds members to `result`. Returns 0, or a negative errno with a text in `error`. */
	int (*run)(struct call *call, struct json_object *result, struct error *error);
};

struct family {
	const struct operation *operations;
	size_t count;
};

const struct operation *operation_find(const char *name);

/* ---- What operations need (call.c) ---- */

/* A member of the request; NULL or false where it is not there. */
const char *call_text(const struct call *call, const char *key);
bool call_flag(const struct call *call, const char *key);

/* -EINVAL: it is missing. */
int call_need_text(const struct call *call, const char *key, const char **ret, struct error *error) MUST_CHECK;

/* The domain that "domain" names: its UUID, or its name. -ENOENT: there is none. */
int call_domain(const struct call *call, virDomainPtr *ret, struct error *error) MUST_CHECK;

/*
 * What libvirt said last, as an error: -ENOENT (no such domain, device), -EACCES (not allowed), -ECONNREFUSED (no
 * connection), -ENOTSUP, -EBUSY (the domain is in the wrong state, or locked), -EINVAL (it does not like the XML),
 * -ETIMEDOUT, or else -EIO. To be asked at once after what failed.
 */
#define call_failed(error, ...) ERROR_RETURN(call_code(), call_fill(error, __VA_ARGS__))
int call_code(void);
void call_fill(struct error *error, const char *format, ...) PRINTF_FORMAT(2, 3);

/* ---- Released by scope ---- */

static inline void domain_cleanup(virDomainPtr *domain)
{
	if (*domain)
		virDomainFree(*domain);
}

static inline void connection_cleanup(virConnectPtr *connection)
{
	if (*connection)
		virConnectClose(*connection);
}

#define AUTO_DOMAIN CLEANUP(domain_cleanup) virDomainPtr
#define AUTO_CONNECTION CLEANUP(connection_cleanup) virConnectPtr
