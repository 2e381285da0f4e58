/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request in, one reply out. */
#include <errno.h>
#include <string.h>

#include <libvirt/virterror.h>

#include "libvirt/operation.h"
#include "version.h"

/* A definition twice (old and new), and what goes with it: more than libvirt passes on in one text (4 MiB). */
#define REQUEST_MAX ((size_t)32 * 1024 * 1024)

/* libvirt would print what it says; here it is part of the reply. */
static void say_nothing(void *data, virErrorPtr said)
{
}

static int read_request(struct arena *arena, struct json_object **ret, struct error *error)
{
	char block[65536];
	struct buffer text = { .arena = arena };
	size_t got;
	buffer_puts(&text, "");
	while ((got = fread(block, 1, sizeof(block), stdin)) > 0) {
		if (text.length + got > REQUEST_MAX)
			return error_set(error, -EFBIG, "the request is larger than %zu MiB", REQUEST_MAX >> 20);
		buffer_add(&text, block, got);
	}
	AUTO_JSON *request = NULL;
	int r = json_read((struct slice){ text.text, text.length }, &request, error);
	if (r < 0)
		return error_prefix(error, r, "the request");
	if (!json_object_is_type(request, json_type_object))
		return error_set(error, -EINVAL, "the request is no object");
	*ret = json_object_get(request);
	return 0;
}

/* Without a URI, libvirt's own choice: LIBVIRT_DEFAULT_URI, its configuration, or what it finds. */
static int connect_to(struct call *call, enum access access, struct error *error)
{
	const char *uri = call_text(call, "uri");
	const char *name = uri ? uri : "its default connection";
	/* Asking for a session starts a daemon for it; who only looks may not want that. */
	if (call_flag(call, "no_start"))
		setenv("LIBVIRT_AUTOSTART", "0", 1);
	call->connection = access == ACCESS_READ ? virConnectOpenReadOnly(uri) : virConnectOpen(uri);
	if (!call->connection)
		return call_failed(error, "libvirt, %s", name);
	const char *type = virConnectGetType(call->connection);
	if (!text_equals(type, "QEMU"))
		return error_set(error, -ENOTSUP, "libvirt, %s: its VMs are of %s, not of QEMU", name,
				 type ? type : "something unknown");
	return 0;
}

static int run(struct arena *arena, struct json_object *result, struct error *error)
{
	AUTO_JSON *request = NULL;
	const char *name;
	int r = read_request(arena, &request, error);
	struct call call = { .request = request, .arena = arena };
	if (r == 0)
		r = call_need_text(&call, "operation", &name, error);
	if (r < 0)
		return r;
	const struct operation *operation = operation_find(name);
	if (!operation)
		return error_set(error, -ENOTSUP, "nestpci-libvirt " NESTPCI_VERSION " has no operation '%s'", name);
	if (operation->access != ACCESS_NONE)
		r = connect_to(&call, operation->access, error);
	AUTO_CONNECTION connection = call.connection;
	return r < 0 ? r : operation->run(&call, result, error);
}

static void print_help(void)
{
	puts("Usage: nestpci-libvirt < REQUEST\n"
	     "\n"
	     "Part of nestpci, which starts it to speak with libvirt. Reads one request, a JSON\n"
	     "object, and writes one reply; docs/libvirt-helper.md describes both. To try it:\n"
	     "\n"
	     "  echo '{\"operation\": \"list\"}' | nestpci-libvirt");
}

int main(int argc, char **argv)
{
	AUTO_ARENA arena = { 0 };
	struct error error;
	if (argc > 1) {
		if (strcmp(argv[1], "--version") == 0)
			puts("nestpci-libvirt " NESTPCI_VERSION);
		else
			print_help();
		return strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "--help") == 0 ? 0 : 2;
	}
	virSetErrorFunc(NULL, say_nothing);
	AUTO_JSON *reply = json_object_new_object();
	struct json_object *result = json_object_new_object();
	/* Before any connection is made: those that wait for events need it. */
	int r = virInitialize() < 0 || virEventRegisterDefaultImpl() < 0 ? call_failed(&error, "libvirt") :
									   run(&arena, result, &error);
	if (r < 0) {
		struct json_object *said = json_object_new_object();
		json_add_text(said, "text", error.text);
		json_add_number(said, "errno", -r);
		json_object_object_add(reply, "error", said);
		json_object_put(result);
	} else {
		json_object_object_add(reply, "result", result);
	}
	puts(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	return fflush(stdout) == 0 ? (r < 0) : 3;
}
