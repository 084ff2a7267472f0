/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module and its device, for tests. A test loads the module with the
 * parameters it needs. test_cleanup() unloads it afterwards, and fails the test
 * if it cannot. The environment variable KMOD names another file to load.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#define DEVICE "/dev/shmcount"

/* Bytes of a page. */
static inline size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* The largest size of a region, in bytes of whole pages. */
size_t half_of_ram(void);

/*
 * Load and unload the module (rmmod without waiting). try_load() and
 * try_unload() return 0 or an errno; load() and unload() fail the test if they
 * cannot. All skip the test where there is no module, as on the host.
 */
int try_load(const char *parameters);
int try_unload(void);
void load(const char *parameters);
void unload(void);

/* Load with a region of so many pages, and open the device or map all of it. */
void load_pages(size_t pages);
int load_and_open(size_t pages, int flags);
void *load_and_map(size_t pages);

/* Load without a parameter, and map the region, which has one page then. */
void *load_default_and_map(void);

/* Load a helper module from a file of the guest; returns 0 or an errno. */
int try_load_file(const char *path, const char *parameters);

/*
 * Make a kernel function return a value at once, for the next so many calls by
 * the test's processes or until stop_forcing() (tests/modules/force_return.c).
 * A test may call this once. Skips the test if the kernel has no such function.
 */
void force_return(const char *function, long value, int times);
void stop_forcing(void);

/* Returns how many of these calls are left. */
int still_forced(void);

/* Returns a new open file of the device; fails the test if it cannot. */
int open_device(int flags);

/* Open the device by a node outside tmpfs; returns what open(2) does. */
int open_elsewhere(void);

/* mmap by an open file of its own; offset and length are in bytes. */
void *try_map(size_t offset, size_t length, int prot, int flags,
	      int open_flags);

/* The same in pages, read and write; fails the test if it cannot. */
void *map_pages(size_t first, size_t pages, int flags);

/* Returns the number in /sys/class/misc/shmcount/NAME. */
long attribute(const char *name);

/* Returns the first number after a word at the start of a line of a file. */
long number_in(const char *path, const char *word);

/* Fail the test if a field of /proc/meminfo grew by more than so many KiB. */
void expect_growth_below(const char *field, long before, long kib);

/* Returns the page frame number of a page that is present (pagemap). */
uint64_t frame_of(void *page);

/* Write a string to a file of procfs or sysfs; fails the test if it cannot. */
void write_to(const char *path, const char *text);

/*
 * Trace the events of the loaded module; skips the test where the kernel cannot.
 * end_of_trace() ends that, and returns what there is.
 */
#define TRACING "/sys/kernel/tracing/"
void start_tracing(void);
FILE *end_of_trace(void);

/*
 * Run the function in two processes that are not related to the test: each is a
 * child of init (or of the harness) and has nothing open.
 */
void run_unrelated(void (*function)(void *), void *argument);

/* Run the function in a process, which must die by this signal. */
void expect_signal(int signal, void (*function)(void *), void *argument);

/* Kill a child of the test, and wait for it. */
void kill_and_wait(pid_t pid);

#endif
