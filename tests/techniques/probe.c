// SPDX-License-Identifier: GPL-2.0
/*
 * The probes. A waiter is known to sleep before it is woken, and a holder
 * releases the lock only when another process has found it taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module.h"
#include "probe.h"

enum { PAGES = 4, LOOPS = 1000, PATIENCE = 10 };

const char *disk, *module_name;

static struct answer *answer;

/* The data of a probe in the device's memory. */
struct page {
	sem_t semaphore;
	pthread_mutex_t mutex;
	int futex, count, waiting, running, ready;
};

/* The first answer of a probe counts. */
static _Noreturn __attribute__((format(printf, 1, 2)))
void say(const char *format, ...)
{
	va_list args;

	if (!answer->text[0]) {
		va_start(args, format);
		vsnprintf(answer->text, sizeof(answer->text), format, args);
		va_end(args);
	}
	exit(0);
}

static _Noreturn void say_errno(void)
{
	say("%s", strerrorname_np(errno));
}

static size_t bytes_of(size_t pages)
{
	return pages * sysconf(_SC_PAGESIZE);
}

static void *map(size_t pages, int flags)
{
	int fd = open("/dev/shmcount", O_RDWR | O_CLOEXEC);
	void *memory = mmap(NULL, bytes_of(pages), PROT_READ | PROT_WRITE, flags,
			    fd, 0);

	if (memory == MAP_FAILED)
		say_errno();
	close(fd);
	return memory;
}

/* Every process maps the memory by an open file of its own. */
static struct page *own_page(void)
{
	return map(1, MAP_SHARED);
}

/* The same, cleared of what the previous probe left. */
static struct page *new_page(void)
{
	return memset(own_page(), 0, sizeof(struct page));
}

static int read_now(const int *number)
{
	return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static void add(int *number, int what)
{
	__atomic_fetch_add(number, what, __ATOMIC_SEQ_CST);
}

static int futex(int *word, int operation, int value)
{
	return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static pid_t start(void (*function)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		say_errno();
	if (pid)
		return pid;
	function();
	exit(0);
}

/* Returns when the process sleeps, or has ended. */
static void wait_until_asleep(pid_t pid)
{
	char path[32], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'S' && state != 'Z') {
		FILE *file = fopen(path, "re");

		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			say("no /proc");
		fclose(file);
		usleep(1000);
	}
}

static const char *name_of(int signal)
{
	static char name[16];

	snprintf(name, sizeof(name), "SIG%s", sigabbrev_np(signal) ?: "?");
	return name;
}

/* If a process of the probe was killed, the signal is the answer. */
static void finish(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
		say("%s", name_of(WTERMSIG(status)));
}

static void uncontended(void)
{
	struct page *page = new_page();

	if (sem_init(&page->semaphore, 1, 1))
		say_errno();
	for (int i = 0; i < LOOPS; i++)
		if (sem_wait(&page->semaphore) || sem_post(&page->semaphore))
			say_errno();
	say("works");
}

static void wait_on_futex(void)
{
	struct page *page = own_page();

	if (futex(&page->futex, FUTEX_WAIT, 0))
		say_errno();
	add(&page->count, 1);
}

static void woken(void)
{
	struct page *page = new_page();
	pid_t waiter = start(wait_on_futex);
	int woken;

	wait_until_asleep(waiter);
	woken = futex(&page->futex, FUTEX_WAKE, 1);
	if (woken < 0)
		say_errno();
	if (!woken)
		say("not woken");
	finish(waiter);
	say(page->count == 1 ? "works" : "not shared");
}

static void count_under_semaphore(void)
{
	struct page *page = own_page();

	add(&page->running, 1);
	while (read_now(&page->running) + read_now(&page->ready) < 2)
		usleep(1);
	for (int i = 0; i < LOOPS; i++) {
		int count;

		if (sem_trywait(&page->semaphore)) {
			add(&page->waiting, 1);
			sem_wait(&page->semaphore);
			add(&page->waiting, -1);
		}
		count = page->count;
		if (i % 16 == 0)
			do {
				usleep(1);
			} while (!read_now(&page->waiting) &&
				 read_now(&page->running) > 1);
		page->count = count + 1;
		sem_post(&page->semaphore);
		while (i % 16 == 8 && read_now(&page->waiting) &&
		       read_now(&page->count) == count + 1)
			usleep(1);
	}
	add(&page->ready, 1);
	add(&page->running, -1);
}

/* If glibc aborts one process, the other waits for ever: kill it. */
static void contended(void)
{
	struct page *page = new_page();
	pid_t pids[2];
	int status;

	if (sem_init(&page->semaphore, 1, 1))
		say_errno();
	for (int i = 0; i < 2; i++)
		pids[i] = start(count_under_semaphore);
	for (int i = 0; i < 2; i++) {
		if (wait(&status) > 0 && WIFSIGNALED(status)) {
			kill(pids[0], SIGKILL);
			kill(pids[1], SIGKILL);
			say("%s", name_of(WTERMSIG(status)));
		}
	}
	if (page->count != 2 * LOOPS)
		say("lost %d of %d", 2 * LOOPS - page->count, 2 * LOOPS);
	say("works");
}

static void die_holding(void)
{
	struct page *page = own_page();

	if (pthread_mutex_lock(&page->mutex))
		say("no lock");
	add(&page->ready, 1);
	pause();
}

static void lock_of_the_dead(void)
{
	struct page *page = own_page();
	int error = pthread_mutex_lock(&page->mutex);

	if (error != EOWNERDEAD)
		say("%s", error ? strerrorname_np(error) : "no error");
	add(&page->count, 1);
}

static void robust(void)
{
	struct page *page = new_page();
	pthread_mutexattr_t attr;
	pid_t owner, waiter;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&page->mutex, &attr);
	owner = start(die_holding);
	while (!read_now(&page->ready))
		usleep(1000);
	waiter = start(lock_of_the_dead);
	wait_until_asleep(waiter);
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	finish(waiter);
	say(page->count == 1 ? "works" : "not told");
}

static void *shown;

static void read_of_parent(void)
{
	char text[5];
	struct iovec local = { text, 5 }, remote = { shown, 5 };

	if (process_vm_readv(getppid(), &local, 1, &remote, 1, 0) != 5)
		say_errno();
	say(memcmp(text, "hello", 5) ? "wrong bytes" : "works");
}

static void vm_readv(void)
{
	shown = own_page();
	memcpy(shown, "hello", 5);
	finish(start(read_of_parent));
}

static void o_direct(void)
{
	void *memory = own_page();
	char path[256], text[5];
	int fd;

	if (!disk)
		say("no disk");
	snprintf(path, sizeof(path), "%s/techniques.XXXXXX", disk);
	fd = mkstemp(path);
	if (fd < 0)
		say_errno();
	unlink(path);
	if (fcntl(fd, F_SETFL, O_DIRECT))
		say("no O_DIRECT");
	memcpy(memory, "hello", 5);
	if (pwrite(fd, memory, bytes_of(1), 0) != (ssize_t)bytes_of(1))
		say_errno();
	fcntl(fd, F_SETFL, 0);
	if (pread(fd, text, 5, 0) != 5)
		say_errno();
	say(memcmp(text, "hello", 5) ? "wrong bytes" : "works");
}

static void private_copy(void)
{
	volatile int *shared = map(1, MAP_SHARED);
	volatile int *own = map(1, MAP_PRIVATE);

	*shared = 1;
	if (*own != 1)
		say("not shared");
	*own = 2;
	say(*shared == 1 && *own == 2 ? "works" : "not private");
}

static void touch_the_end(void)
{
	*(volatile char *)shown = 1;
}

static void mremap_past_end(void)
{
	char *memory = map(PAGES, MAP_SHARED);
	int status;

	memory = mremap(memory, bytes_of(PAGES), bytes_of(2 * PAGES), MREMAP_MAYMOVE);
	if (memory == MAP_FAILED)
		say_errno();
	shown = memory + bytes_of(2 * PAGES) - 1;
	waitpid(start(touch_the_end), &status, 0);
	say("grows: %s", WIFSIGNALED(status) ? name_of(WTERMSIG(status)) :
						"more memory");
}

static void madv_remove(void)
{
	volatile int *page = map(1, MAP_SHARED);

	*page = 1;
	if (madvise((void *)page, bytes_of(1), MADV_REMOVE))
		say_errno();
	say(*page ? "no effect" : "erased");
}

static void maps_name(void)
{
	uintptr_t wanted = (uintptr_t)own_page();
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		char *name = strchr(line, '/');

		if (strtoul(line, NULL, 16) != wanted)
			continue;
		line[strcspn(line, "\n")] = '\0';
		say("%s", name ?: "none");
	}
	say("not there");
}

static void rmmod_while_mapped(void)
{
	volatile int *page = map(1, MAP_SHARED);
	int error;

	*page = 1;
	error = module_unload(module_name);
	if (error)
		say("%s", strerrorname_np(error));
	say(*page == 1 ? "unloads" : "unloads: erased");
}

const struct probe probes[] = {
	{ "uncontended semaphore", uncontended },
	{ "waiter woken across opens", woken },
	{ "contended semaphore", contended },
	{ "robust mutex of a killed owner", robust },
	{ "process_vm_readv()", vm_readv },
	{ "O_DIRECT from the mapping", o_direct },
	{ "MAP_PRIVATE", private_copy },
	{ "mremap() past the end", mremap_past_end },
	{ "MADV_REMOVE", madv_remove },
	{ "name in /proc/PID/maps", maps_name },
	{ "rmmod while mapped", rmmod_while_mapped },
	{ NULL, NULL }
};

struct answer ask(const struct probe *probe)
{
	int status, waited = 0;
	pid_t pid, ended;

	answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		/* Hide the message of glibc: the signal tells the same. */
		dup2(null, STDERR_FILENO);
		setpgid(0, 0);
		probe->run();
		say("works");
	}
	while (!(ended = waitpid(pid, &status, WNOHANG)) &&
	       waited++ < PATIENCE * 100)
		usleep(10000);
	kill(-pid, SIGKILL);
	if (!ended) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	if (!answer->text[0])
		snprintf(answer->text, sizeof(answer->text), "%s",
			 ended ? name_of(WTERMSIG(status)) : "hangs");
	return *answer;
}
