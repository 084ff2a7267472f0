// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of templates. A script plays QEMU: it saves a guest, restores it, or boots,
 * and notes which. The tests of the runner restore real guests.
 */
#include <elf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"
#include "vm_test.h"

/* What it saves is longer than a pipe holds. What it restores has to be the same. */
static const char qemu[] =
"#!/bin/bash\n"
"start=boot archive=initramfs\n"
"for arg; do\n"
"	case $arg in\n"
"	file:*) exec 3>\"${arg#file:}\" ;;\n"
"	socket,id=monitor,*) monitor=${arg##*=} ;;\n"
"	socket,id=events,*) " SAYS_WHY_IT_ENDS " ;;\n"
"	fd:*) start=restore archive=payload fd=${arg#fd:} ;;\n"
"	esac\n"
"done\n"
"nonce=$(cpio --quiet -i --to-stdout config <$archive | sed -n 's/^nonce=//p')\n"
"[ -n \"$nonce\" ] || start=save\n"
"echo $start >>\"$SCENE/starts\"\n"
"[ ! -e \"$SCENE/hangs.$start\" ] || exec sleep 60\n"
"echo \"$*\" >\"$SCENE/args.$start\"\n"
"if [ $start = save ]; then\n"
"	printf 'template up 0\\ntemplate ready 0\\n'\n"
"	[ ! -e \"$SCENE/warns\" ] || echo 'WARNING: CPU: 0 PID: 1 at a.c' >&3\n"
"	while read -r asked <&$monitor && [ \"$asked\" != quit ]; do\n"
"		echo \"$asked\" >>\"$SCENE/asked\"\n"
"	done\n"
"	seq 500000 >template\n"
"	[ ! -e \"$SCENE/slow\" ] || read -r line <\"$SCENE/slow\"\n"
"	[ -e \"$SCENE/full\" ] || echo completed >&$monitor\n"
"	exit\n"
"fi\n"
"[ $start = boot ] || seq 500000 | cmp -s - /dev/fd/$fd || exit 1\n"
"frame() { printf '%s %s %d\\n' $nonce $1 $2; }\n"
"say() { frame out $((${#1} + 1)); echo \"$1\"; }\n"
QEMU_PASSES;

#define GUEST "vm", "-T", "templates", "-k", ".", "-i", "init", "-m", "module.ko", \
	"-c", "log"

/* Run a test in such a guest, which must pass; returns what is on standard error. */
static const char *run_guest(void)
{
	static struct run run;

	run = RUN(GUEST, "-B", "2", "tap", "suite");

	expect_status(&run, 0);
	ASSERT_STREQ("TAP version 13\n1..1\n# begin a.b\nok 1 a.b\n"
		     "# guest under TCG (emulated)\n", run.output);
	return run.errors;
}

/* The guests since the last call, in one line. */
static void expect_starts(const char *starts)
{
	ASSERT_STREQ(starts, shell("tr '\\n' ' ' <starts; : >starts"));
}

/* Run it, silently. */
static void expect_guest(const char *starts)
{
	ASSERT_STREQ("", run_guest());
	expect_starts(starts);
}

/* There is a template, if all is as it should be. */
static void set_host(void)
{
	set_scene(qemu);
	shell("mkdir modules && touch modules/payload modules/missing module.ko starts");
	expect_guest("save restore ");
}

TEST(template, guest_is_saved_once)
{
	set_host();
	expect_guest("restore ");
	ASSERT_STREQ("vm: guest under TCG (emulated)\nvm: a saved guest is restored\n\n",
		     shell("cat log"));
	ASSERT_STREQ("1\n", shell("ls templates | wc -l"));
}

/* Its memory must not change while it is saved; it has to run again when it is restored. */
TEST(template, guest_is_stopped_to_be_saved)
{
	set_host();
	ASSERT_STREQ("stop\n", shell("head -n 1 asked"));
	ASSERT_STREQ("args.restore\nargs.save\n",
		     shell("grep -l -e '-global migration.store-global-state=off' args.*"));
}

/* What the run is for comes after the restore. */
TEST(template, another_module_takes_the_same)
{
	set_host();
	shell("echo another >module.ko");
	expect_guest("restore ");
}

static void expect_boot(const char *why)
{
	expect_text(run_guest(), why);
}

/* Each changes what the template was made of, or spoils what tells that. */
static const char *const changes[] = {
	"echo a new kernel >vmlinuz",
	"echo a new init >init",
	"echo '# a new QEMU' >>" VM_QEMU,
	"mkdir bin; mv " VM_QEMU " bin/; cp bin/* .",
	"echo m.ko >modules/payload; touch modules/m.ko",
	"touch -d '25 hours ago' templates/*",
	"truncate -s -1 templates/*",
	"truncate -s +1 templates/*",
	"truncate -s 1000 templates/*",
	"truncate -s 0 templates/*",
	"sed -i s/shmtmpl1/shmtmpl0/ templates/*",
	"sed -i s/-no-reboot/-no-reboo_/ templates/*",
	"sed -i s/^250000$/250001/ templates/*",	/* damaged */
};

TEST_LIMIT(template, made_anew_if_anything_changed, 60)
{
	set_host();
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		printf("# %s\n", changes[i]);
		fflush(stdout);
		shell(changes[i]);
		expect_guest("save restore ");
		expect_guest("restore ");
	}
}

/* Each option that changes the machine, or the kernel's command line. */
TEST(template, each_kind_of_guest_has_its_own)
{
	static const char *const kinds[][2] = {
		{ "-M", "300" }, { "-a", "maxcpus=1" }, { "-b", "-b" }, { "-I", "-I" },
		{ "-1", "-1" },
	};

	set_host();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (int again = 0; again < 2; again++) {
			must_end_silently(RUN(GUEST, kinds[i][0], kinds[i][1], "tap",
					      "suite"), 0);
			expect_starts(again ? "restore " : "save restore ");
		}
	}
	ASSERT_STREQ("6\n", shell("ls templates | wc -l"));
}

/* What the kernel reported when it booted, no guest would report again. */
TEST(template, guest_that_reports_a_bug_is_not_saved)
{
	set_host();
	shell("rm templates/* && >warns");
	expect_boot("vm: the guest could not be saved; booting it\n");
	expect_starts("save boot ");
	ASSERT_STREQ("", shell("ls templates"));
}

TEST(template, guest_that_does_not_come_back_is_booted)
{
	set_host();
	shell(">hangs.restore");
	expect_boot("vm: the saved guest did not come back (it says nothing); booting one\n");
	expect_starts("restore boot ");
}

TEST(template, guest_that_cannot_be_saved_is_booted)
{
	set_host();
	shell("rm templates/* && >full");
	expect_boot("vm: the guest could not be saved; booting it\n");
	expect_starts("save boot ");
	shell("rm full && >hangs.save");
	expect_boot("vm: the guest could not be saved; booting it\n");
	expect_starts("save boot ");
	ASSERT_STREQ("", shell("ls templates"));
	shell("rm -r templates && >templates");
	expect_boot("vm: cannot save a guest in ");
	expect_starts("boot ");
}

TEST(template, kernel_without_its_disk_is_booted)
{
	set_host();
	shell("echo payload virtio_blk >modules/missing");
	expect_boot("vm: the kernel lacks virtio_blk, so the guest cannot be restored; booting it\n");
	expect_starts("boot ");
	shell("rm -r modules");
	expect_boot("vm: the kernel lacks virtio_blk");
}

/* The template is for others: it stays. */
TEST(template, payload_larger_than_its_disk_is_booted)
{
	set_host();
	shell("truncate -s 65M module.ko");
	expect_boot("vm: the payload is too large to restore a guest; booting it\n");
	expect_starts("boot ");
	shell("truncate -s 1 module.ko");
	expect_guest("restore ");
}

TEST(template, two_runs_at_once_make_one)
{
	struct run runs[4];

	set_host();
	shell("rm templates/*");
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		runs[i] = START(GUEST, "tap", "suite");
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		collect(&runs[i]);
		expect_silent(&runs[i], 0);
	}
	ASSERT_STREQ("4 restore\n1 save\n",
		     shell("tail -n 5 starts | sort | uniq -c | sed 's/^ *//'"));
	ASSERT_STREQ("1\n", shell("ls templates | wc -l"));
}

/* Neither half a template nor a directory is left. */
static void expect_no_trace_of_interrupt(const char *hangs)
{
	struct run run;

	shell(hangs);
	setenv("TMPDIR", getenv("SCENE"), 1);
	run = START(GUEST, "tap", "suite");
	while (!*shell("cat starts"))
		usleep(1000);
	ASSERT_OK(kill(run.pid, SIGTERM));
	collect(&run);
	expect_status(&run, 130);
	expect_text(run.errors, "vm: interrupted\n");
	ASSERT_STREQ("", shell("ls -d vm.* templates/*.new 2>/dev/null || :"));
}

TEST(template, interrupt_leaves_nothing)
{
	set_host();
	expect_no_trace_of_interrupt("rm templates/*; >hangs.save");
	expect_starts("save ");
	shell("rm hangs.save");
	expect_guest("save restore ");
	expect_no_trace_of_interrupt(">hangs.restore");
	expect_starts("restore ");
	shell("rm hangs.restore");
	expect_guest("restore ");
}

/* Whoever waits for a template does not harm who makes it. */
TEST(template, interrupt_of_one_that_waits)
{
	struct run maker, waiter;

	set_host();
	shell("rm templates/* && mkfifo slow");
	maker = START(GUEST, "tap", "suite");
	while (!*shell("cat starts"))
		usleep(1000);
	waiter = START(GUEST, "tap", "suite");
	usleep(200000);
	ASSERT_OK(kill(waiter.pid, SIGTERM));
	expect_status(collect(&waiter), 130);
	shell("echo >slow; rm slow");
	expect_silent(collect(&maker), 0);
	expect_starts("save restore ");
}

/* It takes the guest along, and the next one begins anew; its directory stays. */
TEST(template, killed_maker_harms_nobody)
{
	struct run maker;
	pid_t guest;

	set_host();
	setenv("TMPDIR", getenv("SCENE"), 1);
	shell("rm templates/* && mkfifo slow");
	maker = START(GUEST, "tap", "suite");
	while (!*shell("cat starts"))
		usleep(1000);
	guest = child_of(maker.pid);
	ASSERT_OK(kill(maker.pid, SIGKILL));
	expect_end_by(collect(&maker), SIGKILL);
	while (!strchr("XZ", state_of(guest, NULL)))
		usleep(1000);
	expect_starts("save ");
	shell("rm slow");
	expect_guest("save restore ");
	ASSERT_STREQ("1\n", shell("ls templates | wc -l"));
}

/* Others may have files there, too; one that nobody goes on with is ours. */
TEST(template, oldest_are_removed)
{
	set_host();
	shell("rm templates/* && cd templates && truncate -s 400M 000000000000000a "
	      "000000000000000b 000000000000000c thesis.tar && >00000000000000ff.new && "
	      "touch -a -d '3 hours ago' *b && touch -a -d '2 hours ago' *a && "
	      "touch -a -d '1 hour ago' *c && touch -d '2 days ago' thesis.tar && "
	      "truncate -s 1M 000000000000000d && touch -d '2 days ago' *d");
	expect_guest("save restore ");
	ASSERT_STREQ("000000000000000a 000000000000000c thesis.tar\n",
		     shell("cd templates && echo 0000* thesis*"));
}

/*
 * A restored kernel would repeat the random numbers of its template, and have its clock.
 * The nonce is gone from the disk.
 */
TEST_LIMIT(template, no_two_guests_are_alike, 2 * GUEST_LIMIT)
{
	const char *const args[] = {
		FULL_GUEST, "-m", MODULE, "run", "sh", "-c",
		"for i in 1 2 3 4; do grep stack /proc/self/maps; done;"
		"head -c 16 /dev/urandom | od -A n -t x; date +%s;"
		"tr -d '\\0' </dev/vda | wc -c",
		NULL
	};
	struct run runs[2];
	char *lines[2][7];
	time_t begun;

	need_native_guest();
	for (int i = 0; i < 2; i++) {
		begun = time(NULL);
		runs[i] = must_end_silently(run_args(args), 0);
		for (int n = 0; n < 7; n++)
			lines[i][n] = strsep(&runs[i].output, "\n");
		ASSERT_TRUE(atol(lines[i][5]) >= begun);
		ASSERT_TRUE(atol(lines[i][5]) <= time(NULL) + 1);
		ASSERT_STREQ("0", lines[i][6]);
	}
	for (int n = 0; n < 5; n++)
		ASSERT_TRUE(strcmp(lines[0][n], lines[1][n]));
}

/* The same of a guest that runs none of the host's programs. */
TEST_LIMIT(template, no_two_small_guests_are_alike, 2 * GUEST_LIMIT)
{
	char *seen[2];

	for (int i = 0; i < 2; i++) {
		must_end(RUN(SMALL_GUEST, "-m", MODULE, WITH("incr1"), "-c", "log", "-o",
			     "/proc/sys/kernel/random/uuid:seen", "run", "incr1", "1"), 0);
		seen[i] = read_text("seen");
		ASSERT_EQ(36 + 1, strlen(seen[i]));
	}
	expect_text(read_text("log"), "vm: a saved guest is restored\n");
	ASSERT_TRUE(strcmp(seen[0], seen[1]));
}
