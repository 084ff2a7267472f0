// SPDX-License-Identifier: GPL-2.0
/*
 * The runner: boots a guest, has it run one program, and says how that ended. Its
 * parts are in runner.h; this one decides what runs the guest, and boots it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "accel.h"
#include "runner.h"
#include "signals.h"
#include "status.h"

struct guest guest = {
	.monitor = -1,
	.record = { .program = -1, .qemu = -1, .taint = -1 },
};
volatile sig_atomic_t interrupted;
volatile sig_atomic_t to_program = -1;

/* The terminal, as it is before a guest's shell has it. */
static struct termios terminal;
static bool is_terminal;

const char *kind_of_guest(void)
{
	return guest.kvm ? "guest under KVM" : "guest under TCG (emulated)";
}

int boot_seconds(void)
{
	return is_verb("probe") ? options.probe_seconds : options.boot_limit;
}

static void find_kernel(void)
{
	char path[4200];

	if ((size_t)snprintf(path, sizeof(path), "%s/vmlinuz",
			     options.kernel) >= sizeof(path))
		no_guest("the path of the kernel is too long");
	options.kernel = realpath(options.kernel, NULL);
	/* The image may be a link: accel.c knows it by its own path. */
	guest.image = realpath(path, NULL);
	if (!options.kernel || !guest.image || access(guest.image, R_OK))
		no_guest("no kernel at %s: %s", path, strerror(errno));
}

static void prepare(void)
{
	unsigned char random[16];

	if (is_verb("shell") && !isatty(STDIN_FILENO))
		no_guest("a shell needs a terminal; without one: make vm CMD='...'");
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		no_guest("no random numbers: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(random); i++)
		sprintf(guest.nonce + 2 * i, "%02x", random[i]);
	if (options.console) {
		guest.console_log = fopen(options.console, "we");
		if (!guest.console_log)
			no_guest("cannot write %s: %s", options.console,
				 strerror(errno));
		fprintf(guest.console_log, "vm: %s\n", kind_of_guest());
	}
	guest.start = can_restore() ? RESTORE : BOOT;
	make_payload();
}

int start_and_watch(int seconds)
{
	int console_fd, report_fd, status;
	pid_t pid;

	reset_streams();
	close(guest.monitor);	/* what the last one said is read after its end */
	if (guest.console_log && guest.start != BOOT)
		fprintf(guest.console_log, "vm: %s\n", guest.start == SAVE ?
			"a guest is booted and saved" : "a saved guest is restored");
	guest.started = now();
	guest.deadline = guest.started + seconds;
	pid = start_qemu(&console_fd, &report_fd);
	status = watch(pid, console_fd, report_fd);
	guest.powered_off = was_powered_off();
	to_program = -1;
	close(guest.input);
	close(console_fd);
	close(report_fd);
	return status;
}

static int boot(void)
{
	if (guest.start != BOOT) {
		guest.start = BOOT;
		pack_initramfs();
	}
	if (is_verb("shell"))
		fprintf(stderr, "vm: booting a %s, some seconds; exit or Ctrl-D leaves it\n",
			kind_of_guest());
	return start_and_watch(boot_seconds());
}

/*
 * Did the kernel crash or stop before its PID 1 was up, and so before any module of
 * ours? Each was seen once. The crash was in mask_ioapic_irq(), by a null pointer:
 * Linux 6.1 gives an IRQ the IO-APIC's operations before their data
 * (mp_irqdomain_alloc()), with interrupts on, and the timer's likely came between.
 * The stop was of Linux 7.2 under TCG, after it had set up the HPET.
 */
static bool failed_at_boot(void)
{
	if (guest.up || interrupted || guest.output_error || is_verb("shell"))
		return false;
	if (guest.timed_out)
		return !is_verb("probe");
	return guest.splat != SPLAT_NONE && guest.splat != SPLAT_INIT_DIED;
}

/*
 * KVM came up for the probe, but not for this guest. ACCEL=kvm asked for KVM, so
 * nothing may take its place.
 */
static bool kvm_stopped_working(void)
{
	return guest.kvm && !guest.up && !interrupted &&
	       (is_verb("tap") || is_verb("run")) &&
	       options.accelerator != KVM_ONLY;
}

/* Boot the guest, see it through, and say how it ended; returns the exit status. */
static int see_through(void)
{
	int qemu;

	prepare();
	if (guest.start == BOOT || !restore(&qemu))
		qemu = boot();
	if (kvm_stopped_working()) {
		fprintf(stderr, "vm: KVM no longer works here; the guest runs under TCG\n");
		kvm_remember(guest.image, options.probe_seconds, KVM_BROKEN);
		guest.kvm = false;
		if (guest.console_log)
			fclose(guest.console_log);
		guest.console_log = NULL;
		remove_directory();
		return see_through();
	}
	if (failed_at_boot()) {
		fprintf(stderr, "vm: the guest's kernel did not come up, and is booted once more: %s\n",
			guest.timed_out ? "it stopped" :
					  without_stamp(guest.record.report[0]));
		qemu = boot();
	}
	if (is_verb("shell") && is_terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
	decide(qemu);
	close_output(guest.fetched, guest.fetched_to);
	close_output(guest.console_log, options.console);
	/* Closing may have failed. */
	if (!guest.record.message[0])
		decide(qemu);
	conclude();
	remove_directory();
	return guest.record.status;
}

/*
 * Does the kernel come up under KVM, to its PID 1, and power off? A process of its
 * own boots a small guest to find out, silently, and knows nothing of what the run
 * is for. KVM_UNKNOWN: there was no guest to try it with.
 */
static enum kvm_answer try_kvm(void)
{
	static char *argv[] = { "probe", NULL };
	pid_t pid = fork_bound(SIGTERM);
	int status, null;

	if (!pid) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		guest.kvm = true;
		options = (struct options) {
			.kernel = options.kernel, .init = options.init,
			.parameters = "", .append = options.append,
			.bench = options.bench, .limit = options.limit,
			.slower = options.slower,
			.accelerator = options.accelerator,
			.probe_seconds = options.probe_seconds,
			.verb = "probe", .argv = argv,
		};
		exit(see_through());
	}
	if (pid < 0)
		no_guest("cannot fork: %s", strerror(errno));
	while (!waitpid(pid, &status, WNOHANG)) {
		if (interrupted)
			kill(pid, SIGTERM);
		usleep(10000);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_PROBE)
		return KVM_UNKNOWN;
	return status ? KVM_BROKEN : KVM_WORKS;
}

/* Once, and where somebody reads it. */
static void say_that_kvm_is_closed(void)
{
	const struct passwd *user = getpwuid(getuid());

	if (isatty(STDERR_FILENO) &&
	    kvm_recall(guest.image, options.probe_seconds) != KVM_CLOSED &&
	    kvm_remember(guest.image, options.probe_seconds, KVM_CLOSED))
		fprintf(stderr, "vm: %s is there, but you may not open it: \"sudo usermod -aG kvm %s\" and a new login make guests much faster\n",
			options.kvm_device, user ? user->pw_name : "NAME");
}

/* Does the guest run under KVM? If the user asked for it, nothing else will do. */
static bool choose_kvm(void)
{
	bool only = options.accelerator == KVM_ONLY;
	enum kvm_answer known;
	int fd;

	if (only && !is_native(machine))
		no_guest("ACCEL=kvm, but KVM runs no guest of another architecture");
	if (options.count || options.accelerator == TCG_ONLY || !is_native(machine))
		return false;
	fd = open(options.kvm_device, O_RDWR | O_CLOEXEC);
	if (fd < 0 && only)
		no_guest("ACCEL=kvm, but %s cannot be opened: %s",
			 options.kvm_device, strerror(errno));
	if (fd < 0) {
		if (errno == EACCES)
			say_that_kvm_is_closed();
		return false;
	}
	close(fd);
	known = kvm_recall(guest.image, options.probe_seconds);
	if (known == KVM_WORKS || (known == KVM_BROKEN && !only))
		return known == KVM_WORKS;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "vm: testing KVM, at most %d s; the answer is cached\n",
			options.probe_seconds);
	known = try_kvm();
	if (interrupted)
		return false;
	/* If the attempt itself failed, on a full disk, say, the next run asks again. */
	if (known != KVM_UNKNOWN)
		kvm_remember(guest.image, options.probe_seconds, known);
	if (only && known != KVM_WORKS)
		no_guest("ACCEL=kvm, but under KVM this kernel does not come up here within %d seconds",
			 options.probe_seconds);
	return known == KVM_WORKS;
}

/*
 * Give each closed standard stream a descriptor that only fails: otherwise a file of
 * ours would get its number, and the output.
 */
static void occupy_streams(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

/* The first SIGINT is the program's, which then has some seconds to end. */
static void note_signal(int signal)
{
	if (signal == SIGINT && to_program >= 0 &&
	    write(to_program, "i", 1) == 1)
		alarm(END_SECONDS);
	else
		interrupted = 1;
	to_program = -1;
}

static void catch_signals(void)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = note_signal };

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (!is_ignored(ending[i]))
			sigaction(ending[i], &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char *argv[])
{
	occupy_streams();
	parse_options(argc, argv);
	parse_environment();
	catch_signals();
	is_terminal = !tcgetattr(STDIN_FILENO, &terminal);
	find_kernel();
	choose_machine();
	guest.kvm = choose_kvm();
	return see_through();
}
