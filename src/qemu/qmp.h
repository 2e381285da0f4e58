/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP, QEMU's monitor protocol (docs/interop/qmp-spec.rst): one command at a time over a channel. A channel is a
 * function, so that a manager that keeps QEMU's socket for itself can pass commands on.
 */
#pragma once

#include "base/error.h"
#include "base/json.h"

struct qmp {
	/*
	 * `arguments`: an object of the caller's, or NULL. `ret`: what the command returns, the caller's
	 * (json_object_put); may be NULL. -EREMOTEIO: QEMU refused, the text quotes it; -EOPNOTSUPP: it knows no such
	 * command; -ETIMEDOUT: no answer in time.
	 */
	int (*execute)(void *data, const char *command, struct json_object *arguments, struct json_object **ret,
		       struct error *error);
	void (*close)(void *data); /* may be NULL */
	void *data;
};

#define QMP_NONE ((struct qmp){ NULL })
#define AUTO_QMP CLEANUP(qmp_close) struct qmp

/*
 * The socket of a QEMU that listens there (server=on). It serves one client at a time: -EBUSY when it said nothing within
 * `timeout_ms`, which is also the time that each command has. Hold it only for as long as it is needed.
 */
int qmp_open(const char *path, unsigned int timeout_ms, struct qmp *ret, struct error *error) MUST_CHECK;
void qmp_close(struct qmp *qmp);

int qmp_execute(const struct qmp *qmp, const char *command, struct json_object *arguments, struct json_object **ret,
		struct error *error) MUST_CHECK;

/* What an answer of QEMU's, {"return": ...} or {"error": ...}, says of a command; for channels. */
int qmp_take_answer(struct json_object *answer, const char *command, struct json_object **ret, struct error *error)
	MUST_CHECK;

/* A property of an object, qom-get. -EREMOTEIO: there is none. */
int qmp_get(const struct qmp *qmp, const char *path, const char *property, struct json_object **ret,
	    struct error *error) MUST_CHECK;
