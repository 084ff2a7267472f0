// SPDX-License-Identifier: GPL-2.0
/* The record of how a guest ended; see verdict.h. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "util.h"
#include "verdict.h"

/* What a message names beside the reason. */
enum { TEST = 1, QEMU = 2 };

#define OURS "infrastructure: "

static const struct {
	const char *name;
	int status;
	const char *kind;	/* before the reason, in the message */
	unsigned int names;
} verdicts[VM_VERDICTS] = {
	[VM_NO_VERDICT] = { "none", STATUS_INFRASTRUCTURE, "", 0 },
	[VM_PASSED] = { "passed", 0, "", 0 },
	[VM_FAILED] = { "failed", STATUS_FAILED, "", 0 },
	[VM_CRASH] = { "crash", STATUS_CRASH, "crash: ", TEST },
	[VM_STOPPED] = { "stopped", STATUS_CRASH, "crash: ", TEST | QEMU },
	[VM_HANG] = { "hang", STATUS_HANG, "hang: ", TEST },
	[VM_NOT_LOADED] = { "not-loaded", STATUS_HANG, "hang: ", 0 },
	[VM_NOT_OFF] = { "not-off", STATUS_HANG, "hang: ", 0 },
	[VM_UNKILLABLE] = { "unkillable", STATUS_HANG, "hang: ", 0 },
	[VM_FORGED] = { "forged", STATUS_FORGED, "forged: ", 0 },
	[VM_MALFORMED] = { "malformed", STATUS_INFRASTRUCTURE, OURS, 0 },
	[VM_CONTRADICTORY] = { "contradictory", STATUS_INFRASTRUCTURE, OURS, 0 },
	[VM_BAILED] = { "bailed", STATUS_INFRASTRUCTURE, OURS, 0 },
	[VM_CUT_SHORT] = { "cut-short", STATUS_INFRASTRUCTURE, OURS, 0 },
	[VM_NO_GUEST] = { "no-guest", STATUS_INFRASTRUCTURE, OURS, 0 },
	[VM_INIT_ERROR] = { "init-error", STATUS_INFRASTRUCTURE, OURS, 0 },
	[VM_INIT_DIED] = { "init-died", STATUS_INFRASTRUCTURE, OURS, TEST },
	[VM_UNWRITABLE] = { "unwritable", STATUS_INFRASTRUCTURE, "", 0 },
	[VM_UNREAD] = { "unread", STATUS_UNREAD, "", 0 },
	[VM_INTERRUPTED] = { "interrupted", STATUS_INTERRUPTED, "", 0 },
};

int status_of(enum vm_verdict verdict)
{
	return verdicts[verdict].status;
}

void compose_message(struct vm_record *record, const char *running)
{
	unsigned int names = verdicts[record->verdict].names;
	bool names_test = names & TEST && *running;
	char qemu[40] = "";

	if (!record->reason[0])
		return;
	if (names & QEMU)
		snprintf(qemu, sizeof(qemu), " (QEMU: exit status %d)",
			 record->qemu);
	snprintf(record->message, sizeof(record->message), "%s%s%s%s%s%s",
		 verdicts[record->verdict].kind, record->reason,
		 names_test ? ", while " : "", names_test ? running : "",
		 names_test ? " was running" : "", qemu);
}

/* The keys that a record has once, and where their values are. */
#define TEXT(name) \
	{ #name, offsetof(struct vm_record, name), sizeof(((struct vm_record *)0)->name) }
#define NUMBER(name) { #name, offsetof(struct vm_record, name), 0 }
static const struct {
	const char *key;
	size_t offset, size;	/* size 0: it is a number */
} fields[] = {
	NUMBER(status), NUMBER(program), NUMBER(qemu), NUMBER(ready_ms),
	NUMBER(memory), NUMBER(taint), NUMBER(unlogged),
	TEXT(test), TEXT(begun), TEXT(reason), TEXT(message),
};

/* A value is the rest of its line, so a newline in it becomes a space. */
static void put(FILE *file, const char *key, const char *value)
{
	fprintf(file, "%s=", key);
	for (; *value; value++)
		putc(*value == '\n' ? ' ' : *value, file);
	putc('\n', file);
}

/* The verdict comes last: a record without it is incomplete. */
bool write_record(const struct vm_record *record, const char *path)
{
	FILE *file = fopen(path, "we");
	bool failed;

	if (!file)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const void *value = (const char *)record + fields[i].offset;

		if (fields[i].size)
			put(file, fields[i].key, value);
		else
			fprintf(file, "%s=%d\n", fields[i].key,
				*(const int *)value);
	}
	for (int i = 0; i < record->report_lines; i++)
		put(file, "report", record->report[i]);
	put(file, "verdict", verdicts[record->verdict].name);
	failed = ferror(file);
	return !fclose(file) && !failed;
}

static void take(struct vm_record *record, const char *key, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		void *value = (char *)record + fields[i].offset;

		if (strcmp(key, fields[i].key))
			continue;
		if (fields[i].size)
			snprintf(value, fields[i].size, "%s", text);
		else
			*(int *)value = atoi(text);
	}
	if (!strcmp(key, "report") && record->report_lines < VM_REPORT_LINES)
		snprintf(record->report[record->report_lines++],
			 sizeof(record->report[0]), "%s", text);
	for (int i = 0; !strcmp(key, "verdict") && i < VM_VERDICTS; i++)
		if (!strcmp(text, verdicts[i].name))
			record->verdict = i;
}

void read_record(struct vm_record *record, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[2048], *value;

	*record = (struct vm_record) {
		.status = STATUS_INFRASTRUCTURE, .program = -1, .qemu = -1, .taint = -1,
	};
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		value = strchr(line, '=');
		if (!value)
			continue;
		*value++ = '\0';
		take(record, line, value);
	}
	if (file)
		fclose(file);
}
