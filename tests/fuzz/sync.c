// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of fuzz that synchronise processes: futexes anywhere in a shared
 * mapping, and a sum, a semaphore and a mutex that all processes use.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "model.h"

/* FUTEX_WAIT on a private page would count as a write to it. */
static bool is_shared(const struct vpage *vpage)
{
	return vpage->shared;
}

/*
 * A word in a shared mapping; returns false if there is none. Those of the sync area have
 * waiters of their own, whom a stranger must neither wake nor requeue.
 */
static bool draw_word(size_t *va)
{
	int at = draw_vpage(is_shared);
	size_t within = below(PAGE / 4) * 4;

	if (at < 0)
		return false;
	*va = at * (size_t)PAGE + within;
	return !is_in_sync_area(model.vpages[at].page * (size_t)PAGE + within);
}

static bool is_reached(size_t va)
{
	if (reach(va, 4, PROT_READ) < 4)
		return false;
	touched_vpages(va, 4);
	return true;
}

static void *word_at(size_t va)
{
	return model.base + va;
}

/* The word in the model; returns false if others may write to it. */
static bool known_word(size_t va, uint32_t *word)
{
	if (known_run(va, 4) < 4)
		return false;
	bytes_of_vpages(va, (uint8_t *)word, 4);
	return true;
}

/* In turn: nobody sleeps while this process runs. */
static void expect_woken(long seen)
{
	if (run->kind == IN_TURN)
		expect(seen, 0);
	else if (seen < 0 || seen > MAX_PROCESSES)
		disagree("expected 0 to %d woken, saw %s", MAX_PROCESSES,
			 answer_text(seen));
}

static bool do_wake(void)
{
	size_t va;
	long seen;

	if (!draw_word(&va))
		return false;
	note_op("futex(va %#lx, FUTEX_WAKE, 1)", va);
	seen = answer(futex(word_at(va), FUTEX_WAKE, 1, 0));
	if (is_reached(va))
		expect_woken(seen);
	else
		expect(seen, -EFAULT);
	return true;
}

static bool do_wait(void)
{
	static const long ends[] = { -EAGAIN, -ETIMEDOUT, 0 };
	bool differs = one_in(2), known;
	uint32_t word = 0;
	size_t va;
	long seen;

	if (!draw_word(&va))
		return false;
	known = is_reached(va) && known_word(va, &word);
	word += differs;
	note_op("futex(va %#lx, FUTEX_WAIT, its value + %ld, 0.2 ms)", va,
		differs);
	seen = answer(futex(word_at(va), FUTEX_WAIT, word, 0.0002));
	if (!is_reached(va))
		expect(seen, -EFAULT);
	else if (known && run->kind == IN_TURN)
		expect(seen, differs ? -EAGAIN : -ETIMEDOUT);
	else
		expect_one_of(seen, ends, "EAGAIN, ETIMEDOUT or 0");
	return true;
}

static bool do_requeue(void)
{
	static const long ends[] = { -EAGAIN, 0 };
	uint32_t word = 0;
	size_t from, to;
	bool known;
	long seen;

	if (!draw_word(&from) || !draw_word(&to) || !is_reached(from) ||
	    !is_reached(to))
		return false;
	known = known_word(from, &word);
	note_op("futex(va %#lx, FUTEX_CMP_REQUEUE, 1, 1, va %#lx)", from,
		to);
	seen = answer(syscall(SYS_futex, word_at(from), FUTEX_CMP_REQUEUE, 1,
			      1, word_at(to), word));
	if (!known)
		expect_one_of(seen < 0 ? seen : 0, ends, "EAGAIN or a count");
	else
		expect_woken(seen);
	return true;
}

struct sync_area *map_sync_area(void)
{
	size_t page = run->sync_offset / PAGE, within = run->sync_offset % PAGE;
	char *map;
	int fd;

	for (int i = 0; i < VPAGES; i++) {
		const struct vpage *vpage = &model.vpages[i];

		if (vpage->mapped && vpage->shared &&
		    vpage->page == (int)page &&
		    vpage->prot == (PROT_READ | PROT_WRITE)) {
			touched_vpages(i * (size_t)PAGE, 1);
			return (void *)(model.base + i * (size_t)PAGE + within);
		}
	}
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		disagree("cannot open the device: %s", answer_text(-errno));
	/* Behind the vpages, where it cannot overlap them. */
	map = mmap(model.base + VPAGES * PAGE, PAGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED, fd, page * PAGE);
	if (map == MAP_FAILED)
		disagree("cannot map page %zu: %s", page, answer_text(-errno));
	close(fd);
	return (void *)(map + within);
}

void unmap_sync_area(struct sync_area *area)
{
	char *page = (char *)area - run->sync_offset % PAGE;

	if (page == model.base + VPAGES * PAGE)
		munmap(page, PAGE);
}

static bool do_add(void)
{
	struct sync_area *area = map_sync_area();
	long sum;

	note_op("add to the sum");
	sum = atomic_fetch_add(&area->sum, 1);
	answer(sum);
	if (run->kind == IN_TURN)
		expect(sum, run->sum);
	run->sum++;
	unmap_sync_area(area);
	return true;
}

static struct timespec deadline(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_sec += PATIENCE;
	return time;
}

/* A read and a write; at times another process runs in between. */
static void count_slowly(long *count)
{
	long before = *(volatile long *)count;

	if (one_in(4))
		sched_yield();
	if (one_in(16))
		usleep(1);
	*(volatile long *)count = before + 1;
}

static bool do_semaphore(void)
{
	struct sync_area *area = map_sync_area();
	struct timespec limit = deadline();

	note_op("count under the semaphore");
	if (sem_timedwait(&area->semaphore, &limit))
		disagree("sem_wait: expected success, saw %s",
			 answer_text(-errno));
	count_slowly(&area->under_semaphore);
	run->under_semaphore++;
	answer(sem_post(&area->semaphore));
	unmap_sync_area(area);
	return true;
}

static bool do_mutex(void)
{
	struct sync_area *area = map_sync_area();
	struct timespec limit = deadline();
	int error;

	note_op("count under the mutex");
	error = pthread_mutex_timedlock(&area->mutex, &limit);
	if (error)
		disagree("pthread_mutex_lock: expected success, saw %s",
			 answer_text(-error));
	count_slowly(&area->under_mutex);
	run->under_mutex++;
	answer(-pthread_mutex_unlock(&area->mutex));
	unmap_sync_area(area);
	return true;
}

/* Runs in a child, with an open and a mapping of its own. */
static _Noreturn void sleep_until_woken(void)
{
	size_t page = run->sync_offset / PAGE;
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 page * PAGE);
	struct sync_area *area = (void *)(map + run->sync_offset % PAGE);
	long seen;

	if (map == MAP_FAILED)
		disagree("the child cannot map page %zu: %s", page,
			 answer_text(-errno));
	do {
		seen = futex(&area->word[me.process], FUTEX_WAIT, 0,
			     PATIENCE) ? -errno : 0;
	} while (seen == -EINTR);
	if (seen)
		disagree("FUTEX_WAIT of a child: expected 0, saw %s",
			 answer_text(seen));
	_exit(0);
}

/* Only this FUTEX_WAKE can wake the child, so it has to report one woken. */
static bool do_sleep(void)
{
	double limit = now() + PATIENCE;
	struct sync_area *area;
	int status = 0;
	long woken = 0;
	pid_t pid;

	if (me.depth)
		return false;
	area = map_sync_area();
	note_op("wake a child");
	pid = fork();
	if (!pid)
		sleep_until_woken();
	while (!woken && now() < limit && !waitpid(pid, &status, WNOHANG)) {
		usleep(100);
		woken = futex(&area->word[me.process], FUTEX_WAKE, 1, 0);
	}
	expect(answer(woken), 1);
	waitpid(pid, &status, 0);
	if (status)
		disagree("the child ended with wait status %#x", status);
	unmap_sync_area(area);
	return true;
}

const struct operation sync_operations[] = {
	{ "wake", 30, do_wake },
	{ "wait", 8, do_wait },
	{ "requeue", 8, do_requeue },
	{ "add", 30, do_add },
	{ "semaphore", 30, do_semaphore },
	{ "mutex", 30, do_mutex },
	{ "sleep", 3, do_sleep },
	{ NULL, 0, NULL }
};
