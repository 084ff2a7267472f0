// SPDX-License-Identifier: GPL-2.0
/*
 * The tests of a submission, in as many guests as it takes.
 *
 * A test that does not pass costs no other: if it ends its guest, or leaves the module
 * loaded, other guests run the rest; else the next group begins in a new guest. So
 * before a test only tests of its own group, and tests that passed, have been in its
 * guest. If the module cannot be unloaded, each test has a guest of its own, which ends
 * after it: what needs no unload still counts. A penalty bounds what that takes: a module
 * with which every test crashes must not keep others waiting.
 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grade.h"
#include "child.h"
#include "guest/where.h"

/*
 * A crash costs a guest, and counts as one. A hang costs its time limit as well, and
 * counts as ten; the third and later ones, for which the harness has shorter limits,
 * count as five. The limits of a guest are for hangs that neither harness nor kernel
 * notices. The hangs that they notice come on top, and a slow host gets more of
 * everything.
 */
enum {
	MAX_PENALTY = 40,
	HANG_PENALTY = 10,
	LATER_PENALTY = 5,
	FULL_HANGS = 2,
	GUEST_SECONDS = 150,	/* or so many times the control */
	GUEST_CONTROLS = 6,
	HANG_SECONDS = 25,
	MAX_SECONDS = 300,	/* after that no other guest starts */
	MAX_CONTROLS = 20,
	MAX_RETRIES = 3,	/* guests that end through no fault of a test */
	RUNS_PER_DECOY = 4,	/* none where a test cannot run again: the module stays */
};

static struct guest_run run;	/* the last one */
static int ends_of[MAX_GUEST_TESTS];	/* guests that a group ended, at its first test */
static bool stays;		/* it cannot be unloaded, or not after every test */
static int retries;		/* guests that ended through no fault of a test */
static bool retried[MAX_GUEST_TESTS];	/* the tests that ran when these ended */

/* A limit in seconds, or in multiples of what the control took, if that is more. */
static int limit(int seconds, int controls)
{
	int scaled = controls * get_number("-s ", options.control_seconds, 0, 86400);

	return scaled > seconds ? scaled : seconds;
}

static void forget_from(struct result *first)
{
	while (first < tests + test_count)
		forget(first++);
}

static int count_of_result(enum test_result result)
{
	int count = 0;

	for (int i = 0; i < test_count; i++)
		count += tests[i].result == result;
	return count;
}

/* What so many hangs count. */
static int penalty_of(int hangs)
{
	return hangs > FULL_HANGS ?
	       FULL_HANGS * HANG_PENALTY + (hangs - FULL_HANGS) * LATER_PENALTY :
	       hangs * HANG_PENALTY;
}

static int penalty(void)
{
	return count_of_result(CRASHED) + penalty_of(count_of_result(HUNG));
}

/* How many guests the group of this test has ended. */
static int *ends_by(const struct result *test)
{
	int i = 0;

	while (!is_of_group(tests[i].name, test->name))
		i++;
	return &ends_of[i];
}

/*
 * Those without a result, of the groups that have ended the fewest guests: no group is
 * to keep the others from theirs. If the module stays, one. Returns false if all have
 * results.
 */
static bool choose_tests(void)
{
	int fewest = INT_MAX;

	if (run.last && (run.ended || run.stuck))
		++*ends_by(run.last);
	for (int i = 0; i < test_count; i++)
		if (tests[i].result == NOT_RUN && *ends_by(&tests[i]) < fewest)
			fewest = *ends_by(&tests[i]);
	run.count = 0;
	for (int i = 0; i < test_count; i++)
		if (tests[i].result == NOT_RUN && *ends_by(&tests[i]) == fewest &&
		    !(stays && run.count))
			run.tests[run.count++] = &tests[i];
	return run.count;
}

/* How many more hangs there may be. */
static int hangs_left(void)
{
	int hung = count_of_result(HUNG), more = 0;

	while (count_of_result(CRASHED) + penalty_of(hung + more) < MAX_PENALTY)
		more++;
	return more;
}

char *in_guest(const char *program)
{
	if (strncmp(program, "build/", 6))
		return text_of("%s", program);
	return text_of("%s/%s", options.built, program + 6);
}

/* Returns the runner's exit status. */
static int run_guest(void)
{
	char *module = check(strdup(report_path("shmcount.ko")));
	int left = MAX_PENALTY - penalty(), hung = count_of_result(HUNG);
	int seconds = (left + HANG_PENALTY - 1) / HANG_PENALTY * HANG_SECONDS;
	char *args[] = {
		RUNNER,
		"-1", "-D", text_of("%d", stays ? 0 : RUNS_PER_DECOY), "-T", "build/templates",
		"-k", text_of("build/kernel/%s", options.kernel),
		"-i", in_guest("build/guest/init"),
		"-m", module,
		"-f", in_guest(options.graded),
		"-f", text_of("build/modules/%s/force_return.ko", options.kernel),
		"-f", text_of("build/modules/%s/own_pages.ko", options.kernel),
		"-f", text_of("build/modules/%s/mapped_page.ko", options.kernel),
		"tap", "graded", "-a", "-g", "-e", text_of("%d", hangs_left()), "-q",
		text_of("%d", hung < FULL_HANGS ? FULL_HANGS - hung : 0),
		stays ? "-n" : NULL, NULL
	};
	int status;

	run.number = ++submission.guests;
	run.files = text_of("%s/guest-%d", submission.directory, run.number);
	progress("testing it in guest %d, %d tests to go", run.number, run.count);
	start_guest(&run, limit(GUEST_SECONDS, GUEST_CONTROLS) + seconds, args);
	await_child(&status);
	read_guest(&run);
	locate(&run, module, &(struct addr2line) { addr2line_in_jail });
	look_at_guest(&run);
	return status;
}

static char *shown_message(void)
{
	return cleaned(run.record.message, strlen(run.record.message));
}

static bool say_forged(void)
{
	forget_from(tests);
	return reject(FORGED, "%s", shown_message());
}

/*
 * The guest ended early through no fault of a test, so run another, but not for ever.
 * If the same test was running when an earlier guest ended so, blame the test.
 */
static bool try_again(void)
{
	bool running = run.last && run.last->result == NOT_RUN;

	if (running && retried[run.last - tests]) {
		retries--;
		charge(&run, CRASHED, run.record.reason);
		return true;
	}
	if (running)
		retried[run.last - tests] = true;
	if (++retries < MAX_RETRIES)
		return true;
	return reject(NOT_GRADED, "%s", run.record.message[0] ? shown_message() :
		      "the runner gives no reason");
}

/* How a guest has ended; returns false if no further guest shall run. */
static bool take_end(int status)
{
	const struct vm_record *record = &run.record;

	switch (record->verdict) {
	case VM_PASSED:
	case VM_FAILED:
		for (int i = 0; i < run.count; i++)
			if (run.tests[i]->result == NOT_RUN)
				return try_again();
		return true;
	case VM_FORGED:
	case VM_MALFORMED:
	case VM_CONTRADICTORY:
		return say_forged();
	case VM_BAILED:
		/* The other tests are for another guest. */
		return !is_early_end(&run) || say_forged();
	case VM_NO_VERDICT:
		if (status == 128 + SIGXFSZ && run.last) {
			charge(&run, CRASHED, "it writes without end");
			return true;
		}
		break;
	case VM_UNREAD:
	case VM_INTERRUPTED:
		break;
	default:
		return run.ended || try_again();
	}
	if (status == STATUS_INFRASTRUCTURE || status == 128 + SIGXFSZ)
		return try_again();
	submission.verdict = NOT_GRADED;	/* keep the file that we name */
	die(STATUS_INFRASTRUCTURE, "the runner ended with status %d: see %s",
	    status, guest_file(run.files, "err"));
}

/* Does the probe pass, as far as we know? If not, that is the verdict. */
static bool passes_probe(const struct result *probe, enum submission_verdict verdict)
{
	if (probe->result == PASSED || probe->result == NOT_RUN)
		return true;
	submission.said = text_of("%s%s", probe->output, probe->where ?: "");
	return reject(verdict, "%s: %.900s", result_names[probe->result],
		      probe->why ?: "");
}

/* If it does not even load, no other test runs. */
static bool does_load(void)
{
	struct result *probe = test_named("module.loads");
	bool loads = passes_probe(probe, DOES_NOT_LOAD);

	if (!loads)
		forget_from(probe + 1);
	return loads;
}

/*
 * It can be that it stays only after it was used. Then the test that used it runs once
 * more, without an unload after it.
 */
static void see_whether_it_stays(void)
{
	struct result *probe = test_named("module.unloads");

	if (stays)
		return;
	if (run.stuck && probe->result == PASSED) {
		bool hidden = is_hidden(run.last);

		probe->result = FAILED;
		probe->why = text_of("it cannot be unloaded after %s",
				     hidden ? "a hidden test" : run.last->name);
		probe->output = hidden ? "" : run.last->output;
		if (run.last->result == FAILED)
			forget(run.last);
	}
	stays = !passes_probe(probe, DOES_NOT_UNLOAD);
}

static bool may_go_on(time_t begun)
{
	int max = limit(MAX_SECONDS, MAX_CONTROLS) * slower_by();

	if (penalty() >= MAX_PENALTY)
		strcpy(submission.cut, "too many crashes and hangs: no further guest started");
	else if (time(NULL) - begun >= max)
		snprintf(submission.cut, sizeof(submission.cut),
			 "its time limit of %d seconds was reached", max);
	return !submission.cut[0];
}

void run_tests(void)
{
	time_t begun = time(NULL);

	if (!test_named("module.loads") || !test_named("module.unloads"))
		die(STATUS_INFRASTRUCTURE, "%s has no tests module.loads and module.unloads",
		    options.graded);
	while (choose_tests() && may_go_on(begun) && take_end(run_guest()) && does_load())
		see_whether_it_stays();
	/* A hang is a result: so the host was too slow for a single test. */
	if (submission.verdict == TESTED && test_named("module.loads")->result == NOT_RUN)
		reject(NOT_GRADED, "no test ran: %s", submission.cut);
}
