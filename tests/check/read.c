// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the output of the parts of make check and judges it; see report.h.
 *
 * A test passed only if the TAP of its part announces it and then says "ok" in its
 * turn and under its name. A test of the list without such a result has failed. A
 * part that ended badly though no test failed counts as a failed test, PART.end.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report.h"
#include "guest/tap.h"
#include "guest/verdict.h"
#include "status.h"

void *check(void *memory)
{
	if (!memory) {
		perror("report");
		exit(EXIT_FAILURE);
	}
	return memory;
}

/* ---- reading ---- */

/*
 * The length of the character that begins here; 0 if it is not valid UTF-8, not
 * allowed in XML, or a control character for a terminal.
 */
static size_t character(const char *text, size_t left)
{
	static const unsigned int min[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int code = (unsigned char)*text;
	size_t length = code < 0x80 ? 1 : code < 0xc0 ? 0 : code < 0xe0 ? 2 :
			code < 0xf0 ? 3 : code < 0xf8 ? 4 : 0;

	if (!length || length > left)
		return 0;
	if (length > 1)
		code &= 0x7f >> length;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < min[length] || code > 0x10ffff || code == 0xfffe ||
	    code == 0xffff || (code >= 0xd800 && code < 0xe000) ||
	    (code < ' ' && code != '\t') || (code >= 0x7f && code < 0xa0))
		return 0;
	return length;
}

char *cleaned(const char *line, size_t length)
{
	char *copy = check(malloc(4 * length + 1)), *end = copy;

	for (size_t i = 0; i < length;) {
		size_t bytes = character(line + i, length - i);

		if (!bytes)
			end += sprintf(end, "\\x%02x",
				       (unsigned char)line[i++]);
		for (; bytes; bytes--)
			*end++ = line[i++];
	}
	*end = '\0';
	return copy;
}

/* The next line, cleaned, without its newline; NULL at the end. */
static char *next_line(FILE *file)
{
	char *line = NULL, *copy = NULL;
	size_t size = 0;
	ssize_t length = getline(&line, &size, file);

	if (length > 0) {
		length -= line[length - 1] == '\n';
		copy = cleaned(line, length);
	}
	free(line);
	return copy;
}

static char *part_path(const struct report *report, const struct part *part,
		       const char *what)
{
	return text_of("%s/parts/%s.%s", report->directory, part->name, what);
}

static FILE *open_part(const struct report *report,
		       const struct part *part, const char *what)
{
	char *path = part_path(report, part, what);
	FILE *file = fopen(path, "re");

	free(path);
	return file;
}

static struct test *add_test(struct report *report, struct part *part,
			     char *listed)
{
	struct test *test;

	report->tests = check(realloc(report->tests,
				     (report->test_count + 1) * sizeof(*test)));
	test = &report->tests[report->test_count++];
	*test = (struct test) {
		.part = part, .listed = listed, .result = NOT_RUN,
		.seconds = -1, .directive = "", .output = "",
	};
	part->count++;
	return test;
}

static void read_list(struct report *report, struct part *part)
{
	FILE *file = open_part(report, part, "list");
	struct stat stat = { 0 };
	char *line;

	part->first = report->test_count;
	if (!file)
		return;
	fstat(fileno(file), &stat);
	part->begin = stat.st_mtime;
	while ((line = next_line(file)))
		add_test(report, part, line);
	fclose(file);
}

static void read_status(const struct report *report, struct part *part)
{
	FILE *file = open_part(report, part, "status");

	if (!file || fscanf(file, "%d", &part->status) != 1)
		part->status = -1;
	if (file)
		fclose(file);
}

/* The diagnostics since the last result. */
struct notes {
	char *text;
	size_t length;
	FILE *file;
	double seconds;		/* if the last is "took SECONDS s"; else -1 */
	char *took;		/* that line, or NULL */
};

static void begin_notes(struct notes *notes)
{
	*notes = (struct notes) { .seconds = -1 };
	notes->file = check(open_memstream(&notes->text, &notes->length));
}

/* Only the last "took" before a result is the time of the test. */
static void put_took(struct notes *notes)
{
	if (notes->took)
		fprintf(notes->file, "%s\n", notes->took);
	notes->took = NULL;
	notes->seconds = -1;
}

static void add_note(struct notes *notes, char *line)
{
	char *text = line + 1 + (line[1] == ' ');
	double seconds;
	int end = 0;

	put_took(notes);
	if (sscanf(text, "took %lf s%n", &seconds, &end) == 1 && end &&
	    !text[end] && seconds >= 0 && seconds < 1e9) {
		notes->took = text;
		notes->seconds = seconds;
	} else {
		fprintf(notes->file, "%s\n", text);
	}
}

static char *end_notes(struct notes *notes)
{
	fclose(notes->file);
	return check(notes->text);
}

/* The next test of the list, if its name is the one announced; else NULL. */
static struct test *turn_of(const struct report *report,
			    const struct part *part, const struct tap *tap)
{
	struct test *test = report->tests + part->first;

	if ((size_t)tap->seen >= part->count)
		return NULL;
	return strcmp(test[tap->seen].listed, tap->running) ?
	       NULL : &test[tap->seen];
}

static void take_result(struct test *test, const struct tap *tap,
			struct notes *notes)
{
	test->result = !tap->ok ? FAILED :
			strncmp(tap->directive, "SKIP", 4) ? PASSED : SKIPPED;
	test->directive = cleaned(tap->directive, strlen(tap->directive));
	test->seconds = notes->seconds;
	test->output = end_notes(notes);
	begin_notes(notes);
}

/* Take the results in the TAP of a part; tests without one stay NOT_RUN. */
static struct tap read_tap(const struct report *report, struct part *part)
{
	FILE *file = open_part(report, part, "tap");
	struct test *running = NULL;
	struct tap tap = { 0 };
	struct notes notes;
	char *line;

	begin_notes(&notes);
	while (file && (line = next_line(file))) {
		enum tap_kind kind = tap_line(&tap, line);

		if (kind == TAP_BEGIN)
			running = turn_of(report, part, &tap);
		else if (kind == TAP_NOTE)
			add_note(&notes, line);
		else if (kind == TAP_RESULT && tap.sound && running)
			take_result(running, &tap, &notes);
		if (kind == TAP_RESULT)
			running = NULL;
	}
	if (file)
		fclose(file);
	put_took(&notes);
	part->output = end_notes(&notes);
	if (running) {
		running->result = FAILED;
		running->output = part->output;
		running->reason = "it was running when its program ended";
		part->output = "";
	}
	return tap;
}

/* ---- judging ---- */

size_t count_of(const struct test *tests, size_t count, enum test_result result)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += tests[i].result == result;
	return n;
}

size_t failed_of(const struct test *tests, size_t count)
{
	return count - count_of(tests, count, PASSED) - count_of(tests, count, SKIPPED);
}

/* The command to run tests again, in a guest with as much memory. */
static char *again(const struct report *report, const struct part *part,
		   const char *tests)
{
	return text_of("%s%s TESTS='%s'", report->again, part->memory ?
		       text_of(" MEMORY=%d", part->memory) : "", tests);
}

/* There may be many tests, so name their groups: "map.* io.*". */
char *command_of(const struct report *report, const struct part *part,
		 enum test_result result)
{
	char *patterns = text_of(" ");

	for (size_t i = part->first; i < part->first + part->count; i++) {
		const struct test *test = &report->tests[i];
		char *pattern, *longer;

		if (result != TEST_RESULTS && test->result != result)
			continue;
		pattern = text_of(" %.*s.* ", (int)strcspn(test->listed, "."),
				  test->listed);
		if (!strstr(patterns, pattern)) {
			longer = text_of("%s%s", patterns, pattern + 1);
			free(patterns);
			patterns = longer;
		}
		free(pattern);
	}
	patterns[strlen(patterns) - 1] = '\0';
	return again(report, part, *patterns ? patterns + 1 : "");
}

/*
 * Why the part as a whole is not valid, or NULL. The record of a guest says it best:
 * its TAP may have ended before.
 */
static char *error_of(const struct report *report, struct part *part,
		      const struct tap *tap)
{
	const struct test *tests = report->tests + part->first;
	size_t failed = count_of(tests, part->count, FAILED);
	struct vm_record record;

	read_record(&record, part_path(report, part, "verdict"));
	part->memory = record.memory;
	if (record.message[0])
		return cleaned(record.message, strlen(record.message));
	/* tap.c cuts long lines, perhaps within a character. */
	if (tap->bailed)
		return cleaned(tap->bail, strlen(tap->bail));
	if (tap->error[0])
		return cleaned(tap->error, strlen(tap->error));
	if ((size_t)tap->seen < part->count || !part->count)
		return text_of("it ended too early (exit status %d)",
			       part->status);
	if ((size_t)tap->plan != part->count)
		return text_of("its plan has %d tests, its list has %zu",
			       tap->plan, part->count);
	if (part->status && part->status != STATUS_SKIPPED &&
	    !(part->status == STATUS_FAILED && failed))
		return text_of("exit status %d, and %zu failed tests",
			       part->status, failed);
	if (count_of(tests, part->count, NOT_RUN))
		return text_of("it ran tests that it does not list");
	return NULL;
}

/* The name of the part without its number. */
static char *program_of(const char *name)
{
	const char *dash = strrchr(name, '-');
	bool numbered = dash && dash[1] &&
		    !dash[1 + strspn(dash + 1, "0123456789")];

	return text_of("%.*s", numbered ? (int)(dash - name) : (int)strlen(name),
		       name);
}

/*
 * Does the report show the error of the part with one of its tests? An interrupt
 * fails the test that was running; check.sh then leaves no status.
 */
static bool is_reported(const struct report *report, const struct part *part)
{
	const struct test *test = report->tests + part->first;
	bool interrupted = part->status < 0 || part->status == STATUS_INTERRUPTED;

	for (size_t i = 0; i < part->count; i++, test++)
		if (test->result == NOT_RUN ||
		    (test->result == FAILED &&
		     (interrupted || strstr(test->output, part->error))))
			return true;
	return false;
}

static void read_part(struct report *report, struct part *part)
{
	struct tap tap;

	part->program = program_of(part->name);
	read_list(report, part);
	read_status(report, part);
	tap = read_tap(report, part);
	part->error = error_of(report, part, &tap);
	if (part->error && !is_reported(report, part)) {
		struct test *test;

		test = add_test(report, part, text_of("%s.end", part->name));
		test->result = FAILED;
		test->output = part->output;
		test->reason = part->error;
		test->command = command_of(report, part, TEST_RESULTS);
	}
}

/*
 * The reason in one line: the first line of output that begins with FILE:LINE:, or
 * else the last line.
 */
static char *reason_of(const struct test *test)
{
	const char *line, *last = "no reason was given";

	if (test->reason)
		return test->reason;
	if (test->result == SKIPPED)
		return text_of("%s", test->directive + strcspn(test->directive, " ") +
			       !!strchr(test->directive, ' '));
	if (test->result == NOT_RUN)
		return text_of("it did not run: %s", test->part->error);
	if (!strncmp(test->directive, "TIMEOUT ", 8))
		return text_of("no end after %s", test->directive + 8);
	for (line = test->output; *line; line = strchr(line, '\n') + 1) {
		size_t file = strcspn(line, " :\n"), digits;

		digits = strspn(line + file + 1, "0123456789");
		last = line;
		if (line[file] == ':' && digits && line[file + digits + 1] == ':')
			break;
	}
	return text_of("%.*s", (int)strcspn(last, "\n"), last);
}

/* ---- names ---- */

static int compare_tests(const void *a, const void *b)
{
	const struct test *x = *(const struct test *const *)a;
	const struct test *y = *(const struct test *const *)b;
	int order = strcmp(x->base, y->base);

	if (!order)
		order = strcmp(x->part->program, y->part->program);
	if (!order)
		order = strcmp(x->listed, y->listed);
	return order ? order : (x > y) - (x < y);
}

/* The name without the number of a repeated test. */
static char *base_of(const struct test *test)
{
	const char *group = strchr(test->listed, '.');
	const char *number = group ? strchr(group + 1, '.') : NULL;

	return text_of("%.*s", number ? (int)(number - test->listed) :
		       (int)strlen(test->listed), test->listed);
}

/* Name the tests from begin to end, which have the same base. */
static void name_same(struct test **begin, struct test **end)
{
	bool in_others = strcmp(begin[0]->part->program, end[-1]->part->program);
	struct test *last = NULL;
	size_t copies = 0;

	for (; begin < end; begin++) {
		struct test *test = *begin;

		if (last && !strcmp(last->part->program, test->part->program)) {
			test->tally = last->tally;
		} else {
			test->tally = check(calloc(1, sizeof(*test->tally)));
			last = NULL;
		}
		copies = last && !strcmp(last->listed, test->listed) ?
			 copies + 1 : 1;
		test->tally->runs++;
		test->tally->failed += test->result == FAILED;
		test->name = text_of("%s%s%s", test->listed,
				     in_others ? "@" : "",
				     in_others ? test->part->program : "");
		if (copies > 1)
			test->name = text_of("%s.%zu", test->name, copies);
		last = test;
	}
}

/*
 * A test that other programs have, too, is named "incr.x@guest"; one that a program
 * lists twice gets a number.
 */
static void name_tests(const struct report *report)
{
	struct test **sorted = check(calloc(report->test_count + 1,
					    sizeof(*sorted)));
	size_t begin = 0;

	for (size_t i = 0; i < report->test_count; i++) {
		struct test *test = &report->tests[i];

		sorted[i] = test;
		test->base = base_of(test);
		test->reason = reason_of(test);
		if (!test->command)
			test->command = again(report, test->part, test->base);
	}
	qsort(sorted, report->test_count, sizeof(*sorted), compare_tests);
	for (size_t i = 1; i <= report->test_count; i++) {
		if (i < report->test_count &&
		    !strcmp(sorted[i]->base, sorted[begin]->base))
			continue;
		name_same(sorted + begin, sorted + i);
		begin = i;
	}
	free(sorted);
}

void read_report(struct report *report, char *names[])
{
	while (names[report->part_count])
		report->part_count++;
	report->parts = check(calloc(report->part_count + 1,
				     sizeof(*report->parts)));
	for (size_t i = 0; i < report->part_count; i++) {
		report->parts[i].name = names[i];
		read_part(report, &report->parts[i]);
	}
	name_tests(report);
}
