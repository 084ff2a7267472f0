// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of fuzz on lifetimes: children that end in several ways, and the
 * module, which is loaded and unloaded while others use it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "model.h"
#include "module.h"

enum end { EXITS, LEAVES_NOTHING, KILLED_ASLEEP, KILLED_AT_WORK, ENDS };

static uint8_t buffer[MAX_SIZE];

void load_region(void)
{
	pthread_mutexattr_t shared;
	struct sync_area *area;
	char parameters[32];
	int error;

	snprintf(parameters, sizeof(parameters), "size=%zu", run->size);
	error = module_load(run->module, parameters);
	if (error)
		disagree("load(%s): expected success, saw %s", parameters,
			 answer_text(-error));
	model_reload();
	area = map_sync_area();
	pthread_mutexattr_init(&shared);
	pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&area->mutex, &shared);
	sem_init(&area->semaphore, 1, 1);
	unmap_sync_area(area);
}

/* In a new child: the parent has the same bytes at the same va. */
static void read_of_parent(int at)
{
	size_t va = at * (size_t)PAGE;
	struct iovec local = { buffer, PAGE };
	struct iovec remote = { model.base + va, PAGE };
	long seen = process_vm_readv(getppid(), &local, 1, &remote, 1, 0);

	if (seen < 0 && errno == ENOSYS)
		return;
	expect(seen < 0 ? -errno : seen, PAGE);
	check_vpages(va, buffer, PAGE);
}

/* Use the device for ever, without changing what the model knows. */
static _Noreturn void use_for_ever(void)
{
	for (;;) {
		int fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
		char *map = mmap(NULL, run->size, PROT_READ, MAP_SHARED, fd, 0);

		close(fd);
		if (map == MAP_FAILED)
			disagree("the child cannot map the region: %s",
				 answer_text(-errno));
		for (size_t i = 0; i < run->size; i += PAGE)
			*(volatile char *)(map + i);
		munmap(map, run->size);
	}
}

static void leave_nothing(void)
{
	munmap(model.base, VPAGES * PAGE);
	clear_vpages(0, VPAGES);
	for (int i = 0; i < DESCRIPTORS; i++) {
		if (model.fd[i] >= 0)
			close(model.fd[i]);
		model.fd[i] = -1;
	}
}

static _Noreturn void live_as_child(unsigned int operations, enum end end,
				    int ready, int at)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	me.depth = 1;
	if (at >= 0)
		read_of_parent(at);
	model_fork();
	while (operations--)
		operate();
	if (end == LEAVES_NOTHING)
		leave_nothing();
	if (end == KILLED_ASLEEP || end == KILLED_AT_WORK) {
		if (write(ready, "", 1) != 1)
			_exit(STATUS_FAILED);
		if (end == KILLED_AT_WORK)
			use_for_ever();
		pause();
	}
	_exit(0);
}

/* Wait for the child to end; or, when it is ready, kill it after a moment. */
static void end_child(pid_t pid, enum end end, int ready, size_t moment)
{
	bool killed = end == KILLED_ASLEEP || end == KILLED_AT_WORK;
	int status;
	char byte;

	if (killed && read(ready, &byte, 1) == 1) {
		usleep(moment);
		kill(pid, SIGKILL);
	}
	close(ready);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FAILED)
		_exit(STATUS_FAILED);
	if (killed ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL :
		     status)
		disagree("the child ended with wait status %#x", status);
}

static bool do_fork(void)
{
	unsigned int operations = 1 + below(8);
	enum end end = below(ENDS);
	size_t moment = below(3000);
	int at = draw_vpage(is_readable_vpage), ready[2];
	pid_t pid;

	if (me.depth)
		return false;
	note_op("fork(), %ld operations of the child, end %ld", operations, end);
	if (pipe2(ready, O_CLOEXEC))
		disagree("no pipe: %s", answer_text(-errno));
	pid = fork();
	if (!pid)
		live_as_child(operations, end, ready[1], at);
	if (at >= 0)
		model.vpages[at].touched = true;
	answer(pid < 0 ? pid : 0);
	if (pid < 0)
		disagree("expected success, saw %s", answer_text(-errno));
	close(ready[1]);
	end_child(pid, end, ready[0], moment);
	me.worker->opens[1] = 0;
	me.worker->mappings[1] = 0;
	return true;
}

static bool do_attributes(void)
{
	if (!run->attributes)
		return false;
	note_op("attributes");
	answer(read_attribute(SIZE));
	if (read_attribute(SIZE) != (long)run->size)
		disagree("attribute size: expected %zu, saw %ld", run->size,
			 read_attribute(SIZE));
	check_attributes();
	return true;
}

static bool is_anybody_there(void)
{
	long opens = run->pinned;

	for (int i = 0; i < run->processes; i++)
		for (int depth = 0; depth < GENERATIONS; depth++)
			opens += run->workers[i].opens[depth];
	return opens || me.depth;
}

/* Not in a child: it may hold files that the model counts for its parent. */
static bool do_unload(void)
{
	long seen;

	if (me.depth)
		return false;
	note_op("unload()");
	seen = answer(-module_unload(run->module_name));
	if (run->kind != IN_TURN || is_anybody_there()) {
		expect(seen, -EWOULDBLOCK);
		return true;
	}
	expect(seen, 0);
	load_region();
	return true;
}

static bool do_leave(void)
{
	note_op("munmap and close all");
	leave_nothing();
	return true;
}

static bool do_load_again(void)
{
	note_op("load()");
	expect(answer(-module_load(run->module, "")), -EEXIST);
	return true;
}

const struct operation life_operations[] = {
	{ "fork", 12, do_fork },
	{ "attributes", 20, do_attributes },
	{ "leave", 4, do_leave },
	{ "unload", 15, do_unload },
	{ "load_again", 1, do_load_again },
	{ NULL, 0, NULL }
};

/* From here on: operations of reloading generations. */

static bool do_reload(void)
{
	static const long ends[] = { -EEXIST, -EBUSY, 0 };
	size_t pages = 1 + below(MAX_PAGES);
	char parameters[32];

	note_op("load(size=%ld)", pages * PAGE);
	snprintf(parameters, sizeof(parameters), "size=%zu", pages * PAGE);
	expect_one_of(answer(-module_load(run->module, parameters)), ends,
		      "EEXIST, EBUSY or success");
	return true;
}

static bool do_unload_if_unused(void)
{
	static const long ends[] = { -EWOULDBLOCK, -ENOENT, -EBUSY, 0 };

	note_op("unload()");
	expect_one_of(answer(-module_unload(run->module_name)), ends,
		      "EWOULDBLOCK, ENOENT, EBUSY or success");
	return true;
}

/* This process has the device open, so the unload must fail. */
static void try_to_unload(void)
{
	static const long refusals[] = { -EWOULDBLOCK, -EBUSY, 0 };
	long seen = -module_unload(run->module_name);

	if (!seen)
		disagree("unload() of what is open: expected EWOULDBLOCK, saw success");
	expect_one_of(seen, refusals, "EWOULDBLOCK or EBUSY");
}

/*
 * The first process that opens the device after a load leaves its stamp in the
 * region. If the stamp is not that of the last visit, the module was reloaded: all
 * bytes are zero but for those that others have written since.
 */
static void recognise(struct sync_area *area, uint64_t stamp)
{
	static uint64_t last;
	unsigned long long found = 0;

	if (atomic_compare_exchange_strong(&area->stamp, &found, stamp))
		found = stamp;
	if (found == last)
		return;
	last = found;
	for (size_t at = next_own(0); at < me.size;) {
		size_t own = own_run(at, me.size - at);

		memset(run->bytes + at, 0, own);
		at = next_own(at + own);
	}
}

static void use(int fd, char *map, uint64_t stamp)
{
	recognise((struct sync_area *)(map + run->sync_offset), stamp);
	if (one_in(2)) {
		check_region(0, (uint8_t *)map, me.size);
	} else {
		expect(pread(fd, buffer, sizeof(buffer), 0), me.size);
		check_region(0, buffer, me.size);
	}
	for (int i = below(20); i >= 0; i--) {
		size_t at = next_own(below(me.size));
		size_t length = own_run(at, 1 + below(100));

		if (at >= me.size)
			continue;
		draw_bytes(buffer, length);
		if (one_in(2))
			memcpy(map + at, buffer, length);
		else
			expect(pwrite(fd, buffer, length, at), length);
		wrote_region(at, buffer, length);
	}
}

static bool do_visit(void)
{
	static const long ends[] = { -ENOENT, -ENODEV, -ENXIO, 0 };
	uint64_t stamp = draw() | 1;
	bool tries = one_in(4), closes_first = one_in(2);
	char *map;
	int fd;

	note_op("open() and use it");
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (answer(fd) < 0) {
		expect_one_of(-errno, ends, "ENOENT, ENODEV, ENXIO or success");
		return true;
	}
	answer(0);
	me.size = lseek(fd, 0, SEEK_END);
	if (me.size < PAGE || me.size > MAX_PAGES * PAGE || me.size % PAGE)
		disagree("expected 1 to %d whole pages, saw %zd bytes",
			 MAX_PAGES, (ssize_t)me.size);
	map = mmap(NULL, me.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		disagree("mmap: expected success, saw %s", answer_text(-errno));
	use(fd, map, stamp);
	if (closes_first)
		close(fd);
	if (tries)
		try_to_unload();
	if (munmap(map, me.size))
		disagree("munmap: expected success, saw %s",
			 answer_text(-errno));
	if (!closes_first)
		close(fd);
	return true;
}

/* Read an attribute; it may be gone with the module. */
static bool do_look(void)
{
	static const long ends[] = { -ENOENT, -ENODEV, 0 };
	int which = below(ATTRIBUTES);
	char text[32];
	long seen;
	int fd;

	note_op("look at attribute %ld", which);
	fd = open_attribute(which);
	if (answer(fd) >= 0) {
		seen = answer(read(fd, text, sizeof(text)));
		close(fd);
	} else {
		seen = -errno;
	}
	if (seen <= 0)
		expect_one_of(seen ? seen : -EIO, ends,
			      "a number, ENOENT or ENODEV");
	return true;
}

const struct operation reload_operations[] = {
	{ "visit", 30, do_visit },
	{ "reload", 30, do_reload },
	{ "unload_unused", 30, do_unload_if_unused },
	{ "look", 15, do_look },
	{ NULL, 0, NULL }
};
