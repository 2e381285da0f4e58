/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

/* query-pci of a large VM has some 100 KiB. */
#define ANSWER_MAX ((size_t)16 * 1024 * 1024)

struct client {
	const char *path;
	int fd;
	unsigned int timeout_ms;
	bool lost;          /* a command has no answer: one that comes late must not be taken for that of the next */
	struct arena arena; /* of `path`, and of what came in */
	struct buffer input;
};

/* ---- Answers ---- */

int qmp_take_answer(struct json_object *answer, const char *command, struct json_object **ret, struct error *error)
{
	struct json_object *value = NULL;
	struct json_object *member = NULL;
	if (json_object_object_get_ex(answer, "return", &value)) {
		if (ret)
			*ret = json_object_get(value);
		return 0;
	}
	if (!json_object_object_get_ex(answer, "error", &value) || !json_object_is_type(value, json_type_object))
		return error_set(error, -EBADMSG, "QEMU's answer to %s is neither a result nor an error", command);
	bool unknown = json_object_object_get_ex(value, "class", &member) &&
		       text_equals(json_object_get_string(member), "CommandNotFound");
	const char *text = json_object_object_get_ex(value, "desc", &member) ? json_object_get_string(member) : NULL;
	return error_set(error, unknown ? -EOPNOTSUPP : -EREMOTEIO, "QEMU refuses %s: %s", command,
			 text ? text : "without a reason");
}

/* ---- The socket ---- */

/* Waits for `events` until `end`. */
static int wait_for(const struct client *client, short events, uint64_t end)
{
	for (;;) {
		uint64_t now = clock_ms();
		struct pollfd one = { client->fd, events, 0 };
		if (now >= end)
			return -ETIMEDOUT;
		int r = poll(&one, 1, (int)(end - now));
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int send_text(const struct client *client, const char *text, uint64_t end)
{
	size_t length = strlen(text);
	while (length) {
		ssize_t sent = send(client->fd, text, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			int r = wait_for(client, POLLOUT, end);
			if (r < 0)
				return r;
			continue;
		}
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		text += sent;
		length -= (size_t)sent;
	}
	return 0;
}

static int receive(struct client *client, uint64_t end)
{
	char block[16384];
	int r = wait_for(client, POLLIN, end);
	if (r < 0)
		return r;
	ssize_t got = recv(client->fd, block, sizeof(block), 0);
	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (got == 0)
		return -ECONNRESET;
	if (client->input.length + (size_t)got > ANSWER_MAX)
		return -EMSGSIZE;
	buffer_add(&client->input, block, (size_t)got);
	return 0;
}

/* The first whole line that came in, as JSON. */
static int take_line(struct client *client, struct json_object **ret, struct error *error)
{
	struct buffer *input = &client->input;
	const char *newline = input->length ? memchr(input->text, '\n', input->length) : NULL;
	if (!newline)
		return -EAGAIN;
	size_t length = (size_t)(newline - input->text) + 1;
	int r = json_read((struct slice){ input->text, length }, ret, error);
	memmove(input->text, input->text + length, input->length - length);
	input->length -= length;
	return r < 0 ? error_prefix(error, -EBADMSG, "%s", client->path) : 0;
}

/* The next line that has one of these keys: events come in between. */
static int next_with(struct client *client, const char *key, const char *other, uint64_t end, struct json_object **ret,
		     struct error *error)
{
	for (;;) {
		struct json_object *line = NULL;
		int r = take_line(client, &line, error);
		if (r == 0 && json_object_is_type(line, json_type_object) &&
		    (json_object_object_get_ex(line, key, NULL) || json_object_object_get_ex(line, other, NULL))) {
			*ret = line;
			return 0;
		}
		json_object_put(line);
		if (r == 0)
			continue;
		if (r != -EAGAIN)
			return r;
		r = receive(client, end);
		if (r < 0)
			return error_set_errno(error, r, "%s", client->path);
	}
}

static int execute(void *data, const char *command, struct json_object *arguments, struct json_object **ret,
		   struct error *error)
{
	struct client *client = data;
	uint64_t end = clock_ms() + client->timeout_ms;
	AUTO_JSON *request = json_object_new_object();
	AUTO_JSON *answer = NULL;
	AUTO_ARENA scratch = { 0 };
	if (client->lost)
		return error_set(error, -ENOTCONN, "%s: %s: an earlier command was not answered in time", client->path,
				 command);
	json_add_text(request, "execute", command);
	if (arguments)
		json_object_object_add(request, "arguments", json_object_get(arguments));
	const char *text = arena_printf(&scratch, "%s\n",
					json_object_to_json_string_ext(request, JSON_C_TO_STRING_NOSLASHESCAPE));
	int r = send_text(client, text, end);
	client->lost = r < 0;
	if (r < 0)
		return error_set_errno(error, r, "%s: %s", client->path, command);
	r = next_with(client, "return", "error", end, &answer, error);
	client->lost = r < 0;
	if (r == -ETIMEDOUT)
		return error_set(error, r, "%s: QEMU did not answer %s within %u ms", client->path, command,
				 client->timeout_ms);
	return r < 0 ? error_prefix(error, r, "%s", command) : qmp_take_answer(answer, command, ret, error);
}

static void close_client(void *data)
{
	struct client *client = data;
	if (client->fd >= 0)
		close(client->fd);
	arena_release(&client->arena);
	free(client);
}

/* A connection that nobody accepts yet counts as made; one that finds the queue full does not (unix(7): EAGAIN). */
static int connect_to(const struct client *client, uint64_t end)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(client->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, client->path, strlen(client->path) + 1);
	while (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (clock_ms() >= end)
			return -EBUSY;
		poll(NULL, 0, 20);
	}
	return 0;
}

static int greet(struct client *client, uint64_t end, struct error *error)
{
	AUTO_JSON *greeting = NULL;
	int r = connect_to(client, end);
	if (r == -EBUSY)
		goto busy;
	if (r < 0)
		return error_set_errno(error, r, "%s", client->path);
	r = next_with(client, "QMP", "QMP", end, &greeting, error);
	if (r == -ETIMEDOUT)
		goto busy;
	return r < 0 ? r : execute(client, "qmp_capabilities", NULL, NULL, error);
busy:
	return error_set(error, -EBUSY,
			 "%s: QEMU did not greet within %u ms: another program is connected, it serves one at a time",
			 client->path, client->timeout_ms);
}

int qmp_open(const char *path, unsigned int timeout_ms, struct qmp *ret, struct error *error)
{
	struct client *client = calloc(1, sizeof(*client));
	if (!client)
		return error_set_errno(error, -ENOMEM, "%s", path);
	client->path = arena_strdup(&client->arena, path);
	client->input.arena = &client->arena;
	client->timeout_ms = timeout_ms;
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = client->fd < 0 ? error_set_errno(error, -errno, "%s", path) :
				 greet(client, clock_ms() + timeout_ms, error);
	if (r < 0) {
		close_client(client);
		return r;
	}
	*ret = (struct qmp){ execute, close_client, client };
	return 0;
}

void qmp_close(struct qmp *qmp)
{
	if (qmp->close)
		qmp->close(qmp->data);
	*qmp = QMP_NONE;
}

/* ---- Commands ---- */

int qmp_execute(const struct qmp *qmp, const char *command, struct json_object *arguments, struct json_object **ret,
		struct error *error)
{
	return qmp->execute(qmp->data, command, arguments, ret, error);
}

int qmp_get(const struct qmp *qmp, const char *path, const char *property, struct json_object **ret,
	    struct error *error)
{
	AUTO_JSON *arguments = json_object_new_object();
	json_add_text(arguments, "path", path);
	json_add_text(arguments, "property", property);
	int r = qmp_execute(qmp, "qom-get", arguments, ret, error);
	return r < 0 ? error_prefix(error, r, "%s of %s", property, path) : 0;
}
