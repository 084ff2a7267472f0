// SPDX-License-Identifier: GPL-2.0
/*
 * Mutants go through guests in batches, two guests at a time.
 *
 * A guest runs the named tests with the true module, then with the mutants
 * that only fail tests, then with the true module again: a test that does not
 * pass there proves nothing. A mutant that spoils its guest comes last. What
 * its own tests do not notice goes on to the whole suite, as do equivalents:
 * that says whether it is the header that is wrong or there is a hole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch_report.h"
#include "child.h"
#include "mutants.h"
#include "runner/vm.h"

enum { GUESTS = 2, MOST_OF_A_BATCH = 16, TRUE_MODULE = -1 };

/* A guest at work. modules are indices of the list, or TRUE_MODULE. */
struct job {
	pid_t pid;		/* 0: none */
	int number;
	bool whole;		/* one mutant, by the whole suite */
	int modules[MAX_BATCH];
	int module_count;
};

/* What a guest did with a module. */
struct seen {
	const struct batch_result *result;
	bool pass;
	enum outcome outcome;
	const char *why;	/* of a crash or a hang, in the runner's words */
};

static bool spoils(int i)
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

static void add_module(struct job *job, int i)
{
	job->modules[job->module_count++] = i;
	if (i != TRUE_MODULE)
		list[i].state = RUNNING;
}

/* At most one that spoils the guest, and a fair share of the others. */
static void fill_batch(struct job *job)
{
	int spoilers = 0, others = 0, batches, most;

	for (int i = 0; i < count; i++) {
		spoilers += waits(i) && spoils(i);
		others += waits(i) && !spoils(i);
	}
	if (!spoilers && !others)
		return;
	batches = spoilers > GUESTS ? spoilers : GUESTS;
	most = (others + batches - 1) / batches;
	if (most > MOST_OF_A_BATCH)
		most = MOST_OF_A_BATCH;

	add_module(job, TRUE_MODULE);
	for (int i = 0; i < count && job->module_count <= most; i++)
		if (waits(i) && !spoils(i))
			add_module(job, i);
	if (job->module_count > 1)
		add_module(job, TRUE_MODULE);
	for (int i = 0; i < count; i++) {
		if (waits(i) && spoils(i)) {
			add_module(job, i);
			break;
		}
	}
}

/* Give the job what is next, or nothing. The long ones come first. */
static void fill(struct job *job)
{
	*job = (struct job) { 0 };
	for (int i = 0; i < count; i++) {
		if (waits_for_suite(i)) {
			job->whole = true;
			add_module(job, i);
			return;
		}
	}
	fill_batch(job);
}

static void print_tests(FILE *file, int i)
{
	for (int t = 0; t < list[i].mutant.test_count; t++)
		fprintf(file, "%s,", list[i].mutant.tests[t]);
}

/* The tests for one module of a job, with commas between. */
static char *tests_for(const struct job *job, int module)
{
	char *tests = NULL;
	size_t size;
	FILE *file = open_memstream(&tests, &size);

	if (job->whole)
		fprintf(file, "*");
	else if (module != TRUE_MODULE)
		print_tests(file, module);
	else
		for (int m = 0; m < job->module_count; m++)
			if (job->modules[m] != TRUE_MODULE)
				print_tests(file, job->modules[m]);
	fclose(file);
	return tests;
}

static void guest_file(char path[PATH_SIZE], const struct job *job,
		       const char *end)
{
	snprintf(path, PATH_SIZE, "%s/guests/%d.%s", built, job->number, end);
}

static void start_guest(struct job *job, int number)
{
	char output[PATH_SIZE], errors[PATH_SIZE], path[PATH_SIZE], *files;
	char *args[3 + 2 * MAX_BATCH + 1] = {
		getenv("GUEST") ?: "tests/vm.sh", "tap", "batch",
	};
	size_t size;
	FILE *stream = open_memstream(&files, &size);

	job->number = number;
	for (int m = 0; m < job->module_count; m++) {
		int i = job->modules[m];

		args[3 + 2 * m] = i == TRUE_MODULE ? "shmcount" :
						     list[i].mutant.name;
		args[4 + 2 * m] = tests_for(job, i);
		if (i != TRUE_MODULE) {
			module_path(path, i);
			fprintf(stream, "%s ", path);
		}
	}
	fclose(stream);
	setenv("FILES", files, 1);
	setenv("LIMIT", job->whole ? "900" : "300", 1);
	guest_file(path, job, "log");
	setenv("CONSOLE", path, 1);
	guest_file(output, job, "tap");
	guest_file(errors, job, "err");
	job->pid = start_child(args, output, errors);
	free(files);
	for (int m = 0; m < job->module_count; m++)
		free(args[4 + 2 * m]);
}

/*
 * Does each named test stand for something in this guest: did it pass with the
 * true module? Says so if not.
 */
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
			fail(i, "no proof, as %s does not pass with the true module %s it",
			     mutant->tests[t], when);
			return false;
		}
	}
	return true;
}

/* The first failure of its tests that would be one of any broken module. */
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

/* Compare what was seen with what the header promises. */
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
		fail(i, "%s does not notice, of its tests only%s", missing,
		     seen.result->failed);
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
		fail(i, "no test has passed with it, and none failed");
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

/* What was seen of the mth module of a guest that ended with this status. */
static struct seen look(const struct batch_report *report, int m, int status)
{
	const struct batch_result *result = &report->results[m];
	struct seen seen = { .result = result };

	if (!result->given) {
		seen.outcome = status == VM_STATUS_CRASH ? CRASH : HANG;
		seen.why = report->end;
	} else if (result->stuck) {
		seen.outcome = STUCK;
	} else {
		/* Without a failed test it has not passed if the suite died. */
		seen.pass = result->ok && !result->failed[0];
	}
	return seen;
}

/*
 * How far a guest came: the modules before the one returned have their
 * results, and that one, if it is one, has spoilt the guest.
 */
static int end_of(const struct job *job, const struct batch_report *report)
{
	int m = 0;

	while (m < job->module_count && report->results[m].given &&
	       !report->results[m].stuck)
		m++;
	return m;
}

static void judge_batch(struct job *job, const struct batch_report *report,
			int status)
{
	const struct batch_result *after = NULL;
	int end = end_of(job, report);

	for (int m = 1; m < end; m++)
		if (job->modules[m] == TRUE_MODULE)
			after = &report->results[m];
	for (int m = 1; m < job->module_count; m++) {
		int i = job->modules[m];
		bool last = m == end || (i != TRUE_MODULE && spoils(i));

		if (i == TRUE_MODULE)
			continue;
		/* Without a proof, and not to blame: once more. */
		list[i].state = WAITING;
		if (m > end || (!last && !after))
			continue;
		if (is_believed(i, &report->results[0], "before") &&
		    (last || is_believed(i, after, "after")))
			judge(i, look(report, m, status));
	}
}

/* A guest that came to no end of the kinds that a mutant brings about. */
static void judge_lost(struct job *job, const char *why, int status)
{
	for (int m = 0; m < job->module_count; m++)
		if (job->modules[m] != TRUE_MODULE)
			fail(job->modules[m], "no proof, as its guest was lost: %s (exit status %d, %s/guests/%d.*)",
			     why[0] ? why : "nothing was reported", status,
			     built, job->number);
}

static void finish(struct job *job, int status)
{
	bool spoilt = status == VM_STATUS_CRASH || status == VM_STATUS_HANG;
	struct batch_report *report;
	char path[PATH_SIZE];
	int end;

	guest_file(path, job, "tap");
	report = read_report(path);
	/* Past its last result the guest belongs to the last module still. */
	if (spoilt && report->count == job->module_count)
		report->results[report->count - 1].given = false;
	end = end_of(job, report);
	if (end < job->module_count && !report->results[end].stuck &&
	    (!spoilt || job->modules[end] == TRUE_MODULE))
		judge_lost(job, report->end, status);
	else if (!spoilt && status > 1)
		judge_lost(job, report->end, status);
	else if (!job->whole)
		judge_batch(job, report, status);
	else
		judge_whole(job->modules[0], look(report, 0, status));
	free(report);
	job->pid = 0;
}

int run_batches(void)
{
	struct job jobs[GUESTS] = { 0 };
	int guests = 0;

	for (;;) {
		int status, running = 0;
		pid_t pid;

		for (int g = 0; g < GUESTS; g++) {
			if (!jobs[g].pid)
				fill(&jobs[g]);
			if (!jobs[g].pid && jobs[g].module_count)
				start_guest(&jobs[g], ++guests);
			running += jobs[g].pid != 0;
		}
		if (!running)
			return guests;
		pid = await_child(&status);
		for (int g = 0; g < GUESTS; g++)
			if (jobs[g].pid == pid)
				finish(&jobs[g], status);
	}
}
