// SPDX-License-Identifier: GPL-2.0
/* What a timeline says in words: who waited for whom, and for how long. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../libc.h"
#include "draw.h"

enum { FEW_WAITS = 8, FEW_FAILURES = 3, MOST_WAKES = 12 };

const char *ms(long time)
{
	static char texts[8][24];
	static int next;
	char *text = texts[next++ % 8];

	snprintf(text, sizeof(texts[0]), "%.*f", time >= 100000 ? 0 :
		 time >= 10000 ? 1 : time >= 1000 ? 2 : 3, time / 1000.0);
	return text;
}

long axis_step(long length, int most)
{
	long step = 1;

	for (;;) {
		if (length / step < most)
			return step;
		if (length / (2 * step) < most)
			return 2 * step;
		if (length / (5 * step) < most)
			return 5 * step;
		step *= 10;
	}
}

long zero(const struct view *view)
{
	return view->story->from;
}

/* A text that becomes lines. */
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

/* In lines of at most so many characters, the later ones further in. */
static void print(const struct paragraph *paragraph, FILE *file, int width,
		  int indent)
{
	const char *text = paragraph->text;
	int column = 0;

	while (*text) {
		int word = strcspn(text, " ");

		if (column && column + 1 + word > width) {
			fprintf(file, "\n%*s", indent, "");
			column = indent;
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

static const char *label(const struct story *story, int process)
{
	return story->processes[process].label[0] ?
	       story->processes[process].label : story->processes[process].name;
}

/* Which semaphore, if there are several. */
static void add_sem(struct paragraph *paragraph, const struct story *story,
		    int sem)
{
	if (story->letters > 1)
		add(paragraph, " (%c)", 'A' + story->sems[sem].letter % 26);
}

/* What it waited for where nobody held it. */
static const char *without_holder(const struct story *story,
				  const struct wait *wait)
{
	if (story->sems[wait->sem].is_futex)
		return "in futex, by no function of semaphores that is seen";
	return story->sems[wait->sem].handed ? "for a post" :
					       "for nobody that is seen";
}

static void add_holders(struct paragraph *paragraph, const struct story *story,
			const struct wait *wait)
{
	if (!wait->holder_count)
		add(paragraph, " %s", without_holder(story, wait));
	for (int i = 0; i < wait->holder_count; i++)
		add(paragraph, "%s %s", i ? " and" : " for",
		    label(story, wait->holders[i]));
}

/* Whose post it was that woke it, for which it waited; or what did. */
static void add_waker(struct paragraph *paragraph, const struct story *story,
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
		add(paragraph, "%s's", label(story, wake->from));
	add(paragraph, " %s %d", wake->by_post ? "post" : "call", wake->number);
}

/* How it ended, and which posts woke it and were of no use to it. */
static void add_end(struct paragraph *paragraph, const struct story *story,
		    const struct wait *wait)
{
	const struct wake *last = NULL;
	int seen = 0, said = 0;

	for (size_t i = wait->first_wake;
	     i < story->wake_count && seen < wait->wakes; i++)
		if (story->wakes[i].wait == wait - story->waits) {
			last = &story->wakes[i];
			seen++;
		}
	if (wait->open)
		add(paragraph, ", and waits still when the trace ends");
	else if (!wait->took)
		add(paragraph, ", and gave up");
	else if (last && wait->in_vain < wait->wakes)
		add_waker(paragraph, story, wait, last);
	else if (!wait->asleep)
		add(paragraph, ", and did not have to sleep");

	seen = 0;
	for (size_t i = wait->first_wake;
	     i < story->wake_count && seen < wait->in_vain; i++) {
		const struct wake *wake = &story->wakes[i];

		if (wake->wait != wait - story->waits)
			continue;
		seen++;
		if (!wake->number || said > MOST_WAKES)
			continue;
		if (said++ == MOST_WAKES)
			add(paragraph, ", ...");
		else
			add(paragraph, "%s %d", said > 1 ? "," : " (in vain:",
			    wake->number);
	}
	if (said)
		add(paragraph, ")");
}

static void list_each(const struct view *view, FILE *file, int width)
{
	const struct story *story = view->story;

	for (size_t i = 0; i < story->wait_count; i++) {
		const struct wait *wait = &story->waits[i];
		struct paragraph paragraph = { .length = 0 };

		if (wait->to < view->from || wait->from > view->to)
			continue;
		add(&paragraph, "%s: %s waited %s ms",
		    ms(wait->from - zero(view)), label(story, wait->process),
		    ms(wait->to - wait->from));
		add_holders(&paragraph, story, wait);
		add_sem(&paragraph, story, wait->sem);
		add_end(&paragraph, story, wait);
		print(&paragraph, file, width, 6);
	}
}

/* How often a process waited for another, or for what has no holder. */
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

static void print_pair(const struct story *story, int waiter, int holder,
		       const struct pair *pair, FILE *file, int width)
{
	struct paragraph paragraph = { .length = 0 };

	if (!pair->waits)
		return;
	add(&paragraph, "%s waited %d times ", label(story, waiter),
	    pair->waits);
	if (pair->what)
		add(&paragraph, "%s", pair->what);
	else
		add(&paragraph, "for %s", label(story, holder));
	add(&paragraph, ", %s ms at the longest; woken %d times, ",
	    ms(pair->longest), pair->wakes);
	if (pair->in_vain)
		add(&paragraph, "%d of them in vain", pair->in_vain);
	else
		add(&paragraph, "none of them in vain");
	print(&paragraph, file, width, 6);
}

static void list_pairs(const struct view *view, FILE *file, int width)
{
	enum { OTHERS = 3 };	/* what without_holder() says */
	const struct story *story = view->story;
	int count = story->process_count;
	struct pair *pairs = calloc(count + OTHERS, sizeof(*pairs));

	if (!pairs)
		die("no memory");
	for (int waiter = 0; waiter < count; waiter++) {
		if (!story->processes[waiter].waits)
			continue;
		memset(pairs, 0, (count + OTHERS) * sizeof(*pairs));
		for (size_t i = 0; i < story->wait_count; i++) {
			const struct wait *wait = &story->waits[i];
			int other = count;

			if (wait->process != waiter)
				continue;
			for (int h = 0; h < wait->holder_count; h++)
				count_wait(&pairs[wait->holders[h]], wait);
			if (wait->holder_count)
				continue;
			while (pairs[other].what && pairs[other].what !=
			       without_holder(story, wait))
				other++;
			pairs[other].what = without_holder(story, wait);
			count_wait(&pairs[other], wait);
		}
		for (int i = 0; i < count + OTHERS; i++)
			print_pair(story, waiter, i, &pairs[i], file, width);
	}
	free(pairs);
}

/* Who ended, and took the semaphore with it. */
static void list_dead_holders(const struct view *view, FILE *file, int width)
{
	const struct story *story = view->story;

	for (size_t i = 0; i < story->process_count; i++) {
		const struct process *process = &story->processes[i];

		for (size_t h = 0; h < process->hold_count; h++) {
			struct paragraph paragraph = { .length = 0 };

			if (!process->holds[h].open)
				continue;
			add(&paragraph, process->alive ?
			    "%s holds it still when the trace ends" :
			    "%s ended while it held it: nobody can take it any more",
			    label(story, i));
			add_sem(&paragraph, story,
				same_sem(story, process->holds[h].sem));
			print(&paragraph, file, width, 6);
		}
	}
}

static void list_failures(const struct view *view, FILE *file, int width)
{
	const struct story *story = view->story;

	for (size_t i = 0; i < story->failure_count; i++) {
		const struct failure *failure = &story->failures[i];
		struct paragraph paragraph = { .length = 0 };
		const char *name = error_name(failure->error);

		if (i == FEW_FAILURES) {
			fprintf(file, "  and %zu more calls of futex failed\n",
				story->failure_count - i);
			return;
		}
		add(&paragraph, "%s: %s's call of futex failed: %s (%s)",
		    ms(failure->time - zero(view)),
		    label(story, failure->process), name ? name : "?",
		    strerror(failure->error));
		print(&paragraph, file, width, 6);
	}
}

void list_waits(const struct view *view, FILE *file, int width, bool each)
{
	const struct story *story = view->story;
	int taken = 0;

	for (size_t i = 0; i < story->process_count; i++)
		taken += story->processes[i].taken;
	if (!taken)
		fprintf(file, "No semaphore was seen to be taken. Looked for in: %s\n",
			story->trace->programs[0] ? story->trace->programs :
			"no program (none has sem_wait or sem_post by name)");
	else if (!story->wait_count)
		fprintf(file, "Nobody waited: it was free each of %d times, and the kernel was not asked.\n",
			taken);
	if (story->wait_count) {
		fprintf(file, "Who waited for whom (in vain: woken, and then it was taken again):\n");
		if (each || (int)story->wait_count <= FEW_WAITS)
			list_each(view, file, width);
		else
			list_pairs(view, file, width);
	}
	list_failures(view, file, width);
	list_dead_holders(view, file, width);
	for (size_t i = 0; i < story->sem_count; i++) {
		struct paragraph paragraph = { .length = 0 };
		char name[80];

		if (story->sems[i].letter < 0)
			continue;
		name_sem(story, i, name, sizeof(name));
		if (story->letters > 1)
			add(&paragraph, "%c:", 'A' + story->sems[i].letter % 26);
		else
			add(&paragraph, "It is the");
		add(&paragraph, " %s%s", name, story->sems[i].handed ?
		    ", which is posted by others than who took it: nobody holds it" : "");
		print(&paragraph, file, width, 6);
	}
}

void list_processes(const struct view *view, FILE *file)
{
	const struct story *story = view->story;

	fprintf(file, "times in ms; in brackets: how much of that\n"
		"                 took it  at once  waits   waited  (asleep)    held  (off cpu)\n");
	for (int i = 0; i < view->lanes; i++) {
		const struct process *process =
			&story->processes[story->lanes[i]];
		long off = 0;

		for (size_t h = 0; h < process->hold_count; h++)
			off += process->holds[h].off;
		fprintf(file, "%-16s %7d  %7d  %5d  %7s  %7s  %7s   %7s\n",
			process->label, process->taken, process->taken_free,
			process->waits, ms(process->waited),
			ms(process->slept), ms(process->held), ms(off));
	}
}
