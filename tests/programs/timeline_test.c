// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of make timeline: traces written here, whose meaning is known; broken
 * traces; and a run in the guest, where one process must wait for another.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"

enum { GUEST_LIMIT = 300 };

/* Parts of a trace: events with time (in us), processor, pid and text. */
#define HEAD "# timeline: command demo 2\n# timeline: pace 0\n# timeline: program demo\n# tracer: nop\n#\n"
#define END "# timeline: end 0\n"
#define EVENT_BY(name, us, cpu, pid, flags, text) \
	"   " name "-" #pid "   [00" #cpu "] " flags "     5.0" #us ": " text "\n"
#define EVENT(us, cpu, pid, text) EVENT_BY("<...>", us, cpu, pid, ".....", text)

#define EXEC(us, cpu, pid, name) \
	EVENT(us, cpu, pid, "sched_process_exec: filename=/bin/" name " pid=" #pid " old_pid=" #pid)
#define FORK(us, cpu, pid, child) \
	EVENT(us, cpu, pid, "sched_process_fork: comm=demo pid=" #pid " child_comm=demo child_pid=" #child)
#define EXIT(us, cpu, pid) \
	EVENT(us, cpu, pid, "sched_process_exit: comm=demo pid=" #pid " prio=120")
#define SWITCH(us, cpu, from, state, to) \
	EVENT(us, cpu, from, "sched_switch: prev_comm=x prev_pid=" #from " prev_prio=120 prev_state=" #state " ==> next_comm=y next_pid=" #to " next_prio=120")
#define WAKING(us, cpu, pid, other) \
	EVENT(us, cpu, pid, "sched_waking: comm=x pid=" #other " prio=120 target_cpu=000")
#define BY_TIMER(us, cpu, pid, other) \
	EVENT_BY("<idle>", us, cpu, pid, "d.h4.", "sched_waking: comm=x pid=" #other " prio=120 target_cpu=000")
#define CALL(us, cpu, pid, call, address) \
	EVENT(us, cpu, pid, #call "_0: (0x423910) sem=0x" #address)
#define RETURN(us, cpu, pid, call, result) \
	EVENT(us, cpu, pid, #call "_0: (0x402013 <- 0x423910) result=" #result)
#define FUTEX(us, cpu, pid, address, op) \
	EVENT(us, cpu, pid, "sys_futex(uaddr: " #address ", op: " #op ", val: 0, utime: 0, uaddr2: 0, val3: ffffffff)")
#define FUTEX_END(us, cpu, pid) EVENT(us, cpu, pid, "sys_futex -> 0x0")
#define PAGE(us, cpu, pid, what, address, offset) \
	EVENT(us, cpu, pid, "shmcount_" #what ": pid=" #pid " address=0x" #address " offset=" #offset)

#define TAKE(begin, end, cpu, pid, address) \
	"" CALL(begin, cpu, pid, wait, address) RETURN(end, cpu, pid, waited, 0)
#define POST(begin, end, cpu, pid, address) \
	"" CALL(begin, cpu, pid, post, address) RETURN(end, cpu, pid, posted, 0)

/* A process finds it taken and sleeps; wakes another by a post; resumes. */
#define SLEEPS(call, futex, off, cpu, pid, address) \
	"" CALL(call, cpu, pid, wait, address) FUTEX(futex, cpu, pid, address, 9) \
	SWITCH(off, cpu, pid, S, 0)
#define WAKES(call, futex, wake, futex_end, end, cpu, pid, address, other) \
	"" CALL(call, cpu, pid, post, address) FUTEX(futex, cpu, pid, address, 1) \
	WAKING(wake, cpu, pid, other) FUTEX_END(futex_end, cpu, pid) \
	RETURN(end, cpu, pid, posted, 0)
#define RESUMES(on, futex_end, end, cpu, pid, result) \
	"" SWITCH(on, cpu, 0, R, pid) FUTEX_END(futex_end, cpu, pid) \
	RETURN(end, cpu, pid, waited, result)

/* 11 takes it and sleeps; 12 waits, is woken in vain, and then gets it. */
#define MEETING \
	"" EXEC(10000, 0, 11, "demo") \
	PAGE(10000, 0, 11, vma_open, 7000, 0) \
	PAGE(10010, 0, 11, fault, 7000, 0) \
	FORK(10020, 0, 11, 12) \
	TAKE(11000, 11010, 0, 11, 7018) \
	SWITCH(12000, 0, 11, S, 0) \
	SWITCH(12010, 1, 0, R, 12) \
	CALL(13000, 1, 12, wait, 7018) \
	FUTEX(13010, 1, 12, 7018, 189) \
	SWITCH(13100, 1, 12, S, 0) \
	BY_TIMER(15000, 0, 0, 11) \
	SWITCH(15100, 0, 0, R, 11) \
	CALL(16000, 0, 11, post, 7018) \
	FUTEX(16010, 0, 11, 7018, 1) \
	WAKING(16020, 0, 11, 12) \
	FUTEX_END(16030, 0, 11) \
	RETURN(16040, 0, 11, posted, 0) \
	TAKE(16050, 16060, 0, 11, 7018) \
	SWITCH(16500, 1, 0, R, 12) \
	FUTEX_END(16510, 1, 12) \
	FUTEX(16520, 1, 12, 7018, 189) \
	SWITCH(16600, 1, 12, S, 0) \
	CALL(18000, 0, 11, post, 7018) \
	FUTEX(18010, 0, 11, 7018, 1) \
	WAKING(18020, 0, 11, 12) \
	FUTEX_END(18030, 0, 11) \
	RETURN(18040, 0, 11, posted, 0) \
	SWITCH(19000, 1, 0, R, 12) \
	FUTEX_END(19010, 1, 12) \
	RETURN(19020, 1, 12, waited, 0) \
	SWITCH(20000, 1, 12, R, 0) \
	SWITCH(21000, 1, 0, R, 12) \
	POST(21500, 21510, 1, 12, 7018) \
	PAGE(22000, 1, 12, vma_close, 7000, 0) \
	EXIT(22000, 1, 12) \
	PAGE(23000, 0, 11, vma_close, 7000, 0) \
	EXIT(23000, 0, 11)

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "we");

	ASSERT_TRUE(file);
	ASSERT_EQ(length, fwrite(text, 1, length, file));
	ASSERT_TRUE(!fclose(file));
}

/* Draw a trace, with 65 columns for the time. */
#define TIMELINE(...) \
	RUN(in("TOP", "user/timeline/timeline"), "--width=81", __VA_ARGS__, "trace")

static char *timeline(const char *trace)
{
	write_text("trace", trace);
	return must_end_silently(TIMELINE("--svg=svg"), 0).output;
}

/* timeline refuses the trace, with one line that contains the text. */
static void expect_refused(const char *trace, size_t length, const char *text)
{
	struct run run;

	write_file("trace", trace, length);
	run = TIMELINE("--svg=svg", "--perfetto=none");
	expect_refusal(run, 1, text);
	ASSERT_ERRNO(ENOENT, access("none", F_OK));
	ASSERT_TRUE(!strncmp(run.errors, "timeline: ", 10));
}

/* The text in one line: to be freed. */
static char *flat_text(const char *text)
{
	char *flat = strdup(text), *to = flat;

	for (const char *from = text; *from; from++)
		if (!isspace((unsigned char)*from))
			*to++ = *from;
		else if (to > flat && to[-1] != ' ')
			*to++ = ' ';
	*to = '\0';
	return flat;
}

/* The text contains the words, wherever it breaks lines. */
static void expect_words(const char *text, const char *words)
{
	char *flat = flat_text(text);

	expect_text(flat, words);
	free(flat);
}

/* What protoc makes of a trace for Perfetto: one packet, or what it says of its track. */
struct packet {
	long time;		/* us */
	unsigned long track, parent, flow, last_of_flow;
	int pid, count;
	char name[64], type[64];
};

enum { MAX_PACKETS = 20000 };

static struct packet packets[MAX_PACKETS];
static size_t packet_count;

static bool has_protoc(void)
{
	static int status = -1;

	if (status < 0)
		status = RUN("/bin/sh", "-c", "command -v protoc").status;
	return !status;
}

/* Read a trace for Perfetto. All of it is known to our description of the format. */
static void decode(const char *path)
{
	struct packet *packet = packets;
	char *text, *rest, *line;

	in("TOP", "");
	setenv("TRACE", path, 1);
	if (!has_protoc())
		test_skip("there is no protoc here");
	text = shell("protoc --decode=Trace -I \"$TOP/tests/programs\" perfetto.proto "
		     "<\"$TRACE\"");
	packet_count = 0;
	for (rest = text; (line = strsep(&rest, "\n")) && *line;) {
		char key[40], value[64], *colon;

		if (!strcmp(line, "packet {")) {
			ASSERT_TRUE(packet_count < MAX_PACKETS);
			packet = &packets[packet_count++];
			*packet = (struct packet) { .time = -1 };
		}
		colon = strstr(line, ": ");
		if (!colon)
			continue;
		if (sscanf(line, " %39[a-z_]: %63[^\n]", key, value) != 2)
			FAIL("protoc says \"%s\"", line);
		if (!strcmp(key, "timestamp"))
			packet->time = atol(value) / 1000;
		else if (!strcmp(key, "uuid") || !strcmp(key, "track_uuid"))
			packet->track = strtoul(value, NULL, 10);
		else if (!strcmp(key, "parent_uuid"))
			packet->parent = strtoul(value, NULL, 10);
		else if (!strcmp(key, "flow_ids"))
			packet->flow = strtoul(value, NULL, 10);
		else if (!strcmp(key, "terminating_flow_ids"))
			packet->last_of_flow = strtoul(value, NULL, 10);
		else if (!strcmp(key, "pid"))
			packet->pid = atoi(value);
		else if (!strcmp(key, "counter_value"))
			packet->count = atoi(value);
		else if (!strcmp(key, "name") || !strcmp(key, "process_name"))
			snprintf(packet->name, sizeof(packet->name), "%.*s",
				 (int)strlen(value) - 2, value + 1);
		else if (!strcmp(key, "type"))
			snprintf(packet->type, sizeof(packet->type), "%s", value + 5);
	}
}

/* What says of a track what it is. */
static const struct packet *track_of(unsigned long id)
{
	for (size_t i = 0; i < packet_count; i++)
		if (!packets[i].type[0] && packets[i].track == id)
			return &packets[i];
	FAIL("there is no track %lu", id);
}

/* The process of a track; 0: a counter, which has none. */
static int pid_of(const struct packet *track)
{
	return track->parent ? track_of(track->parent)->pid : 0;
}

/* "PID TRACK: " and what is on it, in us: slices by their end. */
static char *track_text(const struct packet *track)
{
	const struct packet *open[100] = { NULL };
	size_t size, depth = 0;
	char *text;
	FILE *file = open_memstream(&text, &size);

	ASSERT_TRUE(file);
	fprintf(file, "%d %s:", pid_of(track), track->name);
	for (const struct packet *p = packets; p < packets + packet_count; p++) {
		long time = p->time - 5010000;

		if (!p->type[0] || p->track != track->track)
			continue;
		if (!strcmp(p->type, "SLICE_BEGIN")) {
			ASSERT_TRUE(depth < 100);
			open[depth++] = p;
		} else if (!strcmp(p->type, "SLICE_END")) {
			ASSERT_TRUE(depth > 0);
			depth--;
			ASSERT_TRUE(p->time >= open[depth]->time);
			fprintf(file, " %s %ld-%ld", open[depth]->name,
				open[depth]->time - 5010000, time);
		} else if (!strcmp(p->type, "INSTANT")) {
			fprintf(file, " %s %ld", p->name, time);
		} else {
			ASSERT_STREQ("COUNTER", p->type);
			fprintf(file, " %d at %ld", p->count, time);
		}
	}
	ASSERT_EQ(0, depth);
	fclose(file);
	return text;
}

static char *tracks_text(void)
{
	size_t size;
	char *text;
	FILE *file = open_memstream(&text, &size);

	ASSERT_TRUE(file);
	for (size_t i = 0; i < packet_count; i++)
		if (!packets[i].type[0] && !packets[i].pid)
			fprintf(file, "%s\n", track_text(&packets[i]));
	fclose(file);
	return text;
}

/* An arrow of Perfetto's trace, or a pair of the text's list. */
struct arrow {
	unsigned long number;
	int from, to;		/* pids; from is 0: not told */
};

static struct arrow arrows[1000], pairs[1000];
static size_t arrow_count, pair_count;

static void find_arrows(void)
{
	size_t ends = 0, named = 0;

	arrow_count = 0;
	for (size_t i = 0; i < packet_count; i++) {
		const struct packet *from = &packets[i], *to = NULL;

		ends += from->last_of_flow != 0;
		named += !strncmp(from->name, "woken by ", 9);
		if (!from->flow)
			continue;
		for (size_t j = 0; j < packet_count; j++)
			if (packets[j].last_of_flow == from->flow)
				to = &packets[j];
		ASSERT_TRUE(to && to->time >= from->time && arrow_count < 1000);
		arrows[arrow_count++] = (struct arrow) {
			from->flow, pid_of(track_of(from->track)), pid_of(track_of(to->track)),
		};
	}
	ASSERT_EQ(arrow_count, ends);
	ASSERT_EQ(arrow_count, named);
}

static void add_pair(unsigned long number, int from, int to)
{
	ASSERT_TRUE(pair_count < 1000);
	pairs[pair_count++] = (struct arrow) { number, from, to };
}

/* The number that ends before this place. */
static int number_before(const char *text, const char *end)
{
	while (end > text && isdigit((unsigned char)end[-1]))
		end--;
	return atoi(end);
}

/*
 * The pairs of a list of each wait: "child 12 waited 6 ms for parent 11, until its post 2
 * (in vain: 1)", or "until parent 11's post 2".
 */
static void find_pairs(const char *text)
{
	char *flat = flat_text(text), *next;

	pair_count = 0;
	for (char *item = strstr(flat, " waited "); item; item = next) {
		int to = number_before(flat, item);
		char *until, *vain;

		next = strstr(item + 1, " waited ");
		if (next)
			*next = '\0';
		until = strstr(item + 1, ", until ");
		if (until && strncmp(until, ", until a timer", 15)) {
			char *end = strncmp(until, ", until its ", 12) ?
				    strstr(until, "'s ") : until;
			char *number = strstr(until, " post ") ?: strstr(until, " call ");

			ASSERT_TRUE(end && number);
			add_pair(atoi(number + 6), number_before(item + 1, end), to);
		}
		vain = strstr(item + 1, "(in vain: ");
		for (vain = vain ? vain + 10 : NULL; vain && isdigit((unsigned char)*vain);
		     vain += strspn(vain, ", "))
			add_pair(strtoul(vain, &vain, 10), 0, to);
		if (next)
			*next = ' ';
	}
	free(flat);
}

/* Each pair of the text's list is an arrow in the trace, and there is no other. */
static void expect_arrows_of(const char *text, const char *path)
{
	size_t found = 0;

	decode(path);
	find_arrows();
	find_pairs(text);
	for (size_t p = 0; p < pair_count; p++)
		for (size_t a = 0; a < arrow_count; a++)
			found += pairs[p].number == arrows[a].number &&
				 pairs[p].to == arrows[a].to &&
				 (!pairs[p].from || pairs[p].from == arrows[a].from);
	if (found != pair_count || arrow_count != pair_count)
		FAIL("the list has %zu pairs, Perfetto's trace %zu arrows, %zu of them are the same:\n%s",
		     pair_count, arrow_count, found, text);
}

/* 13 ms: 5 columns for each. */
TEST(timeline, two_processes_meet)
{
	ASSERT_STREQ("demo 2\n"
		     "ms           |0        |2        |4        |6        |8        |10       |12\n"
		     "             mf                            1         2                       u\n"
		     "parent 11    =====HHHHHhhhhhhhhhhhhhhh#HHHHHHHHHHHHHH=========================\n"
		     "                                           1         2                   u\n"
		     "child 12     ::::::::::=====wwwwwwwwwwwwwww!!!wwwwwww!!!!!HHHHH#####HH===\n"
		     "\n"
		     "              runs  ready  asleep     (ready: it has no processor)\n"
		     "holds it       H      #      h        f page fault in the region, ' elsewhere\n"
		     "waits for it   W      !      w        m mmap, u unmap; * several marks\n"
		     "neither        =      :      .        1, 2, ... a post, and whom it wakes\n"
		     "\n"
		     "times in ms; in brackets: the part of it\n"
		     "                 took it  at once  waits   waited  (asleep)    held  (off cpu)\n"
		     "parent 11              2        2      0    0.000    0.000     6.93      3.10\n"
		     "child 12               1        0      1     6.01     4.34     2.48      1.00\n"
		     "Who waited for whom (in vain: woken, but another process took it first):\n"
		     "  3.01: child 12 waited 6.01 ms for parent 11, until its post 2 (in vain: 1)\n"
		     "  It is the semaphore at offset 24 of /dev/shmcount\n",
		     timeline(HEAD MEETING END));
}

/* As on 7.2: what a process does after its end is no lane of its own. */
TEST(timeline, end_before_that_of_the_mapping)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      PAGE(10010, 0, 11, vma_open, 7000, 0)
			      TAKE(11000, 11010, 0, 11, 7018)
			      POST(12000, 12010, 0, 11, 7018)
			      EXIT(13000, 0, 11)
			      PAGE(14000, 0, 11, vma_close, 7000, 0)
			      FUTEX(14010, 0, 11, 7018, 1) FUTEX_END(14020, 0, 11)
			      END);

	ASSERT_TRUE(!strstr(text, "\n 11 "));
	expect_text(text, "u\ndemo 11      =");
}

TEST(timeline, nobody_waits)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      TAKE(11000, 11010, 0, 11, 5018)
			      POST(12000, 12010, 0, 11, 5018)
			      TAKE(13000, 13010, 0, 11, 5018)
			      POST(14000, 14010, 0, 11, 5018) EXIT(15000, 0, 11)
			      END);

	expect_words(text, "Nobody waited: it was free all 2 times");
	expect_text(text, "It is the semaphore at 0x5018\n");
	ASSERT_TRUE(!strstr(text, "Who waited"));
}

/* The processes map the region at different addresses. */
TEST(timeline, unrelated_processes_share_by_offset)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      PAGE(10010, 0, 11, fault, 7000, 4096)
			      EXEC(10020, 1, 12, "demo")
			      PAGE(10030, 1, 12, fault, 9000, 4096)
			      TAKE(11000, 11010, 0, 11, 7018)
			      SLEEPS(12000, 12010, 12020, 1, 12, 9018)
			      POST(13000, 13010, 0, 11, 7018)
			      BY_TIMER(14000, 1, 0, 12)
			      RESUMES(14010, 14020, 14030, 1, 12, -1)
			      EXIT(15000, 1, 12) EXIT(16000, 0, 11) END);

	expect_words(text, "2.00: demo 12 waited 2.02 ms for demo 11, and gave up");
	expect_text(text, "It is the semaphore at offset 4120 of /dev/shmcount");
	ASSERT_TRUE(!strstr(text, "B:"));
}

/* The semaphore is where a page of 4096 bytes would have ended. */
TEST(timeline, page_of_the_machine_that_recorded_it)
{
	char *text = timeline(HEAD "# timeline: page 16384\n"
			      EXEC(10000, 0, 11, "demo")
			      PAGE(10010, 0, 11, fault, 8000, 16384)
			      TAKE(11000, 11010, 0, 11, 9018)
			      POST(12000, 12010, 0, 11, 9018)
			      EXIT(15000, 0, 11) END);

	expect_text(text, "It is the semaphore at offset 20504 of /dev/shmcount\n");
}

/*
 * A child maps another page where its parent has one. The parent continues with
 * its own page, and so does the next child.
 */
TEST(timeline, other_pages_at_the_same_address)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      PAGE(10010, 0, 11, fault, 7000, 0)
			      FORK(10020, 0, 11, 12)
			      PAGE(10100, 1, 12, vma_close, 7000, 0)
			      PAGE(10110, 1, 12, vma_open, 7000, 4096)
			      TAKE(10200, 10210, 1, 12, 7018)
			      TAKE(11000, 11010, 0, 11, 7018)
			      FORK(11020, 0, 11, 13)
			      SWITCH(11900, 1, 12, S, 13)
			      SLEEPS(12000, 12010, 12020, 1, 13, 7018)
			      POST(13000, 13010, 0, 11, 7018)
			      BY_TIMER(14000, 1, 0, 13)
			      RESUMES(14010, 14020, 14030, 1, 13, 0)
			      POST(14100, 14110, 1, 13, 7018)
			      EXIT(15000, 1, 13)
			      SWITCH(15100, 1, 0, R, 12)
			      POST(15200, 15210, 1, 12, 7018)
			      EXIT(15300, 1, 12) EXIT(16000, 0, 11) END);

	expect_words(text, ": child 13 waited 2.02 ms for parent 11 (B), until");
	expect_text(text, "B: semaphore at offset 24 of /dev/shmcount\n");
	expect_text(text, "A: semaphore at offset 4120 of /dev/shmcount\n");
	expect_text(text, "(2 semaphores: a lane does not show which of them it holds)\n");
	ASSERT_TRUE(!strstr(text, "C:"));
}

/* All threads of a process see what one of them maps. */
TEST(timeline, page_that_a_thread_has_mapped)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      FORK(10020, 0, 11, 12)
			      PAGE(10110, 1, 12, vma_open, 7000, 4096)
			      TAKE(11000, 11010, 0, 11, 7018)
			      POST(12000, 12010, 0, 11, 7018)
			      EXIT(15300, 1, 12) EXIT(16000, 0, 11) END);

	expect_text(text, "It is the semaphore at offset 4120 of /dev/shmcount\n");
	ASSERT_TRUE(!strstr(text, "semaphores: a lane"));
}

/* If name and pid are long, the name is cut. */
TEST(timeline, pid_is_whole)
{
	char *text = timeline(HEAD EXEC(10000, 0, 4194303, "a_program")
			      TAKE(11000, 11010, 0, 4194303, 5018)
			      POST(12000, 12010, 0, 4194303, 5018)
			      EXEC(13000, 0, 1234, "a_program")
			      TAKE(14000, 14010, 0, 1234, 5018)
			      POST(15000, 15010, 0, 1234, 5018)
			      EXIT(16000, 0, 1234) EXIT(17000, 0, 4194303) END);

	expect_text(text, "\na_pr 4194303 H");
	expect_text(text, "\na_pr 4194303           1");
	expect_text(text, "\na_progr 1234 ");
	expect_text(read_text("svg"), ">a_pr 4194303</text>");
}

/* At different addresses, in memory outside of the device. */
TEST(timeline, who_wakes_a_waiter_has_the_same_semaphore)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      EXEC(10020, 1, 12, "demo")
			      TAKE(11000, 11010, 0, 11, 7018)
			      SLEEPS(12000, 12010, 12020, 1, 12, 9018)
			      WAKES(13000, 13010, 13020, 13030, 13040, 0, 11, 7018, 12)
			      RESUMES(14010, 14020, 14030, 1, 12, 0)
			      POST(14100, 14110, 1, 12, 9018)
			      EXIT(15000, 1, 12) EXIT(16000, 0, 11) END);

	expect_words(text, "1.01: demo 12 waited 2.02 ms for demo 11, until its post 1 ");
	ASSERT_TRUE(!strstr(text, "B:"));
}

TEST(timeline, only_who_held_it_meanwhile_is_named)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      FORK(10010, 0, 11, 12) FORK(10020, 0, 11, 13)
			      TAKE(10100, 10110, 1, 13, 5018)
			      POST(10200, 10210, 1, 13, 5018)
			      TAKE(11000, 11010, 0, 11, 5018)
			      SLEEPS(12000, 12010, 12020, 1, 12, 5018)
			      WAKES(13000, 13010, 13020, 13030, 13040, 0, 11, 5018, 12)
			      RESUMES(13100, 13110, 13120, 1, 12, 0)
			      POST(13200, 13210, 1, 12, 5018)
			      TAKE(14100, 14110, 1, 13, 5018)
			      POST(14200, 14210, 1, 13, 5018)
			      EXIT(15000, 1, 12) EXIT(15010, 1, 13)
			      EXIT(16000, 0, 11) END);

	expect_words(text, "child 12 waited 1.11 ms for parent 11, until its post 1 It is");
}

/* The other processor is faster: the wake comes before the switch. */
TEST(timeline, woken_on_the_way_to_sleep)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      FORK(10010, 0, 11, 12)
			      TAKE(11000, 11010, 0, 11, 5018)
			      CALL(12000, 1, 12, wait, 5018)
			      FUTEX(12010, 1, 12, 5018, 9)
			      CALL(13000, 0, 11, post, 5018)
			      FUTEX(13010, 0, 11, 5018, 1)
			      WAKING(13020, 0, 11, 12)
			      SWITCH(13030, 1, 12, S, 0)
			      FUTEX_END(13040, 0, 11)
			      RETURN(13050, 0, 11, posted, 0)
			      RESUMES(14010, 14020, 14030, 1, 12, 0)
			      POST(14100, 14110, 1, 12, 5018)
			      EXIT(15000, 1, 12) EXIT(16000, 0, 11) END);

	expect_words(text, "child 12 waited 2.02 ms for parent 11, until its post 1 ");
	expect_words(text, "child 12 1 0 1 2.02 0.000 0.070 0.000");
}

/* The consumer takes what the producer posts: nobody holds it. */
TEST(timeline, semaphore_that_is_handed_over)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      FORK(10010, 0, 11, 12)
			      SLEEPS(11000, 11010, 11020, 1, 12, 5018)
			      WAKES(12000, 12010, 12020, 12030, 12040, 0, 11, 5018, 12)
			      RESUMES(12100, 12110, 12120, 1, 12, 0)
			      EXIT(13000, 1, 12) EXIT(14000, 0, 11) END);
	const char *row;

	expect_words(text, "child 12 waited 1.11 ms for a post, until parent 11's post 1 ");
	expect_words(text, "nobody holds it");
	row = strstr(text, "child 12    ") + strlen("child 12    ");
	ASSERT_TRUE(strcspn(row, "Hh") > strcspn(row, "\n"));
}

TEST(timeline, holder_that_dies)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      TAKE(11000, 11010, 0, 11, 5018)
			      EXIT(12000, 0, 11) END);

	expect_text(text, "demo 11 ended while it held it: nobody can take it any more\n");
}

/* Waits and holds that are open when the trace ends: a buffer was full. */
TEST(timeline, cut_where_events_were_dropped)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      TAKE(11000, 11010, 0, 11, 5018)
			      FORK(11020, 0, 11, 12)
			      SLEEPS(12000, 12010, 12020, 1, 12, 5018)
			      SWITCH(13000, 1, 0, R, 99)
			      RETURN(14000, 0, 11, posted, 0)
			      "# timeline: dropped 1 345\n" END);

	expect_words(text, "parent 11 still holds it when the trace ends");
	expect_words(text, "child 12 waited 0.990 ms for parent 11, and still waits when the trace ends");
	expect_words(text, "the buffer was full: events after 2.00 ms are missing");
}

/* Every kind of note at once: seventeen processes, two semaphores. */
TEST(timeline, all_notes_are_given)
{
	size_t size;
	char *text;
	FILE *file = open_memstream(&text, &size);

	ASSERT_TRUE(file);
	fputs(HEAD "# timeline: untraced\n" EXEC(10000, 0, 99, "sh"), file);
	for (int pid = 11; pid < 28; pid++)
		fprintf(file,
			"  demo-%d [000] ..... 5.011000: wait_0: (0x1) sem=0x%x\n"
			"  demo-%d [000] ..... 5.011000: waited_0: (0x1) result=0\n",
			pid, 0x5000 + pid % 2, pid);
	fputs(EXIT(15000, 0, 11) "# timeline: dropped 0 1\n" END, file);
	fclose(file);
	write_file("trace", text, size);
	text = TIMELINE("--to=1").output;
	expect_text(text, "  (this is ");
	expect_text(text, "  (1 more processes are not drawn)\n");
	expect_text(text, " semaphores: a lane does not show which ");
	expect_text(text, "  (1 other process, ");
	expect_text(text, "  (this module has no tracepoints: ");
	expect_text(text, "  (the buffer was full: events after ");
}

/* A program without symbols: only its sleep in futex is visible. */
TEST(timeline, futex_without_a_semaphore)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      FUTEX(12010, 0, 11, 5018, 0)
			      SWITCH(12020, 0, 11, S, 0)
			      SWITCH(13000, 0, 0, R, 11)
			      FUTEX_END(13010, 0, 11)
			      EXIT(14000, 0, 11) END);

	expect_words(text, "demo 11 waited 1.00 ms in futex, outside of the semaphore functions ");
	expect_words(text, "The trace shows no semaphore being taken. Looked for semaphores in: demo ");
}

/* As with the textbook module: see the README. */
TEST(timeline, futex_that_fails)
{
	char *text = timeline(HEAD "# timeline: untraced\n"
			      EXEC(10000, 0, 11, "demo")
			      CALL(12000, 0, 11, wait, 5018)
			      FUTEX(12010, 0, 11, 5018, 9)
			      EVENT(13000, 0, 11, "sys_futex -> 0xfffffffffffffff5")
			      FUTEX(13010, 0, 11, 5018, 9)
			      EVENT(14000, 0, 11, "sys_futex -> 0xfffffffffffffff2")
			      EXIT(15000, 0, 11) END);

	expect_words(text, "2.00: demo 11's call of futex failed: EFAULT (Bad address)");
	ASSERT_TRUE(!strstr(text, "EAGAIN"));
	expect_words(text, "this module has no tracepoints");
}

/* The kernel tells of its mappings and of its page faults. */
TEST(timeline, module_without_tracepoints)
{
	char *text = timeline(HEAD "# timeline: untraced\n"
			      EXEC(10000, 0, 11, "demo")
			      EVENT(10010, 0, 11, "sys_mmap(addr: 0, len: 2000, prot: 1, flags: 1, fd: 4, off: 0)")
			      EVENT(10020, 0, 11, "sys_mmap -> 0x3000")
			      EVENT(11000, 0, 11, "sys_mmap(addr: 0, len: 2000, prot: 3, flags: 1, fd: 3, off: 1000)")
			      EVENT(11010, 0, 11, "sys_mmap -> 0x7000")
			      EVENT(11020, 0, 11, "page_fault_user: address=0x8018 ip=0x1 error_code=0x6")
			      CALL(12000, 0, 11, wait, 8018) RETURN(12010, 0, 11, waited, 0)
			      EVENT(14000, 0, 11, "page_fault_user: address=0x3018 ip=0x1 error_code=0x6")
			      EVENT(15000, 0, 11, "page_fault_user: address=0x7018 ip=0x1 error_code=0x6")
			      EVENT(17000, 0, 11, "sys_munmap(addr: 7000, len: 2000)")
			      CALL(18000, 0, 11, post, 8018) RETURN(18010, 0, 11, posted, 0)
			      EXIT(20000, 0, 11) END);
	char *fault = strchr(text, '\'') + 1, *unmap;

	fault += strspn(fault, " ");
	ASSERT_EQ('f', *fault);
	unmap = fault + 1 + strspn(fault + 1, " ");
	ASSERT_EQ('u', *unmap);
	expect_words(text, "semaphore at offset 8216 of /dev/shmcount");
	expect_words(text, "this module has no tracepoints: m, f and u are of every shared mapping");
}

/* n rounds; a second process waits in each. */
static char *long_trace(int n)
{
	size_t size;
	char *text;
	FILE *file = open_memstream(&text, &size);
	const char *const wait =
		SLEEPS(10000, 10010, 10020, 1, 12, 5018)
		WAKES(10100, 10110, 10120, 10130, 10140, 0, 11, 5018, 12)
		RESUMES(10150, 10160, 10170, 1, 12, 0)
		POST(10180, 10190, 1, 12, 5018)
		TAKE(10195, 10198, 0, 11, 5018);

	ASSERT_TRUE(file);
	fputs(HEAD EXEC(00000, 0, 11, "demo") FORK(00010, 0, 11, 12)
	      TAKE(00100, 00110, 0, 11, 5018), file);
	/* Each round is 200 us later. A time is "5.0" and five more digits. */
	for (int i = 0; i < n; i++) {
		const char *from = wait, *stamp;

		for (; (stamp = strstr(from, " 5.0")); from = stamp + 9) {
			long us = 1000 + 200 * i + atol(stamp + 6);

			fprintf(file, "%.*s 5.%06ld", (int)(stamp - from), from,
				us);
		}
		fputs(from, file);
	}
	fputs(END, file);
	fclose(file);
	return text;
}

TEST(timeline, long_run_is_told_in_short)
{
	char *text = timeline(long_trace(200));
	struct run run;

	expect_words(text, "child 12 waited 200 times for parent 11, 0.160 ms at the longest; woken 200 times, none of them in vain");
	expect_text(text, "(this is ");
	ASSERT_TRUE(lines_in(text) < 24);
	run = must_end_silently(TIMELINE("--list", "--from=2", "--to=3"), 0);
	expect_text(run.output, ": child 12 waited 0.160 ms for parent 11, until its post ");
	ASSERT_EQ(1, lines_in(run.output) < 60);
	run = must_end_silently(TIMELINE("--all", "--svg=all.svg"), 0);
	ASSERT_TRUE(!strstr(run.output, "(this is "));
	/* Its size depends on its pixels, not on the run. */
	text = read_text("all.svg");
	ASSERT_TRUE(strlen(text) < 500000);
}

TEST(timeline, picture_is_xml)
{
	struct run run;

	timeline("# timeline: command a <&\"> \xff b\n" MEETING END);
	run = RUN("/bin/sh", "-c", "xmllint --noout svg");
	if (WIFEXITED(run.status) && WEXITSTATUS(run.status) == 127)
		test_skip("there is no xmllint here");
	expect_silent(&run, 0);
	expect_text(read_text("svg"), "a &lt;&amp;\"&gt; ? b</text>");
	expect_text(read_text("svg"), ">child 12</text>");
	expect_text(read_text("svg"), ">waits</text>");
}

/* Times are in us from the start of MEETING. */
TEST(timeline, perfetto_has_lanes_slices_arrows_and_counters)
{
	write_text("trace", HEAD MEETING END);
	must_end_silently(TIMELINE("--perfetto=perfetto"), 0);
	decode("perfetto");
	ASSERT_STREQ("11 runs: runs 0-2000 ready 5000-5100 runs 5100-13000"
		     " mmap 0 page fault in the region 10 unmap 13000\n"
		     "11 semaphore: holds 1010-6000 holds 6060-8000 post 1 6020 post 2 8020\n"
		     "12 runs: ready 20-2010 runs 2010-3100 ready 6020-6500 runs 6500-6600"
		     " ready 8020-9000 runs 9000-10000 ready 10000-11000 runs 11000-12000"
		     " unmap 12000\n"
		     "12 semaphore: waits 3010-9020 holds 9020-11500"
		     " woken by 1 6500 woken by 2 9000\n"
		     "0 waiters for semaphore: 0 at 0 1 at 3010 0 at 9020\n", tracks_text());
	find_arrows();
	ASSERT_EQ(2, arrow_count);
	ASSERT_EQ(11, arrows[1].from);
	ASSERT_EQ(12, arrows[1].to);
}

/* Of two semaphores, one is posted by who never took it; a timer wakes without an arrow. */
TEST(timeline, perfetto_has_each_pair_of_the_list)
{
	static const char two[] = HEAD EXEC(10000, 0, 11, "demo")
		FORK(10010, 0, 11, 12) FORK(10020, 0, 11, 13)
		SLEEPS(11000, 11010, 11020, 1, 12, 6018)
		TAKE(11100, 11110, 0, 11, 5018)
		SLEEPS(12000, 12010, 12020, 1, 13, 5018)
		WAKES(13000, 13010, 13020, 13030, 13040, 0, 11, 5018, 13)
		WAKES(13050, 13060, 13070, 13080, 13090, 0, 11, 6018, 12)
		RESUMES(13100, 13110, 13120, 1, 13, 0)
		POST(13200, 13210, 1, 13, 5018)
		SWITCH(13300, 1, 13, S, 12)
		FUTEX_END(13310, 1, 12) RETURN(13320, 1, 12, waited, 0)
		SLEEPS(14000, 14010, 14020, 1, 12, 6018)
		BY_TIMER(14100, 0, 0, 12)
		RESUMES(14110, 14120, 14130, 1, 12, 0)
		FUTEX(15000, 1, 12, 9018, 0) SWITCH(15010, 1, 12, S, 0)
		FUTEX(15020, 0, 11, 9018, 1) WAKING(15030, 0, 11, 12)
		FUTEX_END(15040, 0, 11)
		SWITCH(15050, 1, 0, R, 12) FUTEX_END(15060, 1, 12)
		EXIT(16000, 1, 12) EXIT(16010, 1, 13) EXIT(16020, 0, 11) END;
	const struct {
		const char *trace;
		size_t pairs;
	} traces[] = { { HEAD MEETING END, 2 }, { two, 3 }, { long_trace(60), 60 } };
	struct run run;

	for (size_t i = 0; i < ARRAY_SIZE(traces); i++) {
		write_text("trace", traces[i].trace);
		run = must_end_silently(TIMELINE("--perfetto=perfetto", "--list", "--all"), 0);
		expect_arrows_of(run.output, "perfetto");
		ASSERT_EQ(traces[i].pairs, arrow_count);
	}
}

TEST(timeline, perfetto_has_text_for_any_name)
{
	timeline(HEAD EXEC(10000, 0, 11, "a\"\\<&\xff\xc3 b") TAKE(11000, 11010, 0, 11, 5018)
		 EXIT(12000, 0, 11) END);
	must_end(TIMELINE("--perfetto=perfetto"), 0);
	decode("perfetto");
	ASSERT_STREQ("a\\\"\\\\<&?? b", packets[0].name);
}


/* A page of a buffer of the kernel, whose events are lines of trace_marker. */
struct page {
	unsigned char bytes[4096];
	size_t used;
};

/* As an event: with no flags. */
struct line {
	uint32_t type;
	int32_t pid;
	uint64_t ip;
	char text[64];
};

static void put(struct page *page, const void *data, size_t length)
{
	ASSERT_TRUE(length <= sizeof(page->bytes) - page->used);
	memcpy(page->bytes + page->used, data, length);
	page->used += length;
}

static struct page page_at(uint64_t ns)
{
	struct page page = { .used = 0 };

	put(&page, &ns, sizeof(ns));
	page.used = 16;
	return page;
}

static void put_word(struct page *page, uint32_t word)
{
	put(page, &word, sizeof(word));
}

/* A line so long after the last one; is_long: its length stands in a word of its own. */
static void put_line(struct page *page, uint64_t ns, int32_t pid, const char *text,
		     bool is_long)
{
	struct line line = { .type = 5, .pid = pid, .ip = 0xffffffff81234560 };
	uint32_t length = (16 + sprintf(line.text, "%s\n", text) + 1 + 3) & ~3;

	put_word(page, ns << 5 | (is_long ? 0 : length / 4));
	if (is_long)
		put_word(page, 4 + length);
	put(page, &line, length);
}

static void append_page(struct page *page, const char *path)
{
	uint64_t length = page->used - 16;
	FILE *file = fopen(path, "ae");

	memcpy(page->bytes + 8, &length, sizeof(length));
	ASSERT_TRUE(file);
	ASSERT_EQ(1, fwrite(page->bytes, sizeof(page->bytes), 1, file));
	ASSERT_TRUE(!fclose(file));
}

/* In "raw", what timeline needs of what record leaves, but without a buffer. */
static void leave_formats(void)
{
	shell("rm -rf raw && mkdir -p raw/events/ftrace/print");
	write_text("raw/kallsyms", "ffffffff81234560 t tracing_mark_write\n");
	write_text("raw/events/ftrace/print/format", "name: print\nID: 5\nformat:\n"
		   "\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;\n");
}

/*
 * The buffers of MEETING, with all that the kernel may put between two events: a word
 * that is 30 for time that has passed, 31 for a time, 29 for nothing. What is nothing has
 * no time, but its length; at the end of a page, neither.
 */
static void leave_buffers(void)
{
	struct page page = page_at(5010000000);
	uint64_t stamp = 5015999600;

	leave_formats();
	put_line(&page, 0, 11, "starts", false);
	put_word(&page, 1010000 << 5 | 30);
	put_word(&page, 0);
	put_line(&page, 300, 11, "takes", false);
	put_line(&page, 400, 11, "goes on", false);
	put_word(&page, 1 << 5 | 29);
	put_word(&page, 8);
	put_word(&page, 0);
	put_word(&page, (stamp & ((1 << 27) - 1)) << 5 | 31);
	put_word(&page, stamp >> 27);
	put_line(&page, 0, 11, "posts", true);
	put_line(&page, 60800, 11, "takes", false);
	put_word(&page, 29);
	append_page(&page, "raw/cpu0000");
	page = page_at(5018000000);
	put_line(&page, 0, 11, "posts", false);
	put_line(&page, 1000, 11, "goes on", false);
	append_page(&page, "raw/cpu0000");

	page = page_at(5013000000);
	while (page.used < sizeof(page.bytes) - 64)
		put_line(&page, 0, 12, "fills a page", false);
	put_line(&page, 10000, 12, "waits", false);
	append_page(&page, "raw/cpu0001");
	page = page_at(5019020000);
	put_line(&page, 0, 12, "takes", false);
	put_line(&page, 2480000, 12, "posts", false);
	put_word(&page, 1000 << 5 | 30);
	put_word(&page, 3);
	put_line(&page, 0, 12, "goes on", false);
	append_page(&page, "raw/cpu0001");
}

/* The lines of a buffer as timeline writes it: "PID SECONDS TEXT" for each. */
static char *lines_of(const char *path)
{
	struct page page;
	size_t size;
	char *text;
	FILE *file = fopen(path, "re"), *out = open_memstream(&text, &size);

	ASSERT_TRUE(file && out);
	while (fread(page.bytes, sizeof(page.bytes), 1, file)) {
		uint64_t time, length;

		memcpy(&time, page.bytes, sizeof(time));
		memcpy(&length, page.bytes + 8, sizeof(length));
		for (size_t at = 16; at < 16 + length;) {
			struct line line = { .pid = 0 };
			uint32_t words[2];

			memcpy(words, page.bytes + at, sizeof(words));
			if (words[0] % 32) {
				at += 4;
				words[1] = words[0] % 32 * 4;
			} else {
				at += 8;
				words[1] -= 4;
			}
			ASSERT_TRUE(words[0] % 32 < 29 && words[1] <= sizeof(line) &&
				    at + words[1] <= 16 + length);
			memcpy(&line, page.bytes + at, words[1]);
			at += words[1];
			time += words[0] >> 5;
			ASSERT_EQ(5, line.type);
			ASSERT_EQ(0xffffffff81234560, line.ip);
			fprintf(out, "%d %.6f %s", line.pid, time / 1e9, line.text);
		}
	}
	fclose(file);
	fclose(out);
	return text;
}

/* A marker has the time of the event that it is about. */
TEST(timeline, waits_and_holds_stand_in_the_buffers)
{
	char *text;

	leave_buffers();
	write_text("trace", HEAD MEETING END);
	must_end_silently(TIMELINE("--raw=raw"), 0);
	ASSERT_STREQ("11 5.010000 starts\n"
		     "11 5.011010 takes\n"
		     "11 5.011010 holds semaphore\n"
		     "11 5.011011 goes on\n"
		     "11 5.016000 posts\n"
		     "11 5.016000 held semaphore 4.99 ms\n"
		     "11 5.016060 takes\n"
		     "11 5.016060 holds semaphore\n"
		     "11 5.018000 posts\n"
		     "11 5.018000 held semaphore 1.94 ms\n"
		     "11 5.018001 goes on\n", lines_of("raw/cpu0000"));
	text = lines_of("raw/cpu0001");
	ASSERT_EQ(112 + 8, lines_in(text));
	ASSERT_STREQ("12 5.013010 waits\n"
		     "12 5.013010 waits for semaphore\n"
		     "12 5.019020 takes\n"
		     "12 5.019020 waited 6.01 ms for semaphore\n"
		     "12 5.019020 holds semaphore\n"
		     "12 5.021500 posts\n"
		     "12 5.021500 held semaphore 2.48 ms\n"
		     "12 5.424154 goes on\n", strstr(text, "12 5.013010"));
	ASSERT_STREQ("11 demo\n12 demo\n", read_text("raw/saved_cmdlines"));
}

/* Each kind of word, with a length that leads out of the page or into itself. */
TEST(timeline, buffers_that_are_none)
{
	static const struct {
		uint32_t word;
		bool fits;	/* before any other word */
	} words[] = {
		{ 0, false }, { 1, true }, { 28, false }, { 1 << 5 | 29, false }, { 30, true },
		{ 31, true },
	};
	static const uint32_t seconds[] = { 0, 3, 5, 4096, 0xffffffff };

	static const struct {
		const char *by, *said;
	} broken[] = {
		{ "head -c 4095 raw/cpu0000 >raw/cpu0001", "cpu0001 is not a buffer" },
		{ "printf '\\377\\377' | dd of=raw/cpu0001 bs=8 seek=1 conv=notrunc 2>dd",
		  "cpu0001 is not a buffer" },
		{ "printf '\\370\\017' | dd of=raw/cpu0002 bs=8 seek=1 conv=notrunc 2>dd",
		  "cpu0002 is not a buffer" },
		{ "printf '\\001' | dd of=raw/cpu0002 bs=8 seek=513 conv=notrunc 2>dd",
		  "cpu0002 is not a buffer" },
		{ "sed -i s/offset:8/offset:16/ raw/events/ftrace/print/format",
		  "raw is not what record leaves" },
		{ "rm raw/events/ftrace/print/format", "raw is not what record leaves" },
	};

	write_text("trace", HEAD MEETING END);
	for (size_t w = 0; w < ARRAY_SIZE(words); w++)
		for (size_t s = 0; s < ARRAY_SIZE(seconds); s++) {
			struct page page = page_at(5010000000);
			struct run run;

			leave_formats();
			put_word(&page, words[w].word);
			if (s)
				put_word(&page, seconds[s]);
			append_page(&page, "raw/cpu0000");
			run = TIMELINE("--raw=raw");
			if (s && words[w].fits)
				expect_silent(&run, 0);
			else
				expect_end(&run, 1, "raw/cpu0000 is not a buffer of the kernel");
		}
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct page page;
		struct run run;

		leave_buffers();
		/* A full page, and one that looks like the rest of it. */
		page = page_at(0);
		while (page.used < sizeof(page.bytes))
			put_word(&page, page.used % 8 ? 0 : 1);
		append_page(&page, "raw/cpu0002");
		page = page_at(1);
		put_word(&page, 1);
		page.used = 16;
		append_page(&page, "raw/cpu0002");
		shell(broken[i].by);
		run = TIMELINE("--raw=raw");
		expect_end(&run, 1, broken[i].said);
	}
}

TEST(timeline, bad_traces)
{
	static const struct {
		const char *trace, *said;
	} bad[] = {
		{ "", "trace is empty" },
		{ "\n", "trace is not a trace of make timeline" },
		{ "# timeline: end 0\n", "not a trace of make timeline" },
		{ HEAD MEETING, "trace is cut off: its last line is missing" },
		{ HEAD END END, "the trace continues after its end" },
		{ HEAD END, "trace has no event" },
		{ HEAD "nonsense\n" END, "trace:6: not a line of a trace: nonsense" },
		{ HEAD EVENT(10000, 0, 11, "no_event: x=1") END, "trace:6: not a line" },
		{ HEAD EVENT(10000, 0, 11, "wait_0: (0x1) sem=1") END, "trace:6: not a line" },
		{ HEAD EVENT(10000, 0, 11, "tried_0: (0x1) result=x") END, "trace:6: not a line" },
		{ HEAD EVENT(10000, 0, 11, "tried_0: (0x1) result=5 junk") END, "trace:6: not a line" },
		{ HEAD "# timeline: end 0 or so\n", "trace:6: not a line" },
		{ HEAD EVENT(10000, 0, 11, "sched_switch: prev_pid=1") END, "trace:6: not a line" },
		{ HEAD "# timeline: nothing 1\n" END, "trace:6: not a line" },
		{ HEAD "# timeline: page 0\n" END, "trace:6: not a line" },
		{ HEAD "# timeline: page 4097\n" END, "trace:6: not a line" },
		{ HEAD EXEC(10000, 0, 11, "x") EXEC(00000, 0, 12, "x") END,
		  "trace:7: time goes backwards" },
		{ HEAD RETURN(10000, 0, 11, waited, 0) END,
		  "trace:6: 11 returns from a wait for a semaphore, which it never called" },
		{ HEAD RETURN(10000, 0, 11, tried, 0) END,
		  "trace:6: 11 returns from sem_trywait, which it never called" },
		{ HEAD CALL(10000, 0, 11, wait, 5018) RETURN(10000, 0, 11, posted, 0) END,
		  "trace:7: 11 returns from sem_post, which it never called" },
		{ HEAD EXEC(10000, 0, 11, "x") FORK(10000, 0, 11, 11) END,
		  "trace:7: 11 forks a child that already exists" },
		{ HEAD EXEC(10000, 0, 11, "x") END, "no process of this trace maps /dev/shmcount" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(bad[i].trace, strlen(bad[i].trace), bad[i].said);
}

/* timeline draws any trace, for Perfetto, too, or refuses it in one line. */
static void expect_drawn_or_refused(const char *trace, size_t length)
{
	struct run run;

	write_file("trace", trace, length);
	run = TIMELINE("--svg=svg", "--perfetto=perfetto");
	if (WIFEXITED(run.status) && !WEXITSTATUS(run.status)) {
		ASSERT_STREQ("", run.errors);
		if (has_protoc()) {
			decode("perfetto");
			free(tracks_text());
		}
		return;
	}
	expect_end(&run, 1, "timeline: ");
}

TEST_LIMIT(timeline, mutated_traces, 60)
{
	const char *whole = HEAD MEETING END;
	size_t length = strlen(whole);
	unsigned int seed = 1;
	char *trace = malloc(length + 1);

	/* Without the last newline or more, no part of it is a whole trace. */
	for (size_t end = 1; end < length - 1; end += 97) {
		write_file("trace", whole, end);
		must_end(TIMELINE("--svg=svg"), 1);
	}
	for (int i = 0; i < 300; i++) {
		memcpy(trace, whole, length);
		for (int n = rand_r(&seed) % 4; n >= 0; n--)
			trace[rand_r(&seed) % length] =
				"0123456789abcx =:#\n\0-%s\377"[rand_r(&seed) % 24];
		expect_drawn_or_refused(trace, length);
	}
	/* Leave out one line. */
	for (const char *line = whole; *line; line = strchr(line, '\n') + 1) {
		size_t before = line - whole;
		size_t gone = strchr(line, '\n') + 1 - line;

		memcpy(trace, whole, before);
		memcpy(trace + before, line + gone, length - before - gone);
		expect_drawn_or_refused(trace, length - gone);
	}
}

TEST(timeline, mistaken_options)
{
	static const char *const bad[] = {
		"--from=x", "--to=", "--width=3", "--nothing", "--from",
	};

	timeline(HEAD MEETING END);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		must_end(TIMELINE(bad[i]), 2);
	expect_refusal(TIMELINE("--from=5", "--to=4"), 1,
		       "there is nothing to draw from 5 to 4 ms");
	expect_refusal(TIMELINE("--from=500", "--to=600"), 1, "the trace covers 0 to 13 ms");
	expect_refusal(RUN(in("TOP", "user/timeline/timeline"), "there/is/none"), 1,
		       "cannot open there/is/none: No such file");
	/* run.sh says so before it boots a guest. */
	expect_refusal(RUN(in("TOP", "user/timeline/run.sh"), "--", "--from=x"), 2,
		       "'x' is not a number from");
	expect_refusal(RUN(in("TOP", "user/timeline/run.sh"), "--", "--pace=soon"), 2,
		       "'soon' is not a number of ms");
}

/*
 * A script takes the guest's place and copies a trace. run.sh keeps the trace
 * even if timeline cannot draw it, and then removes older pictures and other traces.
 */
TEST(timeline, trace_is_kept_whatever_the_drawing)
{
	struct run run;

	setenv("TIMELINE", in("TOP", "user/timeline"), 1);
	shell("mkdir -p tree/tests/kernel tree/tests/guest tree/user/timeline out && "
	      "cp \"$TIMELINE/run.sh\" tree/user/timeline/ && "
	      "ln -s \"$TIMELINE/timeline\" tree/user/timeline/ && "
	      "cp \"$TIMELINE/../../tests/kernel/surroundings.sh\" tree/tests/kernel/ && "
	      "printf '#!/bin/sh\\ntar -C raw -cf \"${2#*:}\" .; exit 3\\n' "
	      ">tree/tests/guest/vm.sh && chmod +x tree/tests/guest/vm.sh && "
	      "touch out/trace out/timeline.svg out/timeline.png "
	      "out/trace.dat out/trace.pftrace");
	leave_buffers();
	write_text("raw/trace.dat", "of trace-cmd");
	write_text("raw/trace", HEAD MEETING END);
	run = must_end(RUN("tree/user/timeline/run.sh", "--", "--from=500 --to=600", "", "out"), 3);
	expect_text(run.errors, "timeline: the trace covers 0 to 13 ms\n");
	expect_text(run.errors, "timeline: the trace is out/trace; to draw it: ");
	ASSERT_STREQ("trace\ntrace.dat\n", shell("ls out"));
	shell("cmp raw/trace out/trace");

	/* A broken trace does not replace it. */
	write_text("raw/trace", HEAD MEETING);
	must_end(RUN("tree/user/timeline/run.sh", "--", "", "", "out"), 3);
	ASSERT_TRUE(lines_in(shell("cat out/trace")) > lines_in(HEAD MEETING));

	run = RUN("/bin/sh", "-c", "command -v rsvg-convert");
	if (run.status)
		test_skip("there is no rsvg-convert here");
	write_text("raw/trace", HEAD MEETING END);
	run = must_end(RUN("tree/user/timeline/run.sh", "--", "", "", "out"), 3);
	ASSERT_STREQ("timeline.png\ntimeline.svg\ntrace\ntrace.dat\ntrace.pftrace\n", shell("ls out"));
	expect_text(run.output, "\nparent 11    =");

	/* What the guest said of its trace-cmd. */
	shell("rm raw/trace.dat; echo it cannot >raw/said");
	run = must_end(RUN("tree/user/timeline/run.sh", "--", "", "", "out"), 3);
	expect_text(run.errors, "it cannot\ntimeline: cannot make out/trace.dat\n");
}

/*
 * Nobody reads the pipe that the holder writes to, so it keeps the semaphore until
 * another process waits for it.
 */
#define NUMBER(call) NUMBER_OF(call)
#define NUMBER_OF(call) #call

static const char one_waits[] =
	"dir=$(mktemp -d); mkfifo $dir/fifo; exec 3<>$dir/fifo; "
	"full=$((16 * $(getconf PAGESIZE))); head -c $full /dev/zero >&3; "
	"in_call() { until grep -q \"^$2 \" /proc/$1/syscall; do :; done; }; "
	"user/incr_dev -a 1 >&3 & first=$!; in_call $first " NUMBER(SYS_write) "; "
	"user/incr_dev -a 1 & second=$!; in_call $second " NUMBER(SYS_futex) "; "
	"head -c $full <&3 >/dev/null; wait $first $second; "
	"echo $first $second; rm -r $dir; exit 7";

/* sed makes "NAME-PID TEXT" of each line of trace_marker that trace-cmd reports. */
#define MARKERS "sed -n 's/^ *\\([^ ]*\\) *\\[.*: print: *tracing_mark_write: /\\1 /p'"

/* What make timeline has left in DIR tells of the run of one_waits, as its output does. */
static void expect_one_waits(const char *dir, char *output)
{
	char *text = strstr(output, "\n\n"), *line;
	int first = 0, second = 0, slices = 0;
	struct stat stat_;

	setenv("DIR", dir, 1);
	ASSERT_TRUE(text);
	*text = '\0';
	if (sscanf(strrchr(output, '\n') + 1, "%d %d", &first, &second) != 2)
		FAIL("saw \"%s\"", output);
	text++;

	line = text_of("\nincr_dev %-6d", first);
	expect_text(text, line);
	/* It took it to increment, and to read the count. */
	text = strstr(strstr(text, "times in ms"), line);
	ASSERT_TRUE(text);
	ASSERT_EQ(2, atoi(text + 17));
	expect_arrows_of(text, text_of("%s/trace.pftrace", dir));
	text = strstr(text, text_of("incr_dev %d waited ", second));
	ASSERT_TRUE(text);
	ASSERT_TRUE(strstr(text, text_of("for incr_dev %d", first)));
	expect_text(text, "It is the semaphore at offset 24 of /dev/shmcount\n");

	ASSERT_OK(stat(text_of("%s/timeline.png", dir), &stat_));
	ASSERT_TRUE(stat_.st_size > 10000);
	expect_text(read_text(text_of("%s/timeline.svg", dir)), "</svg>\n");

	/* trace.dat has each event of the text, and two lines for each wait and hold. */
	ASSERT_EQ(atoi(shell("grep -vc '^#' \"$DIR/trace\"")),
		  atoi(shell("trace-cmd report \"$DIR/trace.dat\" 2>&1 | "
			     "grep -vc ': print: \\|^cpus=\\|^CPU.*empty$'")));
	text = shell("trace-cmd report \"$DIR/trace.dat\" 2>&1 | " MARKERS);
	for (size_t i = 0; i < packet_count; i++)
		slices += !strcmp(packets[i].type, "SLICE_BEGIN") &&
			  (!strcmp(packets[i].name, "waits") || !strcmp(packets[i].name, "holds"));
	ASSERT_EQ(2 * slices, lines_in(text));
	expect_text(text, text_of("incr_dev-%d holds semaphore\n", first));
	expect_text(text, text_of("incr_dev-%d waits for semaphore\n", second));
}

TEST_LIMIT(timeline, in_the_guest, GUEST_LIMIT)
{
	struct run run;

	if (!getenv("GUEST_KERNEL"))
		test_skip("needs a guest: GUEST_KERNEL");
	ASSERT_OK(chdir(getenv("TOP")));
	unsetenv("KMOD");	/* it may have no tracepoints */
	run = must_end(RUN(in("TOP", "user/timeline/run.sh"), "--", "--list", one_waits,
			   "build/results/timeline"), 7);
	expect_one_waits("build/results/timeline", run.output);
}

/*
 * NATIVE=1 on a machine with the module: the guest is that machine. It has a probe of its
 * own, a processor that is off, and what a run left that was killed. What is ours is gone
 * in the end, also when SIGTERM ended the command. Two cannot record at once. The PNG is a
 * copy of the SVG: the emulated machine would draw it for 17 s.
 */
TEST_LIMIT(timeline, native_on_a_machine_with_the_module, 2 * GUEST_LIMIT)
{
	static const char machine[] =
		"exec 2>&1; tracing=/sys/kernel/tracing; record=user/timeline/record; "
		"sleeps() { rm -f /dev/shm/pid; "
		"$record /dev/shm/x 'echo $$ >/dev/shm/pid; exec sleep 100' & "
		"until [ -s /dev/shm/pid ]; do sleep 0.1; done; }; "
		"mkdir /dev/shm/bin; PATH=/dev/shm/bin:$PATH; "
		"printf '#!/bin/sh\\ncp \"$3\" \"${2#*=}\"' >/dev/shm/bin/rsvg-convert; "
		"chmod +x /dev/shm/bin/rsvg-convert; "
		"echo 'p:mine/probe /bin/sh:0x1000' >>$tracing/uprobe_events; "
		"sleeps; kill -KILL $!; kill $(cat /dev/shm/pid); wait; "
		"user/timeline/run.sh -n -- --list \"$1\" /dev/shm/out; echo ended with $?; "
		"sleeps; $record /dev/shm/y true; echo ended with $?; "
		"kill -TERM $!; wait $!; echo ended with $?; "
		"cat /sys/devices/system/cpu/online; ls $tracing/instances; grep -v '^p:mine/probe ' $tracing/uprobe_events; "
		"ls $tracing/events/mine/probe/format; "
		"tar -C /dev/shm -cf /dev/shm/tar out";
	struct run run;
	char *rest;

	if (!getenv("GUEST_KERNEL"))
		test_skip("needs a guest: GUEST_KERNEL");
	unsetenv("KMOD");
	run = must_end(RUN(in("TOP", "tests/guest/vm.sh"), "-o", "/dev/shm/tar:tar", "trace",
			   "sh", "-c", text_of("cd %s; %s", getenv("TOP"), machine), "sh", one_waits),
		       0);
	shell("tar -xf tar");
	expect_text(run.output, "\nended with 7\n");
	rest = strstr(run.output, "\nended with 7\n") + 14;
	ASSERT_STREQ("record: cannot lock /sys/kernel/tracing, which another record may use: "
		     "Resource temporarily unavailable\n"
		     "ended with 125\n"
		     "ended with 143\n"
		     "0\n"
		     "/sys/kernel/tracing/events/mine/probe/format\n", rest);
	rest[-13] = '\0';
	expect_one_waits("out", run.output);
}

TEST(timeline, native_where_that_cannot_be)
{
	struct run run = RUN("/bin/sh", "-c", "KMOD=a.ko exec \"$0\" -n -- ''",
			     in("TOP", "user/timeline/run.sh"));

	expect_refusal(run, 2, "NATIVE=1 takes the module that is loaded");
	if (!access("/sys/kernel/tracing/uprobe_events", W_OK))
		test_skip("this machine could trace, and this would do so");
	expect_refusal(RUN(in("TOP", "user/timeline/run.sh"), "-n", "--", "", "true"), 125,
		       "cannot trace by /sys/kernel/tracing/uprobe_events (it takes root, and ");
}
