// SPDX-License-Identifier: GPL-2.0
/*
 * The reasons to look at a submission. None of them is a proof, and none costs points: a
 * module runs in the ring of the kernel that says what it does.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "grade.h"
#include "module.h"

enum {
	TAINT_EXPECTED = 1 << 0 | 1 << 12 | 1 << 13,	/* its licence; not Debian's; unsigned */
	TAINT_MODULE = 1 << 12,
	FASTER = 4,		/* than the control, by so much */
	CONTROL_SECONDS = 1,	/* for which the control has to run */
	MAX_NAMES = 900,	/* bytes: they leave room for other reasons */
};

/* What a driver has no use for. */
static const char *const imports[] = {
	/* the memory of processes and of the kernel */
	"access_process_vm", "access_remote_vm", "*get_user_pages*", "pin_user_pages*",
	"get_task_mm", "mmput", "kthread_use_mm", "mas_find*", "find_vma*",
	"kern_addr_valid", "copy_*_kernel_nofault", "set_memory_*", "phys_mem_access*",
	/* files and programs */
	"filp_open*", "file_open_root", "kernel_read*", "kernel_write*", "kern_path*",
	"call_usermodehelper*",
	/* processes */
	"find_vpid", "find_get_pid", "find_pid_ns", "pid_task", "get_pid_task", "init_task",
	"init_pid_ns", "send_sig*", "force_sig*", "kill_p*", "kthread_create*", "wake_up_process",
	/* what others do */
	"register_k*probe*", "register_ftrace_*", "ftrace_set_*", "tracepoint_probe_*",
	"for_each_kernel_tracepoint", "register_*_notifier*", "*_notifier_list", "kallsyms_*",
	"sprint_symbol*", "*register_hw_breakpoint", "register_user_hw_breakpoint",
	"register_wide_hw_breakpoint", "__register_binfmt", "module_mutex",
	/* what the kernel says */
	"console_*", "register_console", "unregister_console", "kmsg_dump_*", "add_taint",
	"emergency_restart", "machine_*", "orderly_*", "kernel_restart", "kernel_power_off",
};

static char names[MAX_NAMES];	/* of the imports, each as " NAME," */
static bool has_odd_names;	/* among the imports: they could break the reports */

static __attribute__((format(printf, 1, 2)))
void add_reason(const char *format, ...)
{
	size_t length = strlen(submission.look);
	char reason[sizeof(submission.look)];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (!strstr(submission.look, reason))
		snprintf(submission.look + length, sizeof(submission.look) - length,
			 "%s%s", length ? "; " : "", reason);
}

static void take_import(const char *name)
{
	char entry[MAX_NAMES];
	size_t i = 0;

	if (!*name || name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_."
				  "abcdefghijklmnopqrstuvwxyz0123456789")]) {
		has_odd_names = true;
		return;
	}
	while (i < ARRAY_SIZE(imports) && fnmatch(imports[i], name, 0))
		i++;
	snprintf(entry, sizeof(entry), " %s,", name);
	if (i < ARRAY_SIZE(imports) && strlen(names) + strlen(entry) < sizeof(names) &&
	    !strstr(names, entry))
		strcat(names, entry);
}

/*
 * A disassembler that reads anybody's file runs in the jail. What is left of its output
 * are instructions for ports, for special registers and for tables of the processor, of
 * x86 or arm64.
 */
static void look_at_code(void)
{
	char *command[] = {
		"sh", "-c", "\"$0\" -d --no-show-raw-insn shmcount.ko 2>/dev/null | sed -nE '"
		"/:\t(rep )?(in|out|ins|outs)[bwl]? |:\t(rdmsr|wrmsr|[ls][gil]dt)|:\tmov .*%[cd]r[0-9]|"
		":\t(hvc|smc|hlt)\t|:\tmsr\t(sctlr|ttbr[01]|tcr|vbar|mair)_el1/"
		"s/.*:\t([a-z]+).*/\\1/p' | sort -u | paste -sd,",
		module_tool(report_path("shmcount.ko"), "objdump"), NULL
	};
	char *folder = text_of("%s", report_path("code"));
	char *copy = text_of("%s/shmcount.ko", folder), *log = text_of("%s.log", folder);
	char line[256];
	FILE *file;

	make_folder("../code");
	if (link(report_path("shmcount.ko"), copy) ||
	    run_in_jail(folder, "nothing", command, log) == STATUS_INFRASTRUCTURE)
		die(STATUS_INFRASTRUCTURE, "cannot look at the module: see %s", log);
	file = fopen(log, "re");
	if (file && fgets(line, sizeof(line), file) && *line != '\n')
		add_reason("has instructions %s", cleaned(line, strcspn(line, "\n")));
	if (file)
		fclose(file);
	unlink(log);
	unlink(copy);
	rmdir(folder);
}

void look_at_module(void)
{
	module_imports(report_path("shmcount.ko"), take_import);
	if (*names)
		add_reason("imports%.*s", (int)strlen(names) - 1, names);
	if (has_odd_names)
		add_reason("imports of odd names");
	look_at_code();
}

void look_at_guest(const struct guest_run *run)
{
	const struct vm_record *record = &run->record;

	/* A guest that ended otherwise has told neither. */
	if (record->verdict != VM_PASSED && record->verdict != VM_FAILED &&
	    record->verdict != VM_BAILED)
		return;
	if (record->unlogged > 0)
		add_reason("the kernel's log lacks what tests wrote into it");
	if (record->taint & ~TAINT_EXPECTED)
		add_reason("the kernel is tainted (%d) and its log does not say why", record->taint);
	/* The first guest loads it. */
	if (run->number == 1 && run->tests[0]->result == PASSED &&
	    !(record->taint & TAINT_MODULE))
		add_reason("the kernel is not tainted as it is by each module of a submission");
}

/* Write what compare_with_control() reads of the control. */
void write_times(FILE *file)
{
	for (int i = 0; i < test_count; i++)
		fprintf(file, "%s %d %.3f\n", tests[i].name, tests[i].result,
			tests[i].seconds);
}

void compare_with_control(void)
{
	char *directory = text_of("%s/.control", options.grades);
	FILE *file = NULL;
	double seconds, sum = 0, control = 0;
	char name[256];
	int result;

	/* It has no control of its own, and one of another day says nothing. */
	if (strcmp(submission.path, CONTROL) && is_graded(directory, fingerprint_of(CONTROL)))
		file = fopen(text_of("%s/times", directory), "re");
	while (file && fscanf(file, "%255s %d %lf", name, &result, &seconds) == 3) {
		struct result *test = test_named(name);

		if (!test)
			continue;
		if (test->result == PASSED && result == SKIPPED)
			add_reason("passes what the control skips");
		if (test->result == SKIPPED && result == PASSED)
			add_reason("skips what the control passes");
		if (test->result == PASSED && result == PASSED && test->seconds >= 0) {
			sum += test->seconds;
			control += seconds;
		}
		if (test->result != SKIPPED && result == SKIPPED) {
			test->why = text_of("the unmodified module skips it (here: %s)",
					    result_names[test->result]);
			test->result = SKIPPED;
		}
	}
	if (file)
		fclose(file);
	if (control > CONTROL_SECONDS && sum * FASTER < control)
		add_reason("passes in %.1f seconds what takes the control %.1f", sum, control);
}
