// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of make watch. Traces that are written here, of which it is known what
 * they tell; traces that are none, or not whole; and one run in the guest, in
 * which one process has to wait for another.
 *
 * In the environment: TOP, the tree; HOST_KERNEL_DIR, the kernel of the guest that
 * sees the host's files, if there is one.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"

enum { GUEST_LIMIT = 300 };

/* A trace: events, each with time (in us), processor, pid and text. */
#define HEAD "# watch: command demo 2\n# watch: pace 0\n# watch: program demo\n# tracer: nop\n#\n"
#define END "# watch: end 0\n"
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

/* 11 takes it, sleeps; 12 waits, is woken in vain, and gets it then. */
#define MEETING \
	"" EXEC(10000, 0, 11, "demo") \
	PAGE(10000, 0, 11, mmap, 7000, 0) \
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
	PAGE(22000, 1, 12, unmap, 7000, 0) \
	EXIT(22000, 1, 12) \
	PAGE(23000, 0, 11, unmap, 7000, 0) \
	EXIT(23000, 0, 11)

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "we");

	EXPECT(file);
	EXPECT_EQ(fwrite(text, 1, length, file), length);
	EXPECT(!fclose(file));
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 1000000);

	EXPECT(file && text);
	text[fread(text, 1, 999999, file)] = '\0';
	fclose(file);
	return text;
}

static const char *top(const char *name)
{
	static char path[4096];

	if (!getenv("TOP"))
		test_skip("needs the tree: TOP names it");
	snprintf(path, sizeof(path), "%s/%s", getenv("TOP"), name);
	return path;
}

/* What timeline makes of a trace, with 65 columns for the time. */
#define TIMELINE(...) \
	RUN(top("user/watch/timeline"), "--width=81", __VA_ARGS__, "trace")

static char *timeline(const char *trace)
{
	struct run run;

	write_file("trace", trace, strlen(trace));
	run = TIMELINE("--svg=svg");
	EXPECT_STR(run.errors, "");
	expect_status(&run, 0);
	return run.output;
}

/* It is refused, with one line that holds the text. */
static void expect_refused(const char *trace, size_t length, const char *text)
{
	struct run run;

	write_file("trace", trace, length);
	run = TIMELINE("--svg=svg");
	expect_end(&run, 1, text);
	EXPECT(!strncmp(run.errors, "timeline: ", 10));
	EXPECT_STR(run.output, "");
}

/* The words are in the text, wherever its lines end. */
static void expect_words(const char *text, const char *words)
{
	char *flat = strdup(text), *to = flat;

	for (const char *from = text; *from; from++)
		if (!isspace((unsigned char)*from))
			*to++ = *from;
		else if (to > flat && to[-1] != ' ')
			*to++ = ' ';
	*to = '\0';
	expect_text(flat, words);
	free(flat);
}

/* 13 ms: 5 columns for each. */
TEST(watch, two_processes_meet)
{
	EXPECT_STR(timeline(HEAD MEETING END),
	"demo 2\n"
	"ms           |0        |2        |4        |6        |8        |10       |12\n"
	"             mf                            1         2                       u\n"
	"parent 11    =====HHHHHhhhhhhhhhhhhhhh#HHHHHHHHHHHHHH=========================\n"
	"                                           1         2                   u\n"
	"child 12     ::::::::::=====wwwwwwwwwwwwwww!!!wwwwwww!!!!!HHHHH#####HH===\n"
	"\n"
	"              runs  ready  asleep     (ready: it has no processor)\n"
	"holds it       H      #      h        f page fault in the region, ' elsewhere\n"
	"waits for it   W      !      w        m mmap, u unmap; * several marks\n"
	"neither        =      :      .        1, 2, ... posts, and whom they wake\n"
	"\n"
	"times in ms; in brackets: how much of that\n"
	"                 took it  at once  waits   waited  (asleep)    held  (off cpu)\n"
	"parent 11              2        2      0    0.000    0.000     6.93      3.10\n"
	"child 12               1        0      1     6.01     4.34     2.48      1.00\n"
	"Who waited for whom (in vain: woken, and then it was taken again):\n"
	"  3.01: child 12 waited 6.01 ms for parent 11, until its post 2 (in vain: 1)\n"
	"  It is the semaphore at offset 24 of /dev/shmcount\n");
}

TEST(watch, nobody_waits)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      TAKE(11000, 11010, 0, 11, 5018)
			      POST(12000, 12010, 0, 11, 5018)
			      TAKE(13000, 13010, 0, 11, 5018)
			      POST(14000, 14010, 0, 11, 5018) EXIT(15000, 0, 11)
			      END);

	expect_words(text, "Nobody waited: it was free each of 2 times");
	expect_text(text, "It is the semaphore at 0x5018\n");
	EXPECT(!strstr(text, "Who waited"));
}

/* The one of them maps the region elsewhere. */
TEST(watch, unrelated_processes_share_by_offset)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      PAGE(10010, 0, 11, fault, 7000, 4096)
			      EXEC(10020, 1, 12, "demo")
			      PAGE(10030, 1, 12, fault, 9000, 4096)
			      TAKE(11000, 11010, 0, 11, 7018)
			      CALL(12000, 1, 12, wait, 9018)
			      FUTEX(12010, 1, 12, 9018, 9)
			      SWITCH(12020, 1, 12, S, 0)
			      POST(13000, 13010, 0, 11, 7018)
			      BY_TIMER(14000, 1, 0, 12)
			      SWITCH(14010, 1, 0, R, 12)
			      FUTEX_END(14020, 1, 12)
			      RETURN(14030, 1, 12, waited, -1)
			      EXIT(15000, 1, 12) EXIT(16000, 0, 11) END);

	expect_words(text, "2.00: demo 12 waited 2.02 ms for demo 11, and gave up");
	expect_text(text, "It is the semaphore at offset 4120 of /dev/shmcount");
	EXPECT(!strstr(text, "B:"));
}

/*
 * A child that has mapped another page where its parent has one; the parent goes
 * on with its own, and so does the next child, from its first call on.
 */
TEST(watch, other_pages_at_the_same_address)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      PAGE(10010, 0, 11, fault, 7000, 0)
			      FORK(10020, 0, 11, 12)
			      PAGE(10100, 1, 12, unmap, 7000, 0)
			      PAGE(10110, 1, 12, mmap, 7000, 4096)
			      TAKE(10200, 10210, 1, 12, 7018)
			      TAKE(11000, 11010, 0, 11, 7018)
			      FORK(11020, 0, 11, 13)
			      SWITCH(11900, 1, 12, S, 13)
			      CALL(12000, 1, 13, wait, 7018)
			      FUTEX(12010, 1, 13, 7018, 9)
			      SWITCH(12020, 1, 13, S, 0)
			      POST(13000, 13010, 0, 11, 7018)
			      BY_TIMER(14000, 1, 0, 13)
			      SWITCH(14010, 1, 0, R, 13)
			      FUTEX_END(14020, 1, 13)
			      RETURN(14030, 1, 13, waited, 0)
			      POST(14100, 14110, 1, 13, 7018)
			      EXIT(15000, 1, 13)
			      SWITCH(15100, 1, 0, R, 12)
			      POST(15200, 15210, 1, 12, 7018)
			      EXIT(15300, 1, 12) EXIT(16000, 0, 11) END);

	expect_words(text, ": child 13 waited 2.02 ms for parent 11 (B), until");
	expect_text(text, "B: semaphore at offset 24 of /dev/shmcount\n");
	expect_text(text, "A: semaphore at offset 4120 of /dev/shmcount\n");
	expect_text(text, "(2 semaphores: a lane does not tell which of them is held)\n");
	EXPECT(!strstr(text, "C:"));
}

/* What a thread has mapped, the others of its process have. */
TEST(watch, page_that_a_thread_has_mapped)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      FORK(10020, 0, 11, 12)
			      PAGE(10110, 1, 12, mmap, 7000, 4096)
			      TAKE(11000, 11010, 0, 11, 7018)
			      POST(12000, 12010, 0, 11, 7018)
			      EXIT(15300, 1, 12) EXIT(16000, 0, 11) END);

	expect_text(text, "It is the semaphore at offset 4120 of /dev/shmcount\n");
	EXPECT(!strstr(text, "semaphores: a lane"));
}

/* Of a long name and a long pid the name is cut. */
TEST(watch, pid_is_whole)
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
	expect_text(read_file("svg"), ">a_pr 4194303</text>");
}

/* At other addresses, in memory of which the device knows nothing. */
TEST(watch, who_wakes_a_waiter_has_the_same_semaphore)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      EXEC(10020, 1, 12, "demo")
			      TAKE(11000, 11010, 0, 11, 7018)
			      CALL(12000, 1, 12, wait, 9018)
			      FUTEX(12010, 1, 12, 9018, 9)
			      SWITCH(12020, 1, 12, S, 0)
			      CALL(13000, 0, 11, post, 7018)
			      FUTEX(13010, 0, 11, 7018, 1)
			      WAKING(13020, 0, 11, 12)
			      FUTEX_END(13030, 0, 11)
			      RETURN(13040, 0, 11, posted, 0)
			      SWITCH(14010, 1, 0, R, 12)
			      FUTEX_END(14020, 1, 12)
			      RETURN(14030, 1, 12, waited, 0)
			      POST(14100, 14110, 1, 12, 9018)
			      EXIT(15000, 1, 12) EXIT(16000, 0, 11) END);

	expect_words(text, "1.01: demo 12 waited 2.02 ms for demo 11, until its post 1 ");
	EXPECT(!strstr(text, "B:"));
}

TEST(watch, only_who_held_it_meanwhile_is_named)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      FORK(10010, 0, 11, 12) FORK(10020, 0, 11, 13)
			      TAKE(10100, 10110, 1, 13, 5018)
			      POST(10200, 10210, 1, 13, 5018)
			      TAKE(11000, 11010, 0, 11, 5018)
			      CALL(12000, 1, 12, wait, 5018)
			      FUTEX(12010, 1, 12, 5018, 9)
			      SWITCH(12020, 1, 12, S, 0)
			      CALL(13000, 0, 11, post, 5018)
			      FUTEX(13010, 0, 11, 5018, 1)
			      WAKING(13020, 0, 11, 12)
			      FUTEX_END(13030, 0, 11)
			      RETURN(13040, 0, 11, posted, 0)
			      SWITCH(13100, 1, 0, R, 12)
			      FUTEX_END(13110, 1, 12)
			      RETURN(13120, 1, 12, waited, 0)
			      POST(13200, 13210, 1, 12, 5018)
			      TAKE(14100, 14110, 1, 13, 5018)
			      POST(14200, 14210, 1, 13, 5018)
			      EXIT(15000, 1, 12) EXIT(15010, 1, 13)
			      EXIT(16000, 0, 11) END);

	expect_words(text, "child 12 waited 1.11 ms for parent 11, until its post 1 It is");
}

/* The other processor is faster: the waking comes before the switch. */
TEST(watch, woken_on_the_way_to_sleep)
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
			      SWITCH(14010, 1, 0, R, 12)
			      FUTEX_END(14020, 1, 12)
			      RETURN(14030, 1, 12, waited, 0)
			      POST(14100, 14110, 1, 12, 5018)
			      EXIT(15000, 1, 12) EXIT(16000, 0, 11) END);

	expect_words(text, "child 12 waited 2.02 ms for parent 11, until its post 1 ");
	expect_words(text, "child 12 1 0 1 2.02 0.000 0.070 0.000");
}

/* The consumer takes what the producer posts: that is held by nobody. */
TEST(watch, semaphore_that_is_handed_over)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      FORK(10010, 0, 11, 12)
			      CALL(11000, 1, 12, wait, 5018)
			      FUTEX(11010, 1, 12, 5018, 9)
			      SWITCH(11020, 1, 12, S, 0)
			      CALL(12000, 0, 11, post, 5018)
			      FUTEX(12010, 0, 11, 5018, 1)
			      WAKING(12020, 0, 11, 12)
			      FUTEX_END(12030, 0, 11)
			      RETURN(12040, 0, 11, posted, 0)
			      SWITCH(12100, 1, 0, R, 12)
			      FUTEX_END(12110, 1, 12)
			      RETURN(12120, 1, 12, waited, 0)
			      EXIT(13000, 1, 12) EXIT(14000, 0, 11) END);
	const char *row;

	expect_words(text, "child 12 waited 1.11 ms for a post, until parent 11's post 1 ");
	expect_words(text, "nobody holds it");
	row = strstr(text, "child 12    ") + strlen("child 12    ");
	EXPECT(strcspn(row, "Hh") > strcspn(row, "\n"));
}

TEST(watch, holder_that_dies)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      TAKE(11000, 11010, 0, 11, 5018)
			      EXIT(12000, 0, 11) END);

	expect_text(text, "demo 11 ended while it held it: nobody can take it any more\n");
}

/* What goes on when the trace ends, here as a processor had no more room. */
TEST(watch, cut_where_events_were_dropped)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      TAKE(11000, 11010, 0, 11, 5018)
			      FORK(11020, 0, 11, 12)
			      CALL(12000, 1, 12, wait, 5018)
			      FUTEX(12010, 1, 12, 5018, 9)
			      SWITCH(12020, 1, 12, S, 0)
			      SWITCH(13000, 1, 0, R, 99)
			      RETURN(14000, 0, 11, posted, 0)
			      "# watch: dropped 1 345\n" END);

	expect_words(text, "parent 11 holds it still when the trace ends");
	expect_words(text, "child 12 waited 0.990 ms for parent 11, and waits still when the trace ends");
	expect_words(text, "no room for all events: what came later than 2.00 ms is not seen");
}

/* However much else there is to say: seventeen processes, two semaphores. */
TEST(watch, all_notes_are_given)
{
	size_t size;
	char *text;
	FILE *file = open_memstream(&text, &size);

	EXPECT(file);
	fputs(HEAD "# watch: untraced\n" EXEC(10000, 0, 99, "sh"), file);
	for (int pid = 11; pid < 28; pid++)
		fprintf(file,
			"  demo-%d [000] ..... 5.011000: wait_0: (0x1) sem=0x%x\n"
			"  demo-%d [000] ..... 5.011000: waited_0: (0x1) result=0\n",
			pid, 0x5000 + pid % 2, pid);
	fputs(EXIT(15000, 0, 11) "# watch: dropped 0 1\n" END, file);
	fclose(file);
	write_file("trace", text, size);
	text = TIMELINE("--to=1").output;
	expect_text(text, "  (drawn is ");
	expect_text(text, "  (1 more processes are not drawn)\n");
	expect_text(text, " semaphores: a lane does not tell which ");
	expect_text(text, "  (1 other process, ");
	expect_text(text, "  (this module has no tracepoints: ");
	expect_text(text, "  (there was no room for all events: ");
}

/* A program whose semaphores have no names: only that it sleeps is seen. */
TEST(watch, futex_without_a_semaphore)
{
	char *text = timeline(HEAD EXEC(10000, 0, 11, "demo")
			      FUTEX(12010, 0, 11, 5018, 0)
			      SWITCH(12020, 0, 11, S, 0)
			      SWITCH(13000, 0, 0, R, 11)
			      FUTEX_END(13010, 0, 11)
			      EXIT(14000, 0, 11) END);

	expect_words(text, "demo 11 waited 1.00 ms in futex, by no function of semaphores that is seen ");
	expect_words(text, "No semaphore was seen to be taken. Looked for in: demo ");
}

/* As of the textbook's module: see the README. */
TEST(watch, futex_that_fails)
{
	char *text = timeline(HEAD "# watch: untraced\n"
			      EXEC(10000, 0, 11, "demo")
			      CALL(12000, 0, 11, wait, 5018)
			      FUTEX(12010, 0, 11, 5018, 9)
			      EVENT(13000, 0, 11, "sys_futex -> 0xfffffffffffffff5")
			      FUTEX(13010, 0, 11, 5018, 9)
			      EVENT(14000, 0, 11, "sys_futex -> 0xfffffffffffffff2")
			      EXIT(15000, 0, 11) END);

	expect_words(text, "2.00: demo 11's call of futex failed: EFAULT (Bad address)");
	EXPECT(!strstr(text, "EAGAIN"));
	expect_words(text, "this module has no tracepoints");
}

/* A run of n times, in which a second process waits each time. */
static char *long_trace(int n)
{
	size_t size;
	char *text;
	FILE *file = open_memstream(&text, &size);
	const char *const wait =
		CALL(10000, 1, 12, wait, 5018) FUTEX(10010, 1, 12, 5018, 9)
		SWITCH(10020, 1, 12, S, 0)
		CALL(10100, 0, 11, post, 5018) FUTEX(10110, 0, 11, 5018, 1)
		WAKING(10120, 0, 11, 12) FUTEX_END(10130, 0, 11)
		RETURN(10140, 0, 11, posted, 0)
		SWITCH(10150, 1, 0, R, 12) FUTEX_END(10160, 1, 12)
		RETURN(10170, 1, 12, waited, 0)
		POST(10180, 10190, 1, 12, 5018)
		TAKE(10195, 10198, 0, 11, 5018);

	EXPECT(file);
	fputs(HEAD EXEC(00000, 0, 11, "demo") FORK(00010, 0, 11, 12)
	      TAKE(00100, 00110, 0, 11, 5018), file);
	/* The same, 200 us later each time: 5.010010 is at 5.0, then 6 more. */
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

TEST(watch, long_run_is_told_in_short)
{
	char *text = timeline(long_trace(200));
	struct run run;

	expect_words(text, "child 12 waited 200 times for parent 11, 0.160 ms at the longest; woken 200 times, none of them in vain");
	expect_text(text, "(drawn is ");
	EXPECT(lines_in(text) < 24);
	run = TIMELINE("--list", "--from=2", "--to=3");
	expect_silent(&run, 0);
	expect_text(run.output, ": child 12 waited 0.160 ms for parent 11, until its post ");
	EXPECT_EQ(lines_in(run.output) < 60, 1);
	run = TIMELINE("--all", "--svg=all.svg");
	expect_silent(&run, 0);
	EXPECT(!strstr(run.output, "(drawn is "));
	/* As large as its pixels, and not as the run. */
	text = read_file("all.svg");
	EXPECT(strlen(text) < 500000);
}

TEST(watch, picture_is_xml)
{
	struct run run;

	timeline("# watch: command a <&\"> \xff b\n" MEETING END);
	run = RUN("/bin/sh", "-c", "xmllint --noout svg");
	if (WIFEXITED(run.status) && WEXITSTATUS(run.status) == 127)
		test_skip("there is no xmllint here");
	expect_silent(&run, 0);
	expect_text(read_file("svg"), "a &lt;&amp;\"&gt; ? b</text>");
	expect_text(read_file("svg"), ">child 12</text>");
	expect_text(read_file("svg"), ">waits</text>");
}

TEST(watch, bad_traces)
{
	static const struct {
		const char *trace, *said;
	} bad[] = {
		{ "", "trace is empty" },
		{ "\n", "trace is not a trace that make watch has left" },
		{ "# watch: end 0\n", "not a trace that make watch has left" },
		{ HEAD MEETING, "trace is cut off: it has no last line" },
		{ HEAD END END, "the trace goes on behind its end" },
		{ HEAD END, "trace has no event" },
		{ HEAD "nonsense\n" END, "trace:6: not a line of a trace: nonsense" },
		{ HEAD EVENT(10000, 0, 11, "no_event: x=1") END, "trace:6: not a line" },
		{ HEAD EVENT(10000, 0, 11, "wait_0: (0x1) sem=1") END, "trace:6: not a line" },
		{ HEAD EVENT(10000, 0, 11, "tried_0: (0x1) result=x") END, "trace:6: not a line" },
		{ HEAD EVENT(10000, 0, 11, "sched_switch: prev_pid=1") END, "trace:6: not a line" },
		{ HEAD "# watch: nothing 1\n" END, "trace:6: not a line" },
		{ HEAD EXEC(10000, 0, 11, "x") EXEC(00000, 0, 12, "x") END,
		  "trace:7: the time goes back" },
		{ HEAD RETURN(10000, 0, 11, waited, 0) END,
		  "trace:6: 11 returns from a wait for a semaphore that it never began" },
		{ HEAD RETURN(10000, 0, 11, tried, 0) END,
		  "trace:6: 11 returns from sem_trywait, which it never called" },
		{ HEAD CALL(10000, 0, 11, wait, 5018) RETURN(10000, 0, 11, posted, 0) END,
		  "trace:7: 11 returns from sem_post, which it never called" },
		{ HEAD EXEC(10000, 0, 11, "x") FORK(10000, 0, 11, 11) END,
		  "trace:7: 11 forks a child that is there already" },
		{ HEAD EXEC(10000, 0, 11, "x") END, "no process of this trace maps /dev/shmcount" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(bad[i].trace, strlen(bad[i].trace), bad[i].said);
}

/* Whatever becomes of a trace: it is drawn, or refused in one line. */
static void expect_drawn_or_refused(const char *trace, size_t length)
{
	struct run run;

	write_file("trace", trace, length);
	run = TIMELINE("--svg=svg");
	if (WIFEXITED(run.status) && !WEXITSTATUS(run.status)) {
		EXPECT_STR(run.errors, "");
		return;
	}
	expect_end(&run, 1, "timeline: ");
}

TEST_LIMIT(watch, mutated_traces, 60)
{
	const char *whole = HEAD MEETING END;
	size_t length = strlen(whole);
	unsigned int seed = 1;
	char *trace = malloc(length + 1);

	/* Cut off anywhere, it is never whole; but for the last newline. */
	for (size_t end = 1; end < length - 1; end += 97) {
		write_file("trace", whole, end);
		expect_status(&(struct run) { .status = TIMELINE("--svg=svg").status }, 1);
	}
	for (int i = 0; i < 300; i++) {
		memcpy(trace, whole, length);
		for (int n = rand_r(&seed) % 4; n >= 0; n--)
			trace[rand_r(&seed) % length] =
				"0123456789abcx =:#\n\0-%s\377"[rand_r(&seed) % 24];
		expect_drawn_or_refused(trace, length);
	}
	/* Without one of its lines. */
	for (const char *line = whole; *line; line = strchr(line, '\n') + 1) {
		size_t before = line - whole;
		size_t gone = strchr(line, '\n') + 1 - line;

		memcpy(trace, whole, before);
		memcpy(trace + before, line + gone, length - before - gone);
		expect_drawn_or_refused(trace, length - gone);
	}
}

TEST(watch, mistaken_options)
{
	static const char *const bad[] = {
		"--from=x", "--to=", "--width=3", "--nothing", "--from",
	};
	struct run run;

	timeline(HEAD MEETING END);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_status(&(struct run) { .status = TIMELINE(bad[i]).status }, 2);
	run = TIMELINE("--from=5", "--to=4");
	expect_end(&run, 1, "from 5 to 4 ms there is nothing to draw");
	run = TIMELINE("--from=500", "--to=600");
	expect_end(&run, 1, "the trace is from 0 to 13 ms");
	run = RUN(top("user/watch/timeline"), "there/is/none");
	expect_end(&run, 1, "cannot open there/is/none: No such file");
	/* Said before a guest is booted. */
	setenv("WATCH_ARGS", "--from=x", 1);
	run = RUN(top("user/watch/run.sh"));
	expect_refusal(run, 2, "'x' is not a number from");
	setenv("WATCH_ARGS", "--pace=soon", 1);
	run = RUN(top("user/watch/run.sh"));
	expect_refusal(run, 2, "'soon' is not a number of ms");
}

/*
 * In place of the guest there is what leaves a trace that is given. It is kept
 * even if it cannot be drawn, and then no picture of an older one lies beside it.
 */
TEST(watch, trace_is_kept_whatever_the_drawing)
{
	struct run run;

	setenv("WATCHED", top("user/watch"), 1);
	shell("mkdir -p tree/tests tree/user/watch out && "
	      "cp \"$WATCHED/run.sh\" tree/user/watch/ && "
	      "ln -s \"$WATCHED/timeline\" tree/user/watch/ && "
	      "cp \"$WATCHED/../../tests/surroundings.sh\" tree/tests/ && "
	      "printf '#!/bin/sh\\ncp seen \"${FETCH#*:}\"; exit 3\\n' "
	      ">tree/tests/vm.sh && chmod +x tree/tests/vm.sh && "
	      "touch out/trace out/timeline.svg out/timeline.png");
	setenv("WATCH_OUT", "out", 1);
	setenv("WATCH_ARGS", "--from=500 --to=600", 1);
	write_file("seen", HEAD MEETING END, strlen(HEAD MEETING END));
	run = RUN("tree/user/watch/run.sh");
	expect_status(&run, 3);
	expect_text(run.errors, "timeline: the trace is from 0 to 13 ms\n");
	expect_text(run.errors, "watch: the trace is out/trace; to draw it: ");
	EXPECT_STR(shell("ls out"), "trace\n");
	shell("cmp seen out/trace");

	/* One that is not whole is no reason to lose that. */
	write_file("seen", HEAD MEETING, strlen(HEAD MEETING));
	setenv("WATCH_ARGS", "", 1);
	run = RUN("tree/user/watch/run.sh");
	expect_status(&run, 3);
	EXPECT(lines_in(shell("cat out/trace")) > lines_in(HEAD MEETING));

	run = RUN("/bin/sh", "-c", "command -v rsvg-convert");
	if (run.status)
		test_skip("there is no rsvg-convert here");
	write_file("seen", HEAD MEETING END, strlen(HEAD MEETING END));
	run = RUN("tree/user/watch/run.sh");
	expect_status(&run, 3);
	EXPECT_STR(shell("ls out"), "timeline.png\ntimeline.svg\ntrace\n");
	expect_text(run.output, "\nparent 11    =");
}

/*
 * In the guest: the holder is stuck, as nobody reads the pipe that it writes
 * to, until another is seen to wait for it.
 */
TEST_LIMIT(watch, in_the_guest, GUEST_LIMIT)
{
	static const char command[] =
		"dir=$(mktemp -d); mkfifo $dir/fifo; exec 3<>$dir/fifo; "
		"head -c 65536 /dev/zero >&3; "
		"in_call() { until grep -q \"^$2 \" /proc/$1/syscall; do :; done; }; "
		"user/incr_dev -a 1 >&3 & first=$!; in_call $first 1; "
		"user/incr_dev -a 1 & second=$!; in_call $second 202; "
		"head -c 65536 <&3 >/dev/null; wait $first $second; "
		"echo $first $second; rm -r $dir; exit 7";
	int first = 0, second = 0;
	char line[100], *text;
	struct stat stat_;
	struct run run;

	top("");
	if (!getenv("HOST_KERNEL_DIR"))
		test_skip("needs the guest with the host's files: HOST_KERNEL_DIR");
	EXPECT_OK(chdir(getenv("TOP")));
	setenv("VM_CMD", command, 1);
	setenv("WATCH_OUT", "build/results/watch", 1);
	unsetenv("WATCH_ARGS");
	unsetenv("KMOD");	/* is for the kernel of the small guest */
	run = RUN(top("user/watch/run.sh"));
	expect_status(&run, 7);
	text = strstr(run.output, "\n\n");
	EXPECT(text);
	*text = '\0';
	if (sscanf(strrchr(run.output, '\n') + 1, "%d %d", &first, &second) != 2)
		FAIL("saw \"%s\"", run.output);
	text++;

	snprintf(line, sizeof(line), "\nincr_dev %-6d", first);
	expect_text(text, line);
	/* It took it for its increment and for the count. */
	text = strstr(strstr(text, "times in ms"), line);
	EXPECT(text);
	EXPECT_EQ(atoi(text + 17), 2);
	snprintf(line, sizeof(line), "incr_dev %d waited ", second);
	text = strstr(text, line);
	EXPECT(text);
	snprintf(line, sizeof(line), "for incr_dev %d", first);
	EXPECT(strstr(text, line));
	expect_text(text, "It is the semaphore at offset 24 of /dev/shmcount\n");

	EXPECT_OK(stat("build/results/watch/timeline.png", &stat_));
	EXPECT(stat_.st_size > 10000);
	expect_text(read_file("build/results/watch/timeline.svg"), "</svg>\n");
}
