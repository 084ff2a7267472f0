# SPDX-License-Identifier: GPL-2.0
# Run all tests, on one kernel or several, and the checkers of the sources.

check_again = $(call again,check,KERNEL KVER KMOD KDIR VMLINUZ ACCEL)

check_needs := check-tools $(small_guest) build/kmod/$(kernel)/shmcount.ko \
	$(patsubst %,build/tests/%_test,harness setup report mutants lab timeline grade vm) \
	$(addprefix build/tests/,harness_sample report mutants lab grade jail) \
	build/grading/graded $(built_for)/tests/dying_init

check: $(check_needs)
	@exec tests/check/check.sh -a $(call quoted,$(check_again)) $(kernel) $(call quoted,$(TESTS))

kvm-test: $(small_guest) build/tests/report build/tests/nest_test
	@exec tests/check/check.sh -a 'make kvm-test' -p nest $(kernel) $(call quoted,$(TESTS))

ifeq ($(KERNEL),debug)
coverage: $(small_guest) coverage-tools
	@exec tests/check/coverage.sh
else
coverage:
	@$(MAKE) --no-print-directory KERNEL=debug KDIR= VMLINUZ= coverage
endif

# With ARCH=arm64 the suites stand for their kernels of that architecture.
suites = $(if $(foreign),$(foreach suite,$(SUITES),$(or $(shell tests/kernel/kernel.sh name \
	$(call quoted,$(suite)) $(foreign)),$(error cannot choose a kernel: see above))),$(SUITES))
matrix: user
	@exec tests/check/matrix.sh $(suites)

hosts: export HOSTS_RUN := $(HOSTS_RUN)
hosts: deb-test-tools
	@exec tests/check/hosts.sh $(HOSTS)

lint: not-of-a-suite lint-tools mutants-all-tools
	@tests/check/lint.sh $(kernel) $(CFLAGS)

.PHONY: check kvm-test coverage matrix hosts lint
