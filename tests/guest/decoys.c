// SPDX-License-Identifier: GPL-2.0
/*
 * Notices a module that forges what the tests say (vm -D, of a test program with -a). It
 * runs in the ring of the guest's kernel, so nothing in the guest is safe from it, and
 * what decides a test comes from here, after the module is loaded.
 *
 *	# ask		of the guest: the test has loaded the module. We answer with two
 *			words. The assertions of the test have one of them mixed into what
 *			they expect, the other into what they see.
 *	# saw WORD	the first of them, as the test has seen it last: some tests see it
 *			only through the region. A test that passes has to say it.
 *
 * After each result the guest waits for "next", or for "more": run this test again. In
 * one run of N (-D N) the words differ. In that run, a decoy, no test can pass, and of
 * what it says the report gets only that it begins. That a test was a decoy shows when it
 * runs again, which is too late for a forger: watch() ends the guest at once. A test of
 * the group module leaves the module as it is for the next one, so it cannot run again.
 */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "runner.h"

/* A run of a test. */
static struct {
	char name[sizeof(((struct tap *)0)->running)];
	uint64_t words[2], seen;
	bool decoy;
} run;

static bool is_drawn(uint64_t random, const char *name)
{
	return options.decoys && random % options.decoys == 0 && !is_of_group(name, "module");
}

static void begin(const char *name, bool again)
{
	uint64_t random[3];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		no_guest("no random numbers: %s", strerror(errno));
	snprintf(run.name, sizeof(run.name), "%s", name);
	run.decoy = !again && is_drawn(random[2], name);
	run.words[0] = random[0] | 1;	/* 0 stands for none */
	run.words[1] = run.decoy ? random[1] & ~1UL : run.words[0];
	run.seen = 0;
}

/* A guest that does not read it gets no more. */
static void answer(const char *line)
{
	if (write(guest.input, line, strlen(line)) < 0)
		return;
}

static void note_forgery(const char *what)
{
	if (!guest.forgery[0])
		snprintf(guest.forgery, sizeof(guest.forgery), "%s %s", run.name, what);
}

/* Returns true if it is not for the report. */
static bool take_result(const char *line)
{
	bool passed = *line == 'o' && !strstr(line, " # SKIP");

	if (passed && run.decoy)
		note_forgery("passes, though what it expects is wrong");
	else if (passed && run.seen != run.words[0])
		note_forgery("passes, and has not seen what the host has sent");
	/* What hangs a decoy would hang the test again. */
	if (run.decoy && !strstr(line, " # TIMEOUT")) {
		answer("more\n");
		return true;
	}
	run.decoy = false;
	answer("next\n");
	return false;
}

bool take_decoy_line(const char *line)
{
	char words[40];

	if (!options.judges)
		return false;
	if (!strncmp(line, "# begin ", 8)) {
		bool again = run.decoy;

		begin(line + 8, again);
		return again;
	}
	if (!strncmp(line, "ok ", 3) || !strncmp(line, "not ok ", 7))
		return take_result(line);
	if (!strcmp(line, "# ask")) {
		snprintf(words, sizeof(words), "%lx %lx\n", run.words[0], run.words[1]);
		answer(words);
		return true;
	}
	if (sscanf(line, "# saw %lx", &run.seen) == 1)
		return true;
	return run.decoy && *line == '#';
}
