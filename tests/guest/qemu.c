// SPDX-License-Identifier: GPL-2.0
/* QEMU: its arguments, the kernel's command line, its process. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner.h"
#include "signals.h"

/* What a guest can be. It is one of the first three. */
enum {
	KVM = 1, TCG = 2, COUNTING = 4, HOST = 8, TWO_NODES = 16, DISK = 32,
	TEMPLATE = 64, WATCHED = 128, RESTORED = 256, ANY = 511,
	/* Where an argument has one of these, it is of that machine only. */
	PC = 512, VIRT = 1024, MACHINES = PC | VIRT,
};

/*
 * A PC has a device that ends QEMU with a status of its own. Where there is none, init powers
 * the guest off, and QEMU's status is 0, as after a reset: see was_powered_off().
 */
static const struct machine machines[] = {
	{ PC, EM_X86_64, "qemu-system-x86_64",
	  "console=ttyS0 unknown_nmi_panic no_timer_check", VM_EXIT_STATUS, true },
	{ VIRT, EM_AARCH64, "qemu-system-aarch64", "console=ttyAMA0", 0, false },
};

const struct machine *machine;

bool is_native(const struct machine *one)
{
	return one->elf == VM_ELF;
}

static char command_line[1024], console[48], memory[16], near[64], far[64];
static char monitor[48], events[48], incoming[16], threads[20];
static int monitor_end, events_end;	/* QEMU's ends of guest.monitor and guest.events */

/* The arguments of each kind of guest. */
static const struct {
	unsigned int guests;
	const char *option, *value;
} arguments[] = {
	{ ANY | VIRT, "-machine", "virt" },
	{ KVM | VIRT, "-machine", "gic-version=host" },
	{ ANY, "-display", "none" },
	{ KVM, "-accel", "kvm" },
	{ TCG, "-accel", threads },
	{ COUNTING, "-accel", "tcg" },
	{ KVM, "-cpu", "host" },
	/* With cx16 QEMU 7.2 oopses 6.12; with ERMS each byte copied counts. */
	{ TCG | PC, "-cpu", "max,-cx16" },
	{ COUNTING | PC, "-cpu", "qemu64,-cx16" },
	/* Its own way to sign pointers takes less time to emulate than the architecture's. */
	{ TCG | COUNTING | VIRT, "-cpu", "max,pauth-impdef=on" },
	{ KVM | TCG, "-smp", "2" },
	{ COUNTING, "-smp", "1" },
	{ COUNTING, "-icount", "shift=0" },
	{ ANY, "-m", memory },
	/* Two nodes, so that pages have somewhere to move to. */
	{ TWO_NODES, "-object", near },
	{ TWO_NODES, "-object", far },
	{ TWO_NODES, "-numa", "node,nodeid=0,cpus=0-1,memdev=near" },
	{ TWO_NODES, "-numa", "node,nodeid=1,memdev=far" },
	{ ANY, "-initrd", "initramfs" },
	{ ANY, "-append", command_line },
	{ ANY | PC, "-device", "isa-debug-exit,iobase=0xf4,iosize=4" },
	{ ANY, "-serial", console },
	{ ANY, "-chardev", "stdio,id=port,signal=off" },
	{ ANY | PC, "-serial", "chardev:port" },
	{ ANY | VIRT, "-device", "pci-serial,chardev=port" },
	{ TEMPLATE, "-drive", "if=virtio,format=raw,cache=unsafe,file=payload" },
	/* A guest that was stopped to be saved runs again when it is restored. */
	{ TEMPLATE, "-global", "migration.store-global-state=off" },
	{ DISK, "-drive", "if=virtio,format=raw,cache=unsafe,file=disk" },
	{ HOST, "-virtfs", "local,path=/,mount_tag=host,readonly=on,"
			   "multidevs=remap,security_model=none" },
	{ WATCHED, "-chardev", monitor },
	{ WATCHED, "-monitor", "chardev:monitor" },
	{ WATCHED | VIRT, "-chardev", events },
	{ WATCHED | VIRT, "-mon", "chardev=events,mode=control" },
	{ RESTORED, "-incoming", incoming },
};

/*
 * Any report ends the guest. panic_on_taint names B, D, W and L (bad page, oops,
 * warning, lockup), but not what our module sets itself. slub_debug leaves out U
 * (who allocated), which finds no more and costs 0.8 s of boot. Expedited grace
 * periods make an unload 12 ms instead of 50. Debian's init_on_alloc would hide
 * that a module does not clear its pages. Where nothing goes on, each processor tells
 * where it is; see interrupt_guest(). A guest that measures has none of these;
 * where instructions count, no address is random. On a slow host nothing is a hang or a
 * lockup before its time, and the guest's tests hear of it.
 */
static void set_command_line(void)
{
	char slow[128] = "";

	if (options.slower > 1)
		snprintf(slow, sizeof(slow),
			 " watchdog_thresh=%d rcupdate.rcu_cpu_stall_timeout=300 SLOWER=%d",
			 10 * options.slower, options.slower);
	snprintf(command_line, sizeof(command_line),
		 "%s panic=-1 oops=panic panic_on_taint=0x42a0 "
		 "softlockup_panic=1 softlockup_all_cpu_backtrace=1 hung_task_panic=1 "
		 "sysctl.kernel.hung_task_timeout_secs=%d%s%s%s %s",
		 machine->parameters, 20 * options.slower, slow, options.bench ? "" :
		 " slub_debug=FZP init_on_alloc=0 rcupdate.rcu_expedited=1",
		 options.count ? " nokaslr norandmaps" : "", options.append);
}

static void set_memory(void)
{
	int size = options.memory ?: options.host ? 2048 : 512;

	snprintf(memory, sizeof(memory), "%dM", size);
	snprintf(near, sizeof(near), "memory-backend-ram,id=near,size=%dM",
		 size - size / 2);
	snprintf(far, sizeof(far), "memory-backend-ram,id=far,size=%dM",
		 size / 2);
}

void choose_machine(void)
{
	int fd = open(options.init, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr head = { 0 };
	bool is_elf = read(fd, &head, sizeof(head)) == sizeof(head) &&
		      !memcmp(head.e_ident, ELFMAG, SELFMAG);

	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (is_elf ? head.e_machine == machines[i].elf : is_native(&machines[i]))
			machine = &machines[i];
	if (!machine)
		no_guest("%s is a program for another machine than guests have",
			 options.init);
}

void machine_arguments(const char *args[MAX_ARGUMENTS], int console_fd)
{
	unsigned int kind = guest.kvm ? KVM : options.count ? COUNTING : TCG;
	int n = 0;

	kind |= machine->kind;
	if (options.host)
		kind |= HOST;
	else if (!options.count)
		kind |= TWO_NODES;
	if (options.disk)
		kind |= DISK;
	if (guest.start != BOOT)
		kind |= TEMPLATE;
	/* A template's key has no descriptors in it. */
	if (console_fd >= 0)
		kind |= WATCHED | (guest.start == RESTORE ? RESTORED : 0);
	set_command_line();
	set_memory();
	snprintf(threads, sizeof(threads), "tcg,thread=%s",
		 options.in_turn ? "single" : "multi");
	snprintf(console, sizeof(console), "file:/proc/self/fd/%d", console_fd);
	snprintf(monitor, sizeof(monitor), "socket,id=monitor,fd=%d", monitor_end);
	snprintf(events, sizeof(events), "socket,id=events,fd=%d", events_end);
	snprintf(incoming, sizeof(incoming), "fd:%d", guest.channel);
	args[n++] = machine->qemu;
	args[n++] = "-nodefaults";
	args[n++] = "-no-user-config";
	args[n++] = "-no-reboot";
	args[n++] = "-kernel";
	args[n++] = guest.image;
	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
		unsigned int guests = arguments[i].guests;

		if (!(guests & kind & ANY) ||
		    (guests & MACHINES && !(guests & kind & MACHINES)))
			continue;
		args[n++] = arguments[i].option;
		args[n++] = arguments[i].value;
	}
	args[n] = NULL;
}

static _Noreturn void become_qemu(int console_fd)
{
	const char *args[MAX_ARGUMENTS];

	fcntl(console_fd, F_SETFD, 0);
	fcntl(monitor_end, F_SETFD, 0);
	fcntl(events_end, F_SETFD, 0);
	if (guest.start == RESTORE)
		fcntl(guest.channel, F_SETFD, 0);
	machine_arguments(args, console_fd);
	if (!chdir(guest.directory))
		execvp(args[0], (char *const *)args);
	dprintf(STDERR_FILENO, "%s: %s\n", args[0], strerror(errno));
	_exit(127);
}

pid_t start_qemu(int *console_fd, int *report_fd)
{
	int console_pipe[2], report_pipe[2], input_pipe[2], monitor_pair[2], events_pair[2];
	pid_t pid;

	if (pipe2(console_pipe, O_CLOEXEC) || pipe2(report_pipe, O_CLOEXEC) ||
	    pipe2(input_pipe, O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor_pair) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, events_pair))
		no_guest("cannot make a pipe: %s", strerror(errno));
	monitor_end = monitor_pair[1];
	events_end = events_pair[1];
	pid = fork_bound(SIGKILL);
	if (pid < 0)
		no_guest("cannot fork: %s", strerror(errno));
	if (!pid) {
		unblock_signals();
		signal(SIGPIPE, SIG_DFL);
		if (!is_verb("shell") || guest.start == SAVE) {
			setsid();	/* Ctrl-C is ours to handle */
			dup2(input_pipe[0], STDIN_FILENO);
			dup2(report_pipe[1], STDOUT_FILENO);
		}
		become_qemu(console_pipe[1]);
	}
	close(console_pipe[1]);
	close(report_pipe[1]);
	close(input_pipe[0]);
	close(monitor_end);
	close(events_end);
	guest.monitor = monitor_pair[0];
	guest.events = events_pair[0];
	dprintf(guest.events, "{\"execute\": \"qmp_capabilities\"}\n");
	guest.input = input_pipe[1];
	fcntl(guest.input, F_SETFL, O_NONBLOCK);	/* the guest may never read */
	*console_fd = console_pipe[0];
	*report_fd = report_pipe[0];
	return pid;
}

/*
 * QEMU says why it ends. A guest that makes it say more than the socket holds only hides that
 * it was powered off.
 */
bool was_powered_off(void)
{
	char line[1024];
	bool is_off = false;
	FILE *events;

	fcntl(guest.events, F_SETFL, O_NONBLOCK);
	events = fdopen(guest.events, "r");
	while (events && fgets(line, sizeof(line), events))
		if (strstr(line, "\"SHUTDOWN\""))
			is_off = strstr(line, "\"guest-shutdown\"");
	if (events)
		fclose(events);
	return is_off;
}
