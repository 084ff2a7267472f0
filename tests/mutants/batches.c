// SPDX-License-Identifier: GPL-2.0
/*
 * Mutants go through guests in batches, two guests at a time.
 *
 * A guest runs the named tests with the unmodified module, then with the mutants that
 * only fail tests, then with the unmodified module again: a test that fails with the true
 * module proves nothing. A mutant that ends its guest, or gets stuck, comes last. A
 * mutant that its own tests do not notice gets the whole suite, and so does an
 * equivalent one: that tells a wrong header from a missing test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "guest/batch_report.h"
#include "guest/run.h"
#include "guest/verdict.h"
#include "mutants.h"
#include "status.h"
#include "util.h"

enum { GUESTS = 2, MAX_OTHERS = 16, UNMODIFIED = -1 };

/* A guest that runs. modules are indices of the list, or UNMODIFIED. */
struct guest {
	pid_t pid;		/* 0: none */
	char *files;		/* its files begin with this, see run.h */
	bool whole;		/* one mutant, with the whole suite */
	int modules[MAX_BATCH];
	int module_count;
};

/* What a guest did with a module. */
struct seen {
	const struct batch_result *result;
	bool pass;
	enum outcome outcome;
	const char *why;	/* of a crash or a hang, as the record has it */
};

/* It may crash or hang its guest, or get stuck: no other can run after it. */
static bool is_fatal(int i)
{
	return list[i].mutant.outcomes != 1 << FAIL;
}

static bool waits(int i)
{
	return list[i].state == WAITING && !list[i].mutant.equivalent;
}

static bool waits_for_suite(int i)
{
	return list[i].state == UNNOTICED ||
	       (list[i].state == WAITING && list[i].mutant.equivalent);
}

static void add_module(struct guest *guest, int i)
{
	guest->modules[guest->module_count++] = i;
	if (i != UNMODIFIED)
		list[i].state = RUNNING;
}

/* Take at most one fatal mutant, and a fair share of the others. */
static void fill_batch(struct guest *guest)
{
	int fatal = 0, others = 0, batches, max;

	for (int i = 0; i < count; i++) {
		fatal += waits(i) && is_fatal(i);
		others += waits(i) && !is_fatal(i);
	}
	if (!fatal && !others)
		return;
	batches = fatal > GUESTS ? fatal : GUESTS;
	max = (others + batches - 1) / batches;
	if (max > MAX_OTHERS)
		max = MAX_OTHERS;

	add_module(guest, UNMODIFIED);
	for (int i = 0; i < count && guest->module_count <= max; i++)
		if (waits(i) && !is_fatal(i))
			add_module(guest, i);
	if (guest->module_count > 1)
		add_module(guest, UNMODIFIED);
	for (int i = 0; i < count; i++) {
		if (waits(i) && is_fatal(i)) {
			add_module(guest, i);
			break;
		}
	}
}

/* Choose the modules of the next guest, if any are left; the longest run first. */
static void fill(struct guest *guest)
{
	*guest = (struct guest) { 0 };
	for (int i = 0; i < count; i++) {
		if (waits_for_suite(i)) {
			guest->whole = true;
			add_module(guest, i);
			return;
		}
	}
	fill_batch(guest);
}

static void print_tests(FILE *file, int i)
{
	for (int t = 0; t < list[i].mutant.test_count; t++)
		fprintf(file, "%s,", list[i].mutant.tests[t]);
}

/* The tests for one module of a guest, with commas between. */
static char *tests_for(const struct guest *guest, int module)
{
	char *tests = NULL;
	size_t size;
	FILE *file = open_memstream(&tests, &size);

	if (guest->whole)
		fprintf(file, "*");
	else if (module != UNMODIFIED)
		print_tests(file, module);
	else
		for (int m = 0; m < guest->module_count; m++)
			if (guest->modules[m] != UNMODIFIED)
				print_tests(file, guest->modules[m]);
	fclose(file);
	return tests;
}

static void start_new_guest(struct guest *guest, int number)
{
	char paths[MAX_BATCH][PATH_SIZE];
	char *args[MAX_GUEST_ARGS] = { "tests/guest/vm.sh" };
	int n = 1, tests;

	for (int m = 0; m < guest->module_count; m++) {
		if (guest->modules[m] == UNMODIFIED)
			continue;
		module_path(paths[m], guest->modules[m]);
		args[n++] = "-f";
		args[n++] = paths[m];
	}
	args[n++] = "tap";
	args[n++] = "batch";
	tests = n + 1;
	for (int m = 0; m < guest->module_count; m++) {
		int i = guest->modules[m];

		args[n++] = i == UNMODIFIED ? "shmcount" : list[i].mutant.name;
		args[n++] = tests_for(guest, i);
	}
	guest->files = text_of("%s/guests/%d", built, number);
	guest->pid = start_guest(guest->files, guest->whole ? 900 : 300, args);
	for (; tests < n; tests += 2)
		free(args[tests]);
}

/* Did each test of the mutant pass with the unmodified module? Reports it if not. */
static bool is_believed(int i, const struct batch_result *control,
			const char *when)
{
	struct mutant *mutant = &list[i].mutant;

	for (int t = 0; t < mutant->test_count; t++) {
		if (is_listed(control->skipped, mutant->tests[t])) {
			skip(i, "%s is skipped in this guest",
			     mutant->tests[t]);
			return false;
		}
		if (!is_listed(control->passed, mutant->tests[t])) {
			fail(i, "unproved: %s fails with the unmodified module %s the mutant",
			     mutant->tests[t], when);
			return false;
		}
	}
	return true;
}

/* The first failure of its tests that any broken module would cause. */
static const struct batch_failure *vague_failure(const struct mutant *mutant,
						 const struct batch_result *result)
{
	for (int t = 0; t < mutant->test_count; t++)
		for (int i = 0; i < result->failure_count; i++)
			if (result->failures[i].vague &&
			    !strcmp(result->failures[i].name, mutant->tests[t]))
				return &result->failures[i];
	return NULL;
}

/* Compare what the guest did with what the header promises. */
static void judge(int i, struct seen seen)
{
	struct mutant *mutant = &list[i].mutant;
	const char *by = mutant->tests[0], *missing = NULL;
	const struct batch_failure *vague = vague_failure(mutant, seen.result);

	if (seen.pass) {
		list[i].state = UNNOTICED;
		return;
	}
	if (!(mutant->outcomes & 1 << seen.outcome)) {
		fail(i, "expected %s, saw %s%s%s", outcomes_of(mutant),
		     outcome_names[seen.outcome], seen.why ? ": " : "",
		     seen.why ?: "");
		return;
	}
	if (seen.why)
		by = seen.result->begun[0] ? seen.result->begun : by;
	for (int t = 0; t < mutant->test_count && !seen.why; t++)
		if (!is_listed(seen.result->failed, mutant->tests[t]))
			missing = mutant->tests[t];
	if (vague && !seen.why)
		fail(i, "no proof, as %s says no more than: %s", vague->name,
		     vague->why);
	else if (missing)
		fail(i, "of its tests only%snoticed it, not %s",
		     seen.result->failed, missing);
	else
		pass(i, "caught by %s (%s)", by, outcome_names[seen.outcome]);
}

static void judge_whole(int i, struct seen seen)
{
	struct mutant *mutant = &list[i].mutant;
	const struct batch_result *result = seen.result;
	char who[1200];

	if (seen.why)
		snprintf(who, sizeof(who), " %s (%s: %s)", result->begun,
			 outcome_names[seen.outcome], seen.why);
	else
		snprintf(who, sizeof(who), "%.500s", result->failed[0] ?
			 result->failed : " no test, but it is stuck");
	if (seen.pass && !result->passed[0])
		fail(i, "no test passed or failed with it");
	else if (seen.pass && mutant->equivalent)
		pass(i, "equivalent, as %s", mutant->equivalent);
	else if (mutant->equivalent)
		fail(i, "not equivalent, noticed by%s", who);
	else if (seen.pass)
		fail(i, "survived %s, and the whole suite", mutant->tests[0]);
	else
		fail(i, "survived %s; noticed in the whole suite by%s",
		     mutant->tests[0], who);
}

/* What the guest with this record did with its mth module. */
static struct seen look(const struct batch_report *report, int m,
			const struct vm_record *record)
{
	const struct batch_result *result = &report->results[m];
	struct seen seen = { .result = result };

	if (!result->given) {
		seen.outcome = record->status == STATUS_CRASH ? CRASH : HANG;
		seen.why = record->reason;
	} else if (result->stuck) {
		seen.outcome = STUCK;
	} else {
		/* The suite may have died without a failed test. */
		seen.pass = result->ok && !result->failed[0];
	}
	return seen;
}

/*
 * How far the guest came: the modules before the returned one have their results;
 * that one, if there is one, ended the guest or is stuck.
 */
static int end_of(const struct guest *guest, const struct batch_report *report)
{
	int m = 0;

	while (m < guest->module_count && report->results[m].given &&
	       !report->results[m].stuck)
		m++;
	return m;
}

static void judge_batch(struct guest *guest, const struct batch_report *report,
			const struct vm_record *record)
{
	const struct batch_result *after = NULL;
	int end = end_of(guest, report);

	for (int m = 1; m < end; m++)
		if (guest->modules[m] == UNMODIFIED)
			after = &report->results[m];
	for (int m = 1; m < guest->module_count; m++) {
		int i = guest->modules[m];
		bool last = m == end || (i != UNMODIFIED && is_fatal(i));

		if (i == UNMODIFIED)
			continue;
		/* A mutant without a verdict runs again. */
		list[i].state = WAITING;
		if (m > end || (!last && !after))
			continue;
		if (is_believed(i, &report->results[0], "before") &&
		    (last || is_believed(i, after, "after")))
			judge(i, look(report, m, record));
	}
}

/* The guest ended in a way that no mutant can cause. */
static void judge_early_end(struct guest *guest, const char *why, int status)
{
	for (int m = 0; m < guest->module_count; m++)
		if (guest->modules[m] != UNMODIFIED)
			fail(guest->modules[m], "unproved: its guest ended early: %s (exit status %d, %s.*)",
			     why[0] ? why : "nothing was reported", status,
			     guest->files);
}

static void finish(struct guest *guest, int status)
{
	struct batch_report *report;
	struct vm_record record;
	bool bad_end;
	int end;

	read_record(&record, guest_file(guest->files, "verdict"));
	bad_end = record.status == STATUS_CRASH || record.status == STATUS_HANG;
	report = read_report(guest_file(guest->files, "tap"));
	/* After its last result the guest still has the last module loaded. */
	if (bad_end && report->count == guest->module_count)
		report->results[report->count - 1].given = false;
	end = end_of(guest, report);
	if (end < guest->module_count && !report->results[end].stuck &&
	    (!bad_end || guest->modules[end] == UNMODIFIED))
		judge_early_end(guest, record.message, status);
	else if (!bad_end && status > 1)
		judge_early_end(guest, record.message, status);
	else if (!guest->whole)
		judge_batch(guest, report, &record);
	else
		judge_whole(guest->modules[0], look(report, 0, &record));
	free(report);
	guest->pid = 0;
}

int run_batches(void)
{
	struct guest guests[GUESTS] = { 0 };
	int number = 0;

	for (;;) {
		int status, running = 0;
		pid_t pid;

		for (int g = 0; g < GUESTS; g++) {
			if (!guests[g].pid)
				fill(&guests[g]);
			if (!guests[g].pid && guests[g].module_count)
				start_new_guest(&guests[g], ++number);
			running += guests[g].pid != 0;
		}
		if (!running)
			return number;
		pid = await_child(&status, NULL);
		for (int g = 0; g < GUESTS; g++)
			if (guests[g].pid == pid)
				finish(&guests[g], status);
	}
}
