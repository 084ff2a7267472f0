// SPDX-License-Identifier: GPL-2.0
/*
 * The tests of a submission, in as many guests as it takes.
 *
 * A guest runs all tests that have no result yet. One that crashes or hangs is
 * charged to the test that was running; the next guest goes on with those after
 * it. What that may cost is bounded: a module with which every test crashes
 * must not keep others waiting.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grade.h"
#include "mutants/child.h"
#include "report/report.h"
#include "runner/tap.h"
#include "runner/vm.h"

/*
 * A crash takes a boot; a hang, its time-out as well, and so counts as three. So
 * does a guest where the module stays: it will after most tests that use it.
 * The limits of a guest are for those that harness and kernel do not notice; the
 * hangs that they do notice come on top, and all that a slow host takes longer.
 */
enum {
	MOST_TROUBLE = 12,
	TROUBLE_OF_MANY = 3,
	GUEST_SECONDS = 150,	/* or so many times the control */
	GUEST_CONTROLS = 10,
	HANG_SECONDS = 25,
	MOST_SECONDS = 300,	/* after that no other guest is started */
	MOST_CONTROLS = 20,
	MOST_LOST = 3,		/* guests that end through no fault of a test */
	MOST_OUTPUT = 4096,	/* of a test */
	STATUS_FORGED = 122,
};

static int number;		/* of the guest, from 1 */
static int lost, spoilt;	/* guests */
static struct graded *lost_at;	/* the test that the last of them was lost in */

/* What a guest has said, as it is read. */
static struct {
	struct tap tap;
	struct graded *running;	/* the test begun last, or NULL */
	double took;
	char *notes;
	size_t notes_size;
	FILE *stream;
	char bail[512];		/* the first and the last of these lines */
	char last_bail[512];
} guest;

/* A limit, by the clock or by what the control took, if that is known. */
static int limit(int seconds, int controls)
{
	int scaled = controls * atoi(getenv("CONTROL_SECONDS") ?: "0");

	return scaled > seconds ? scaled : seconds;
}

static struct graded *find(const char *name)
{
	for (int i = 0; i < test_count; i++)
		if (!strcmp(tests[i].name, name))
			return &tests[i];
	return NULL;
}

static void begin_notes(void)
{
	if (guest.stream) {
		fclose(guest.stream);
		free(guest.notes);
	}
	guest.stream = open_memstream(&guest.notes, &guest.notes_size);
	check(guest.stream);
}

/* One of the kernel's goes without its time stamp. */
static void note(const char *line)
{
	const char *end = *line == '[' ? strstr(line, "] ") : NULL;
	char *text;

	if (end)
		line = end + 2;
	text = cleaned(line, strlen(line));

	if (ftell(guest.stream) + strlen(text) + 1 < MOST_OUTPUT)
		fprintf(guest.stream, "%s\n", text);
	free(text);
}

/* A copy of the notes. */
static char *notes(void)
{
	fflush(guest.stream);
	return check(strdup(guest.notes));
}

/* The first line is what was wrong, or the first that says where. */
static char *reason_in(const char *output)
{
	const char *place = strstr(output, ".c:");

	while (place && place > output && place[-1] != '\n')
		place--;
	if (!place)
		place = output;
	return text_of("%.*s", (int)strcspn(place, "\n"), place);
}

static void take_result(void)
{
	struct graded *test = guest.running;

	if (!test || !guest.tap.sound || test->how != NOT_YET)
		return;
	test->seconds = guest.took;
	test->guest = number;
	test->output = notes();
	if (guest.tap.ok) {
		test->how = strncmp(guest.tap.directive, "SKIP", 4) ? PASS : SKIP;
		test->why = test->how == SKIP && guest.tap.directive[4] ?
			    text_of("%s", guest.tap.directive + 5) : NULL;
	} else if (!strncmp(guest.tap.directive, "TIMEOUT ", 8)) {
		test->how = HANG;
		test->why = text_of("no end after %s", guest.tap.directive + 8);
	} else {
		test->how = FAIL;
		test->why = reason_in(test->output);
	}
}

static void take_line(char *line)
{
	switch (tap_line(&guest.tap, line)) {
	case TAP_BEGIN:
		guest.running = find(guest.tap.running);
		guest.took = -1;
		begin_notes();
		break;
	case TAP_NOTE:
		if (sscanf(line, "# took %lf s", &guest.took) != 1)
			note(line[1] ? line + 2 : "");
		break;
	case TAP_RESULT:
		take_result();
		break;
	case TAP_OTHER:
		if (strncmp(line, "Bail out! ", 10))
			break;
		if (!guest.bail[0])
			snprintf(guest.bail, sizeof(guest.bail), "%.500s",
				 line + 10);
		snprintf(guest.last_bail, sizeof(guest.last_bail), "%.500s",
			 line + 10);
	}
}

static void read_guest(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[4096];

	memset(&guest, 0, sizeof(guest));
	begin_notes();
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		take_line(line);
	}
	if (file)
		fclose(file);
}

/* The test that the runner names as the one that was running, or NULL. */
static struct graded *named_in(const char *why)
{
	const char *name = strstr(why, ", while ");
	char copy[128];

	if (!name || sscanf(name, ", while %127s was running", copy) != 1)
		return NULL;
	return find(copy);
}

static void forget(struct graded *test)
{
	test->how = NOT_YET;
	test->seconds = -1;
	test->why = NULL;
	test->output = "";
}

/* What this guest said of these tests is yet to be seen. */
static void forget_from(struct graded *first)
{
	for (struct graded *test = first; test < tests + test_count; test++)
		if (test->guest == number)
			forget(test);
}

/* This test has ended its guest. */
static void charge(struct graded *test, enum how how, const char *why)
{
	char *end;

	forget_from(test + 1);
	/* Harness and runner tell of a process that cannot be killed. */
	if (test->how == HANG)
		return;
	test->how = how;
	test->guest = number;
	test->output = notes();
	/* The runner's own last word is told as the reason. */
	end = *why ? strstr(test->output, why) : NULL;
	if (end)
		*end = '\0';
	if (!strncmp(why, "crash: ", 7))
		why += 7;
	else if (!strncmp(why, "hang: ", 6))
		why += 6;
	test->why = cleaned(why, strlen(why));
	end = strstr(test->why, ", while ");
	if (end)
		*end = '\0';
}

static int pending(void)
{
	int count = 0;

	for (int i = 0; i < test_count; i++)
		count += tests[i].how == NOT_YET;
	return count;
}

static int trouble(void)
{
	int sum = spoilt * TROUBLE_OF_MANY;

	for (int i = 0; i < test_count; i++)
		sum += tests[i].how == CRASH ? 1 :
		       tests[i].how == HANG ? TROUBLE_OF_MANY : 0;
	return sum;
}

/* TOP/build/..., for the runner. */
static __attribute__((format(printf, 1, 2)))
char *built(const char *format, ...)
{
	char *name, *path;
	va_list args;

	va_start(args, format);
	check(vasprintf(&name, format, args) < 0 ? NULL : name);
	va_end(args);
	path = text_of("%s/build/%s", variable("TOP"), name);
	free(name);
	return path;
}

char *runner_path(void)
{
	return getenv("GUEST") ?: built("tests/vm");
}

/* A file of this guest's, in the folder of reports. */
static char *guest_file(const char *end)
{
	char name[32];

	snprintf(name, sizeof(name), "guest-%d.%s", number, end);
	return check(strdup(report_path(name)));
}

/* Run what is still to run in a guest; returns the runner's exit status. */
static int run_guest(void)
{
	const char *kernel = variable("KERNEL");
	int hangs = (MOST_TROUBLE - trouble() + TROUBLE_OF_MANY - 1) /
		    TROUBLE_OF_MANY;
	char *args[MAX_TESTS + 32] = {
		runner_path(),
		"-k", built("kernel/%s", kernel),
		"-i", built("guest/init"),
		"-m", check(strdup(report_path("shmcount.ko"))),
		"-f", (char *)variable("GRADED"),
		"-f", built("bad/%s/force_return.ko", kernel),
		"-f", built("bad/%s/own_pages.ko", kernel),
		"-c", guest_file("log"),
		"-t", text_of("%d", limit(GUEST_SECONDS, GUEST_CONTROLS) +
			      hangs * HANG_SECONDS),
		"tap", "graded", "-e", text_of("%d", hangs),
	};
	char *tap = guest_file("tap");
	int n = 0, status;

	while (args[n])
		n++;
	for (int i = 0; i < test_count; i++)
		if (tests[i].how == NOT_YET)
			args[n++] = tests[i].name;
	start_child(args, tap, guest_file("err"));
	await_child(&status);
	read_guest(tap);
	return status;
}

/* Why the tests that have no result have none. */
static __attribute__((format(printf, 1, 2)))
bool cut_off(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(submission.cut, sizeof(submission.cut), format, args);
	va_end(args);
	return false;
}

static bool say_forged(void)
{
	for (int i = 0; i < test_count; i++)
		forget(&tests[i]);
	submission.verdict = FORGED;
	snprintf(submission.why, sizeof(submission.why), "%.500s",
		 cleaned(guest.last_bail, strlen(guest.last_bail)));
	return false;
}

/*
 * The guest was lost, and not by a test: once more, but not for ever. The runner
 * calls the test that was running failed; that is no result. But where the same
 * test was running the last time, it is the test.
 */
static bool try_again(struct graded *test)
{
	if (test && test == lost_at) {
		lost--;
		charge(test, CRASH, guest.last_bail);
		return true;
	}
	if (test)
		forget_from(test);
	lost_at = test;
	if (++lost < MOST_LOST)
		return true;
	submission.verdict = NOT_GRADED;
	snprintf(submission.why, sizeof(submission.why), "%.500s",
		 guest.last_bail[0] ? cleaned(guest.last_bail,
					      strlen(guest.last_bail)) :
		 "the runner gives no reason");
	return false;
}

/* A report that is not whole: who says so, the harness, or the runner? */
static bool take_unwhole(void)
{
	if (strstr(guest.bail, "did not end"))
		return true;
	if (strstr(guest.bail, "cannot be put back")) {
		spoilt++;
		return true;
	}
	if (!strstr(guest.last_bail, "it ends too early"))
		return say_forged();
	if (!guest.running)
		return try_again(NULL);
	charge(guest.running, CRASH, "the tests were killed");
	return true;
}

/* How a guest has ended; returns false if there is to be no other. */
static bool take_end(int status)
{
	struct graded *test = named_in(guest.last_bail);
	const char *why = guest.last_bail;

	if (!test)
		test = guest.running;
	switch (status) {
	case 0:
	case STATUS_FAILED:
		return pending() ? try_again(NULL) : false;
	case STATUS_FORGED:
		return say_forged();
	case VM_STATUS_HANG:
		if (strstr(why, "the program has ended"))
			return pending();
		if (!test)
			return try_again(NULL);
		charge(test, HANG, why);
		return true;
	case VM_STATUS_CRASH:
		/* Killed from outside, it may be: the host lacks memory. */
		if (!test || strstr(why, "exit status -1)"))
			return try_again(test);
		charge(test, CRASH, why);
		return true;
	case STATUS_NOT_GRADED:
		if (strstr(why, "PID 1 died") && test) {
			charge(test, CRASH, why);
			return true;
		}
		if (strstr(why, "the report of the tests is not whole"))
			return take_unwhole();
		if (strstr(why, "does not go with"))
			return say_forged();
		return try_again(test);
	case 128 + SIGXFSZ:
		if (!test)
			return try_again(NULL);
		charge(test, CRASH, "it writes without end");
		return true;
	default:
		die(STATUS_NOT_GRADED, "the runner ended with status %d: see %s",
		    status, guest_file("err"));
	}
}

/* A module that does not even load or unload: that is all there is to say. */
static bool passes_probe(const char *name, enum verdict verdict)
{
	struct graded *probe = find(name);

	if (probe->how == PASS || probe->how == NOT_YET)
		return true;
	submission.verdict = verdict;
	snprintf(submission.why, sizeof(submission.why), "%s: %.900s",
		 how_names[probe->how], probe->why ?: "");
	submission.said = probe->output;
	for (struct graded *test = probe + 1; test < tests + test_count; test++)
		forget(test);
	return false;
}

static bool may_go_on(time_t begun)
{
	int most = limit(MOST_SECONDS, MOST_CONTROLS);

	if (trouble() >= MOST_TROUBLE)
		return cut_off("after so much trouble no other guest was started");
	if (time(NULL) - begun >= most)
		return cut_off("its time of %d seconds was over", most);
	return true;
}

void run_tests(void)
{
	time_t begun = time(NULL);
	bool more;

	if (!find("module.loads") || !find("module.unloads"))
		die(STATUS_NOT_GRADED, "%s has no tests module.loads and module.unloads",
		    variable("GRADED"));
	do {
		number = ++submission.guests;
		more = take_end(run_guest());
		if (submission.verdict != TESTED)
			break;
		if (!passes_probe("module.loads", DOES_NOT_LOAD) ||
		    !passes_probe("module.unloads", DOES_NOT_UNLOAD))
			break;
	} while (more && pending() && may_go_on(begun));
}
