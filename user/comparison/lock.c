// SPDX-License-Identifier: GPL-2.0
/*
 * The locks: each a way for processes to take turns at a count. What a lock
 * does stands in its take and give; LOOP makes of them the loop that is
 * measured, with nothing called by pointer in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../libc.h"
#include "compare.h"

/*
 * How many increments there are between two looks at stop: many where one
 * takes nanoseconds, one where it is a system call.
 */
enum { FAST = 64, SLOW = 1 };

#define LOOP(name, look, increment)					\
static long name##_run(struct guard *guard, const volatile int *stop,	\
		       long limit)					\
{									\
	/* Of our own, so that it can be kept in registers. */		\
	struct guard mine = *guard, *g = &mine;				\
	volatile long *count = g->count;				\
	long done = 0;							\
									\
	while (done < limit && !*stop) {				\
		long batch = limit - done < look ? limit - done : look;	\
									\
		for (long left = batch; left; left--) {		\
			increment;					\
		}							\
		done += batch;						\
	}								\
	return done;							\
}

#define LOCK_LOOP(name, look)						\
LOOP(name, look, name##_take(g); *count = *count + 1; name##_give(g))

/* The table entry of a lock that is made of those. */
#define LOCK(lock)							\
	.excludes = true, .can_hold = true,				\
	.take = lock##_take, .give = lock##_give, .run = lock##_run

/* Note why the lock cannot be had. Returns false. */
static bool lacks(const struct guard *g, const char *what)
{
	snprintf(g->why, WHY, "%s: %s", what, strerror(errno));
	return false;
}

/* In a process that counts: it cannot go on. */
static _Noreturn void lock_failed(char *why, const char *what, int error)
{
	snprintf(why, WHY, "%s: %s", what, strerror(error));
	_exit(EXIT_FAILED);
}

static inline void must(struct guard *g, bool well, const char *what)
{
	if (__builtin_expect(!well, 0))
		lock_failed(g->why, what, errno);
}

/* As pthread functions tell it: 0, or an error. */
static inline void must_be_0(struct guard *g, int error, const char *what)
{
	if (__builtin_expect(error, 0))
		lock_failed(g->why, what, error);
}

/* none, atomic */

static bool nothing_init(struct guard *g)
{
	(void)g;
	return true;
}

LOOP(none, FAST, *count = *count + 1)
LOOP(atomic, FAST, __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST))

/*
 * futex: 0 free, 1 taken, 2 taken and somebody may sleep. After U. Drepper,
 * "Futexes Are Tricky" (2011), section 6, the second mutex.
 */

static bool futex_init(struct guard *g)
{
	*(int *)g->place = 0;
	return true;
}

static inline void futex(struct guard *g, int operation, int value)
{
	if (syscall(SYS_futex, g->place, operation, value, NULL, NULL, 0) < 0 &&
	    errno != EAGAIN && errno != EINTR)
		lock_failed(g->why, "futex", errno);
}

static inline void futex_take(struct guard *g)
{
	int *word = g->place, seen = 0;

	if (__atomic_compare_exchange_n(word, &seen, 1, false,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	if (seen != 2)
		seen = __atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE);
	while (seen) {
		futex(g, FUTEX_WAIT, 2);
		seen = __atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE);
	}
}

static inline void futex_give(struct guard *g)
{
	int *word = g->place;

	if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2)
		futex(g, FUTEX_WAKE, 1);
}

LOCK_LOOP(futex, FAST)

/* sem, named sem */

static bool unnamed_init(struct guard *g)
{
	g->named = g->place;
	return !sem_init(g->place, 1, 1) || lacks(g, "sem_init");
}

static bool named_init(struct guard *g)
{
	char name[64];

	snprintf(name, sizeof(name), "/compare.%d.%p", getpid(), g->place);
	g->named = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	if (g->named == SEM_FAILED)
		return lacks(g, "sem_open");
	sem_unlink(name);
	return true;
}

static void named_fini(struct guard *g)
{
	sem_close(g->named);
}

static inline void sem_take(struct guard *g)
{
	while (__builtin_expect(sem_wait(g->named), 0))
		must(g, errno == EINTR, "sem_wait");
}

static inline void sem_give(struct guard *g)
{
	must(g, !sem_post(g->named), "sem_post");
}

LOCK_LOOP(sem, FAST)

/* mutexes */

static bool mutex_init_as(struct guard *g, int type, int robust, int protocol)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	errno = pthread_mutexattr_settype(&attr, type);
	if (!errno)
		errno = pthread_mutexattr_setrobust(&attr, robust);
	if (!errno)
		errno = pthread_mutexattr_setprotocol(&attr, protocol);
	if (!errno)
		errno = pthread_mutex_init(g->place, &attr);
	pthread_mutexattr_destroy(&attr);
	return !errno || lacks(g, "pthread_mutex_init");
}

static bool mutex_init(struct guard *g)
{
	return mutex_init_as(g, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED,
			     PTHREAD_PRIO_NONE);
}

static bool adaptive_init(struct guard *g)
{
	return mutex_init_as(g, ADAPTIVE_MUTEX,
			     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
}

static bool robust_init(struct guard *g)
{
	return mutex_init_as(g, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST,
			     PTHREAD_PRIO_NONE);
}

static bool pi_init(struct guard *g)
{
	return mutex_init_as(g, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED,
			     PTHREAD_PRIO_INHERIT);
}

static inline void mutex_take(struct guard *g)
{
	int error = pthread_mutex_lock(g->place);

	/* Of a robust one: the holder died, and the lock is ours. */
	if (__builtin_expect(error == EOWNERDEAD, 0))
		error = pthread_mutex_consistent(g->place);
	must_be_0(g, error, "pthread_mutex_lock");
}

static inline void mutex_give(struct guard *g)
{
	must_be_0(g, pthread_mutex_unlock(g->place), "pthread_mutex_unlock");
}

LOCK_LOOP(mutex, FAST)

/* rwlock, held for writing */

static bool rwlock_init(struct guard *g)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	errno = pthread_rwlock_init(g->place, &attr);
	pthread_rwlockattr_destroy(&attr);
	return !errno || lacks(g, "pthread_rwlock_init");
}

static inline void rwlock_take(struct guard *g)
{
	must_be_0(g, pthread_rwlock_wrlock(g->place), "pthread_rwlock_wrlock");
}

static inline void rwlock_give(struct guard *g)
{
	must_be_0(g, pthread_rwlock_unlock(g->place), "pthread_rwlock_unlock");
}

LOCK_LOOP(rwlock, FAST)

/* spin */

static bool spin_init(struct guard *g)
{
	errno = pthread_spin_init(g->place, PTHREAD_PROCESS_SHARED);
	return !errno || lacks(g, "pthread_spin_init");
}

static inline void spin_take(struct guard *g)
{
	must_be_0(g, pthread_spin_lock(g->place), "pthread_spin_lock");
}

static inline void spin_give(struct guard *g)
{
	must_be_0(g, pthread_spin_unlock(g->place), "pthread_spin_unlock");
}

LOCK_LOOP(spin, FAST)

/* System V semaphores; a set is on no list that exit() could go through */

static pid_t sysv_maker;
static int sysv_sets[16], sysv_count;

static void sysv_remove_all(void)
{
	while (getpid() == sysv_maker && sysv_count)
		semctl(sysv_sets[--sysv_count], 0, IPC_RMID);
}

static bool sysv_init(struct guard *g)
{
	g->id = semget(IPC_PRIVATE, 1, 0600);
	if (g->id < 0)
		return lacks(g, "semget");
	if (!sysv_maker)
		atexit(sysv_remove_all);
	sysv_maker = getpid();
	sysv_sets[sysv_count++] = g->id;
	return !semctl(g->id, 0, SETVAL, 1) || lacks(g, "semctl");
}

static void sysv_fini(struct guard *g)
{
	semctl(g->id, 0, IPC_RMID);
	for (int i = 0; i < sysv_count; i++)
		if (sysv_sets[i] == g->id)
			sysv_sets[i] = sysv_sets[--sysv_count];
}

static inline void sysv_add(struct guard *g, short value, short flags)
{
	struct sembuf operation = { .sem_op = value, .sem_flg = flags };

	while (__builtin_expect(semop(g->id, &operation, 1), 0))
		must(g, errno == EINTR, "semop");
}

static inline void sysv_take(struct guard *g)
{
	sysv_add(g, -1, 0);
}

static inline void sysv_give(struct guard *g)
{
	sysv_add(g, 1, 0);
}

LOCK_LOOP(sysv, SLOW)

static inline void undo_take(struct guard *g)
{
	sysv_add(g, -1, SEM_UNDO);
}

static inline void undo_give(struct guard *g)
{
	sysv_add(g, 1, SEM_UNDO);
}

LOCK_LOOP(undo, SLOW)

/* record locks, on a file that has no name any more */

static bool record_init(struct guard *g)
{
	g->fd[0] = memfd_create("compare", MFD_CLOEXEC);
	return g->fd[0] >= 0 || lacks(g, "memfd_create");
}

static void record_fini(struct guard *g)
{
	close(g->fd[0]);
}

static inline void record(struct guard *g, int command, short type)
{
	struct flock lock = { .l_type = type, .l_len = 1 };

	while (__builtin_expect(fcntl(g->fd[0], command, &lock), 0))
		must(g, errno == EINTR, "fcntl");
}

static inline void fcntl_take(struct guard *g)
{
	record(g, F_SETLKW, F_WRLCK);
}

static inline void fcntl_give(struct guard *g)
{
	record(g, F_SETLKW, F_UNLCK);
}

LOCK_LOOP(fcntl, SLOW)

static bool ofd_init(struct guard *g)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 1 };

	if (!record_init(g))
		return false;
	if (!fcntl(g->fd[0], F_OFD_GETLK, &lock))
		return true;
	close(g->fd[0]);
	return lacks(g, "fcntl F_OFD_GETLK");
}

/* The lock is of the open file, so each process needs one of its own. */
static void ofd_join(struct guard *g)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", g->fd[0]);
	g->fd[0] = open(path, O_RDWR | O_CLOEXEC);
	must(g, g->fd[0] >= 0, "cannot open the file anew");
}

static inline void ofd_take(struct guard *g)
{
	record(g, F_OFD_SETLKW, F_WRLCK);
}

static inline void ofd_give(struct guard *g)
{
	record(g, F_OFD_SETLKW, F_UNLCK);
}

LOCK_LOOP(ofd, SLOW)

/* pipe: who has read the byte out of it holds the lock */

static bool pipe_init(struct guard *g)
{
	if (pipe2(g->fd, O_CLOEXEC))
		return lacks(g, "pipe2");
	return write(g->fd[1], "", 1) == 1 || lacks(g, "write");
}

static void pipe_fini(struct guard *g)
{
	close(g->fd[0]);
	close(g->fd[1]);
}

static inline void pipe_take(struct guard *g)
{
	char byte;

	while (__builtin_expect(read(g->fd[0], &byte, 1) != 1, 0))
		must(g, errno == EINTR, "read");
}

static inline void pipe_give(struct guard *g)
{
	must(g, write(g->fd[1], "", 1) == 1, "write");
}

LOCK_LOOP(pipe, SLOW)

/* eventfd, counting as a semaphore does */

static bool event_init(struct guard *g)
{
	g->fd[0] = eventfd(1, EFD_SEMAPHORE | EFD_CLOEXEC);
	return g->fd[0] >= 0 || lacks(g, "eventfd");
}

static inline void event_take(struct guard *g)
{
	uint64_t value;

	while (__builtin_expect(read(g->fd[0], &value, sizeof(value)) < 0, 0))
		must(g, errno == EINTR, "read");
}

static inline void event_give(struct guard *g)
{
	uint64_t one = 1;

	must(g, write(g->fd[0], &one, sizeof(one)) == sizeof(one), "write");
}

LOCK_LOOP(event, SLOW)

const struct lock locks[] = {
	{
		.name = "none", .help = "no lock: the control, which loses updates",
		.init = nothing_init, .run = none_run,
	}, {
		.name = "atomic", .help = "one atomic addition, no lock",
		.excludes = true, .init = nothing_init, .run = atomic_run,
	}, {
		.name = "futex", .help = "a mutex on a bare futex(2)",
		LOCK(futex), .init = futex_init,
	}, {
		.name = "sem", .help = "an unnamed semaphore, in the memory",
		LOCK(sem), .init = unnamed_init,
	}, {
		.name = "named", .help = "a named semaphore, by sem_open()",
		LOCK(sem), .init = named_init, .fini = named_fini,
	}, {
		.name = "mutex", .help = "a pthread mutex", LOCK(mutex), .init = mutex_init,
	}, {
		.name = "adaptive", .help = "a pthread mutex that spins before it sleeps",
		LOCK(mutex), .init = adaptive_init,
	}, {
		.name = "robust", .help = "a pthread mutex that tells of a dead holder",
		LOCK(mutex), .init = robust_init, .recovers = true,
	}, {
		.name = "pi", .help = "a pthread mutex with priority inheritance",
		LOCK(mutex), .init = pi_init,
	}, {
		.name = "rwlock", .help = "a pthread read-write lock, held for writing",
		LOCK(rwlock), .init = rwlock_init,
	}, {
		.name = "spin", .help = "a pthread spin lock", LOCK(spin), .init = spin_init,
	}, {
		.name = "sysv", .help = "a System V semaphore",
		LOCK(sysv), .init = sysv_init, .fini = sysv_fini,
	}, {
		.name = "undo", .help = "a System V semaphore with SEM_UNDO",
		LOCK(undo), .init = sysv_init, .fini = sysv_fini,
		.recovers = true,
	}, {
		.name = "fcntl", .help = "a record lock, by fcntl(2)",
		LOCK(fcntl), .init = record_init, .fini = record_fini,
		.recovers = true,
	}, {
		.name = "ofd", .help = "a record lock of the open file description",
		LOCK(ofd), .init = ofd_init, .join = ofd_join, .fini = record_fini,
		.recovers = true,
	}, {
		.name = "pipe", .help = "a byte in a pipe, as a token",
		LOCK(pipe), .init = pipe_init, .fini = pipe_fini,
	}, {
		.name = "eventfd", .help = "an eventfd(2) that counts as a semaphore",
		LOCK(event), .init = event_init, .fini = record_fini,
	},
};

const int lock_count = ARRAY_SIZE(locks);

const struct lock *lock_named(const char *name)
{
	for (int i = 0; i < lock_count; i++)
		if (!strcmp(locks[i].name, name))
			return &locks[i];
	return NULL;
}

bool guard_init(struct guard *guard, const struct lock *lock, void *memory,
		char *why)
{
	*guard = (struct guard) {
		.place = memory, .count = (long *)((char *)memory + LOCK_BYTES),
		.why = why,
	};
	memset(memory, 0, LOCK_BYTES);
	*guard->count = 0;
	return lock->init(guard);
}

void guard_fini(struct guard *guard, const struct lock *lock)
{
	if (lock->fini)
		lock->fini(guard);
}
