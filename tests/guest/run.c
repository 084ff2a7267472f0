// SPDX-License-Identifier: GPL-2.0
/* Runs guests for other programs; see run.h. */
#include <unistd.h>

#include "child.h"
#include "guest/run.h"
#include "util.h"

char *guest_file(const char *files, const char *end)
{
	return text_of("%s.%s", files, end);
}

pid_t start_guest(const char *files, int seconds, char *const args[])
{
	char *errors = guest_file(files, "err"), *record = guest_file(files, "verdict");
	char *all[MAX_GUEST_ARGS + 8] = {
		args[0],
		"-c", guest_file(files, "log"), "-r", record,
		"-t", text_of("%d", seconds),
	};
	int count = 7;

	for (int i = 1; i < MAX_GUEST_ARGS && args[i]; i++)
		all[count++] = args[i];
	/* An earlier guest may have left them. */
	unlink(errors);
	unlink(record);
	return start_child(all, guest_file(files, "tap"), errors);
}
