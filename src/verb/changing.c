/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/changing.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>

#include "base/child.h"
#include "base/say.h"

/* Whoever holds the lock may be making every initramfs anew. */
#define WAIT_MS (60u * 60 * 1000)

void changing_print(FILE *stream, const char *text)
{
	bool steered = isatty(fileno(stream));
	for (; *text; text++)
		fputc(steered && iscntrl((unsigned char)*text) && *text != '\n' && *text != '\t' ? '?' : *text, stream);
}

void changing_show(FILE *stream, struct arena *arena, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->items[i];
		changing_print(stream, arena_printf(arena, "# %zu. %s%s%s%s\n", i + 1, change->why,
						    change->check ? " (for " : "", change->check ? change->check : "",
						    change->check ? ")" : ""));
		changing_print(stream, change_text(arena, change));
	}
	if (plan_restart(plan) == RESTART_HOST)
		fputs("# Then reboot: this comes into force with the next boot.\n", stream);
	else if (plan_restart(plan) == RESTART_VM)
		fputs("# Then stop the VM and start it: a reboot inside does not do.\n", stream);
}

void changing_say_restart(const struct plan *plan)
{
	if (plan_restart(plan) == RESTART_HOST)
		say("reboot this host: what was changed comes into force with the next boot");
	else if (plan_restart(plan) == RESTART_VM)
		say("stop the VM and start it: what was changed comes into force then");
}

int changing_lock(const struct root *root, struct arena *arena, struct error *error)
{
	int fd = journal_lock(root, arena, 0, error);
	if (fd != -EBUSY)
		return fd;
	say("waiting: %s", error->text);
	return journal_lock(root, arena, WAIT_MS, error);
}

bool changing_can_ask(void)
{
	return isatty(STDIN_FILENO);
}

bool changing_ask(const char *question)
{
	char answer[64];
	fprintf(stderr, "%s? [y/N] ", question);
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static void interrupt(int number)
{
	(void)number;
	child_interrupted = 1;
}

void changing_catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = interrupt };
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
	/* A reader that has seen enough ("| head") must not end us with something still to be taken back. */
	signal(SIGPIPE, SIG_IGN);
}

static void say_step(void *data, const char *text)
{
	(void)data;
	say("%s", text);
}

const struct change_watch changing_watch = { say_step, NULL };

int changing_end(const char *what, enum change_end end, const char *difference, const struct error *error)
{
	if (end == CHANGE_DONE)
		return VERB_DONE;
	say("%s: %s", what, error->text);
	if (difference)
		changing_print(stderr, difference);
	if (end == CHANGE_NOTHING) {
		say("%s: nothing was changed", what);
		return VERB_FAILED;
	}
	say("%s: done in part, as 'nestpci log' shows: 'nestpci apply --continue' tries again, 'nestpci undo' takes it back",
	    what);
	say(difference ? "%s: or, with that edit left as it is: 'nestpci undo --keep-edited'" :
			 "%s: or, if a program goes on failing: 'nestpci undo --skip-failed' does without it",
	    what);
	return VERB_PARTLY;
}

static int ask_and_lock(const char *what, struct arena *arena, const struct root *root, int *lock)
{
	struct error error;
	close(TAKE_FD(*lock));
	if (!changing_ask("Apply this"))
		return VERB_NO;
	*lock = changing_lock(root, arena, &error);
	if (*lock >= 0)
		return VERB_DONE;
	say("%s: %s", what, error.text);
	return VERB_FAILED;
}

int changing_apply(const char *what, struct arena *arena, const struct plan *plan, bool yes, int *lock,
		   struct journal_entry *ret_entry)
{
	struct error error;
	const char *difference = NULL;
	enum change_end end = CHANGE_NOTHING;
	fflush(stdout);
	int status = yes ? VERB_DONE : ask_and_lock(what, arena, plan->root, lock);
	if (status != VERB_DONE)
		return status;
	/* The plan was shown; others may have come in between. */
	int r = change_check_ground(arena, plan, &difference, &error);
	if (r == 0) {
		changing_catch_signals();
		r = change_apply_entry(arena, plan, &changing_watch, ret_entry, &end, &error);
	}
	return changing_end(what, r == 0 ? CHANGE_DONE : end, difference, &error);
}

int changing_finish_earlier(const struct root *root, struct arena *arena, bool yes, int *ret_status)
{
	struct journal_entry entry;
	struct error error;
	enum change_end end = CHANGE_NOTHING;
	const char *difference = NULL;
	bool found;
	int r = journal_find_unfinished(root, arena, &entry, &found, &error);
	if (r == 0 && !found)
		return 0;
	if (r == 0) {
		bool once = entry.plan.once && entry.state != JOURNAL_UNDOING;
		const char *way = entry.state == JOURNAL_UNDOING ? "was cut off while it was taken back" :
				  once ? "was for one start of a VM, and is to be taken back" :
					 "was cut off while it was applied";
		say("entry %llu of the journal %s:", (unsigned long long)entry.number, way);
		changing_show(stderr, arena, &entry.plan);
		if (!yes && !changing_ask("Go on with it"))
			return *ret_status = VERB_NO, -ECANCELED;
		changing_catch_signals();
		r = change_resume(arena, &entry, &changing_watch, &difference, &end, &error);
	}
	*ret_status = changing_end("go on", r == 0 ? CHANGE_DONE : end, difference, &error);
	return r;
}
