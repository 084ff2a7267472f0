/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module and its device, for tests. A test loads the module as it wants
 * it; test_cleanup() unloads it again, and fails the test where that cannot
 * be done. MODULE in the environment is another file to load.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DEVICE "/dev/shmcount"

/* Bytes of a page. */
size_t page_size(void);

/*
 * Load and unload the module (rmmod without waiting). The try_ ones return 0
 * or an errno; load() fails the test if it cannot. All skip it where there is
 * no module, as on the host.
 */
int try_load(const char *parameters);
int try_unload(void);
void load(const char *parameters);
void unload(void);

/* So begins what load() says where it cannot. */
#define CANNOT_LOAD "cannot load the module"

/* Load with a region of so many pages. */
void load_pages(size_t pages);

/* Load a helper module of the guest, by its file in /lib. */
int try_load_file(const char *path, const char *parameters);

/*
 * Make a function of the kernel return a value at once, the next so many times
 * that the test's processes call it (tests/bad/force_return.c), or until
 * stop_forcing(); once in a test. Skips it where the kernel has no such function.
 */
void force_return(const char *function, long value, int times);
void stop_forcing(void);

/* Returns how often it is still to do so. */
int still_forced(void);

/* Returns a new open of the device; fails the test if there is none. */
int open_device(int flags);

/* Open the device by a node that is on no tmpfs; answers as open(2) does. */
int open_elsewhere(void);

/*
 * Map so many pages from so many pages on, read and write, by an open of its
 * own that is closed again. Fails the test if it cannot.
 */
void *map_pages(size_t first, size_t pages, int flags);

/* Returns the number in /sys/class/misc/shmcount/NAME. */
long attribute(const char *name);

/* Returns the first number after a word at the start of a line of a file. */
long number_in(const char *path, const char *word);

/* Returns the number of the frame of a page that is present (pagemap). */
uint64_t frame_of(void *page);

/* Write a string to a file of the kernel's. */
void write_to(const char *path, const char *text);

/*
 * Run the function in two processes that are not related to the test: each is
 * init's (or the harness's) child, and has opened nothing yet.
 */
void run_unrelated(void (*function)(void *), void *argument);

/* The function must end its process by this signal. */
void expect_signal(int signal, void (*function)(void *), void *argument);

#endif
