// SPDX-License-Identifier: GPL-2.0
/* The runner's options, and what it takes from the environment. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "runner.h"

static const char help[] =
"usage: vm [option]... tap|run|shell [program [argument]...]\n"
"\n"
"Boot a guest and run one program in it.\n"
"\n"
"  tap    run a test program of the guest; print its TAP, checked\n"
"  run    run a program; its output and its exit status are ours\n"
"  shell  give a shell on this terminal (with -H)\n"
"\n"
"  -k DIR   the kernel: DIR/vmlinuz and, for -H, DIR/modules\n"
"  -m FILE  the module: run and shell load it, tap leaves that to the tests\n"
"  -i FILE  the guest's PID 1\n"
"  -p TEXT  parameters of the module, for run and shell\n"
"  -f FILE  put FILE in the guest's /bin (a .ko in /lib); may be repeated\n"
"  -H       show the guest the host's files, read only, under a layer that\n"
"           takes writes and is thrown away\n"
"  -d MB    with -H: a new disk of that size, 8 or more, as ext4 at /mnt\n"
"  -M MB    the guest's memory, 128 or more (default: 512; with -H 2048)\n"
"  -a TEXT  append TEXT to the kernel's command line\n"
"  -o FROM:TO  for tap and run: when the program has ended, copy the guest's\n"
"           file FROM to TO; it is an error if the program ends well and there is no\n"
"           FROM; may be repeated\n"
"  -b       to measure: without the kernel's checks that take time\n"
"  -I       to count: as -b, on one processor, with a clock that advances by\n"
"           1 ns with each instruction\n"
"  -D N     for tap, of a program with -a: send what its tests need to pass, and\n"
"           make one run of N a decoy, which cannot pass; 0: none\n"
"  -1       under TCG: one thread of the host for all processors of the guest, in\n"
"           turn; this takes half the time where several guests run at once\n"
"  -B SEC   time limit for the kernel to come up (120)\n"
"  -t SEC   time limit for the program (default: none)\n"
"  -c FILE  write the kernel's log there; its first line says what ran the guest\n"
"  -r FILE  write a record of the verdict there, in lines of KEY=VALUE\n"
"  -T DIR   keep templates there: a guest that has booted is saved, and the next\n"
"           one of its kind is restored, unless BOOT=cold is in the environment\n"
"  -K FILE  the device to look for (/dev/kvm)\n"
"\n"
"The guest runs under KVM if its kernel comes up there, else under TCG, which\n"
"emulates it; with -I always under TCG. vm boots a guest to find out, and keeps\n"
"the answer in ${XDG_CACHE_HOME:-~/.cache}/shmcount, for this boot of the host.\n"
"ACCEL=kvm or ACCEL=tcg in the environment overrides that; ACCEL=kvm asks again\n"
"where KVM did not work. PROBE_SECONDS is the time limit for asking (10).\n"
"SLOWER=N in the environment makes each time limit N times as long.\n"
"\n"
"Exit status: for run that of the program, or 128 + the signal that ended it.\n"
"For tap 0: all tests passed; 1: some test failed. For either 2: usage; 121: the\n"
"kernel crashed or reported a bug; 122: the report is forged; 124: a hang;\n"
"125: no guest, or one that could not do its work, or output that cannot be\n"
"written; 130: interrupted; 141: nobody reads the output any more.\n";

struct options options = {
	.parameters = "", .append = "", .kvm_device = "/dev/kvm",
	.boot_limit = 120, .probe_seconds = 10, .slower = 1,
};

bool is_verb(const char *verb)
{
	return !strcmp(options.verb, verb);
}

static _Noreturn void usage(void)
{
	fputs(help, stderr);
	exit(STATUS_USAGE);
}

static int number(const char *text, int min)
{
	unsigned long value;

	if (!parse_number(text, min, 1000000, &value))
		usage();
	return value;
}

/* Whoever reads these messages may never have heard of vm. */
void parse_environment(void)
{
	const char *accelerator = getenv("ACCEL") ?: "";
	const char *seconds = getenv("PROBE_SECONDS") ?: "";
	const char *start = getenv("BOOT") ?: "";

	if (!strcmp(accelerator, "kvm"))
		options.accelerator = KVM_ONLY;
	else if (!strcmp(accelerator, "tcg"))
		options.accelerator = TCG_ONLY;
	else if (*accelerator)
		die(STATUS_USAGE, "ACCEL=%s: it has to be kvm or tcg",
		    accelerator);
	if (!strcmp(start, "cold"))
		options.templates = NULL;
	else if (*start)
		die(STATUS_USAGE, "BOOT=%s: it has to be cold", start);
	if (*seconds)
		options.probe_seconds = get_number("PROBE_SECONDS=", seconds, 1,
						   9999);
	options.slower = slower_by();
	options.limit *= options.slower;
	options.boot_limit *= options.slower;
	options.probe_seconds *= options.slower;
}

static void add_fetch(char *text)
{
	char *colon = strchr(text, ':');

	if (!colon || options.fetch_count == MAX_FILES)
		usage();
	*colon = '\0';
	options.fetch[options.fetch_count] = text;
	options.fetch_to[options.fetch_count++] = colon + 1;
}

static const struct {
	char letter;
	const char **value;
} texts[] = {
	{ 'k', &options.kernel }, { 'm', &options.module },
	{ 'i', &options.init }, { 'p', &options.parameters },
	{ 'a', &options.append }, { 'c', &options.console },
	{ 'r', &options.record }, { 'K', &options.kvm_device },
	{ 'T', &options.templates },
};

static const struct {
	char letter;
	int *value, min;
} numbers[] = {
	{ 'd', &options.disk, 8 }, { 'M', &options.memory, 128 },
	{ 'B', &options.boot_limit, 1 }, { 't', &options.limit, 1 },
	{ 'D', &options.decoys, 0 },
};

static void take(int letter, char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].letter == letter)
			*texts[i].value = value;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].letter == letter)
			*numbers[i].value = number(value, numbers[i].min);
	switch (letter) {
	case 'f':
		if (options.file_count == MAX_FILES)
			usage();
		options.files[options.file_count++] = value;
		break;
	case 'H':
		options.host = true;
		break;
	case 'o':
		add_fetch(value);
		break;
	case 'I':
		options.count = true;
		options.bench = true;
		break;
	case 'D':
		options.judges = true;
		break;
	case '1':
		options.in_turn = true;
		break;
	case 'b':
		options.bench = true;
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	case '?':
		usage();
	}
}

void parse_options(int argc, char *argv[])
{
	int letter;

	while ((letter = getopt(argc, argv, "+k:m:i:p:f:Hd:M:a:o:bID:1B:t:c:r:K:T:h")) != -1)
		take(letter, optarg);
	options.verb = optind < argc ? argv[optind] : "";
	options.argv = argv + optind + 1;
	if ((!is_verb("tap") && !is_verb("run") && !is_verb("shell")) ||
	    !options.kernel || !options.init || argc - optind < 2 ||
	    (options.disk && !options.host) ||
	    (*options.parameters && is_verb("tap")) ||
	    (options.fetch_count && is_verb("shell")))
		usage();
}
