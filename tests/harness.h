/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TAP harness in the kselftest style. A test is a function that returns if
 * all is well:
 *
 *	TEST(map, private_cow)
 *	{
 *		EXPECT_EQ(munmap(page, size), 0);
 *	}
 *
 * Defining it is all: the linker collects the tests of a program, and main()
 * is in harness.c. Each test runs in a process of its own, with a time limit,
 * its output kept apart from the TAP; a failed expectation in any descendant
 * of that process fails the test, and none of them outlives it.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct test {
	const char *name;		/* group.what */
	void (*run)(void);
	unsigned int limit;		/* seconds, times SLOWER if that is set */
	const char *file;
	int line;
};

enum { DEFAULT_LIMIT = 20 };

#define TEST(group, what) TEST_LIMIT(group, what, DEFAULT_LIMIT)

#define TEST_LIMIT(group, what, seconds)				\
	static void group##_##what(void);				\
	static const struct test group##_##what##_test = {		\
		#group "." #what, group##_##what, seconds,		\
		__FILE__, __LINE__					\
	};								\
	__attribute__((used, section("tests")))				\
	static const struct test *const group##_##what##_entry =	\
		&group##_##what##_test;					\
	static void group##_##what(void)

/* The condition holds. */
#define EXPECT(condition) do {						\
	if (!(condition))						\
		test_fail(__FILE__, __LINE__, "expected %s", #condition); \
} while (0)

/* Two integers are equal. */
#define EXPECT_EQ(seen, wanted)						\
	test_expect_eq(__FILE__, __LINE__, #seen, (long long)(seen),	\
		       (long long)(wanted))

/* Two strings are equal. */
#define EXPECT_STR(seen, wanted)					\
	test_expect_str(__FILE__, __LINE__, #seen, seen, wanted)

/* A system call succeeds: it answers anything but -1 (as does mmap). */
#define EXPECT_OK(call)							\
	test_expect_ok(__FILE__, __LINE__, #call, (intptr_t)(call))

/* A system call answers -1 and leaves this errno. */
#define EXPECT_ERRNO(call, wanted)					\
	test_expect_errno(__FILE__, __LINE__, #call, (intptr_t)(call), wanted)

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

/* Print what was wrong, and where, and end this process. */
_Noreturn __attribute__((format(printf, 3, 4)))
void test_fail(const char *file, int line, const char *format, ...);

/* End the test as skipped, for this reason. */
_Noreturn __attribute__((format(printf, 1, 2)))
void test_skip(const char *format, ...);

/* What the EXPECT macros call. test_expect_ok returns what the call did. */
void test_expect_eq(const char *file, int line, const char *what,
		    long long seen, long long wanted);
void test_expect_str(const char *file, int line, const char *what,
		     const char *seen, const char *wanted);
intptr_t test_expect_ok(const char *file, int line, const char *what,
			intptr_t result);
void test_expect_errno(const char *file, int line, const char *what,
		       intptr_t result, int wanted);

/* Run the function in a child and return its pid. */
pid_t start(void (*function)(void *), void *argument);

/* Wait for the child; it must exit with 0. */
void finish(pid_t pid);

/* Wait up to some seconds until the process sleeps in a system call. */
void wait_until_asleep(pid_t pid);

/*
 * A program may define this: it runs in a process of its own after each test,
 * with the same time limit, to put back what the test left. A failed
 * expectation in it fails the test.
 */
extern void test_cleanup(void) __attribute__((weak));

#endif
