# SPDX-License-Identifier: GPL-2.0
# The shared-memory experiment: make help says what there is to make.

# What of ASCII is no letter or digit means something to a shell, to make, kbuild or
# QEMU, but for these: . _ - + @ ~ (tests/surroundings.sh has the same rule).
odd := ! " \# $$ % & ' ( ) * , : ; < = > ? [ \ ] ^ ` { | }
ifneq ($(words x$(CURDIR)x)$(strip $(foreach c,$(odd),$(findstring $c,$(CURDIR)))),1)
$(error the path of this folder, $(CURDIR), may have only letters, digits and . _ - + @ ~ in it)
endif

# The tools of the recipes are in the same surroundings as those of the scripts.
export LC_ALL := C
unexport CDPATH GREP_OPTIONS POSIXLY_CORRECT TAR_OPTIONS GNUMAKEFLAGS MAKEFILES
# What our scripts tell one another by, and a user may have for something else.
unexport CONSOLE FETCH FILES GUEST JAIL LIMIT ONLY SLOWER

# What a user may set, on the command line or in the environment.
KERNEL ?=
KMOD ?=
TESTS ?=
HOSTS ?=
HOSTS_RUN ?= run check
SUITES ?= bullseye bookworm trixie unstable
MUTANTS ?=
SAMPLE ?=
# What is too common a name to be taken from the environment.
PARAMS :=
W :=
C :=
WERROR :=
CONFIG :=
ARGS :=
NATIVE :=
REPEAT :=
LOAD :=
SEED :=
PREFIX :=
DESTDIR :=
KVER :=
KDIR :=
VMLINUZ :=
DIR :=
HIDDEN :=
FORCE :=
MEMORY :=
POINTS ?= tests/grade/points
ACCEL ?=
OPS := 200000
SRC :=
STEP :=

ifneq ($(filter-out kvm tcg,$(ACCEL))$(word 2,$(ACCEL)),)
$(error ACCEL=$(ACCEL): it has to be kvm or tcg)
endif

setup := tests/setup.sh

# As one word of a shell.
quoted = '$(subst ','\'',$(1))'

# The names of the kernels in build/kernel/: that of the small guest, and that
# of the guest with the host's files; one that was fetched from another suite is
# for the small guest only. What boots no guest and builds for none asks for none.
ifneq ($(KDIR)$(VMLINUZ),)
override KERNEL := by-hand
endif
small := none
ifneq ($(filter-out help user clean distclean doctor hosts load unload install \
	uninstall,$(or $(MAKECMDGOALS),all)),)
export KVER
names := $(shell KVER=$(call quoted,$(KVER)) tests/kernel.sh names $(call quoted,$(KERNEL)))
ifeq ($(names),)
$(error it cannot go on: see above)
endif
small := $(word 2,$(names))
full := $(filter-out -,$(word 3,$(names)))
# Make would take what was built for a kernel that is gone for what is needed.
gone := $(foreach k,$(small) $(full),$(if $(wildcard build/kernel/$k/vmlinuz),,\
	$(foreach d,kmod bad techniques lab mutants,build/$d/$k)))
$(if $(wildcard $(gone)),$(shell rm -rf $(gone)))
endif
export KERNEL KMOD PARAMS REPEAT LOAD MEMORY

# again TARGET VARIABLES: the command that it was called by, so far as it is they.
again = $(strip make $(1) $(foreach v,$(2),\
	$(if $(filter command environment,$(origin $v)),$(if $($v),\
	$v=$(call quoted,$(value $v))))))
export AGAIN := $(call again,check,KERNEL KVER KMOD KDIR VMLINUZ ACCEL)

# As it was typed: make would take a $ in it for its own.
export VM_CMD := $(value CMD)

programs := incr1 incr2 incr3 incr_anon incr_zero incr_dev samepage demo compare
groups := load map io share sync life stats perm fault incr attach show compare \
	fuzz techniques

# With make -R there is none.
CC ?= cc
CFLAGS := -O2 -g -std=gnu11 -Wall -Wextra $(if $(filter-out 0,$(WERROR)),-Werror) -D_GNU_SOURCE -pthread -Itests

all: build/kmod/$(small)/shmcount.ko user
	@echo "built build/kmod/$(small)/shmcount.ko and the programs in user/"

help:
	@sed -n 's/^#H //p' Makefile

#H make            build the module (for the guest's kernel) and the programs
#H make run        run the six programs in a guest: a few lines of each, a table
#H make check      run every test; the last line says how many passed
#H make fuzz       random operations by several processes, against a model
#H                 (OPS=1000000 of them; SEED=n and ARGS=... as a report says)
#H make compare    every path, every lock, in a guest: tables and pictures
#H                 (NATIVE=1 on this host; ARGS='--quick speed', ARGS=--help)
#H make techniques  the device by the mmap of other drivers: what breaks, and how
#H make techniques-test  is that table the one in README.md?
#H make watch      who held the semaphore, who waited for whom: a timeline of
#H                 CMD='user/incr_dev 5', as text and pictures (ARGS=--help)
#H make shell      a root shell in a guest: module loaded, this host's files
#H make vm CMD='...'  one command there; its output, and nothing else
#H make lab        how far is a student's module? A line for each step of the
#H                 lab (SRC=folder, STEP=4: only that); see kmod/lab/README.md
#H make lab-test   does each solution of the lab pass its steps and no more?
#H make load       load the module on this host
#H make unload     unload it again
#H make install    for good: DKMS, a udev rule, the programs (make uninstall)
#H                 (PREFIX=/usr/local, DESTDIR=, KVER=another kernel)
#H make deb        two Debian packages of that, in build/deb/
#H make deb-test   the same, installed and removed in a Debian tree and a guest
#H make doctor     is a kernel's config fit for all this? (CONFIG=file)
#H make coverage   which lines and branches of the module those tests run
#H make matrix     the guest's tests on 5.10, 6.1, 6.12 and the newest kernel
#H                 (SUITES='bookworm unstable': on those of these Debian suites)
#H make hosts      make run and make check on Debian 12, 13 and unstable, as root,
#H                 with sudo, without it, in a container (HOSTS='trixie-root';
#H                 HOSTS_RUN=run: only that)
#H make kvm-test   the runner under a KVM that works: that of a guest
#H make mutants    wrong versions of the module: does a test notice each?
#H make grade SRC=folder  grade a submission (KMOD=file.ko: one that is built)
#H make grade-all DIR=folder     each that is in it (FORCE=1: once more)
#H                 (HIDDEN=folder: tests of your own; POINTS=file: their worth)
#H make grade-test grade the samples: does each get its verdict?
#H make lint       what the compilers and checkers say of the sources
#H make clean      remove what was built (make distclean: and what
#H                 was fetched, and all grades)
#H
#H KERNEL=6.1|6.12      the guest's kernel (by default that of this host's Debian)
#H KERNEL=debug         one that is built here, with the kernel's checkers in it
#H KERNEL=unstable      that of a Debian suite (run and check: the guest's tests)
#H KERNEL=host          one that this machine has installed (KVER=: not the running)
#H KMOD=other.ko        run, check, shell or vm with another module
#H PARAMS='size=65536 mode=0600'   the module's parameters, where one is loaded
#H TESTS='sync.* io.*'  check only these tests
#H REPEAT=20            check them so often (build/results/ has what came of it,
#H                      as tap, junit.xml and json)
#H LOAD=2               with so many busy loops on this host meanwhile
#H MEMORY=5120          the memory of the guest, in MB
#H MUTANTS='no_*' SAMPLE=8      only these mutants, only so many of them
#H VMLINUZ=file KDIR=headers   a kernel that was not fetched from Debian
#H ACCEL=kvm|tcg        what runs the guest (KVM where it works, else TCG)

tools:
	@$(setup) tools

# Kernels. The script says whether one that is there is what it wants now.
build/kernel/%/vmlinuz: tests/kernel.sh tests/suite.sh | tools
	@tests/kernel.sh get $*
	@touch $@

build/kernel/debug/vmlinuz: Kconfig.notes

ifeq ($(small),by-hand)
build/kernel/by-hand/vmlinuz: by-hand
	@:
by-hand: | tools
	@tests/kernel.sh by-hand $(call quoted,$(KDIR)) $(call quoted,$(VMLINUZ))
endif

# One that this machine has installed may be another by now.
ifneq ($(filter host-%,$(small)),)
build/kernel/$(small)/vmlinuz: of-this-host
	@:
of-this-host: | tools
	@tests/kernel.sh get $(small)
endif

# Modules. Kbuild leaves its files beside the sources, so each kernel has a
# directory of links to them.
modules = mkdir -p $(@D) && \
	ln -sf $(patsubst %,$(CURDIR)/%,$(1)) $(@D)/ && \
	tests/kbuild.sh $* $(CURDIR)/$(@D) \
		$(if $(W),W=$(W)) $(if $(C),C=$(C)) >&2

kmod_files := $(wildcard kmod/*.[ch]) kmod/Kbuild kmod/compat.mk
bad_files := $(filter-out tests/bad/init.c,$(wildcard tests/bad/*.c)) \
	tests/bad/Kbuild

build/kmod/%/shmcount.ko: $(kmod_files) build/kernel/%/vmlinuz
	@$(call modules,$(kmod_files))
	@touch $@

build/bad/%/force_return.ko: $(bad_files) build/kernel/%/vmlinuz
	@$(call modules,$(bad_files))
	@touch $@

# The device by other techniques. Its sources name kmod/compat.* by "..".
technique_files := $(wildcard kmod/techniques/*.[ch]) kmod/techniques/Kbuild
build/techniques/%/module/techniques.ko: $(technique_files) kmod/compat.h \
		kmod/compat.mk build/kernel/%/vmlinuz
	@mkdir -p $(@D)
	@ln -sf $(CURDIR)/kmod/compat.* $(@D)/../
	@$(call modules,$(technique_files))
	@touch $@

# Mutants: the module with one patch each, in a directory of its own.
mutant_patches := tests/mutants/patches

define mutant
build/mutants/%/$(1)/$(1).ko: $(mutant_patches)/$(1).patch $(kmod_files) \
		build/kernel/%/vmlinuz
	@rm -rf $$(@D) && mkdir -p $$(@D)/kmod && cp $(kmod_files) $$(@D)/kmod/
	@echo 'does not apply' >$$(@D)/failed
	@patch --batch --forward -p1 -F0 -d $$(@D) <$$< >$$(@D)/log 2>&1
	@echo 'does not build' >$$(@D)/failed
	@($$(call modules,$$(addprefix $$(@D)/,$(kmod_files)))) \
		2>$$(@D)/log
	@mv $$(@D)/shmcount.ko $$@ && rm $$(@D)/failed
endef
$(foreach patch,$(wildcard $(mutant_patches)/*.patch),\
	$(eval $(call mutant,$(basename $(notdir $(patch))))))

# Solutions of the lab: the skeleton with the patches of all steps up to one.
lab_files := $(wildcard kmod/lab/*.[ch] kmod/compat.*) kmod/lab/Kbuild
lab_patches := $(sort $(wildcard tests/lab/step-*.patch))
lab_solutions := $(patsubst tests/lab/%.patch,build/lab/$(small)/%.ko,\
	tests/lab/step-1.patch $(lab_patches))

build/lab/$(small)/step-%.ko: $(lab_files) $(lab_patches) \
		build/kernel/$(small)/vmlinuz
	@rm -rf $(basename $@) && mkdir -p $(basename $@)
	@cp $(lab_files) $(basename $@)
	@for n in $$(seq 2 $*); do patch -s -p1 -F0 -d $(basename $@) \
		<tests/lab/step-$$n.patch || exit; done
	@tests/kbuild.sh $(small) $(CURDIR)/$(basename $@) >&2
	@mv $(basename $@)/shmcount.ko $@

# Programs.
user: | tools
	@$(MAKE) -s --no-print-directory -C user >&2

build/obj/%.o: tests/%.c | tools
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(wildcard build/obj/*.d build/obj/*/*.d)

objects = $(patsubst %,build/obj/%.o,$(1))
link = mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

build/guest/suite: LDFLAGS := -static
build/guest/suite: $(call objects,$(groups) harness device module program)
	@$(link)
build/guest/fuzz: LDFLAGS := -static
build/guest/fuzz: $(call objects,module $(addprefix fuzz/,fuzz worker model map \
		io sync life))
	@$(link)
build/guest/techniques: LDFLAGS := -static
build/guest/techniques: $(call objects,module $(addprefix techniques/,techniques probe))
	@$(link)
build/guest/init: LDFLAGS := -static
build/guest/init: $(call objects,runner/init)
	@$(link)
build/guest/batch: LDFLAGS := -static
build/guest/batch: $(call objects,mutants/batch)
	@$(link)
build/tests/vm: $(call objects,$(addprefix runner/,vm accel initramfs tap splat))
	@$(link)
build/tests/vm_test: $(call objects,harness program \
		$(addprefix runner/,vm_test accel_test tap splat))
	@$(link)
build/tests/nest_test: $(call objects,harness program runner/nest_test)
	@$(link)
build/tests/report: $(call objects,runner/tap $(addprefix report/,report read write))
	@$(link)
build/tests/report_test: $(call objects,report/report_test runner/tap harness program)
	@$(link)
build/tests/mutants: $(call objects,$(addprefix mutants/,mutants mutant batches \
		batch_report child))
	@$(link)
build/tests/mutants_test: $(call objects,mutants/mutants_test harness program)
	@$(link)
build/tests/harness_test build/tests/watch_test: build/tests/%: \
		$(call objects,% harness program)
	@$(link)
build/tests/setup_test: $(call objects,setup_test surroundings_test host_test \
		harness program)
	@$(link)
build/tests/deb_test: $(call objects,deb/deb_test harness program)
	@$(link)
build/tests/harness_sample: $(call objects,harness_sample harness)
	@$(link)
build/tests/lab: $(call objects,lab/lab lab/steps mutants/batch_report)
	@$(link)
build/tests/lab_test: $(call objects,lab/lab_test lab/steps harness program)
	@$(link)
build/bad/init: tests/bad/init.c | tools
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -static -o $@ $<

$(programs:%=build/guest/%): build/guest/%: user
	@mkdir -p $(@D)
	@cmp -s user/$* $@ || cp user/$* $@

# Guests.
small_guest := build/tests/vm build/guest/init build/guest/suite \
	build/guest/fuzz build/guest/techniques \
	$(programs:%=build/guest/%) build/kernel/$(small)/vmlinuz \
	build/bad/$(small)/force_return.ko \
	build/techniques/$(small)/module/techniques.ko
full_guest := build/tests/vm build/guest/init build/kernel/$(full)/vmlinuz user
ifeq ($(KMOD),)
small_guest += build/kmod/$(small)/shmcount.ko
full_guest += build/kmod/$(full)/shmcount.ko
endif
ifeq ($(full),)
full_guest := not-of-a-suite
endif
not-of-a-suite:
	@echo "make: KERNEL=$(KERNEL) is for make, make run and make check: it comes" \
		"from $(small) here, with a compiler of its own, and its guest is" \
		"without this host's files" >&2
	@exit 2

small-guest: $(small_guest)

run: $(small_guest)
	@exec tests/vm.sh run demo

shell: $(full_guest)
	@exec tests/vm.sh shell

vm: $(full_guest)
	@test -n "$$VM_CMD" || { echo "make: say what to run: make vm CMD='uname -r'" >&2; exit 2; }
	@exec tests/vm.sh host sh -c "$$VM_CMD"

# A user's words, and not this shell's.
export COMPARE_ARGS := $(value ARGS)
export WATCH_ARGS := $(value ARGS)
export NATIVE
ifeq ($(NATIVE),)
compare: $(full_guest)
endif
compare: user compare-tools
	@exec user/comparison/run.sh

compare-tools:
	@$(setup) compare

techniques_module := build/techniques/$(full)/module/techniques.ko
techniques_needs := $(full_guest) build/guest/techniques user $(techniques_module)
techniques: $(techniques_needs)
	@exec env MODULE=$(CURDIR)/$(techniques_module) tests/techniques/run.sh
techniques-test: $(techniques_needs)
	@exec env MODULE=$(CURDIR)/$(techniques_module) tests/techniques/test.sh

watch: $(full_guest) watch-tools
	@exec user/watch/run.sh

watch-tools:
	@$(setup) watch

check-tools: compare-tools watch-tools
	@$(setup) check
	@$(setup) mutants

check_needs := check-tools $(small_guest) build/kmod/$(small)/shmcount.ko \
	build/bad/init build/tests/vm_test build/tests/setup_test \
	build/tests/harness_test build/tests/harness_sample build/tests/report \
	build/tests/report_test build/tests/mutants_test build/tests/mutants \
	build/tests/lab_test build/tests/lab build/guest/batch \
	build/tests/watch_test user \
	build/tests/grade_test build/tests/grade build/tests/jail build/grading/graded
# With the debug kernel only the tests of the guest: the others do not ask what
# a kernel does.
checked_full := $(filter-out debug,$(full))
ifneq ($(checked_full),)
check_needs += $(full_guest) build/kmod/$(full)/shmcount.ko
endif

check: $(check_needs)
	@exec env KERNEL_DIR=$(CURDIR)/build/kernel/$(small) \
		KO=$(CURDIR)/build/kmod/$(small)/shmcount.ko \
		$(if $(checked_full),HOST_KERNEL_DIR=$(CURDIR)/build/kernel/$(full)) \
		$(if $(checked_full),HOST_KO=$(CURDIR)/build/kmod/$(full)/shmcount.ko) \
		BAD=$(CURDIR)/build/bad BAD_KO=$(CURDIR)/build/bad/$(small) \
		tests/check.sh $(call quoted,$(TESTS))

kvm-test: export AGAIN := make kvm-test
kvm-test: $(small_guest) $(full_guest) build/tests/report build/tests/nest_test
	@exec env ONLY=nest KERNEL_DIR=$(CURDIR)/build/kernel/$(small) \
		KO=$(CURDIR)/build/kmod/$(small)/shmcount.ko \
		HOST_KERNEL_DIR=$(CURDIR)/build/kernel/$(full) \
		HOST_KO=$(CURDIR)/build/kmod/$(full)/shmcount.ko \
		tests/check.sh $(call quoted,$(TESTS))

ifeq ($(KERNEL),debug)
coverage: $(small_guest)
	@$(setup) coverage
	@exec tests/coverage.sh
else
coverage:
	@$(MAKE) --no-print-directory KERNEL=debug coverage
endif

matrix: user
	@exec tests/matrix.sh $(SUITES)

# The two commands of the README, where a new user gives them.
hosts: export HOSTS_RUN := $(HOSTS_RUN)
hosts:
	@$(setup) deb-test
	@exec tests/hosts.sh $(HOSTS)

# The device against a model. The limit is for a guest that stops; what hangs
# in it is noticed sooner.
fuzz: $(small_guest)
	@exec env LIMIT=$$((300 + $(OPS) / 20)) tests/vm.sh run fuzz -n $(OPS) \
		$(if $(SEED),-s $(SEED)) $(ARGS)

# The modules are made by a make of their own, for two at a time; one that
# cannot be built is no reason not to try the rest; nor has it the options or the
# jobs of this one. (A kernel given by hand is prepared by now, and would be a second
# time.)
own_make := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(MAKE) -skj2 --no-print-directory
mutants: $(small_guest) build/guest/batch build/tests/mutants \
		build/kmod/$(small)/shmcount.ko
	@$(setup) mutants
	@set -f; exec env KMOD= TOP=$(CURDIR) SAMPLE=$(SAMPLE) \
		BUILD='$(own_make) $(if \
		$(filter by-hand,$(small)),-o build/kernel/by-hand/vmlinuz)' \
		build/tests/mutants $(mutant_patches) build/mutants/$(small) \
		$(MUTANTS)

# What a student has made, or the skeleton.
lab_needs := $(small_guest) build/guest/batch build/tests/lab
lab: export AGAIN := $(call again,lab,SRC KMOD KERNEL KVER KDIR VMLINUZ)
lab: $(lab_needs)
	@exec env SRC=$(call quoted,$(value SRC)) \
		tests/lab.sh $(if $(STEP),-s $(call quoted,$(value STEP)))

lab-tools:
	@$(setup) mutants
$(lab_solutions): | lab-tools
lab-test: $(lab_needs) $(lab_solutions) build/kmod/$(small)/shmcount.ko
	@exec env KMOD= tests/lab/test.sh $(lab_solutions) \
		build/kmod/$(small)/shmcount.ko

# Grading: on the kernel of a Debian suite, whose compiler builds what is handed
# in. All that a user says is passed on as it is.
grade_kernel := bookworm
graded_groups := load map io share sync life stats perm
graded_objects := $(call objects,grade/probe $(graded_groups) harness device \
	module program)
graded := build/grading/graded
export GRADE_SRC := $(value SRC)
export GRADE_DIR := $(value DIR)
export HIDDEN := $(value HIDDEN)
HIDDEN_PROGRAM := build/grading/hidden/graded
ifneq ($(HIDDEN),)
graded := $(HIDDEN_PROGRAM)
endif

build/grading/graded: LDFLAGS := -static
build/grading/graded: $(graded_objects)
	@$(link)
$(HIDDEN_PROGRAM): hidden-program
hidden-program: $(graded_objects)
	@mkdir -p $(dir $(HIDDEN_PROGRAM))
	@CC='$(CC)' CFLAGS='$(CFLAGS)' tests/grade/hidden.sh "$$HIDDEN" \
		$(HIDDEN_PROGRAM) $(graded_objects)

build/tests/jail: $(call objects,grade/jail)
	@$(link)
build/tests/grade: $(call objects,$(addprefix grade/,grade points source guests \
		write all) mutants/child report/read report/write runner/tap module)
	@$(link)

build/tests/grade_test: $(call objects,$(addprefix grade/,grade_test build_test \
		samples) harness program)
	@$(link)
build/tests/samples_test: $(call objects,grade/samples_test grade/samples \
		harness program)
	@$(link)

grader := build/tests/grade build/tests/jail build/tests/vm build/guest/init
grading := $(grader) $(graded) build/kernel/$(grade_kernel)/vmlinuz \
	build/bad/$(grade_kernel)/force_return.ko
grade_with := env TOP=$(CURDIR) GRADES=$(CURDIR)/build/grade \
	KERNEL=$(grade_kernel) GRADED=$(abspath $(graded)) POINTS=$(call quoted,$(POINTS)) \
	TESTS=$(call quoted,$(TESTS))

grade: $(grading)
	@test -n "$$GRADE_SRC$$KMOD" || { echo "make: say what to grade: make grade SRC=folder, or KMOD=file.ko" >&2; exit 2; }
	@exec $(grade_with) build/tests/grade -- one "$${GRADE_SRC:-$$KMOD}"

grade-all: $(grading)
	@test -n "$$GRADE_DIR" || { echo "make: say what to grade: make grade-all DIR=submissions" >&2; exit 2; }
	@exec $(grade_with) build/tests/grade $(if $(FORCE),-f) -- all "$$GRADE_DIR"

grade-test: export AGAIN := make grade-test
grade-test: check-tools $(grading) build/tests/report build/tests/samples_test
	@exec env ONLY=samples KO=samples \
		KERNEL_DIR=$(CURDIR)/build/kernel/$(grade_kernel) \
		tests/check.sh $(call quoted,$(TESTS))

lint: $(if $(full),build/kernel/$(small)/vmlinuz,not-of-a-suite)
	@$(setup) lint
	@PROGRAM_FLAGS='$(CFLAGS)' tests/lint.sh $(small)

doctor:
	@tests/doctor.sh $(CONFIG)

# This host.
load: user
	@tests/host.sh load $(PARAMS)
unload:
	@tests/host.sh unload
install uninstall:
	@DESTDIR=$(call quoted,$(value DESTDIR)) PREFIX=$(call quoted,$(value PREFIX)) \
		KVER=$(call quoted,$(value KVER)) exec tests/install.sh $@

# Debian packages of both, and what they do in a Debian tree and in a guest.
deb:
	@$(setup) deb
	@exec tests/deb/build.sh

deb-test: export AGAIN := make deb-test
deb-test: deb build/tests/report build/tests/deb_test $(full_guest)
	@$(setup) deb-test
	@tests/deb/tree.sh $(full)
	@exec env ONLY=deb KO=packages KERNEL_DIR=$(CURDIR)/build/kernel/$(full) \
		RELEASE=$$(cat build/kernel/$(full)/release) \
		tests/check.sh $(call quoted,$(TESTS))

clean:
	@$(setup) ours
	@$(MAKE) -s --no-print-directory -C user clean
	@rm -rf build/obj build/guest build/tests build/kmod build/bad \
		build/techniques build/lab build/mutants build/results \
		build/coverage build/matrix build/ci-* build/grading \
		build/deb/*shmcount* build/deb/[0-9]* build/deb/installed \
		build/setup.log
# sudo make hosts and sudo make deb-test leave trees of root's.
distclean: clean
	@rm -rf build 2>/dev/null || { echo "make: cannot remove all of build/;" \
		"what is root's there takes sudo make distclean" >&2; exit 1; }

.PHONY: all help tools compare-tools watch-tools check-tools by-hand \
	of-this-host user run \
	shell vm compare techniques techniques-test watch check kvm-test matrix hosts coverage \
	mutants fuzz lab lab-tools lab-test grade grade-all grade-test \
	hidden-program small-guest not-of-a-suite lint doctor load unload \
	install uninstall deb deb-test clean distclean
.SECONDARY:
.DELETE_ON_ERROR:
