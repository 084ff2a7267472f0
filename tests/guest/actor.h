/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A script that plays the guests, for tests of the grader, the lab and the mutants. It
 * is started like the runner, and does what the text of the module says (-m; without it
 * the file control): the line "TEST WHAT" is what the test does, and without one it
 * passes. "WHAT once" applies to the first guest that gets the test, "WHAT twice" to the
 * first two.
 *
 *	skip, fail, timeout	its result
 *	not-loaded		it fails since the module does not load
 *	stuck			it fails, and the module is still loaded
 *	pinned			it passes, and the module is still loaded
 *	crash, hang, forge	so the guest ends
 *	lie NAME		it passes, and the guest crashes; the log has another name
 *	tainted N, unlogged	it passes; the kernel's taint is N, or its log lacks a test
 *	late			it passes, and the guest crashes after that
 *	unkillable		it hangs, and cannot be killed
 *	not-off			it passes, and the guest does not power off
 *	early			the guest ends through no fault of a test
 *	killed			QEMU is killed
 *	cut			the report ends
 *	malformed		it is no report
 *	silent			the runner ends without a record
 *	flood			it writes without end
 *	waits			it makes the file waiting and waits for the file go
 *	sleep			it leaves its process in the file sleeper
 *
 * Where a test fails or ends its guest, kernel.log is that guest's log.
 *
 * A line "unbootable" is a guest that never starts. The arguments of each guest's
 * program are a line of the file guests, its time limit one of limits; full has how many
 * tests may reach their whole limit (harness.c, -q).
 */
#ifndef ACTOR_H
#define ACTOR_H

extern const char guest_actor[];

#endif
