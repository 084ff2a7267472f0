// SPDX-License-Identifier: GPL-2.0
/*
 * Each mutant goes through guests of its own, two guests at a time.
 *
 * First the unmodified module runs all tests that mutants name, each group in a guest: a
 * test that it does not pass proves nothing. Then a guest runs the tests of a mutant; if
 * one ends the guest, or leaves the mutant loaded, another guest goes on after it. A
 * mutant that its own tests do not notice gets all tests of the module, and so does an
 * equivalent one: that tells a wrong header from a missing test.
 *
 * A mutant that any test may notice (mutate.c) gets the tests of the groups that are most
 * likely to, then all others, up to the first test that fails.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "mutants.h"
#include "status.h"
#include "util.h"

enum { GUESTS = 2 };

/* A guest, while it runs. */
struct guest {
	struct guest_run run;
	int mutant;		/* its index in the list */
	bool whole;		/* it runs all tests of the module */
};

/* The tests of these groups are for programs that use the module. */
static const char *const programs[] = { "incr", "attach", "show", "compare", "techniques" };

/* The groups that see most of a function, by the mutant's name. */
static const struct { const char *name, *groups; } likely[] = {
	{ "*_shmcount_read_iter_*", "io" }, { "*_shmcount_write_iter_*", "io" },
	{ "*_shmcount_llseek_*", "io" }, { "*_shmcount_fops_*", "io map life" },
	{ "*_shmcount_vma_*", "stats" }, { "*_EVENT_*", "stats" }, { "*_ATTR_*", "stats" },
	{ "*_shmcount_attrs_*", "stats" }, { "*_shmcount_release_*", "stats" },
	{ "*_shmcount_open_*", "share stats map" }, { "*_shmcount_mmap_*", "map share" },
	{ "*_vm_flags_mod_*", "map" }, { "*_vm_ops_*", "map stats" },
	{ "*_fault_*", "map share" }, { "*", "load perm" },
};

static struct result control[MAX_GUEST_TESTS];	/* with the unmodified module */
static int control_count;
static bool control_is_for_any;
static int number;		/* of the last guest */

static bool is_of_programs(const char *test)
{
	for (size_t p = 0; p < ARRAY_SIZE(programs); p++)
		if (is_of_group(test, programs[p]))
			return true;
	return false;
}

static bool is_large(const struct result *test)
{
	return is_of_group(test->name, "large");
}

/* The first of these that the control skips, as the host has no room, or NULL. */
static const char *skipped_large(void)
{
	for (int t = 0; t < control_count; t++)
		if (control[t].result == SKIPPED && is_large(&control[t]))
			return control[t].name;
	return NULL;
}

static bool is_likely(const struct entry *entry, const char *test)
{
	size_t l = 0;
	char *groups;
	bool found = false;

	while (fnmatch(likely[l].name, entry->mutant.name, 0))
		l++;
	groups = check(strdup(likely[l].groups));
	for (char *group = strtok(groups, " "); group; group = strtok(NULL, " "))
		found = found || is_of_group(test, group);
	free(groups);
	return found;
}

static bool is_next(const struct entry *entry, bool whole)
{
	if (entry->mutant.equivalent)
		return whole && entry->state == WAITING;
	return entry->state == (whole ? UNNOTICED : WAITING);
}

/* The tests without a result of the first group that has some. */
static bool fill_control(struct guest *guest)
{
	struct guest_run *run = &guest->run;

	for (int t = 0; t < control_count; t++) {
		const char *name = control[t].name;

		/* Another guest runs it if its guest is set. */
		if (control[t].result == NOT_RUN && !control[t].guest &&
		    (!run->count || is_of_group(name, run->tests[0]->name)))
			run->tests[run->count++] = &control[t];
	}
	for (int t = 0; t < run->count; t++)
		run->tests[t]->guest = number + 1;
	return run->count;
}

/* Choose the next mutant, if one is left; what takes longest comes first. */
static struct entry *choose(struct guest *guest)
{
	for (int pass = 0; pass < 3; pass++)
		for (int i = 0; i < count; i++) {
			bool hangs = list[i].mutant.outcomes & 1 << HANG;

			guest->mutant = i;
			guest->whole = !pass;
			if (is_next(&list[i], guest->whole) && (hangs || pass != 1))
				return &list[i];
		}
	return NULL;
}

static bool fill_mutant(struct guest *guest)
{
	struct guest_run *run = &guest->run;
	struct entry *entry = choose(guest);

	if (!entry)
		return false;
	entry->state = RUNNING;
	if (entry->mutant.any) {
		/* Those of large regions come last, in a guest of their own. */
		for (int large = 0; large < (guest->whole ? 2 : 1) && !run->count; large++)
			for (int t = 0; t < entry->test_count; t++)
				if (entry->tests[t].result == NOT_RUN &&
				    is_large(&entry->tests[t]) == large &&
				    (guest->whole || is_likely(entry, entry->tests[t].name)))
					run->tests[run->count++] = &entry->tests[t];
		if (run->count)
			return true;
		if (guest->whole)
			survive(guest->mutant, skipped_large());
		else
			entry->state = UNNOTICED;
		return fill_mutant(guest);
	}
	if (guest->whole) {
		struct result *all = check(calloc(suite_count, sizeof(*all)));

		for (int t = 0; t < suite_count; t++) {
			if (is_of_programs(suite[t]))
				continue;
			all[run->count].name = suite[t];
			run->tests[run->count] = &all[run->count];
			run->count++;
		}
		return true;
	}
	for (int s = 0; s < suite_count; s++)
		for (int t = 0; t < entry->mutant.test_count; t++)
			if (entry->tests[t].result == NOT_RUN &&
			    !strcmp(entry->tests[t].name, suite[s]))
				run->tests[run->count++] = &entry->tests[t];
	return true;
}

/* Without a module: the unmodified one. */
static void start(struct guest *guest, char *module)
{
	bool any = module && list[guest->mutant].mutant.any, large = false;
	char *args[16] = { "tests/guest/vm.sh" };
	int n = 1;

	for (int t = 0; t < guest->run.count; t++)
		large = large || is_large(guest->run.tests[t]);
	if (module) {
		args[n++] = "-m";
		args[n++] = module;
	}
	/* In a smaller guest these are skipped. */
	if (large && (any || !guest->whole))
		args[n++] = "-l";
	args[n++] = "tap";
	args[n++] = "suite";
	args[n++] = "-e";
	if (any) {
		args[n++] = "1";
		args[n++] = "-f";
	} else {
		/* Not so that time limits would end it. */
		args[n++] = text_of("%d", MAX_GUEST_TESTS);
	}
	guest->run.number = ++number;
	guest->run.files = text_of("%s/guests/%d", built, number);
	start_guest(&guest->run, guest->whole ? 900 : 300, args);
}

/* The guest ended in a way that is no result. */
static char *early_end(const struct guest_run *run, int status)
{
	return text_of("its guest ended early: %s (exit status %d, %s.*)",
		       run->record.message[0] ? run->record.message :
						"nothing was reported",
		       status, run->files);
}

static void finish_control(struct guest *guest, int status)
{
	struct guest_run *run = &guest->run;

	read_guest(run);
	for (int t = 0; t < run->count; t++) {
		struct result *test = run->tests[t];

		if (test->result != NOT_RUN)
			continue;
		test->guest = 0;
		if (is_early_end(run)) {
			test->result = FAILED;
			test->why = early_end(run, status);
		}
	}
}

/* The names of the tests that have noticed the mutant, with a space before each. */
static char *noticed_by(const struct result *tests, int test_count)
{
	char *names = NULL;
	size_t size;
	FILE *file = check(open_memstream(&names, &size));

	for (int t = 0; t < test_count; t++)
		if (tests[t].result >= FAILED && tests[t].result != SKIPPED)
			fprintf(file, " %s", tests[t].name);
	fclose(file);
	return check(names);
}

/* Compare what its tests did with what the header promises. */
static void judge(int i)
{
	struct entry *entry = &list[i];
	const char *missing = NULL, *by = entry->by ?: entry->tests[0].name;
	char *names = noticed_by(entry->tests, entry->mutant.test_count);

	for (int t = 0; t < entry->mutant.test_count; t++)
		if (entry->tests[t].result == PASSED || entry->tests[t].result == SKIPPED)
			missing = entry->tests[t].name;
	if (!*names)
		entry->state = UNNOTICED;
	else if (entry->vague)
		fail(i, "no proof, as %s says no more than: %s", entry->vague->name,
		     entry->vague->why);
	else if (missing)
		fail(i, "of its tests only%s noticed it, not %s", names, missing);
	else
		pass(i, "caught by %s (%s)", by, outcome_names[entry->outcome]);
	free(names);
}

static void finish_mutant(struct guest *guest)
{
	const struct guest_run *run = &guest->run;
	struct entry *entry = &list[guest->mutant];
	enum outcome outcome = run->stuck ? STUCK : !run->ended ? FAIL :
			       run->last->result == CRASHED ? CRASH : HANG;
	bool fails = false, left = false;

	for (int t = 0; t < run->count; t++) {
		const struct result *test = run->tests[t];

		left = left || test->result == NOT_RUN;
		if (test == run->last && outcome != FAIL)
			continue;
		fails = fails || test->result == FAILED || test->result == HUNG;
		/* Any broken module causes these. */
		if (test->result == HUNG || test->not_loaded)
			entry->vague = test;
	}
	if (fails && !(entry->mutant.outcomes & 1 << FAIL))
		outcome = FAIL;
	if ((outcome != FAIL || fails) && !(entry->mutant.outcomes & 1 << outcome)) {
		fail(guest->mutant, "expected %s, saw %s%s%s", outcomes_of(&entry->mutant),
		     outcome_names[outcome], outcome > STUCK ? ": " : "",
		     outcome > STUCK ? run->last->why : "");
		return;
	}
	if (outcome != FAIL) {
		entry->outcome = outcome;
		entry->by = run->last->name;
	}
	if (left)
		entry->state = WAITING;
	else
		judge(guest->mutant);
}

static void finish_whole(struct guest *guest)
{
	const struct guest_run *run = &guest->run;
	const struct mutant *mutant = &list[guest->mutant].mutant;
	char *names = noticed_by(run->tests[0], run->count);
	bool passed = false;

	for (int t = 0; t < run->count; t++)
		passed = passed || run->tests[t]->result == PASSED;
	if (run->ended)
		names = text_of(" %s (%s)", run->last->name, run->last->why);
	if (!*names && !passed)
		fail(guest->mutant, "no test passed or failed with it");
	else if (!*names && mutant->equivalent)
		pass(guest->mutant, "equivalent, as %s", mutant->equivalent);
	else if (mutant->equivalent)
		fail(guest->mutant, "not equivalent, noticed by%.500s", names);
	else if (!*names)
		fail(guest->mutant, "survived %s, and all tests of the module", mutant->tests[0]);
	else
		fail(guest->mutant, "survived %s; noticed by%.500s",
		     mutant->tests[0], names);
	free(names);
}

/* If no test has noticed, another guest takes those that are left. */
static void finish_any(struct guest *guest)
{
	const struct guest_run *run = &guest->run;
	struct entry *entry = &list[guest->mutant];
	const struct result *by = NULL;

	for (int t = 0; t < run->count && !by; t++) {
		struct result *test = run->tests[t];

		if (test->result == HUNG && entry->slow != test->name) {
			entry->slow = test->name;
			forget(test);
		} else if (test->result >= FAILED && test->result != SKIPPED) {
			by = test;
		}
	}
	if (run->stuck)
		notice(guest->mutant, run->last->name, outcome_names[STUCK]);
	else if (by)
		notice(guest->mutant, by->name,
		       outcome_names[by->result == CRASHED ? CRASH :
				     by->result == HUNG ? HANG : FAIL]);
	else
		entry->state = UNNOTICED;
}

static void finish(struct guest *guest, int status)
{
	read_guest(&guest->run);
	if (is_early_end(&guest->run))
		fail(guest->mutant, "unproved: %s", early_end(&guest->run, status));
	else if (list[guest->mutant].mutant.any)
		finish_any(guest);
	else if (guest->whole)
		finish_whole(guest);
	else
		finish_mutant(guest);
	if (guest->whole && !list[guest->mutant].mutant.any)
		free(guest->run.tests[0]);
}

static void run_guests(bool (*fill)(struct guest *guest),
		       void (*end)(struct guest *guest, int status))
{
	static struct guest guests[GUESTS];

	for (;;) {
		int status, running = 0;
		pid_t pid;

		for (int g = 0; g < GUESTS; g++) {
			if (!guests[g].run.pid) {
				char path[PATH_SIZE];

				guests[g] = (struct guest) { .mutant = -1 };
				if (!fill(&guests[g]))
					continue;
				if (guests[g].mutant >= 0)
					module_path(path, guests[g].mutant);
				start(&guests[g], guests[g].mutant >= 0 ? path : NULL);
			}
			running++;
		}
		if (!running)
			return;
		pid = await_child(&status);
		for (int g = 0; g < GUESTS; g++)
			if (guests[g].run.pid == pid)
				end(&guests[g], status);
	}
}

/* The tests that a mutant names, or all of the device that have no seed. */
static void prepare_control(void)
{
	for (int t = 0; t < suite_count; t++) {
		bool named = false, seeded = is_of_group(suite[t], "fuzz");

		for (int i = 0; i < count; i++)
			named = named || (list[i].state == WAITING && list[i].mutant.any &&
					  !seeded && !is_of_programs(suite[t]));
		control_is_for_any = control_is_for_any || named;
		for (int i = 0; i < count; i++)
			for (int n = 0; n < list[i].mutant.test_count; n++)
				named = named || (list[i].state == WAITING &&
						  !strcmp(list[i].tests[n].name, suite[t]));
		if (named)
			control[control_count++].name = suite[t];
	}
}

/* Did each test of the mutant pass with the unmodified module? Reports it if not. */
static void believe(int i)
{
	for (int n = 0; n < list[i].mutant.test_count && list[i].state == WAITING; n++) {
		const struct result *test = control;

		while (strcmp(test->name, list[i].tests[n].name))
			test++;
		if (test->result == SKIPPED)
			skip(i, "%s is skipped in this guest", test->name);
		else if (test->result != PASSED)
			fail(i, "unproved: %s does not pass with the unmodified module: %s",
			     test->name, test->why);
	}
}

/* All tests that passed with the unmodified module may notice it. */
static void take_control(struct entry *entry)
{
	entry->tests = check(calloc(control_count, sizeof(*entry->tests)));
	for (int t = 0; t < control_count; t++)
		if (control[t].result == PASSED)
			entry->tests[entry->test_count++].name = control[t].name;
	if (!entry->test_count)
		fail(entry - list, "unproved: no test passes with the unmodified module");
}

int run_mutants(void)
{
	prepare_control();
	run_guests(fill_control, finish_control);
	for (int t = 0; t < control_count && control_is_for_any; t++)
		if (control[t].result != PASSED && control[t].result != SKIPPED)
			complain(control[t].name,
				 "it does not pass with the unmodified module: %s",
				 control[t].why);
	for (int i = 0; i < count; i++)
		if (list[i].state == WAITING && list[i].mutant.any)
			take_control(&list[i]);
		else if (list[i].state == WAITING)
			believe(i);
	run_guests(fill_mutant, finish);
	return number;
}
