// SPDX-License-Identifier: GPL-2.0
/*
 * sync: semaphores, mutexes and futexes in the region on which processes sleep.
 * A semaphore that nobody waits for makes no system call, and so works in any
 * memory. The tests here therefore wake a waiter that is known to sleep, make
 * the system call themselves, or check that processes really contended.
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

/* The data of a test in the region. */
struct page {
	sem_t semaphore;
	sem_t done;
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	int futex;
	int count;
	int loops;
	int contended;	/* how often a process found the lock taken */
	int waiting;		/* processes that wait for the lock */
	int started, running;
	uint64_t word;		/* of the host, for who wakes up */
};

/* Every process maps the page by an open file of its own. */
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
	ASSERT_EQ(0, futex(&page->futex, FUTEX_WAIT, 0));
	ASSERT_EQ(1, page->count);
	test_saw(page->word);
}

TEST(sync, futex_wakes_a_sleeper_across_opens)
{
	struct page *page = load_default_and_map();
	pid_t waiter;

	waiter = start(wait_on_futex, NULL);
	wait_until_asleep(waiter);
	page->word = test_word();
	page->count = 1;
	ASSERT_EQ(1, futex(&page->futex, FUTEX_WAKE, 1));
	finish(waiter);
}

/* A wake without a waiter returns 0; for a page without an owner, EFAULT. */
TEST(sync, futex_wake_of_nobody_is_no_error)
{
	load("");
	ASSERT_EQ(0, futex(&own_page()->futex, FUTEX_WAKE, 1));
}

TEST(sync, futex_by_a_read_only_mapping)
{
	int *map;

	load("");
	map = try_map(0, page_size(), PROT_READ, MAP_SHARED, O_RDONLY);
	ASSERT_OK(map);
	ASSERT_EQ(0, map[0]);
	ASSERT_EQ(0, futex(map, FUTEX_WAKE, 1));
}

/* Futexes at the same offset in two pages are two futexes. */
TEST(sync, futex_tells_pages_apart)
{
	struct page *page = load_and_map(2);
	struct page *other = map_pages(1, 1, MAP_SHARED);
	pid_t waiter;

	waiter = start(wait_on_futex, NULL);
	wait_until_asleep(waiter);
	ASSERT_EQ(0, futex(&other->futex, FUTEX_WAKE, 1));
	page->word = test_word();
	page->count = 1;
	ASSERT_EQ(1, futex(&page->futex, FUTEX_WAKE, 1));
	finish(waiter);
}

static void wait_on_semaphore(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	ASSERT_OK(sem_wait(&page->semaphore));
	ASSERT_EQ(1, page->count);
	test_saw(page->word);
}

TEST(sync, semaphore_wakes_a_sleeper_across_opens)
{
	struct page *page = load_default_and_map();
	pid_t waiter;

	ASSERT_OK(sem_init(&page->semaphore, 1, 0));
	for (int i = 0; i < 20; i++) {
		page->count = 0;
		waiter = start(wait_on_semaphore, NULL);
		wait_until_asleep(waiter);
		page->word = test_word();
		page->count = 1;
		ASSERT_OK(sem_post(&page->semaphore));
		finish(waiter);
	}
}

static void wait_unrelated(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	ASSERT_OK(sem_post(&page->done));
	ASSERT_OK(sem_wait(&page->semaphore));
	__atomic_fetch_add(&page->count, 1, __ATOMIC_SEQ_CST);
}

static void post_for_two(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	for (int i = 0; i < 2; i++)
		ASSERT_OK(sem_wait(&page->done));
	usleep(50000);
	for (int i = 0; i < 2; i++)
		ASSERT_OK(sem_post(&page->semaphore));
}

TEST(sync, semaphore_between_unrelated_processes)
{
	struct page *page = load_default_and_map();
	pid_t poster;

	ASSERT_OK(sem_init(&page->semaphore, 1, 0));
	ASSERT_OK(sem_init(&page->done, 1, 0));
	poster = start(post_for_two, NULL);
	run_unrelated(wait_unrelated, NULL);
	finish(poster);
	ASSERT_EQ(2, page->count);
}

static int read_now(const int *number)
{
	return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static void add(int *number, int what)
{
	__atomic_fetch_add(number, what, __ATOMIC_SEQ_CST);
}

/* Wait until all processes of a test have started. */
static void start_together(struct page *page, int processes)
{
	add(&page->running, 1);
	add(&page->started, 1);
	while (read_now(&page->started) < processes)
		sched_yield();
}

/* Sleep, but fail after some 6 s: the other processes must be dead. */
static void let_others_run(int *times)
{
	usleep(1);
	if (++*times > 100000)
		FAIL("the other processes no longer come to the lock");
}

/*
 * One unprotected increment. In every 16th round the holder waits until another
 * process has found the lock taken: left to chance, two processes may never
 * contend in a whole test.
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

/* In every 16th round stay away until a waiter has had the lock. */
static void stay_away(struct page *page, int i)
{
	int count = read_now(&page->count), times = 0;

	if (i % 16 == 8)
		while (read_now(&page->waiting) &&
		       read_now(&page->count) == count)
			let_others_run(&times);
}

/* Count under a lock, given by its operations. */
static void count_under(int (*try)(struct page *), int (*take)(struct page *),
			int (*give)(struct page *), int processes)
{
	struct page *page = own_page();

	start_together(page, processes);
	for (int i = 0; i < page->loops; i++) {
		if (try(page)) {
			add(&page->contended, 1);
			add(&page->waiting, 1);
			ASSERT_EQ(0, take(page));
			add(&page->waiting, -1);
		}
		increment(page, i);
		ASSERT_EQ(0, give(page));
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

static void count_in_processes(void (*function)(void *), int processes,
			       int loops)
{
	own_page()->loops = loops;
	for (int i = 0; i < processes; i++)
		start(function, &processes);
	/* If one dies, the others wait in vain. */
	for (int i = 0; i < processes; i++)
		finish(-1);
}

static void contend(void (*function)(void *), int processes, int loops)
{
	struct page *page = own_page();

	ASSERT_OK(sem_init(&page->semaphore, 1, 1));
	count_in_processes(function, processes, loops);
	ASSERT_EQ(processes * loops, page->count);
	ASSERT_TRUE(page->contended > loops / 100);
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
 * The control: without the semaphore the same loop loses increments. A process
 * that stops in the middle of one waits for the other: if both only slept
 * there, they could run one after the other on a busy host.
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
	struct page *page = load_default_and_map();

	page->waiting = -1;	/* a process does not wait for itself */
	count_in_processes(count_without_semaphore, 2, 2000);
	ASSERT_TRUE(page->count < 2 * page->loops);
}

static void init_mutex(struct page *page, int protocol, int robust)
{
	pthread_mutexattr_t attr;

	ASSERT_ERROR(0, pthread_mutexattr_init(&attr));
	ASSERT_EQ(0,
		  pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	ASSERT_ERROR(0, pthread_mutexattr_setprotocol(&attr, protocol));
	ASSERT_ERROR(0, pthread_mutexattr_setrobust(&attr, robust));
	ASSERT_ERROR(0, pthread_mutex_init(&page->mutex, &attr));
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

/* The kernel hands this mutex over, and may wait for the owner to run. */
TEST_LIMIT(sync, contended_priority_inheriting_mutex_is_exact, 60)
{
	load("");
	init_mutex(own_page(), PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	contend(count_under_mutex, 4, 100);
}

static void lock_and_die(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	ASSERT_ERROR(0, pthread_mutex_lock(&page->mutex));
	page->count = getpid();
	ASSERT_OK(sem_post(&page->done));
	pause();
}

static void lock_of_the_dead(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	ASSERT_ERROR(EOWNERDEAD, pthread_mutex_lock(&page->mutex));
	ASSERT_ERROR(0, pthread_mutex_consistent(&page->mutex));
	ASSERT_ERROR(0, pthread_mutex_unlock(&page->mutex));
}

/* The waiter sleeps when the owner is killed, so the kernel must wake it. */
TEST(sync, robust_mutex_after_its_owner_died)
{
	struct page *page = load_default_and_map();
	pid_t owner, waiter;

	init_mutex(page, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
	ASSERT_OK(sem_init(&page->done, 1, 0));
	owner = start(lock_and_die, NULL);
	ASSERT_OK(sem_wait(&page->done));
	waiter = start(lock_of_the_dead, NULL);
	wait_until_asleep(waiter);
	kill_and_wait(owner);
	finish(waiter);
	ASSERT_ERROR(0, pthread_mutex_lock(&page->mutex));
}

static void wait_on_condition(void *unused)
{
	struct page *page = own_page();

	(void)unused;
	ASSERT_ERROR(0, pthread_mutex_lock(&page->mutex));
	ASSERT_OK(sem_post(&page->done));
	while (!page->count)
		ASSERT_ERROR(0, pthread_cond_wait(&page->condition, &page->mutex));
	ASSERT_ERROR(0, pthread_mutex_unlock(&page->mutex));
}

TEST(sync, condition_variable)
{
	pthread_condattr_t attr;
	struct page *page = load_default_and_map();
	pid_t waiters[2];

	init_mutex(page, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	ASSERT_ERROR(0, pthread_condattr_init(&attr));
	ASSERT_EQ(0,
		  pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	ASSERT_ERROR(0, pthread_cond_init(&page->condition, &attr));
	ASSERT_OK(sem_init(&page->done, 1, 0));
	for (int i = 0; i < 2; i++)
		waiters[i] = start(wait_on_condition, NULL);
	for (int i = 0; i < 2; i++)
		ASSERT_OK(sem_wait(&page->done));
	for (int i = 0; i < 2; i++)
		wait_until_asleep(waiters[i]);
	ASSERT_ERROR(0, pthread_mutex_lock(&page->mutex));
	page->count = 1;
	ASSERT_ERROR(0, pthread_cond_broadcast(&page->condition));
	ASSERT_ERROR(0, pthread_mutex_unlock(&page->mutex));
	for (int i = 0; i < 2; i++)
		finish(waiters[i]);
}
