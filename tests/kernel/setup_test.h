/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of our scripts share. Scripts that fetch and build run in a tree of
 * their own, with a PATH that has only the programs that a test puts there.
 */
#ifndef SETUP_TEST_H
#define SETUP_TEST_H

#include "program.h"

/* They add /usr/sbin, which has ldconfig and modprobe, to PATH themselves. */
#define SETUP "PATH=$PWD/bin sh tests/kernel/setup.sh "
#define KERNEL "PATH=$PWD/bin sh tests/kernel/kernel.sh "

/* Run a line of shell with the test's own PATH; TOP and SCRATCH are set in it. */
struct run run_shell(const char *line);

/* Run it; it must end with this status. */
struct run run_ending(const char *line, int status);

/* It ended with this status, and its errors hold the text. */
void expect_said(struct run run, int status, const char *text);

/*
 * Copy all scripts into the current directory; bin/ has what they call. They take this host
 * for a PC, or for what uname -m calls $MACHINE and whose programs have $BITS bits; it runs
 * this kernel, or $RELEASE.
 */
void make_tree(void);

/* Put a program into bin/ that runs the line of shell. */
void fake(const char *name, const char *line);

/* The script may install, whoever runs the tests. */
void fake_sudo(void);

/* An apt-cache that knows kernel 6.1.0-9; a dpkg-deb that unpacks nothing. */
void fake_apt_cache(void);

/* An apt whose host has one mirror; the line runs for all else. */
void fake_apt(const char *line);

#endif
