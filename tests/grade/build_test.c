// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the build of a submission in the real jail: what it can see, and what
 * comes out.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "samples.h"

/* A script in place of the guest: these tests are about the build. */
static void play_guest(void)
{
	shell("printf '%s\\n' '#!/bin/sh' 'while [ $1 != tap ]; do [ $1 != -r ] || echo verdict=passed >$2; shift; done; shift 4; n=0' 'echo TAP version 13; echo 1..$#' 'for t; do n=$((n + 1)); echo \"# begin $t\"; echo \"ok $n $t\"; done' >guest && chmod +x guest && ln -sf ../../guest build/tests/vm");
}

/* No directive reads a file of the host; a file of the submission can be read. */
TEST_LIMIT(grade, build_sees_nothing_of_the_host, SAMPLE_LIMIT)
{
	static const char *const ways[] = {
		"#include \\\"$PWD/secret\\\"",
		"#include \\\"$TOP/tests/grade/points\\\"",
		"asm(\\\".incbin \\\\\\\"$PWD/secret\\\\\\\"\\\");",
	};
	struct run run;

	link_tree();
	shell("echo '#error the secret was read' >secret; chmod 644 secret; chmod 755 .");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		shell("rm -rf x grades && mkdir x && cp $TOP/kmod/*.[ch] x/");
		shell(text_of("echo \"%s\" >>x/shmcount.c", ways[i]));
		run = must_end_silently(RUN(GRADE_SAMPLE, "-t", "module.*", "one", "x"), 0);
		expect_text(run.output, "It does not build: the compiler");
		ASSERT_TRUE(strstr(run.output, "No such file or directory") ||
			    strstr(run.output, "file not found"));
		ASSERT_STREQ("",
			     shell("grep -rl 'the secret was read' grades || :"));
	}
	/* The same text in a file of its own is read. */
	shell("cp secret x/own.h && cp $TOP/kmod/shmcount.c x/ && echo '#include \"own.h\"' >>x/shmcount.c");
	expect_text(RUN(GRADE_SAMPLE, "-t", "module.*", "one", "x").output, "the secret was read");
}

TEST_LIMIT(grade, build_files_of_a_submission_are_not_run, SAMPLE_LIMIT)
{
	struct run run;

	link_tree();
	stage("x", "kmod");
	shell("for f in Makefile Kbuild GNUmakefile compat.mk shmcount.mk; do echo '$(shell touch /home/ran /tmp/ran)$(error it was run)' >x/$f; done; printf '#!/bin/sh\nexit 1\n' >x/gcc; chmod +x x/gcc");
	run = must_end_silently(RUN(GRADE_SAMPLE, "-t", "module.*", "one", "x"), 0);
	expect_text(run.output, "10 of 10 points");
	expect_text(run.output, "Not used (only *.c and *.h are, and no *.mod.c): ");
}

/* One of several files is shmcount.c, and the module is called shmcount. */
TEST_LIMIT(grade, several_files_make_one_module, SAMPLE_LIMIT)
{
	struct run run;

	link_tree();
	play_guest();
	stage("x", "kmod");
	shell("echo 'int one_more(void); int one_more(void) { return 1; }' >x/more.c");
	run = must_end_silently(RUN(GRADE_SAMPLE, "-t", "module.*", "one", "x"), 0);
	expect_text(run.output, "10 of 10 points");
	ASSERT_STREQ("shmcount\n",
		     shell("grep -q one_more grades/x+tests/shmcount.ko && PATH=$PATH:/usr/sbin:/sbin modinfo -F name grades/x+tests/shmcount.ko"));
}

/* The errors of each file are told, and a limit that one meets. */
TEST_LIMIT(grade, build_goes_on_after_an_error, SAMPLE_LIMIT)
{
	struct run run;

	link_tree();
	shell("mkdir x && echo '#error the first' >x/a.c && echo '#error the second' >x/b.c && "
	      "echo 'char big[40 << 20] = { 1 };' >x/c.c");
	run = must_end_silently(RUN(GRADE_SAMPLE, "-t", "module.*", "one", "x"), 0);
	expect_text(run.output, "It does not build: the compiler makes a file of more than 32 MB.\n");
	expect_text(run.output, "    a.c:1:2: error: #error the first\n");
	expect_text(run.output, "    b.c:1:2: error: #error the second\n");
	ASSERT_TRUE(!strstr(run.output, "internal"));
}

/* The layout of a submission is in the jail, and its names are safe there. */
TEST_LIMIT(grade, folders_and_flags_of_a_submission_are_built_with, SAMPLE_LIMIT)
{
	struct run run;

	link_tree();
	play_guest();
	stage("x", "kmod");
	shell("mkdir -p 'y/my project/inc/deep' y/__MACOSX && mv x/* 'y/my project/' && cd 'y/my project' && echo x >../__MACOSX/a.c && echo '#include <stdio.h>' >test.c && "
	      "echo '#define OWN' >inc/deep/own.h && printf '%s\n' '#include \"deep/own.h\"' '#if !defined(OWN) || YES != 1 || !defined(HERE)' '#error not so' '#endif' >>shmcount.c && "
	      "echo 'int one_more(void); int one_more(void) { return 1; }' >übung1.C && "
	      "printf '%s\\n' 'obj-m := shmcount.o' 'shmcount-objs := shmcount.o übung1.o' 'ccflags-y := -I$(src)/inc -DYES=1' 'CFLAGS_shmcount.o := -DHERE' '$(error it was run)' >Kbuild");
	run = must_end_silently(RUN(GRADE_SAMPLE, "-t", "module.*", "one", "y"), 0);
	expect_text(run.output, "10 of 10 points");
	expect_text(run.output, "my project/test.c is not built: it includes <stdio.h>");
	shell("grep -q one_more grades/y+tests/shmcount.ko");
	/* What the compiler says has the names of the submission. */
	shell("echo '#error told' >>'y/my project/inc/deep/own.h'");
	run = must_end_silently(RUN(GRADE_SAMPLE, "-t", "module.*", "one", "y"), 0);
	expect_text(run.output, "    my_project/inc/deep/own.h:2:2: error: #error told\n");
}

/* Run perl in the jail on the files of "in"; it makes the archive. */
static void archive(const char *name, const char *perl)
{
	shell("rm -f in/x");
	must_end_silently(RUN("jail", in("TOP", "build/kernel/bookworm/tree"), "in", "x",
			      "perl", "-MIO::Compress::Zip=zip,:zip_method", "-MIO::Compress::Gzip=gzip",
			      "-MArchive::Tar", "-e", perl), 0);
	setenv("ARCHIVE", name, 1);
	shell("mkdir -p all && mv in/x all/$ARCHIVE");
}

static void expect_unpacked(const char *name, const char *told)
{
	struct run run;

	run = must_end_silently(RUN(GRADE_SAMPLE, "-t", "module.*", "one", text_of("all/%s", name)), 0);
	expect_text(run.output, told);
}

/* Archives, and archives in archives, are unpacked; what is bad in them is not. */
TEST_LIMIT(grade, archives_are_unpacked, SAMPLE_LIMIT)
{
	static const char nested[] =
		"zip(['proj/shmcount.c', 'proj/compat.h', 'proj/trace.h'] => 'i.zip') or die;"
		"rename 'proj', '__MACOSX'; zip(['i.zip', '__MACOSX/shmcount.c'] => 'x', Method => ZIP_CM_STORE) or die";
	static const char tar[] =
		"$t = Archive::Tar->new; $t->add_files(glob('proj/*')); $t->add_data('proj/test.c', '#include <stdio.h>');"
		"$t->add_data('a.c', '', { type => 2, linkname => '/etc/passwd' }); $t->add_data('../../../up.c', 'x');"
		"$t->add_data('/etc/top.c', 'x'); $t->write('y') or die; gzip('y' => 'x')";

	link_tree();
	play_guest();
	shell("mkdir in all && cp -r $TOP/kmod proj && rm -r proj/*/ && mkdir in/proj && mv proj/*.[ch] in/proj/");
	archive("bob.tar.gz", tar);
	expect_unpacked("bob.tar.gz", "10 of 10 points");
	expect_text(shell("cat grades/bob.tar.gz+tests/student.txt"),
		    "proj/test.c is not built: it includes <stdio.h>");
	expect_text(shell("cat grades/bob.tar.gz+tests/student.txt"),
		    "/etc/top.c in bob.tar.gz is not used");
	/* An archive in a folder is it, if nothing else is. */
	shell("mkdir all/ann");
	archive("ann/jane.zip", nested);
	expect_unpacked("ann", "10 of 10 points");
	/* The names of some programs begin with "./". */
	archive("ann/jane.zip", "zip(['proj/shmcount.c', 'proj/compat.h', 'proj/trace.h'] => 'x', FilterName => sub { s{^}{./} }) or die");
	expect_unpacked("ann", "10 of 10 points");
	/* Bombs and noise. */
	archive("ann/jane.zip", "open F, '>', 'y'; print F 'x' x 30000000; close F; zip('y' => 'x', Name => 'shmcount.c') or die");
	expect_unpacked("ann", "jane.zip cannot be unpacked: shmcount.c is longer than 1048576 bytes");
	shell("head -c 1000 /dev/urandom >all/ann/jane.zip");
	expect_unpacked("ann", "There is nothing to build in it: jane.zip cannot be unpacked: ");
	/* What made the unpacker speak Perl, or take a part for the whole. */
	shell("printf 'PK\\377\\004%0100d' 0 >all/ann/jane.zip");
	expect_unpacked("ann", "jane.zip cannot be unpacked: it is damaged.");
	shell("head -c -20 all/bob.tar.gz >all/ann/jane.zip");
	expect_unpacked("ann", "jane.zip cannot be unpacked: it is damaged: unexpected end of file.");
	shell("rm all/ann/jane.zip; echo >all/ann/jane.rar");
	expect_unpacked("ann", "jane.rar is an archive of a kind that is not unpacked: zip and tar.gz are");
}

/* Each student is a folder, or the files of one name; archives stay such. */
TEST_LIMIT(grade, zip_of_moodle_is_a_class, SAMPLE_LIMIT)
{
	static const char class[] =
		"for (glob('proj/*')) { s{.*/}{}; rename \"proj/$_\", 'Jane Doe_12_assignsubmission_file_/' . $_; }"
		"zip([glob('\"Jane Doe_12_assignsubmission_file_/*\"')] => 'Bob_7_assignsubmission_file_all.zip') or die;"
		"zip([glob('*_assign*.* \"Jane Doe_12_assignsubmission_file_/*\"')] => 'x') or die";

	link_tree();
	play_guest();
	shell("mkdir -p in/proj 'in/Jane Doe_12_assignsubmission_file_' && cp $TOP/kmod/*.[ch] in/proj/");
	archive("class.zip", class);
	expect_text(must_end_silently(RUN(GRADE_SAMPLE, "all", "all/class.zip"), 0).output,
		    "2 graded, 0 not");
	ASSERT_STREQ("\"Participant 7\",\"Bob\",100.00,100.00,-\n\"Participant 12\",\"Jane Doe\",100.00,100.00,-\n",
		     shell("tail -n +2 grades/moodle+grades.csv"));
	ASSERT_STREQ("all.zip\n",
		     shell("cd grades/.unpacked/class.zip && ls Bob_7_assignsubmission_file_"));
}

/* What Moodle or Canvas gives is a directory, in which each student's archive is as it was. */
TEST_LIMIT(grade, archive_of_a_class_is_unpacked, SAMPLE_LIMIT)
{
	struct run run;

	link_tree();
	play_guest();
	shell("mkdir -p 'in/Ann Lee_12345_assignsubmission_file_' && cp $TOP/kmod/*.[ch] in/A*/ && cp $TOP/kmod/trace.h in/bob_1234_56790_trace.h && "
	      "cp $TOP/kmod/shmcount.c in/bob_1234_56789_shmcount.c && echo x >in/dee_3456_78901_report.pdf && head -c 1100000 /dev/zero >in/eve_4567_89012_big.c");
	archive("class.zip", "chdir 'Ann Lee_12345_assignsubmission_file_'; zip(['shmcount.c', 'trace.h'] => '../cy_2345_67890_cy.zip') or die; chdir '/home';"
		"zip(['Ann Lee_12345_assignsubmission_file_/shmcount.c', 'Ann Lee_12345_assignsubmission_file_/trace.h', grep { -f } glob '*_*_*_*'] => 'x') or die");
	run = must_end(RUN(GRADE_SAMPLE, "all", "all/class.zip"), 0);
	expect_text(run.output, "all/class.zip is unpacked in grades/.unpacked/class.zip\n");
	ASSERT_STREQ("Ann Lee_12345_assignsubmission_file_\",tested\nbob_1234\",tested\ncy_2345\",tested\ndee_3456\",nothing to build\neve_4567\",nothing to build\n",
		     shell("sed 1d grades/grades.csv | cut -d , -f 1-2 | sed 's/^.//'"));
	expect_text(shell("cat grades/eve_4567/student.txt"), "big.c is longer than 1048576 bytes");
	expect_text(RUN(GRADE_SAMPLE, "-t", "module.*", "one", "grades/.unpacked/class.zip/cy_2345").output,
		    "10 of 10 points");
	shell("head -c 1000 all/class.zip >all/cut.zip");
	run = RUN(GRADE_SAMPLE, "all", "all/cut.zip");
	expect_status(&run, 2);
	expect_text(run.errors, "grade: all/cut.zip cannot be unpacked: it is damaged");
}

/* A module that is for our kernel, for another one, and a file that is none. */
TEST_LIMIT(grade, module_that_is_built_already, SAMPLE_LIMIT)
{
	struct run run;

	link_tree();
	play_guest();
	run = RUN(GRADE_SAMPLE, "-t", "module.*", "one", in("TOP", "build/modules/bookworm/own_pages.ko"));
	expect_silent(&run, 0);
	expect_text(run.output, "10 of 10 points");
	shell("sed 's/vermagic=6\\.1/vermagic=5.4/' $TOP/build/modules/bookworm/own_pages.ko >old.ko; echo nothing >none.ko");
	run = RUN(GRADE_SAMPLE, "-t", "module.*", "one", "old.ko");
	expect_text(run.output, "It is a module for another kernel: it is built for kernel 5.4.0-");
	expect_text(RUN(GRADE_SAMPLE, "-t", "module.*", "one", "none.ko").output, "it is not a module");
}

/* Run a shell command in the jail; the jail brings out "x". */
static struct run jail(const char *seconds, const char *line)
{
	need_jail();
	shell("mkdir -p directory");
	return RUN("jail", "-t", seconds, in("TOP", "build/kernel/bookworm/tree"),
		   "directory", "x", "sh", "-c", line);
}

TEST(grade, jail_brings_out_one_plain_file)
{
	struct run run = must_end_silently(jail("15", "echo made >x; echo more >y"), 0);

	ASSERT_STREQ("made\n", shell("cd directory && grep . *"));
	run = jail("15", "ln -s /etc/debian_version x");
	ASSERT_STREQ("", shell("rm directory/x; ls directory"));
	run = jail("15", "mkfifo x");
	expect_end(&run, 123, "jail: x is not a plain file of up to 16 MB");
	run = jail("15", "yes | head -c 16777217 >x");
	expect_end(&run, 123, "jail: x is not a plain file of up to 16 MB");
	ASSERT_STREQ("", shell("ls directory"));
}

TEST(grade, jail_takes_folders)
{
	shell("mkdir -p directory/a/b && echo given >directory/a/b/y");
	must_end_silently(jail("15", "cp a/b/y a/b/z && cp a/b/z x"), 0);
	ASSERT_STREQ("given\n", shell("cat directory/x"));
	/* A link in it is not followed: nobody but the grader writes there. */
	shell("rm directory/x && ln -s /etc directory/a/link");
	expect_text(must_end(jail("15", "ls a"), 125).errors, "cannot open link");
}

/* The user nobody can read the copies, though not the grader's own files. */
TEST(grade, jail_whatever_the_umask)
{
	static const mode_t masks[] = { 0, 027, 077 };

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		struct run run;

		umask(masks[i]);
		shell("rm -rf directory && mkdir directory && echo given >directory/y");
		run = must_end_silently(jail("15", "stat -c %a . y && cp y x"), 0);
		ASSERT_STREQ("1777\n644\n", run.output);
		ASSERT_STREQ("given\n644\n",
			     shell("cd directory && cat x && stat -c %a x"));
	}
}

/* Under sudo the jail is root, but the directory belongs to the user. */
TEST(grade, jail_gives_the_file_to_the_owner_of_the_directory)
{
	if (geteuid())
		test_skip("needs root");
	shell("mkdir directory && echo given >directory/y && chown -R 65534:65533 directory");
	must_end_silently(jail("15", "cp y x"), 0);
	ASSERT_STREQ("65534 65533 644\n", shell("stat -c '%u %g %a' directory/x"));
}

TEST(grade, jail_shows_nothing_of_the_host)
{
	struct run run = jail("15", "ls /proc /sys /dev; id -u; touch /usr/x || mknod y c 1 5 || ls /proc/1");

	ASSERT_EQ(2, WEXITSTATUS(run.status));
	expect_text(run.output, "/dev:\nnull\n\n/proc:\n\n/sys:\n");
	ASSERT_TRUE(strstr(run.output, "\n65534\n") || strstr(run.output, "\n0\n"));
	expect_text(run.output, "Read-only file system");
	expect_text(run.output, "Operation not permitted");
}

/* Where no namespaces can be made, a guest makes them, and nothing else differs. */
TEST_LIMIT(grade, jail_in_a_guest_is_the_same, SAMPLE_LIMIT)
{
	static const char line[] = "ls / /dev /sys /proc; stat -c '%A %u %g' /usr /tmp /dev/null . y; id; hostname; touch /usr/x; ulimit -v; cp y x";
	const char *tree = in("TOP", "build/kernel/bookworm/tree");
	struct run here, there;

	shell("mkdir directory && echo given >directory/y");
	here = must_end(jail("15", line), 0);
	shell("mv directory/x .");
	/* So the grader has it; the guest's files are not to be copied. */
	setenv("TMPDIR", realpath("directory", NULL), 1);
	there = must_end(RUN_IN_CONTAINER("jail", tree, "directory", "x", "sh", "-c", line), 0);
	ASSERT_STREQ(here.output, there.output);
	ASSERT_STREQ(here.errors, there.errors);
	ASSERT_STREQ("given\n", shell("cmp x directory/x; cat directory/x; rm directory/x"));
	there = RUN_IN_CONTAINER("jail", "-t", "1", tree, "directory", "x", "sleep", "1000");
	expect_end(&there, 124, "jail: no end after 20 seconds");
	there = RUN_IN_CONTAINER("jail", tree, "directory", "x", "mkfifo", "x");
	expect_end(&there, 123, "jail: x is not a plain file of up to 16 MB");
	must_end_silently(RUN_IN_CONTAINER("jail", tree, "directory", "x", "true"), 0);
	ASSERT_STREQ("y\n", shell("ls -A directory"));
}

/* A port of this host is out of reach. */
TEST(grade, jail_has_no_network)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *connect;

	ASSERT_OK(bind(fd, (struct sockaddr *)&address, length));
	ASSERT_OK(listen(fd, 2));
	ASSERT_OK(getsockname(fd, (struct sockaddr *)&address, &length));
	connect = text_of("bash -c ': </dev/tcp/127.0.0.1/%d && echo connected'",
			  ntohs(address.sin_port));
	ASSERT_STREQ("connected\n", shell(connect));
	expect_text(must_end(jail("15", connect), 1).output, "Network is unreachable");
}

/* Limits on time, output and processes; no process outlives the jail. */
TEST(grade, jail_has_bounds)
{
	struct run run = jail("2", "yes");

	expect_end(&run, 124, "jail: no end after 2 seconds");
	ASSERT_EQ(65536, strlen(run.output));
	setenv("SLOWER", "2", 1);
	run = jail("1", "sleep 60.471 & f() { f | f & }; f & wait");
	expect_end(&run, 124, "jail: no end after 2 seconds");
	unsetenv("SLOWER");
	run = jail("15", "sleep 61.471 & yes | head -c 40000000 >big; wc -c <big");
	expect_text(run.output, "\n33554432\n");
	ASSERT_STREQ("",
		     shell("ps ax -o args= | grep -x 'sleep 6[01][.]471' || :"));
}
