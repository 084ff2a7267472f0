// SPDX-License-Identifier: GPL-2.0
/* The list and the table below a timeline: who waited for whom, how long. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../libc.h"
#include "draw.h"

enum { FEW_WAITS = 8, FEW_FAILURES = 3, MAX_WAKES = 12, INDENT = 6 };

const char *ms(long time)
{
	static char texts[8][24];
	static int next;
	char *text = texts[next++ % 8];

	snprintf(text, sizeof(texts[0]), "%.*f", time >= 100000 ? 0 :
		 time >= 10000 ? 1 : time >= 1000 ? 2 : 3, time / 1000.0);
	return text;
}

const char *sem_name(const struct analysis *analysis, int i)
{
	const struct sem *sem = &analysis->sems[i];
	static char texts[2][24];
	static int next;
	char *text = texts[next++ % 2];

	snprintf(text, sizeof(texts[0]), analysis->letters > 1 ? "%s %c" : "%s",
		 sem->is_futex ? "futex" : "semaphore", 'A' + sem->letter % 26);
	return text;
}

long axis_step(long length, int max)
{
	long step = 1;

	for (;;) {
		if (length / step < max)
			return step;
		if (length / (2 * step) < max)
			return 2 * step;
		if (length / (5 * step) < max)
			return 5 * step;
		step *= 10;
	}
}

/* A text to be broken into lines. */
struct paragraph {
	char text[2000];
	size_t length;
};

static __attribute__((format(printf, 2, 3)))
void add(struct paragraph *paragraph, const char *format, ...)
{
	size_t room = sizeof(paragraph->text) - paragraph->length;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(paragraph->text + paragraph->length, room, format, args);
	va_end(args);
	paragraph->length += (size_t)n < room ? (size_t)n : room - 1;
}

/* Print it in lines of at most width characters, all but the first indented. */
static void print(const struct paragraph *paragraph, FILE *file, int width)
{
	const char *text = paragraph->text;
	int column = 0;

	while (*text) {
		int word = strcspn(text, " ");

		if (column && column + 1 + word > width) {
			fprintf(file, "\n%*s", INDENT, "");
			column = INDENT;
		} else if (column) {
			column += fprintf(file, " ");
		} else {
			column += fprintf(file, "  ");
		}
		column += fprintf(file, "%.*s", word, text);
		text += word + strspn(text + word, " ");
	}
	fprintf(file, "\n");
}

static const char *label(const struct analysis *analysis, int process)
{
	return analysis->processes[process].label[0] ?
	       analysis->processes[process].label : analysis->processes[process].name;
}

/* Say which semaphore, if there are several. */
static void add_sem(struct paragraph *paragraph, const struct analysis *analysis,
		    int sem)
{
	if (analysis->letters > 1)
		add(paragraph, " (%c)", 'A' + analysis->sems[sem].letter % 26);
}

/* What a process waited for if nobody held the semaphore. */
static const char *without_holder(const struct analysis *analysis,
				  const struct wait *wait)
{
	if (analysis->sems[wait->sem].is_futex)
		return "in futex, outside of the semaphore functions";
	return analysis->sems[wait->sem].handed ? "for a post" :
					       "for a holder that the trace does not show";
}

static void add_holders(struct paragraph *paragraph, const struct analysis *analysis,
			const struct wait *wait)
{
	if (!wait->holder_count)
		add(paragraph, " %s", without_holder(analysis, wait));
	for (int i = 0; i < wait->holder_count; i++)
		add(paragraph, "%s %s", i ? " and" : " for",
		    label(analysis, wait->holders[i]));
}

/* Say what woke it, after which it got the semaphore. */
static void add_waker(struct paragraph *paragraph, const struct analysis *analysis,
		      const struct wait *wait, const struct wake *wake)
{
	if (wake->from < 0) {
		add(paragraph, ", until a timer or signal woke it");
		return;
	}
	add(paragraph, ", until ");
	if (wait->holder_count == 1 &&
	    wait->holders[0] == wake->from)
		add(paragraph, "its");
	else
		add(paragraph, "%s's", label(analysis, wake->from));
	add(paragraph, " %s %d", wake->by_post ? "post" : "call", wake->number);
}

/* Say how a wait ended, and which posts woke it in vain. */
static void add_end(struct paragraph *paragraph, const struct analysis *analysis,
		    const struct wait *wait)
{
	const struct wake *mine[MAX_WAKES], *last = NULL;
	int seen = 0, vain = 0;

	for (size_t i = wait->first_wake;
	     seen < wait->wakes && i < analysis->wake_count; i++) {
		const struct wake *wake = &analysis->wakes[i];

		if (wake->wait != wait - analysis->waits)
			continue;
		last = wake;
		if (seen++ < wait->in_vain && wake->number && vain++ < MAX_WAKES)
			mine[vain - 1] = wake;
	}
	if (wait->open)
		add(paragraph, ", and still waits when the trace ends");
	else if (!wait->took)
		add(paragraph, ", and gave up");
	else if (last && wait->in_vain < wait->wakes)
		add_waker(paragraph, analysis, wait, last);
	else if (!wait->asleep)
		add(paragraph, ", and did not have to sleep");
	for (int i = 0; i < vain && i < MAX_WAKES; i++)
		add(paragraph, "%s %d", i ? "," : " (in vain:",
		    mine[i]->number);
	if (vain)
		add(paragraph, vain > MAX_WAKES ? ", ...)" : ")");
}

static void list_each(const struct view *view, FILE *file, int width)
{
	const struct analysis *analysis = view->analysis;

	for (size_t i = 0; i < analysis->wait_count; i++) {
		const struct wait *wait = &analysis->waits[i];
		struct paragraph paragraph = { .length = 0 };

		if (wait->to < view->from || wait->from > view->to)
			continue;
		add(&paragraph, "%s: %s waited %s ms",
		    ms(wait->from - view->analysis->from), label(analysis, wait->process),
		    ms(wait->to - wait->from));
		add_holders(&paragraph, analysis, wait);
		add_sem(&paragraph, analysis, wait->sem);
		add_end(&paragraph, analysis, wait);
		print(&paragraph, file, width);
	}
}

/* How often a process waited for another, or for what nobody held. */
struct pair {
	const char *what;
	int waits, wakes, in_vain;
	long longest;
};

static void count_wait(struct pair *pair, const struct wait *wait)
{
	pair->waits++;
	pair->wakes += wait->wakes;
	pair->in_vain += wait->in_vain;
	if (pair->longest < wait->to - wait->from)
		pair->longest = wait->to - wait->from;
}

static void print_pair(const struct analysis *analysis, int waiter, int holder,
		       const struct pair *pair, FILE *file, int width)
{
	struct paragraph paragraph = { .length = 0 };

	if (!pair->waits)
		return;
	add(&paragraph, "%s waited %d times ", label(analysis, waiter),
	    pair->waits);
	if (pair->what)
		add(&paragraph, "%s", pair->what);
	else
		add(&paragraph, "for %s", label(analysis, holder));
	add(&paragraph, ", %s ms at the longest; woken %d times, ",
	    ms(pair->longest), pair->wakes);
	if (pair->in_vain)
		add(&paragraph, "%d of them in vain", pair->in_vain);
	else
		add(&paragraph, "none of them in vain");
	print(&paragraph, file, width);
}

static void list_pairs(const struct view *view, FILE *file, int width)
{
	enum { OTHERS = 3 };	/* the answers of without_holder() */
	const struct analysis *analysis = view->analysis;
	int count = analysis->process_count;
	struct pair *pairs = allocate(count + OTHERS, sizeof(*pairs));

	for (int waiter = 0; waiter < count; waiter++) {
		if (!analysis->processes[waiter].waits)
			continue;
		memset(pairs, 0, (count + OTHERS) * sizeof(*pairs));
		for (size_t i = 0; i < analysis->wait_count; i++) {
			const struct wait *wait = &analysis->waits[i];
			int other = count;

			if (wait->process != waiter)
				continue;
			for (int h = 0; h < wait->holder_count; h++)
				count_wait(&pairs[wait->holders[h]], wait);
			if (wait->holder_count)
				continue;
			while (pairs[other].what && pairs[other].what !=
			       without_holder(analysis, wait))
				other++;
			pairs[other].what = without_holder(analysis, wait);
			count_wait(&pairs[other], wait);
		}
		for (int i = 0; i < count + OTHERS; i++)
			print_pair(analysis, waiter, i, &pairs[i], file, width);
	}
	free(pairs);
}

/* Holders that ended, or that still hold a semaphore when the trace ends. */
static void list_dead_holders(const struct view *view, FILE *file, int width)
{
	const struct analysis *analysis = view->analysis;

	for (size_t i = 0; i < analysis->process_count; i++) {
		const struct process *process = &analysis->processes[i];

		for (size_t h = 0; h < process->hold_count; h++) {
			struct paragraph paragraph = { .length = 0 };

			if (!process->holds[h].open)
				continue;
			add(&paragraph, process->alive ?
			    "%s still holds it when the trace ends" :
			    "%s ended while it held it: nobody can take it any more",
			    label(analysis, i));
			add_sem(&paragraph, analysis,
				same_sem(analysis, process->holds[h].sem));
			print(&paragraph, file, width);
		}
	}
}

static void list_failures(const struct view *view, FILE *file, int width)
{
	const struct analysis *analysis = view->analysis;

	for (size_t i = 0; i < analysis->failure_count; i++) {
		const struct failure *failure = &analysis->failures[i];
		struct paragraph paragraph = { .length = 0 };
		const char *name = error_name(failure->error);

		if (i == FEW_FAILURES) {
			fprintf(file, "  %zu more calls of futex failed\n",
				analysis->failure_count - i);
			return;
		}
		add(&paragraph, "%s: %s's call of futex failed: %s (%s)",
		    ms(failure->time - view->analysis->from),
		    label(analysis, failure->process), name ? name : "?",
		    strerror(failure->error));
		print(&paragraph, file, width);
	}
}

void list_waits(const struct view *view, FILE *file, int width, bool each)
{
	const struct analysis *analysis = view->analysis;
	int taken = 0;

	for (size_t i = 0; i < analysis->process_count; i++)
		taken += analysis->processes[i].taken;
	if (!taken)
		fprintf(file, "The trace shows no semaphore being taken. Looked for semaphores in: %s\n",
			analysis->trace->programs[0] ? analysis->trace->programs :
			"no program (none has symbols for sem_wait or sem_post)");
	else if (!analysis->wait_count)
		fprintf(file, "Nobody waited: it was free all %d times, and the kernel was not called.\n",
			taken);
	if (analysis->wait_count) {
		fprintf(file, "Who waited for whom (in vain: woken, but another process took it first):\n");
		if (each || (int)analysis->wait_count <= FEW_WAITS)
			list_each(view, file, width);
		else
			list_pairs(view, file, width);
	}
	list_failures(view, file, width);
	list_dead_holders(view, file, width);
	for (size_t i = 0; i < analysis->sem_count; i++) {
		const struct sem *sem = &analysis->sems[i];
		struct paragraph paragraph = { .length = 0 };

		if (sem->letter < 0)
			continue;
		if (analysis->letters > 1)
			add(&paragraph, "%c:", 'A' + sem->letter % 26);
		else
			add(&paragraph, "It is the");
		add(&paragraph, sem->is_futex ? " futex" : " semaphore");
		add(&paragraph, sem->mm < 0 ? " at offset %lu of /dev/shmcount" :
					      " at 0x%lx", sem->address);
		if (sem->handed)
			add(&paragraph, "; one process takes it, another posts it: nobody holds it");
		print(&paragraph, file, width);
	}
}

void list_processes(const struct view *view, FILE *file)
{
	const struct analysis *analysis = view->analysis;

	fprintf(file, "times in ms; in brackets: the part of it\n"
		"                 took it  at once  waits   waited  (asleep)    held  (off cpu)\n");
	for (int i = 0; i < view->lanes; i++) {
		const struct process *process =
			&analysis->processes[analysis->lanes[i]];
		long held = 0, off = 0;

		for (size_t h = 0; h < process->hold_count; h++) {
			const struct hold *hold = &process->holds[h];

			off += hold->off;
			if (!hold->open || !process->alive)
				held += hold->to - hold->from;
		}
		fprintf(file, "%-16s %7d  %7d  %5d  %7s  %7s  %7s   %7s\n",
			process->label, process->taken, process->taken_free,
			process->waits, ms(process->waited),
			ms(process->slept), ms(held), ms(off));
	}
}
