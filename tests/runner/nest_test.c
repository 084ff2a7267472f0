// SPDX-License-Identifier: GPL-2.0
/*
 * The runner with a KVM that works: in a guest (make kvm-test). It takes some
 * minutes, and is none of make check's. (The environment: see vm_test.c.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "vm_test.h"

#define KVM "guest under KVM"

/*
 * The runner in a guest that has KVM: QEMU emulates a processor with
 * virtualization (SVM), but for two faults, which are got round outside of what
 * is tested. With xsave the inner kernel warns at boot, of sizes that do not
 * fit: the outer guest does without. And the out instruction by which the inner
 * PID 1 powers off is a general protection fault, though ioperm() has allowed
 * it: with its backdoor for VMware KVM itself looks at what is allowed, and
 * carries it out.
 */
TEST_LIMIT(nest, runner_uses_a_kvm_that_works, 6 * GUEST_LIMIT)
{
	static const char commands[] =
		"cd \"$HOST_KERNEL_DIR/modules\" && "
		"for ko in $(cat kvm); do backdoor=; [ $ko != kvm.ko ] || "
		"backdoor=enable_vmware_backdoor=1; "
		"insmod $ko $backdoor || exit 99; done; "
		"mkdir /tmp/nest && cd /tmp/nest && export TMPDIR=/tmp/nest "
		"XDG_CACHE_HOME=/tmp/nest/cache PROBE_SECONDS=200 && "
		"\"$PROGRAMS/vm\" -k \"$KERNEL_DIR\" -i \"$GUEST/init\" "
		"-m \"$KO\" -f \"$GUEST/incr_dev\" -c log "
		"run incr_dev 1000 >output && "
		"wc -l <output && head -n 1 log && cat cache/shmcount/* && ls";
	char command[8192];
	struct run run;

	snprintf(command, sizeof(command),
		 "KERNEL_DIR='%s' HOST_KERNEL_DIR='%s' KO='%s' GUEST='%s' "
		 "PROGRAMS='%s'; %s", in("KERNEL_DIR", ""),
		 in("HOST_KERNEL_DIR", ""), in("KO", ""), in("GUEST", ""),
		 in("PROGRAMS", ""), commands);
	if (access(in("HOST_KERNEL_DIR", "modules/kvm-amd.ko"), F_OK))
		test_skip("needs a kernel with kvm-amd as a module");
	setenv("ACCEL", "tcg", 1);
	run = RUN("vm", "-H", "-k", in("HOST_KERNEL_DIR", ""),
		  "-i", in("GUEST", "init"), "-m", in("HOST_KO", ""),
		  "-a", "noxsave", "run", "sh", "-c",
		  command);
	expect_status(&run, 0);
	EXPECT_STR(run.errors,
		   "incr_dev: 2000 increments by 2 processes gave count 2000\n");
	expect_text(run.output, "2000\nvm: " KVM "\nboot ");
	expect_text(run.output, "\nseconds 200\nworkscache\nlog\noutput\n");
}
