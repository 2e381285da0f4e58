/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "qemu/qmp.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define DONE "{\"return\": {}}\r\n"

/* A QEMU that says these lines: one at once, then one for each command that comes in; NULL: it falls silent. */
static pid_t serve(void *const *state, const char *const *lines, const char **ret_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = in_folder(state, "qmp");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		fail_msg("cannot listen");
	*ret_path = path;
	pid_t pid = fork();
	if (pid == 0) {
		char block[4096];
		int client = accept(fd, NULL, NULL);
		for (size_t i = 0; lines[i]; i++) {
			if (i && recv(client, block, sizeof(block), 0) <= 0)
				break;
			(void)!send(client, lines[i], strlen(lines[i]), MSG_NOSIGNAL);
		}
		pause();
		_exit(0);
	}
	close(fd);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void an_answer_is_found_between_events(void **state)
{
	static const char *const lines[] = {
		GREETING,
		"{\"event\": \"RESUME\", \"timestamp\": {}}\r\n" DONE,
		"{\"event\": \"STOP\"}\r\n{\"return\": {\"status\": \"running\", \"running\": true}}\r\n",
		"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command x has not been found\"}}\r\n",
		"{\"error\": {\"class\": \"GenericError\", \"desc\": \"Property 'a' not found\"}}\r\n",
		"[1]\r\n{}\r\nnonsense\r\n",
		NULL,
	};
	const char *path;
	struct error error;
	AUTO_QMP qmp = QMP_NONE;
	AUTO_JSON *status = NULL;
	struct json_object *value;
	pid_t pid = serve(state, lines, &path);
	assert_int(qmp_open(path, 5000, &qmp, &error), 0);
	assert_int(qmp_execute(&qmp, "query-status", NULL, &status, &error), 0);
	assert_true(json_object_object_get_ex(status, "status", &value));
	assert_string_equal(json_object_get_string(value), "running");
	assert_int(qmp_execute(&qmp, "x", NULL, NULL, &error), -EOPNOTSUPP);
	assert_int(qmp_get(&qmp, "/machine", "a", &value, &error), -EREMOTEIO);
	assert_contains(error.text, "Property 'a' not found");
	assert_int(qmp_execute(&qmp, "y", NULL, NULL, &error), -EBADMSG);
	end(pid);
}

static void silence_has_an_end(void **state)
{
	static const char *const lines[] = { GREETING, DONE, NULL };
	const char *path;
	struct error error;
	AUTO_QMP qmp = QMP_NONE;
	pid_t pid = serve(state, lines, &path);
	assert_int(qmp_open(path, 300, &qmp, &error), 0);
	assert_int(qmp_execute(&qmp, "query-status", NULL, NULL, &error), -ETIMEDOUT);
	assert_contains(error.text, "query-status within 300 ms");
	end(pid);
}

/* What a slow QEMU says late belongs to the command before. */
static void a_late_answer_is_not_the_next_ones(void **state)
{
	static const char *const lines[] = { GREETING, DONE, "", "{\"return\": true}\r\n{\"return\": false}\r\n",
					     NULL };
	const char *path;
	struct error error;
	struct json_object *value = NULL;
	AUTO_QMP qmp = QMP_NONE;
	pid_t pid = serve(state, lines, &path);
	assert_int(qmp_open(path, 300, &qmp, &error), 0);
	assert_int(qmp_get(&qmp, "/machine", "caching-mode", &value, &error), -ETIMEDOUT);
	assert_int(qmp_get(&qmp, "/machine", "intremap", &value, &error), -ENOTCONN);
	assert_contains(error.text, "not answered in time");
	assert_null(value);
	end(pid);
}

/* As QEMU does while it serves another client: the connection is made, and nothing comes. */
static void a_busy_socket_is_told_apart(void **state)
{
	static const char *const lines[] = { NULL };
	const char *path;
	struct error error;
	AUTO_QMP qmp = QMP_NONE;
	pid_t pid = serve(state, lines, &path);
	assert_int(qmp_open(path, 200, &qmp, &error), -EBUSY);
	assert_contains(error.text, "another program is connected");
	end(pid);
	assert_int(qmp_open(path, 200, &qmp, &error), -ECONNREFUSED);
	assert_int(qmp_open("/nowhere/qmp", 200, &qmp, &error), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(an_answer_is_found_between_events),
		test_in_folder(silence_has_an_end),
		test_in_folder(a_late_answer_is_not_the_next_ones),
		test_in_folder(a_busy_socket_is_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
