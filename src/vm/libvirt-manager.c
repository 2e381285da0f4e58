/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt as a manager, by its helper. A VM's one setting is "xml", the definition that the next start uses.
 */
#include <errno.h>
#include <poll.h>

#include "base/child.h"
#include "vm/libvirt-helper.h"
#include "vm/libvirt-manager.h"
#include "vm/manager.h"

#define KEY "xml"
/* A start can take long: memory to pin, a device's reset. */
#define START_TIMEOUT_S (30U * 60)
/* A daemon that ended, for an update, say, is back soon or not at all. */
#define RECONNECTS 60
#define RECONNECT_MS 1000

const char *libvirt_handle(struct arena *arena, const char *uri, const char *name, const char *uuid)
{
	return arena_printf(arena, "%s %s %s", uri, name ? name : "", uuid);
}

int libvirt_request_about(const struct root *root, struct arena *arena, const char *operation, const char *vm,
			  struct json_object **ret, struct error *error)
{
	const char *uuid = strrchr(vm, ' ');
	if (root->kind != ROOT_LIVE)
		return error_set(error, -EROFS, "%s is not the running system: its libvirt cannot be asked",
				 root->name);
	if (!uuid)
		return error_set(error, -EINVAL, "'%.80s' is not the URI and the UUID of a domain", vm);
	*ret = libvirt_request(operation, arena_strndup(arena, vm, strcspn(vm, " ")));
	json_add_text(*ret, "domain", uuid + 1);
	return 0;
}

/* `result` may be NULL. */
static int ask(const struct root *root, struct arena *arena, const char *operation, const char *vm,
	       unsigned int timeout_ms, struct json_object **result, struct error *error)
{
	AUTO_JSON *request = NULL;
	AUTO_JSON *unwanted = NULL;
	int r = libvirt_request_about(root, arena, operation, vm, &request, error);
	return r < 0 ? r : libvirt_ask(arena, request, timeout_ms, result ? result : &unwanted, error);
}

static int take_text(struct arena *arena, struct json_object *result, const char *key, const char **ret,
		     struct error *error)
{
	struct json_object *member;
	if (!json_object_object_get_ex(result, key, &member) || !json_object_is_type(member, json_type_string))
		return error_set(error, -EIO, "nestpci-libvirt: its reply lacks '%s'", key);
	*ret = arena_strdup(arena, json_object_get_string(member));
	return 0;
}

/* ---- The definition ---- */

static int check_key(const char *key, struct error *error)
{
	return strcmp(key, KEY) == 0 ? 0 : error_set(error, -EINVAL, "a domain has no setting '%s'", key);
}

static int read_setting(const struct root *root, struct arena *arena, const char *vm, const char *key, const char **ret,
			struct error *error)
{
	AUTO_JSON *request = NULL;
	AUTO_JSON *result = NULL;
	int r = check_key(key, error);
	if (r == 0)
		r = libvirt_request_about(root, arena, "secure-xml", vm, &request, error);
	if (r < 0)
		return r;
	json_add_bool(request, "secure", true);
	r = libvirt_ask(arena, request, LIBVIRT_TIMEOUT_MS, &result, error);
	return r < 0 ? r : take_text(arena, result, "xml", ret, error);
}

static int write_setting(const struct root *root, struct arena *arena, const char *vm, const char *key,
			 const char *before, const char *after, struct error *error)
{
	AUTO_JSON *request = NULL;
	AUTO_JSON *result = NULL;
	int r = check_key(key, error);
	if (r == 0 && (!before || !after))
		r = error_set(error, -EINVAL, "a domain is neither made nor taken away");
	if (r == 0)
		r = libvirt_request_about(root, arena, "store", vm, &request, error);
	if (r < 0)
		return r;
	json_add_text(request, "before", before);
	json_add_text(request, "after", after);
	return libvirt_ask(arena, request, LIBVIRT_TIMEOUT_MS, &result, error);
}

/* libvirt completes what it is given, and puts it in its own order. */
static bool is_same(struct arena *arena, const char *key, const char *wanted, const char *now)
{
	AUTO_JSON *request = libvirt_request("compare", NULL);
	AUTO_JSON *result = NULL;
	struct json_object *difference;
	json_add_text(request, "wanted", wanted);
	json_add_text(request, "now", now);
	return libvirt_ask(arena, request, LIBVIRT_TIMEOUT_MS, &result, NULL) == 0 &&
	       json_object_object_get_ex(result, "difference", &difference) && !difference;
}

/* Of <graphics>, the one secret that stands in a definition itself. */
static const char *veil(struct arena *arena, const char *key, const char *value)
{
	static const char *const secrets[] = { " passwd='", " passwd=\"" };
	struct buffer text = { .arena = arena };
	while (*value) {
		buffer_putc(&text, *value);
		for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
			if (text_starts_with(value, secrets[i])) {
				const char *quote = &secrets[i][strlen(secrets[i]) - 1];
				const char *start = value + strlen(secrets[i]);
				buffer_printf(&text, "%s(not shown)", secrets[i] + 1);
				value = start + strcspn(start, quote) - 1;
			}
		value++;
	}
	return text.text ? text.text : "";
}

/* ---- Running ---- */

static int is_running(const struct root *root, struct arena *arena, const char *vm, int *ret_pid, struct error *error)
{
	AUTO_JSON *result = NULL;
	struct json_object *active;
	int r = ask(root, arena, KEY, vm, LIBVIRT_TIMEOUT_MS, &result, error);
	if (r < 0)
		return r;
	/* libvirt tells nobody. */
	*ret_pid = 0;
	return json_object_object_get_ex(result, "active", &active) && json_object_get_boolean(active);
}

static int start(const struct root *root, struct arena *arena, const char *vm, struct error *error)
{
	return ask(root, arena, "start", vm, START_TIMEOUT_S * 1000, NULL, error);
}

/* `operation`: "shut-down" or "wait", until the domain does not run any more. */
static int ask_for_end(const struct root *root, struct arena *arena, const char *operation, const char *vm,
		       unsigned int timeout_s, struct error *error)
{
	AUTO_JSON *request = NULL;
	AUTO_JSON *result = NULL;
	int r = libvirt_request_about(root, arena, operation, vm, &request, error);
	if (r < 0)
		return r;
	json_add_number(request, "seconds", timeout_s);
	return libvirt_ask(arena, request, timeout_s ? timeout_s * 1000 + LIBVIRT_TIMEOUT_MS : 0, &result, error);
}

static int shut_down(const struct root *root, struct arena *arena, const char *vm, unsigned int timeout_s,
		     struct error *error)
{
	return ask_for_end(root, arena, "shut-down", vm, timeout_s, error);
}

/* By libvirt's events; VMs go on while its daemon is away. */
static int wait_for_stop(const struct root *root, struct arena *arena, const char *vm, unsigned int timeout_s,
			 struct error *error)
{
	int r = ask_for_end(root, arena, "wait", vm, timeout_s, error);
	for (unsigned int i = 0; i < RECONNECTS && (r == -ECONNRESET || r == -ECONNREFUSED); i++) {
		poll(NULL, 0, RECONNECT_MS);
		r = ask_for_end(root, arena, "wait", vm, timeout_s, error);
		if (r == -ECONNRESET)
			i = 0;
	}
	return r;
}

/* ---- QMP ---- */

struct channel {
	const struct root *root;
	struct arena *arena;
	const char *vm;
};

static int execute(void *data, const char *command, struct json_object *arguments, struct json_object **ret,
		   struct error *error)
{
	const struct channel *channel = data;
	AUTO_JSON *request = NULL;
	AUTO_JSON *result = NULL;
	struct json_object *answer;
	struct json_object *words = json_object_new_object();
	json_add_text(words, "execute", command);
	if (arguments)
		json_object_object_add(words, "arguments", json_object_get(arguments));
	int r = libvirt_request_about(channel->root, channel->arena, "qmp", channel->vm, &request, error);
	if (r < 0) {
		json_object_put(words);
		return r;
	}
	json_object_object_add(request, "command", words);
	r = libvirt_ask(channel->arena, request, LIBVIRT_TIMEOUT_MS, &result, error);
	if (r < 0)
		return r;
	if (!json_object_object_get_ex(result, "answer", &answer))
		return error_set(error, -EIO, "nestpci-libvirt: its reply lacks 'answer'");
	return qmp_take_answer(answer, command, ret, error);
}

static int open_qmp(const struct root *root, struct arena *arena, const char *vm, struct qmp *ret, struct error *error)
{
	int pid;
	int running = is_running(root, arena, vm, &pid, error);
	if (running < 0)
		return running;
	if (!running)
		return error_set(error, -ESRCH, "domain %s does not run", vm);
	struct channel *channel = arena_alloc(arena, sizeof(*channel));
	*channel = (struct channel){ root, arena, vm };
	*ret = (struct qmp){ .execute = execute, .data = channel };
	return 0;
}

const struct manager libvirt_manager = {
	.kind = VM_LIBVIRT,
	.id = "libvirt",
	.name = "libvirt",
	.read_setting = read_setting,
	.write_setting = write_setting,
	.is_same = is_same,
	.veil = veil,
	.is_running = is_running,
	.start = start,
	.shut_down = shut_down,
	.wait = wait_for_stop,
	.open_qmp = open_qmp,
};
