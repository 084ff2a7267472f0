// SPDX-License-Identifier: GPL-2.0
/*
 * sync: what has to sleep in the region. A semaphore that nobody waits for
 * makes no system call, and a driver whose pages the kernel cannot name
 * passes. So the tests here have a waiter that is asleep before it is woken, or
 * make the system call themselves, or see that processes did meet.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

/* What the processes of a test have in the region. */
struct page {
	sem_t semaphore;
	sem_t done;
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	int futex;
	int count;
	int loops;
	int met;		/* how often the lock was found taken */
	int waiting;		/* those who found it so, and have it not yet */
	int started, running;
};

/* The page by an open of one's own, as every process here has it. */
static struct page *own_page(void)
{
	return map_pages(0, 1, MAP_SHARED);
}

static int futex(int *word, int operation, int value)
{
	return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void wait_on_futex(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	EXPECT_EQ(futex(&page->futex, FUTEX_WAIT, 0), 0);
	EXPECT_EQ(page->count, 1);
}

TEST(sync, futex_wakes_a_sleeper_across_opens)
{
	struct page *page;
	pid_t waiter;

	load("");
	page = own_page();
	waiter = start(wait_on_futex, NULL);
	wait_until_asleep(waiter);
	page->count = 1;
	EXPECT_EQ(futex(&page->futex, FUTEX_WAKE, 1), 1);
	finish(waiter);
}

/* A wake with nobody there answers 0; a page without owner answers EFAULT. */
TEST(sync, futex_wake_of_nobody_is_no_error)
{
	load("");
	EXPECT_EQ(futex(&own_page()->futex, FUTEX_WAKE, 1), 0);
}

TEST(sync, futex_by_a_read_only_mapping)
{
	int fd;
	int *map;

	load("");
	fd = open_device(O_RDONLY);
	map = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	EXPECT(map != MAP_FAILED);
	EXPECT_EQ(map[0], 0);
	EXPECT_EQ(futex(map, FUTEX_WAKE, 1), 0);
}

/* Each page of the region is a place of its own to wait at. */
TEST(sync, futex_tells_pages_apart)
{
	struct page *page, *other;
	pid_t waiter;

	load_pages(2);
	page = own_page();
	other = map_pages(1, 1, MAP_SHARED);
	waiter = start(wait_on_futex, NULL);
	wait_until_asleep(waiter);
	EXPECT_EQ(futex(&other->futex, FUTEX_WAKE, 1), 0);
	page->count = 1;
	EXPECT_EQ(futex(&page->futex, FUTEX_WAKE, 1), 1);
	finish(waiter);
}

static void wait_on_semaphore(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	EXPECT_OK(sem_wait(&page->semaphore));
	EXPECT_EQ(page->count, 1);
}

TEST(sync, semaphore_wakes_a_sleeper_across_opens)
{
	struct page *page;
	pid_t waiter;

	load("");
	page = own_page();
	EXPECT_OK(sem_init(&page->semaphore, 1, 0));
	for (int i = 0; i < 20; i++) {
		page->count = 0;
		waiter = start(wait_on_semaphore, NULL);
		wait_until_asleep(waiter);
		page->count = 1;
		EXPECT_OK(sem_post(&page->semaphore));
		finish(waiter);
	}
}

static void wait_unrelated(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	EXPECT_OK(sem_post(&page->done));
	EXPECT_OK(sem_wait(&page->semaphore));
	__atomic_fetch_add(&page->count, 1, __ATOMIC_SEQ_CST);
}

static void post_for_two(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	for (int i = 0; i < 2; i++)
		EXPECT_OK(sem_wait(&page->done));
	usleep(50000);
	for (int i = 0; i < 2; i++)
		EXPECT_OK(sem_post(&page->semaphore));
}

TEST(sync, semaphore_between_unrelated_processes)
{
	struct page *page;
	pid_t poster;

	load("");
	page = own_page();
	EXPECT_OK(sem_init(&page->semaphore, 1, 0));
	EXPECT_OK(sem_init(&page->done, 1, 0));
	poster = start(post_for_two, NULL);
	run_unrelated(wait_unrelated, NULL);
	finish(poster);
	EXPECT_EQ(page->count, 2);
}

static int read_now(const int *number)
{
	return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static void add(int *number, int what)
{
	__atomic_fetch_add(number, what, __ATOMIC_SEQ_CST);
}

/* Let all processes of a test start at once. */
static void start_together(struct page *page, int processes)
{
	add(&page->running, 1);
	add(&page->started, 1);
	while (read_now(&page->started) < processes)
		sched_yield();
}

/* One has waited long enough when the others must be dead (some 6 s). */
static void let_others_run(int *times)
{
	usleep(1);
	if (++*times > 100000)
		FAIL("the other processes do not come to the lock any more");
}

/*
 * One unprotected increment. Now and then the holder does not go on before
 * another has found the lock taken, and is asleep: left to chance, two processes
 * can keep out of each other's way for all of a test.
 */
static void increment(struct page *page, int i)
{
	int count = page->count, times = 0;

	if (i % 16 == 0)
		do {
			let_others_run(&times);
		} while (!read_now(&page->waiting) &&
			 read_now(&page->running) > 1);
	page->count = count + 1;
}

/* And now and then it stays away until one that waits has had the lock. */
static void stay_away(struct page *page, int i)
{
	int count = read_now(&page->count), times = 0;

	if (i % 16 == 8)
		while (read_now(&page->waiting) &&
		       read_now(&page->count) == count)
			let_others_run(&times);
}

/* Count under a lock, by its operations of that kind. */
static void count_under(int (*try)(struct page *), int (*take)(struct page *),
			int (*give)(struct page *), int processes)
{
	struct page *page = own_page();

	start_together(page, processes);
	for (int i = 0; i < page->loops; i++) {
		if (try(page)) {
			add(&page->met, 1);
			add(&page->waiting, 1);
			EXPECT_EQ(take(page), 0);
			add(&page->waiting, -1);
		}
		increment(page, i);
		EXPECT_EQ(give(page), 0);
		stay_away(page, i);
	}
	add(&page->running, -1);
}

static int try_semaphore(struct page *page)
{
	return sem_trywait(&page->semaphore);
}

static int take_semaphore(struct page *page)
{
	return sem_wait(&page->semaphore);
}

static int give_semaphore(struct page *page)
{
	return sem_post(&page->semaphore);
}

static void count_under_semaphore(void *processes)
{
	count_under(try_semaphore, take_semaphore, give_semaphore,
		    *(int *)processes);
}

static void contend(void (*function)(void *), int processes, int loops)
{
	struct page *page = own_page();
	pid_t pids[processes];

	EXPECT_OK(sem_init(&page->semaphore, 1, 1));
	page->loops = loops;
	for (int i = 0; i < processes; i++)
		pids[i] = start(function, &processes);
	for (int i = 0; i < processes; i++)
		finish(pids[i]);
	EXPECT_EQ(page->count, processes * loops);
	EXPECT(page->met > loops / 100);
}

TEST(sync, contended_semaphore_is_exact_with_2)
{
	load("");
	contend(count_under_semaphore, 2, 2000);
}

TEST(sync, contended_semaphore_is_exact_with_8)
{
	load("");
	contend(count_under_semaphore, 8, 500);
}

/*
 * The control: without the semaphore the same loop does lose increments. Who
 * waits in the middle of one waits for the other to come to its own, as two that
 * only sleep there may well run one after the other on a busy host.
 */
static void count_without_semaphore(void *processes)
{
	struct page *page = own_page();

	start_together(page, *(int *)processes);
	for (int i = 0; i < page->loops; i++) {
		add(&page->waiting, 1);
		increment(page, i);
		add(&page->waiting, -1);
	}
	add(&page->running, -1);
}

TEST(sync, without_semaphore_increments_are_lost)
{
	int processes = 2;
	struct page *page;
	pid_t pids[2];

	load("");
	page = own_page();
	page->loops = 2000;
	page->waiting = -1;	/* oneself is not another that waits */
	for (int i = 0; i < 2; i++)
		pids[i] = start(count_without_semaphore, &processes);
	for (int i = 0; i < 2; i++)
		finish(pids[i]);
	EXPECT(page->count < 2 * page->loops);
}

static void init_mutex(struct page *page, int protocol, int robust)
{
	pthread_mutexattr_t attr;

	EXPECT_EQ(pthread_mutexattr_init(&attr), 0);
	EXPECT_EQ(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED),
		  0);
	EXPECT_EQ(pthread_mutexattr_setprotocol(&attr, protocol), 0);
	EXPECT_EQ(pthread_mutexattr_setrobust(&attr, robust), 0);
	EXPECT_EQ(pthread_mutex_init(&page->mutex, &attr), 0);
}

static int try_mutex(struct page *page)
{
	return pthread_mutex_trylock(&page->mutex);
}

static int take_mutex(struct page *page)
{
	return pthread_mutex_lock(&page->mutex);
}

static int give_mutex(struct page *page)
{
	return pthread_mutex_unlock(&page->mutex);
}

static void count_under_mutex(void *processes)
{
	count_under(try_mutex, take_mutex, give_mutex, *(int *)processes);
}

TEST(sync, contended_mutex_is_exact)
{
	load("");
	init_mutex(own_page(), PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	contend(count_under_mutex, 4, 1000);
}

/* Each is handed over by the kernel, which may wait for the owner to run. */
TEST_LIMIT(sync, contended_priority_inheriting_mutex_is_exact, 60)
{
	load("");
	init_mutex(own_page(), PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	contend(count_under_mutex, 4, 250);
}

static void lock_and_die(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	EXPECT_EQ(pthread_mutex_lock(&page->mutex), 0);
	page->count = getpid();
	EXPECT_OK(sem_post(&page->done));
	pause();
}

static void lock_of_the_dead(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	EXPECT_EQ(pthread_mutex_lock(&page->mutex), EOWNERDEAD);
	EXPECT_EQ(pthread_mutex_consistent(&page->mutex), 0);
	EXPECT_EQ(pthread_mutex_unlock(&page->mutex), 0);
}

/* The waiter sleeps when the owner is killed: the kernel has to wake it. */
TEST(sync, robust_mutex_after_its_owner_died)
{
	struct page *page;
	pid_t owner, waiter;

	load("");
	page = own_page();
	init_mutex(page, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
	EXPECT_OK(sem_init(&page->done, 1, 0));
	owner = start(lock_and_die, NULL);
	EXPECT_OK(sem_wait(&page->done));
	waiter = start(lock_of_the_dead, NULL);
	wait_until_asleep(waiter);
	EXPECT_OK(kill(owner, SIGKILL));
	EXPECT_EQ(waitpid(owner, NULL, 0), owner);
	finish(waiter);
	EXPECT_EQ(pthread_mutex_lock(&page->mutex), 0);
}

static void wait_on_condition(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	EXPECT_EQ(pthread_mutex_lock(&page->mutex), 0);
	EXPECT_OK(sem_post(&page->done));
	while (!page->count)
		EXPECT_EQ(pthread_cond_wait(&page->condition, &page->mutex), 0);
	EXPECT_EQ(pthread_mutex_unlock(&page->mutex), 0);
}

TEST(sync, condition_variable)
{
	pthread_condattr_t attr;
	struct page *page;
	pid_t waiters[2];

	load("");
	page = own_page();
	init_mutex(page, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	EXPECT_EQ(pthread_condattr_init(&attr), 0);
	EXPECT_EQ(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED),
		  0);
	EXPECT_EQ(pthread_cond_init(&page->condition, &attr), 0);
	EXPECT_OK(sem_init(&page->done, 1, 0));
	for (int i = 0; i < 2; i++)
		waiters[i] = start(wait_on_condition, NULL);
	for (int i = 0; i < 2; i++)
		EXPECT_OK(sem_wait(&page->done));
	for (int i = 0; i < 2; i++)
		wait_until_asleep(waiters[i]);
	EXPECT_EQ(pthread_mutex_lock(&page->mutex), 0);
	page->count = 1;
	EXPECT_EQ(pthread_cond_broadcast(&page->condition), 0);
	EXPECT_EQ(pthread_mutex_unlock(&page->mutex), 0);
	for (int i = 0; i < 2; i++)
		finish(waiters[i]);
}
