/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domains as they run: started, ended, waited for by libvirt's events, and spoken to in QMP. */
#include <errno.h>

#include <libvirt/libvirt-qemu.h>

#include "libvirt/operation.h"

/* A daemon that does not answer for half a minute is gone; a connection that is local tells by itself. */
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_COUNT 3U

struct watch {
	virConnectPtr connection;
	int callback;
	int timer;
	bool stopped;
	bool timed_out;
	bool closed;
};

static void on_event(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *data)
{
	struct watch *watch = data;
	if (event == VIR_DOMAIN_EVENT_STOPPED)
		watch->stopped = true;
}

static void on_timer(int timer, void *data)
{
	struct watch *watch = data;
	watch->timed_out = true;
}

static void on_close(virConnectPtr connection, int reason, void *data)
{
	struct watch *watch = data;
	watch->closed = true;
}

/* From here on no event is missed. `seconds` 0: no limit. */
static int watch_begin(struct call *call, virDomainPtr domain, unsigned int seconds, struct watch *watch,
		       struct error *error)
{
	*watch = (struct watch){ .connection = call->connection, .timer = -1 };
	watch->callback = virConnectDomainEventRegisterAny(call->connection, domain, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
							   VIR_DOMAIN_EVENT_CALLBACK(on_event), watch, NULL);
	if (watch->callback < 0)
		return call_failed(error, "domain '%s': its events", virDomainGetName(domain));
	if (seconds)
		watch->timer = virEventAddTimeout(seconds < 2000000 ? (int)seconds * 1000 : -1, on_timer, watch, NULL);
	virConnectRegisterCloseCallback(call->connection, on_close, watch, NULL);
	/* Not every connection can: then a remote one that hangs is not noticed. */
	virConnectSetKeepAlive(call->connection, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT);
	return 0;
}

static void watch_end(struct watch *watch)
{
	if (watch->callback >= 0)
		virConnectDomainEventDeregisterAny(watch->connection, watch->callback);
	virConnectUnregisterCloseCallback(watch->connection, on_close);
	if (watch->timer >= 0)
		virEventRemoveTimeout(watch->timer);
}

static int watch_wait(struct watch *watch, virDomainPtr domain, const char *what, struct error *error)
{
	const char *name = virDomainGetName(domain);
	/* It may have ended before the watch began. */
	int active = virDomainIsActive(domain);
	if (active < 0)
		return call_failed(error, "domain '%s'", name);
	watch->stopped |= !active;
	while (!watch->stopped && !watch->timed_out && !watch->closed)
		if (virEventRunDefaultImpl() < 0)
			return call_failed(error, "wait for libvirt's events");
	if (watch->stopped)
		return 0;
	if (watch->timed_out)
		return error_set(error, -ETIMEDOUT, "domain '%s' %s", name, what);
	return error_set(error, -ECONNRESET, "libvirt's daemon ended while domain '%s' was waited for", name);
}

static unsigned int seconds_of(struct call *call)
{
	struct json_object *value;
	if (!json_object_object_get_ex(call->request, "seconds", &value))
		return 0;
	int64_t seconds = json_object_get_int64(value);
	return seconds <= 0 ? 0 : seconds > UINT32_MAX ? UINT32_MAX : (unsigned int)seconds;
}

/* `asks`: the guest is asked to end; `still`: what is said of a domain that runs after that time. */
static int await_end(struct call *call, bool asks, const char *still, struct error *error)
{
	AUTO_DOMAIN domain = NULL;
	struct watch watch;
	int r = call_domain(call, &domain, error);
	if (r == 0)
		r = watch_begin(call, domain, seconds_of(call), &watch, error);
	if (r < 0)
		return r;
	if (asks && virDomainIsActive(domain) > 0 && virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_DEFAULT) < 0 &&
	    virDomainIsActive(domain) != 0)
		r = call_failed(error, "domain '%s': shut it down", virDomainGetName(domain));
	if (r == 0)
		r = watch_wait(&watch, domain, still, error);
	watch_end(&watch);
	return r;
}

/* {"operation": "wait", "domain": UUID, "seconds": 0}: until it does not run any more. */
static int wait_for_stop(struct call *call, struct json_object *result, struct error *error)
{
	return await_end(call, false, "still runs", error);
}

/* {"operation": "shut-down", "domain": UUID, "seconds": 60}: asks the guest, and waits. */
static int shut_down(struct call *call, struct json_object *result, struct error *error)
{
	return await_end(call, true, "was asked to shut down, and still runs", error);
}

/* {"operation": "start", "domain": UUID} */
static int start(struct call *call, struct json_object *result, struct error *error)
{
	AUTO_DOMAIN domain = NULL;
	int r = call_domain(call, &domain, error);
	if (r < 0)
		return r;
	if (virDomainCreateWithFlags(domain, 0) < 0)
		return call_failed(error, "domain '%s': start it", virDomainGetName(domain));
	return 0;
}

/*
 * {"operation": "qmp", "domain": UUID, "command": {"execute": ...}}: libvirt keeps QEMU's monitor for itself, and passes
 * on what it is given. It notes that it did (the domain is "tainted").
 */
static int pass_on(struct call *call, struct json_object *result, struct error *error)
{
	AUTO_DOMAIN domain = NULL;
	AUTO_FREE char *reply = NULL;
	struct json_object *command;
	struct json_object *answer;
	if (!json_object_object_get_ex(call->request, "command", &command) ||
	    !json_object_is_type(command, json_type_object))
		return error_set(error, -EINVAL, "the request lacks the object 'command'");
	int r = call_domain(call, &domain, error);
	if (r < 0)
		return r;
	const char *text = json_object_to_json_string_ext(command, JSON_C_TO_STRING_PLAIN);
	int active = virDomainIsActive(domain);
	if (active == 0)
		return error_set(error, -ESRCH, "domain '%s' does not run", virDomainGetName(domain));
	if (active < 0 || virDomainQemuMonitorCommand(domain, text, &reply, 0) < 0)
		return call_failed(error, "domain '%s': ask QEMU", virDomainGetName(domain));
	r = json_read(slice_of(reply), &answer, error);
	if (r < 0)
		return error_prefix(error, r, "domain '%s': QEMU's answer", virDomainGetName(domain));
	json_object_object_add(result, "answer", answer);
	return 0;
}

static const struct operation operations[] = {
	{ "wait", ACCESS_READ, wait_for_stop },
	{ "shut-down", ACCESS_WRITE, shut_down },
	{ "start", ACCESS_WRITE, start },
	{ "qmp", ACCESS_WRITE, pass_on },
};

const struct family family_running = { operations, ARRAY_SIZE(operations) };
