// SPDX-License-Identifier: GPL-2.0
/*
 * The locks: each is a way for processes to take turns at a count. A lock is
 * defined by its take and give functions; LOOP expands them in the measured
 * loop, so that it makes no indirect call.
 *
 * To add a lock, write these two and its init, and add an entry to locks[].
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
 * How many increments to make before checking stop: many if an increment takes
 * nanoseconds, one if it is a system call.
 */
enum { FAST = 64, SLOW = 1 };

#define LOOP(name, chunk, increment)					\
static long name##_loop(struct lock_instance *instance,		\
			const volatile int *stop, long limit)		\
{									\
	/* A local copy can be kept in registers. */			\
	struct lock_instance copy = *instance, *self = &copy;		\
	volatile long *count = self->count;				\
	long done = 0, end;						\
									\
	for (; done < limit && !*stop; done = end) {			\
		end = limit - done < (chunk) ? limit : done + (chunk);	\
		for (long left = end - done; left; left--) {		\
			increment;					\
		}							\
	}								\
	return done;							\
}

#define LOCK_LOOP(name, chunk)						\
LOOP(name, chunk, name##_take(self); *count = *count + 1; name##_give(self))

/* A lock whose take and give are one call each, with self as the instance. */
#define SIMPLE_LOCK(name, chunk, taking, giving)			\
static inline void name##_take(struct lock_instance *self)		\
{									\
	taking;								\
}									\
									\
static inline void name##_give(struct lock_instance *self)		\
{									\
	giving;								\
}									\
									\
LOCK_LOOP(name, chunk)

/* The part of a table entry that these functions make up. */
#define LOCK(lock)							\
	.excludes = true, .can_hold = true,				\
	.take = lock##_take, .give = lock##_give, .loop = lock##_loop

/* In a process that counts: report a failure and end. */
static _Noreturn void lock_failed(struct lock_instance *self, const char *what,
				  int error)
{
	errno = error;
	lacks(self->why, "%s", what);
	_exit(EXIT_FAILED);
}

static inline void must(struct lock_instance *self, bool ok, const char *what)
{
	if (__builtin_expect(!ok, 0))
		lock_failed(self, what, errno);
}

/* For pthread functions, which return 0 or an errno. */
static inline void must_be_0(struct lock_instance *self, int error,
			     const char *what)
{
	if (__builtin_expect(error, 0))
		lock_failed(self, what, error);
}

/* none, atomic */

static bool no_init(struct lock_instance *self)
{
	(void)self;
	return true;
}

LOOP(none, FAST, *count = *count + 1)
LOOP(atomic, FAST, __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST))

/*
 * futex: 0 is free, 1 taken, 2 taken with possible sleepers. This is the second
 * mutex of U. Drepper, "Futexes Are Tricky" (2011), section 6.
 */

static inline void futex(struct lock_instance *self, void *word, int operation,
			 int value, int bits)
{
	if (syscall(SYS_futex, word, operation, value, NULL, NULL, bits) < 0)
		must(self, errno == EAGAIN || errno == EINTR, "futex");
}

static inline void futex_take(struct lock_instance *self)
{
	int *word = self->memory, seen = 0;

	if (__atomic_compare_exchange_n(word, &seen, 1, false,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	if (seen != 2)
		seen = __atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE);
	while (seen) {
		futex(self, word, FUTEX_WAIT, 2, 0);
		seen = __atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE);
	}
}

static inline void futex_give(struct lock_instance *self)
{
	int *word = self->memory;

	if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2)
		futex(self, word, FUTEX_WAKE, 1, 0);
}

LOCK_LOOP(futex, FAST)

/*
 * ticket: each takes a number, and the lock serves them in order. A waiter looks a
 * hundred times, then sleeps on the number served, by a bit of its own number, so that
 * giving the lock wakes only the next.
 */

enum { TICKET_SPINS = 100 };

struct ticket {
	unsigned int next;
	/* Waiters watch these: keep them apart from what newcomers write. */
	_Alignas(128) unsigned int serving;
	unsigned int sleepers;
};

static inline int ticket_bit(unsigned int number)
{
	return 1U << number % 32;
}

static inline void ticket_take(struct lock_instance *self)
{
	struct ticket *lock = self->memory;
	unsigned int mine = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
	unsigned int served;

	for (int i = 0; i < TICKET_SPINS; i++)
		if (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) == mine)
			return;
	/*
	 * Either we see the giver's store, or it sees us among the sleepers: both write
	 * before they read, in the one order of all that is SEQ_CST.
	 */
	__atomic_fetch_add(&lock->sleepers, 1, __ATOMIC_SEQ_CST);
	while ((served = __atomic_load_n(&lock->serving, __ATOMIC_SEQ_CST)) != mine)
		futex(self, &lock->serving, FUTEX_WAIT_BITSET, served,
		      ticket_bit(mine));
	__atomic_fetch_sub(&lock->sleepers, 1, __ATOMIC_RELAXED);
}

static inline void ticket_give(struct lock_instance *self)
{
	struct ticket *lock = self->memory;
	/* Only the holder writes it. */
	unsigned int next = __atomic_load_n(&lock->serving, __ATOMIC_RELAXED) + 1;

	__atomic_store_n(&lock->serving, next, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&lock->sleepers, __ATOMIC_SEQ_CST))
		futex(self, &lock->serving, FUTEX_WAKE_BITSET, INT_MAX,
		      ticket_bit(next));
}

LOCK_LOOP(ticket, FAST)

/* sem, named sem */

static bool unnamed_init(struct lock_instance *self)
{
	self->named = self->memory;
	return !sem_init(self->memory, 1, 1) || lacks(self->why, "sem_init");
}

static bool named_init(struct lock_instance *self)
{
	char name[64];

	snprintf(name, sizeof(name), "/compare.%d.%p", getpid(), self->memory);
	self->named = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	if (self->named == SEM_FAILED)
		return lacks(self->why, "sem_open");
	sem_unlink(name);
	return true;
}

static void named_fini(struct lock_instance *self)
{
	sem_close(self->named);
}

static inline void sem_take(struct lock_instance *self)
{
	while (__builtin_expect(sem_wait(self->named), 0))
		must(self, errno == EINTR, "sem_wait");
}

static inline void sem_give(struct lock_instance *self)
{
	must(self, !sem_post(self->named), "sem_post");
}

LOCK_LOOP(sem, FAST)

/* mutexes */

static bool mutex_init_as(struct lock_instance *self, int type, int robust,
			  int protocol)
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
		errno = pthread_mutex_init(self->memory, &attr);
	pthread_mutexattr_destroy(&attr);
	return !errno || lacks(self->why, "pthread_mutex_init");
}

#define MUTEX_INIT(name, type, robust, protocol)			\
static bool name##_init(struct lock_instance *self)			\
{									\
	return mutex_init_as(self, type, robust, protocol);		\
}

MUTEX_INIT(mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE)
MUTEX_INIT(adaptive, ADAPTIVE_MUTEX, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE)
MUTEX_INIT(robust, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE)
MUTEX_INIT(pi, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT)

static inline void mutex_take(struct lock_instance *self)
{
	int error = pthread_mutex_lock(self->memory);

	/* A robust mutex: its holder died, and the lock is now ours. */
	if (__builtin_expect(error == EOWNERDEAD, 0))
		error = pthread_mutex_consistent(self->memory);
	must_be_0(self, error, "pthread_mutex_lock");
}

static inline void mutex_give(struct lock_instance *self)
{
	must_be_0(self, pthread_mutex_unlock(self->memory), "pthread_mutex_unlock");
}
LOCK_LOOP(mutex, FAST)

/* rwlock, held for writing */

static bool rwlock_init(struct lock_instance *self)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	errno = pthread_rwlock_init(self->memory, &attr);
	pthread_rwlockattr_destroy(&attr);
	return !errno || lacks(self->why, "pthread_rwlock_init");
}

SIMPLE_LOCK(rwlock, FAST,
	    must_be_0(self, pthread_rwlock_wrlock(self->memory), "pthread_rwlock_wrlock"),
	    must_be_0(self, pthread_rwlock_unlock(self->memory), "pthread_rwlock_unlock"))

/* spin */

static bool spin_init(struct lock_instance *self)
{
	errno = pthread_spin_init(self->memory, PTHREAD_PROCESS_SHARED);
	return !errno || lacks(self->why, "pthread_spin_init");
}

SIMPLE_LOCK(spin, FAST,
	    must_be_0(self, pthread_spin_lock(self->memory), "pthread_spin_lock"),
	    must_be_0(self, pthread_spin_unlock(self->memory), "pthread_spin_unlock"))

/* System V semaphores; the sets outlive the process, so exit() removes them */

static pid_t sysv_maker;
static int sysv_sets[16], sysv_count;

static void sysv_remove_all(void)
{
	while (getpid() == sysv_maker && sysv_count)
		semctl(sysv_sets[--sysv_count], 0, IPC_RMID);
}

static bool sysv_init(struct lock_instance *self)
{
	self->id = semget(IPC_PRIVATE, 1, 0600);
	if (self->id < 0)
		return lacks(self->why, "semget");
	if (!sysv_maker)
		atexit(sysv_remove_all);
	sysv_maker = getpid();
	sysv_sets[sysv_count++] = self->id;
	return !semctl(self->id, 0, SETVAL, 1) || lacks(self->why, "semctl");
}

static void sysv_fini(struct lock_instance *self)
{
	semctl(self->id, 0, IPC_RMID);
	for (int i = 0; i < sysv_count; i++)
		if (sysv_sets[i] == self->id)
			sysv_sets[i] = sysv_sets[--sysv_count];
}

static inline void sysv_add(struct lock_instance *self, short value, short flags)
{
	struct sembuf operation = { .sem_op = value, .sem_flg = flags };

	while (__builtin_expect(semop(self->id, &operation, 1), 0))
		must(self, errno == EINTR, "semop");
}

SIMPLE_LOCK(sysv, SLOW, sysv_add(self, -1, 0), sysv_add(self, 1, 0))
SIMPLE_LOCK(undo, SLOW, sysv_add(self, -1, SEM_UNDO), sysv_add(self, 1, SEM_UNDO))

/* record locks, on a file without a name */

static bool record_init(struct lock_instance *self)
{
	self->fd[0] = memfd_create("compare", MFD_CLOEXEC);
	return self->fd[0] >= 0 || lacks(self->why, "memfd_create");
}

static void record_fini(struct lock_instance *self)
{
	close(self->fd[0]);
}

static inline void record(struct lock_instance *self, int command, short type)
{
	struct flock range = { .l_type = type, .l_len = 1 };

	while (__builtin_expect(fcntl(self->fd[0], command, &range), 0))
		must(self, errno == EINTR, "fcntl");
}

SIMPLE_LOCK(fcntl, SLOW, record(self, F_SETLKW, F_WRLCK), record(self, F_SETLKW, F_UNLCK))
SIMPLE_LOCK(ofd, SLOW, record(self, F_OFD_SETLKW, F_WRLCK), record(self, F_OFD_SETLKW, F_UNLCK))

static bool ofd_init(struct lock_instance *self)
{
	struct flock range = { .l_type = F_WRLCK, .l_len = 1 };

	if (!record_init(self))
		return false;
	if (!fcntl(self->fd[0], F_OFD_GETLK, &range))
		return true;
	close(self->fd[0]);
	return lacks(self->why, "fcntl F_OFD_GETLK");
}

/* The open file description owns the lock: each process opens its own. */
static void ofd_join(struct lock_instance *self)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd[0]);
	self->fd[0] = open(path, O_RDWR | O_CLOEXEC);
	must(self, self->fd[0] >= 0, "cannot reopen the file");
}

/* pipe: the process that has read its one byte holds the lock */

static bool pipe_init(struct lock_instance *self)
{
	if (pipe2(self->fd, O_CLOEXEC))
		return lacks(self->why, "pipe2");
	return write(self->fd[1], "", 1) == 1 || lacks(self->why, "write");
}

static void pipe_fini(struct lock_instance *self)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

static inline void pipe_take(struct lock_instance *self)
{
	char byte;

	while (__builtin_expect(read(self->fd[0], &byte, 1) != 1, 0))
		must(self, errno == EINTR, "read");
}

static inline void pipe_give(struct lock_instance *self)
{
	must(self, write(self->fd[1], "", 1) == 1, "write");
}

LOCK_LOOP(pipe, SLOW)

/* eventfd, as a semaphore */

static bool event_init(struct lock_instance *self)
{
	self->fd[0] = eventfd(1, EFD_SEMAPHORE | EFD_CLOEXEC);
	return self->fd[0] >= 0 || lacks(self->why, "eventfd");
}

static inline void event_take(struct lock_instance *self)
{
	uint64_t value;

	while (__builtin_expect(read(self->fd[0], &value, sizeof(value)) < 0, 0))
		must(self, errno == EINTR, "read");
}

static inline void event_give(struct lock_instance *self)
{
	uint64_t one = 1;

	must(self, write(self->fd[0], &one, sizeof(one)) == sizeof(one), "write");
}

LOCK_LOOP(event, SLOW)

const struct lock locks[] = {
	{
		.name = "none", .help = "no lock: the control, which loses updates",
		.init = no_init, .loop = none_loop,
	}, {
		.name = "atomic", .help = "one atomic addition, no lock",
		.excludes = true, .init = no_init, .loop = atomic_loop,
	}, {
		.name = "futex", .help = "a mutex on a bare futex(2)",
		LOCK(futex), .init = no_init,
	}, {
		.name = "ticket", .help = "a ticket lock: first come, first served; spins, then sleeps",
		LOCK(ticket), .init = no_init,
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
		.name = "robust", .help = "a pthread mutex that reports a dead holder",
		LOCK(mutex), .init = robust_init, .recovers = true,
	}, {
		.name = "pi", .help = "a pthread mutex with priority inheritance",
		LOCK(mutex), .init = pi_init,
	}, {
		.name = "rwlock", .help = "a pthread read-write lock, held for writing",
		LOCK(rwlock), .init = rwlock_init,
	}, {
		.name = "spin", .help = "a pthread spin lock",
		LOCK(spin), .init = spin_init, .spins = true,
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

bool lock_init(struct lock_instance *instance, const struct lock *lock,
	       void *memory, char *why)
{
	*instance = (struct lock_instance) {
		.memory = memory, .count = (long *)((char *)memory + LOCK_BYTES),
		.why = why,
	};
	memset(memory, 0, LOCK_BYTES);
	*instance->count = 0;
	return lock->init(instance);
}

void lock_fini(struct lock_instance *instance, const struct lock *lock)
{
	if (lock->fini)
		lock->fini(instance);
}
