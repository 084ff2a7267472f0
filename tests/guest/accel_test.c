// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of what runs the guest: KVM if it works, TCG if not; and of the answers that
 * are kept. (The environment: see vm_test.h.)
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "vm.h"
#include "vm_test.h"

#define TCG "guest under TCG (emulated)"
#define KVM "guest under KVM"

/* A file that root, too, may not open to write. */
#define CLOSED "/sys/kernel/uevent_seqnum"

/*
 * QEMU notes which accelerator it is given. KVM sleeps for long unless there is a file
 * "works", and fails if there is a file "broken".
 */
#define NOTE \
"case \"$*\" in\n" \
"*'-accel kvm -cpu host '*) echo kvm >>\"$SCENE/calls\"\n" \
"	[ ! -e \"$SCENE/broken\" ] || exit 1\n" \
"	[ -e \"$SCENE/works\" ] || exec sleep 60 ;;\n" \
"*'-accel tcg'*) echo tcg >>\"$SCENE/calls\" ;;\n" \
"esac\n"

/* A host whose KVM works or not, and a user with no answer yet. */
static void set_host_of(int elf, bool works)
{
	set_scene_of(elf, QEMU NOTE QEMU_PASSES);
	setenv("XDG_CACHE_HOME", in("SCENE", "cache"), 1);
	setenv("PROBE_SECONDS", works ? "20" : "1", 1);
	unsetenv("ACCEL");
	shell(works ? "touch kvm works calls" : "touch kvm calls");
}

static void set_host(bool works)
{
	set_host_of(VM_ELF, works);
}

static struct run boot(const char *device)
{
	return RUN(SCENE_GUEST, "-c", "log", "-K", device, "tap", "suite");
}

/* The run passed silently; output and log name what ran the guest. */
static void expect_guest(struct run run, const char *kind)
{
	expect_silent(&run, 0);
	ASSERT_STREQ(text_of("TAP version 13\n1..1\n# begin a.b\nok 1 a.b\n# %s\n", kind),
		     run.output);
	ASSERT_STREQ(text_of("vm: %s\n", kind), shell("head -n 1 log"));
}

/* The guests since the last call, in one line. */
static void expect_calls(const char *calls)
{
	ASSERT_STREQ(calls, shell("tr '\\n' ' ' <calls; : >calls"));
}

TEST(kvm, one_that_works_is_tried_once)
{
	set_host(true);
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm kvm ");
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm ");
}

TEST(kvm, broken_one_is_tried_once_and_not_for_long)
{
	double begin;

	set_host(false);
	begin = now();
	expect_guest(boot("kvm"), TCG);
	ASSERT_TRUE(now() - begin < 8);
	expect_calls("kvm tcg ");
	expect_guest(boot("kvm"), TCG);
	expect_calls("tcg ");
}

/* The same with a real guest: only KVM hangs. */
TEST_LIMIT(kvm, guest_runs_where_kvm_is_broken, GUEST_LIMIT)
{
	const char *const args[] = {
		"vm", "-k", of_kernel("kernel", ""), "-i", INIT,
		"-m", MODULE, WITH("incr_dev"), "-c", "log",
		"-K", "kvm", "run", "incr_dev", "1000", NULL
	};
	char *qemu = shell("command -v " VM_QEMU);

	need_native_guest();
	set_host(false);
	write_script(VM_QEMU, text_of("#!/bin/sh\n" NOTE "exec %.*s \"$@\"\n",
				      (int)strcspn(qemu, "\n"), qemu));
	expect_success(run_args(args), "2000 increments by 2 processes gave count 2000");
	ASSERT_STREQ("vm: " TCG "\n", shell("head -n 1 log"));
	expect_calls("kvm tcg ");
}

/* Each changes the answer, or something that it depends on. */
static const char *const changes[] = {
	"echo a new kernel >vmlinuz",
	"echo '# a new QEMU' >>" VM_QEMU,
	"mkdir bin; mv " VM_QEMU " bin/; cp bin/* .",
	"sed -i 's/^boot .*/boot of-yesterday/' cache/shmcount/*",
	"sed -i 's/^user .*/user 4711/' cache/shmcount/*",
	"for f in cache/shmcount/*; do : >\"$f\"; done",
	"for f in cache/shmcount/*; do head -c 5000 /dev/urandom >\"$f\"; done",
	"for f in cache/shmcount/*; do yes works | head -c 99999 >\"$f\"; done",
	"sed -i 's/works$/perhaps/' cache/shmcount/*",
	"echo >>$(echo cache/shmcount/*)",
	"rm -r cache",
};

TEST(kvm, tries_again_when_something_has_changed)
{
	set_host(true);
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm kvm ");
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		shell(changes[i]);
		printf("%s\n", changes[i]);
		fflush(stdout);
		expect_guest(boot("kvm"), KVM);
		expect_calls("kvm kvm ");
		expect_guest(boot("kvm"), KVM);
		expect_calls("kvm ");
		ASSERT_STREQ("1\n", shell("ls cache/shmcount | wc -l"));
	}
	setenv("PROBE_SECONDS", "19", 1);
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm kvm ");
}

TEST(kvm, another_kernel_has_an_answer_of_its_own)
{
	struct run run;

	set_host(true);
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm kvm ");
	shell("mkdir other && cp vmlinuz other/");
	run = RUN("vm", "-k", "other", "-i", "init", "-K", "kvm", "tap",
		  "suite");
	expect_silent(&run, 0);
	expect_calls("kvm kvm ");
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm ");
}

/* If no answer can be kept, each run asks silently. */
TEST(kvm, cache_that_cannot_be_is_no_failure)
{
	static const char *const caches[] = {
		"/proc/no/cache", "/dev/null", "relative", "",
	};

	set_host(true);
	setenv("HOME", "/proc/no/home", 1);
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		setenv("XDG_CACHE_HOME", caches[i], 1);
		if (i == ARRAY_SIZE(caches) - 1)
			unsetenv("HOME");
		for (int times = 0; times < 2; times++) {
			expect_guest(boot("kvm"), KVM);
			expect_calls("kvm kvm ");
		}
	}
	ASSERT_ERRNO(ENOENT, access("relative", F_OK));
}

TEST(kvm, cache_is_in_home)
{
	set_host(true);
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", getenv("SCENE"), 1);
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm kvm ");
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm ");
	ASSERT_STREQ("1\n", shell("ls .cache/shmcount | wc -l"));
}

TEST(kvm, two_at_once)
{
	enum { RUNS = 8 };
	struct run runs[RUNS];

	set_host(true);
	for (int i = 0; i < RUNS; i++)
		runs[i] = START(SCENE_GUEST, "-K", "kvm", "tap", "suite");
	for (int i = 0; i < RUNS; i++) {
		expect_silent(collect(&runs[i]), 0);
		expect_text(runs[i].output, "# " KVM "\n");
	}
	ASSERT_STREQ("1\n", shell("ls cache/shmcount | wc -l; : >calls"));
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm ");
}

TEST(kvm, by_hand)
{
	struct run run;

	set_host(false);
	setenv("ACCEL", "tcg", 1);
	expect_guest(boot("kvm"), TCG);
	expect_calls("tcg ");
	setenv("ACCEL", "kvm", 1);
	run = boot("kvm");
	expect_end(&run, 125, "vm: infrastructure: ACCEL=kvm, but under KVM this kernel does not come up here within 1 seconds");
	expect_text(run.output, "Bail out! infrastructure: ACCEL=kvm");
	expect_calls("kvm ");
	/* ACCEL=kvm asks again, whatever the answer was. */
	shell("touch works");
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm kvm ");
	setenv("ACCEL", "", 1);
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm ");
	/* Only TCG can count instructions. */
	setenv("ACCEL", "kvm", 1);
	run = RUN(SCENE_GUEST, "-K", "kvm", "-I", "tap", "suite");
	expect_silent(&run, 0);
	expect_calls("tcg ");
	ASSERT_STREQ("", shell("ls -d vm.* 2>/dev/null || :"));
}

TEST(kvm, wrong_values_are_told)
{
	static const char *const wrong[][2] = {
		{ "ACCEL=hvf", "vm: ACCEL=hvf: it has to be kvm or tcg\n" },
		{ "ACCEL='kvm tcg'", "vm: ACCEL=kvm tcg: it has to be kvm or tcg\n" },
		{ "PROBE_SECONDS=0",
		  "vm: PROBE_SECONDS=0: it has to be a number from 1 to 9999\n" },
		{ "PROBE_SECONDS=1s", "vm: PROBE_SECONDS=1s: it has to be" },
		{ "PROBE_SECONDS=12345", "vm: PROBE_SECONDS=12345: it has to be" },
	};

	set_host(true);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		expect_refusal(RUN("/bin/sh", "-c",
				   text_of("%s exec \"$PROGRAMS/vm\" -k . -i init run suite",
					   wrong[i][0])), 2, wrong[i][1]);
	expect_calls("");
	expect_refusal(RUN("/usr/bin/make", "-C", in("TOP", ""), "-s",
			   "--no-print-directory", "ACCEL=both", "help"), 2,
		       "ACCEL=both: it has to be kvm or tcg");
}

TEST(kvm, device_that_is_not_there_or_closed_is_not_tried)
{
	set_host(true);
	expect_guest(boot("/no/such/kvm"), TCG);
	expect_guest(boot(CLOSED), TCG);
	expect_calls("tcg tcg ");
	setenv("ACCEL", "kvm", 1);
	expect_text(boot("/no/such/kvm").errors,
		    "vm: infrastructure: ACCEL=kvm, but /no/such/kvm cannot be opened: No such file or directory\n");
	expect_text(boot(CLOSED).errors,
		    "vm: infrastructure: ACCEL=kvm, but " CLOSED " cannot be opened: Permission denied\n");
	expect_calls("");
}

/* The advice is printed once, to a terminal; it is no answer about KVM. */
TEST(kvm, what_opens_it_is_told_once)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	char seen[1024];
	ssize_t length;

	ASSERT_OK(terminal);
	ASSERT_OK(grantpt(terminal));
	ASSERT_OK(unlockpt(terminal));
	set_host(true);
	expect_text(shell(text_of("for i in 1 2; do \"$PROGRAMS/vm\" -k . -i init -K " CLOSED
				  " tap suite 2>%s; done", ptsname(terminal))), "# " TCG "\n");
	ASSERT_OK(fcntl(terminal, F_SETFL, O_NONBLOCK));
	length = read(terminal, seen, sizeof(seen) - 1);
	ASSERT_TRUE(length > 0);
	seen[length] = '\0';
	ASSERT_EQ(1, lines_in(seen));
	expect_text(seen, "vm: " CLOSED " is there, but you may not open it");
	expect_text(seen, "usermod -aG kvm ");
	expect_calls("tcg tcg ");
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm kvm ");
}

/* It has no processor for such a guest, whatever may be tried. */
TEST(kvm, guest_of_another_architecture_is_emulated)
{
	int ours = VM_ELF;

	set_host_of(ours == EM_X86_64 ? EM_AARCH64 : EM_X86_64, true);
	expect_guest(boot("kvm"), TCG);
	expect_calls("tcg ");
	setenv("ACCEL", "kvm", 1);
	expect_text(boot("kvm").errors,
		    "vm: infrastructure: ACCEL=kvm, but KVM runs no guest of another architecture\n");
	expect_calls("");
}

/* Another hypervisor may take the processor's virtualization. */
TEST(kvm, that_is_lost_after_it_worked)
{
	struct run run;

	set_host(true);
	expect_guest(boot("kvm"), KVM);
	expect_calls("kvm kvm ");
	shell("touch broken");
	run = boot("kvm");
	expect_end(&run, 0, "vm: KVM no longer works here; the guest runs under TCG");
	expect_text(run.output, "# " TCG "\n");
	setenv("ACCEL", "kvm", 1);
	must_end(boot("kvm"), 125);
}

TEST(kvm, interrupt_ends_the_attempt)
{
	struct run run;
	double begin;

	set_host(false);
	setenv("PROBE_SECONDS", "60", 1);
	setenv("TMPDIR", getenv("SCENE"), 1);
	run = START(SCENE_GUEST, "-K", "kvm", "run", "suite");
	while (!*shell("cat calls"))
		usleep(1000);
	begin = now();
	ASSERT_OK(kill(run.pid, SIGTERM));
	collect(&run);
	ASSERT_TRUE(now() - begin < 8);
	expect_status(&run, 130);
	ASSERT_STREQ("vm: interrupted\n", run.errors);
	/* Neither an answer nor a directory is left. */
	ASSERT_STREQ("", shell("ls -d vm.* cache/shmcount/* 2>/dev/null || :"));
}
