// SPDX-License-Identifier: GPL-2.0
/*
 * Which lines of a kernel log report a bug. The first entry that the line contains
 * decides, so exceptions come first, and narrow entries before wide ones. '^' is the
 * beginning of the kernel's text: a driver may print "shmcount: WARNING: ...", which
 * is no report.
 */
#include <stdbool.h>
#include <string.h>

#include "splat.h"
#include "vm.h"

static const struct {
	const char *text;
	enum splat splat;
} table[] = {
	/* A user process got a signal: "traps: NAME[PID] ...", "NAME[PID]: segfault at ...". */
	{ "traps: ", SPLAT_NONE },
	{ ": segfault at ", SPLAT_NONE },

	{ "Attempted to kill init", SPLAT_INIT_DIED },
	{ "No working init found", SPLAT_INIT_DIED },
	{ "Requested init /init failed", SPLAT_INIT_DIED },

	{ "soft lockup", SPLAT_HANG },
	{ "hard LOCKUP", SPLAT_HANG },
	{ "Hard LOCKUP", SPLAT_HANG },
	{ "blocked for more than", SPLAT_HANG },
	{ "hung_task: blocked tasks", SPLAT_HANG },
	{ "detected stall", SPLAT_HANG },
	{ "self-detected stall", SPLAT_HANG },
	{ "detected expedited stall", SPLAT_HANG },

	{ "^BUG: ", SPLAT_CRASH },
	{ "pagealloc: ", SPLAT_CRASH },
	{ "Redzone overwritten", SPLAT_CRASH },
	{ "Poison overwritten", SPLAT_CRASH },
	{ "adding overwritten", SPLAT_CRASH },
	{ "Object already free", SPLAT_CRASH },
	{ "Freepointer corrupt", SPLAT_CRASH },
	{ "^WARNING: ", SPLAT_CRASH },
	{ "KASAN: ", SPLAT_CRASH },
	{ "KFENCE: ", SPLAT_CRASH },
	{ "UBSAN: ", SPLAT_CRASH },
	{ "INFO: possible", SPLAT_CRASH },
	{ "INFO: trying to register non-static key", SPLAT_CRASH },
	{ "kernel BUG at", SPLAT_CRASH },
	{ "^Oops:", SPLAT_CRASH },
	{ "^Internal error: ", SPLAT_CRASH },
	{ "^Insufficient stack space", SPLAT_CRASH },
	{ "^Unexpected kernel BRK exception", SPLAT_CRASH },
	{ "^SError Interrupt on CPU", SPLAT_CRASH },
	{ "^Unhandled 64-bit el1", SPLAT_CRASH },
	{ "^Bad mode in ", SPLAT_CRASH },
	{ "general protection fault", SPLAT_CRASH },
	{ "Unable to handle kernel", SPLAT_CRASH },
	{ "Bad page state", SPLAT_CRASH },
	{ "Bad page map", SPLAT_CRASH },
	{ "Bad rss-counter", SPLAT_CRASH },
	{ "refcount_t: ", SPLAT_CRASH },
	{ "list_add corruption", SPLAT_CRASH },
	{ "list_del corruption", SPLAT_CRASH },
	{ "sysfs: cannot create duplicate", SPLAT_CRASH },
	{ "suspicious RCU usage", SPLAT_CRASH },
	{ "new suspected memory leaks", SPLAT_CRASH },
	{ "kmemleak: cannot scan", SPLAT_CRASH },
	{ "Kernel panic - not syncing", SPLAT_CRASH },
};

/* One or two stamps may precede the text, or the end of somebody else's line. */
static bool is_in(const char *line, const char *text)
{
	bool first = *text == '^';
	const char *at = strstr(line, text + first);

	while (at && first && at != line &&
	       (at - line < 2 || at[-2] != ']' || at[-1] != ' '))
		at = strstr(at + 1, text + first);
	return at;
}

/*
 * The kernel has data races of its own, also below our fault handler. A race is of a
 * module if one of the two functions is: "shmcount_open [shmcount] / shmcount_open ...".
 */
static bool is_race_of_kernel(const char *line)
{
	const char *race = strstr(line, "BUG: KCSAN: ");

	return race && !strchr(race, '[');
}

enum splat splat_of(const char *line)
{
	if (is_race_of_kernel(line))
		return SPLAT_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (is_in(line, table[i].text))
			return table[i].splat;
	return SPLAT_NONE;
}
