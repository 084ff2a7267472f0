// SPDX-License-Identifier: GPL-2.0
/*
 * The runner with a KVM that works, which a guest has (make kvm-test). It takes some
 * minutes, so make check leaves it out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "vm_test.h"

#define KVM "guest under KVM"

/*
 * QEMU emulates a processor with virtualization (SVM), so a guest can have KVM. Two
 * errors of QEMU need a way round, outside of what is tested. With xsave the inner
 * kernel warns at boot of sizes that do not fit, so the outer guest does without. And
 * the inner PID 1 cannot power off: its out instruction faults although ioperm() has
 * allowed it. With enable_vmware_backdoor KVM checks the permission itself, and
 * carries the instruction out.
 */
TEST_LIMIT(nest, runner_uses_a_kvm_that_works, 6 * GUEST_LIMIT)
{
	static const char commands[] =
		"cd \"$TOP/build/kernel/$GUEST_KERNEL/modules\" && "
		"for ko in $(cat kvm); do backdoor=; [ $ko != kvm.ko ] || "
		"backdoor=enable_vmware_backdoor=1; "
		"insmod $ko $backdoor || exit 99; done; "
		"mkdir /tmp/nest && cd /tmp/nest && export TMPDIR=/tmp/nest "
		"XDG_CACHE_HOME=/tmp/nest/cache PROBE_SECONDS=200 && "
		"build=$TOP/build && \"$build/tests/vm\" "
		"-k \"$build/kernel/$GUEST_KERNEL\" -i \"$build/guest/init\" "
		"-m \"$build/kmod/$GUEST_KERNEL/shmcount.ko\" "
		"-f \"$build/guest/incr_dev\" -c log "
		"run incr_dev 1000 >output && "
		"wc -l <output && head -n 1 log && cat cache/shmcount/* && ls";
	char command[8192];
	struct run run;

	snprintf(command, sizeof(command),
		 "TOP='%s' GUEST_KERNEL='%s'; %s", in("TOP", ""),
		 in("GUEST_KERNEL", ""), commands);
	if (access(of_kernel("kernel", "modules/kvm-amd.ko"), F_OK))
		test_skip("needs a kernel with kvm-amd as a module");
	setenv("ACCEL", "tcg", 1);
	run = RUN(FULL_GUEST, "-m", MODULE, "-a", "noxsave", "run", "sh",
		  "-c", command);
	expect_status(&run, 0);
	ASSERT_STREQ("incr_dev: 2000 increments by 2 processes gave count 2000\n",
		     run.errors);
	expect_text(run.output, "2000\nvm: " KVM "\nboot ");
	expect_text(run.output, "\nseconds 200\nworkscache\nlog\noutput\n");
}
