/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/libvirt-helper.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/child.h"

#define HELPER "nestpci-libvirt"

/* What base/child.h keeps of an output. */
#define REPLY_MAX ((size_t)16 * 1024 * 1024)

/* The folder that this program is in, or NULL. */
static const char *own_folder(struct arena *arena)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (length <= 0)
		return NULL;
	path[length] = '\0';
	char *slash = strrchr(path, '/');
	return slash ? arena_strndup(arena, path, (size_t)(slash - path)) : NULL;
}

static const char *find_helper(struct arena *arena)
{
	const char *folder = own_folder(arena);
	const char *const candidates[] = {
		folder ? arena_printf(arena, "%s/" HELPER, folder) : NULL,
		folder ? arena_printf(arena, "%s/../libexec/nestpci/" HELPER, folder) : NULL,
		NESTPCI_LIBEXECDIR "/" HELPER,
	};
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		if (candidates[i] && access(candidates[i], X_OK) == 0)
			return candidates[i];
	return child_find_program(arena, HELPER);
}

struct json_object *libvirt_request(const char *operation, const char *uri)
{
	struct json_object *request = json_object_new_object();
	json_add_text(request, "operation", operation);
	if (uri)
		json_add_text(request, "uri", uri);
	return request;
}

/* "result" of a reply; or the error that it gives. */
static int open_reply(struct slice text, const struct child_result *child, struct json_object **ret,
		      struct error *error)
{
	AUTO_JSON *reply = NULL;
	struct json_object *result;
	struct json_object *said;
	struct json_object *member;
	if (text.length >= REPLY_MAX)
		return error_set(error, -EFBIG, HELPER ": its reply is larger than %zu MiB", REPLY_MAX >> 20);
	if (text.length == 0)
		return error_set(error, -EIO, HELPER ": no reply; exit status %d%s%.*s", child->status,
				 child->errors.length ? ": " : "",
				 child->errors.length < 300 ? (int)child->errors.length : 300, child->errors.start);
	int r = json_read(text, &reply, error);
	if (r < 0)
		return error_prefix(error, r, HELPER ": its reply");
	if (json_object_object_get_ex(reply, "result", &result) && json_object_is_type(result, json_type_object)) {
		*ret = json_object_get(result);
		return 0;
	}
	if (!json_object_object_get_ex(reply, "error", &said) || !json_object_object_get_ex(said, "text", &member))
		return error_set(error, -EIO, HELPER ": its reply is neither a result nor an error");
	const char *why = json_object_get_string(member);
	int code = json_object_object_get_ex(said, "errno", &member) ? json_object_get_int(member) : 0;
	return error_set(error, code > 0 && code < 4096 ? -code : -EIO, "%s", why ? why : "no reason given");
}

int libvirt_ask(struct arena *arena, struct json_object *request, unsigned int timeout_ms, struct json_object **ret,
		struct error *error)
{
	struct child_result child;
	const char *helper = find_helper(arena);
	if (!helper)
		return error_set(
			error, -ENOPKG,
			"the program " HELPER " is missing, which speaks with libvirt: it is a part of nestpci, "
			"built where the packages libvirt-dev and libxml2-dev are installed, and belongs beside "
			"nestpci, into " NESTPCI_LIBEXECDIR ", or into PATH");
	struct child_request start = {
		.argv = (const char *const[]){ helper, NULL },
		.timeout_ms = timeout_ms,
		.input = json_object_to_json_string_ext(request,
							JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
	};
	int r = child_run(arena, &start, &child, error);
	if (r < 0)
		return r;
	if (child.timed_out)
		return error_set(error, -ETIMEDOUT, "libvirt: no answer within %u s", timeout_ms / 1000);
	return open_reply(child.output, &child, ret, error);
}
