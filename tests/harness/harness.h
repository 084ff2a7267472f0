/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TAP harness in the kselftest style. A test is a function that returns if it
 * passes:
 *
 *	TEST(map, private_cow)
 *	{
 *		ASSERT_EQ(0, munmap(page, size));
 *	}
 *
 * TEST() also registers it: the linker collects the tests of a program, and
 * harness.c has main(). Each test runs in a process of its own, in a temporary
 * directory, with a time limit. Its output does not mix with the TAP. A failed
 * assertion in any descendant of the process fails the test, and no descendant
 * outlives it.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "util.h"

struct test {
	const char *name;		/* group.what */
	void (*run)(void);
	unsigned int limit;		/* seconds, to be multiplied by -t */
	bool keeps;			/* test_cleanup() does not run after it */
	const char *file;
	int line;
};

enum { DEFAULT_LIMIT = 20 };

#define TEST(group, what) TEST_LIMIT(group, what, DEFAULT_LIMIT)

#define TEST_LIMIT(group, what, seconds) TEST_AS(group, what, seconds, false)

/* What this test changes is for the next one. */
#define TEST_THAT_KEEPS(group, what) TEST_AS(group, what, DEFAULT_LIMIT, true)

#define TEST_AS(group, what, seconds, keeps)				\
	static void group##_##what(void);				\
	static const struct test group##_##what##_test = {		\
		#group "." #what, group##_##what, seconds, keeps,	\
		__FILE__, __LINE__					\
	};								\
	__attribute__((used, section("tests")))				\
	static const struct test *const group##_##what##_entry =	\
		&group##_##what##_test;					\
	static void group##_##what(void)

/* The condition holds. */
#define ASSERT_TRUE(condition) do {					\
	if (!(condition))						\
		test_fail(__FILE__, __LINE__, "expected %s", #condition); \
} while (0)

/* Two integers are equal. */
#define ASSERT_EQ(expected, seen)					\
	test_assert_eq(__FILE__, __LINE__, #seen,			\
		       (test_begin(#seen), (long long)(seen)),		\
		       (long long)(expected))

/* The same for the permissions of a file, which are told in octal. */
#define ASSERT_MODE(expected, seen)					\
	test_assert_mode(__FILE__, __LINE__, #seen, seen, expected)

/* A function returns this errno, or 0; or so errno is. */
#define ASSERT_ERROR(expected, seen)					\
	test_assert_error(__FILE__, __LINE__, #seen,			\
			  (test_begin(#seen), seen), expected)

/* Two strings are equal. */
#define ASSERT_STREQ(expected, seen)					\
	test_assert_streq(__FILE__, __LINE__, #seen, seen, expected)

/* A system call does not return -1, which is MAP_FAILED, too. */
#define ASSERT_OK(call)							\
	test_assert_ok(__FILE__, __LINE__, #call,			\
		       (test_begin(#call), (intptr_t)(call)))

/* A system call returns -1 and sets this errno. */
#define ASSERT_ERRNO(expected, call)					\
	test_assert_errno(__FILE__, __LINE__, #call,			\
			  (test_begin(#call), (intptr_t)(call)), expected)

/*
 * Up to version 1.1 the names were these and the arguments in the other order. In
 * kselftest_harness.h a test goes on after a failed EXPECT; here it never did.
 */
#define TEST_RENAMED(now) ({ _Static_assert(0, "write " now); (intptr_t)0; })
#define EXPECT(...) TEST_RENAMED("ASSERT_TRUE(condition)")
#define EXPECT_EQ(...) TEST_RENAMED("ASSERT_EQ(expected, seen)")
#define EXPECT_STR(...) TEST_RENAMED("ASSERT_STREQ(expected, seen)")
#define EXPECT_OK(...) TEST_RENAMED("ASSERT_OK(call)")
#define EXPECT_ERRNO(...) TEST_RENAMED("ASSERT_ERRNO(expected, call)")

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

/*
 * A host that judges (-a) sends a word after the module is loaded, which test_ask() asks
 * for, and compares it with what comes back. A test that puts test_word() into the region
 * has to say test_saw() of what another mapping or process sees there; for other tests
 * the harness does at their end. Without such a host the word is a random number.
 */
void test_ask(void);
uint64_t test_word(void);
void test_saw(uint64_t word);

/* Print the message with its source line, and end this process. */
_Noreturn __attribute__((format(printf, 3, 4)))
void test_fail(const char *file, int line, const char *format, ...);

/* End the test as skipped, for this reason. */
_Noreturn __attribute__((format(printf, 1, 2)))
void test_skip(const char *format, ...);

/* The next failure only means that the module did not load; mark it NOT_LOADED. */
void test_not_loaded(void);

/*
 * The values that the call of an assertion has: a failure tells them behind the call as it
 * stands in the source. What is called sets them, as these do.
 */
__attribute__((format(printf, 1, 2)))
void test_with(const char *format, ...);
void test_with_range(size_t length, off_t offset);
#define pread(fd, data, length, offset)					\
	(test_with_range(length, offset), pread(fd, data, length, offset))
#define pwrite(fd, data, length, offset)				\
	(test_with_range(length, offset), pwrite(fd, data, length, offset))
#define lseek(fd, offset, whence)					\
	(test_with("offset %lld", (long long)(offset)), lseek(fd, offset, whence))

/*
 * A program may define this: what its own names are, which else would stand in a failure.
 * The last entry is {}.
 */
extern const struct test_word {
	const char *name, *text;
} test_words[] __attribute__((weak));

/* Forget values and errno of earlier calls, if this one sets its own. */
void test_forget(void);
static inline void test_begin(const char *what)
{
	if (__builtin_strchr(what, '('))
		test_forget();
}

/* The ASSERT macros call these. test_assert_ok() returns the result. */
void test_assert_eq(const char *file, int line, const char *what,
		    long long seen, long long wanted);
void test_assert_mode(const char *file, int line, const char *what,
		      unsigned int seen, unsigned int wanted);
void test_assert_error(const char *file, int line, const char *what,
		       int seen, int wanted);
void test_assert_streq(const char *file, int line, const char *what,
		       const char *seen, const char *wanted);
intptr_t test_assert_ok(const char *file, int line, const char *what,
			intptr_t result);
void test_assert_errno(const char *file, int line, const char *what,
		       intptr_t result, int wanted);

/* Run the function in a child and return its pid. */
pid_t start(void (*function)(void *), void *argument);

/* Wait for the child, or for the first to end of all (-1); it must exit with 0. */
void finish(pid_t pid);

/*
 * The state of a process, such as 'S', and its processor time in ticks (NULL: not
 * wanted). 'X': it is gone.
 */
char state_of(pid_t pid, long *ticks);

/* Wait up to 5 s until the process sleeps in a system call. */
void wait_until_asleep(pid_t pid);

/*
 * A program may define this to restore what a test changed. It runs after each
 * test, in a process of its own, with the same time limit. A failed assertion in
 * it fails the test.
 */
extern void test_cleanup(void) __attribute__((weak));

#endif
