# SPDX-License-Identifier: GPL-2.0
# The shared-memory experiment: make help lists what there is to make. Each fragment
# included below holds the rules of the directory that it is in.

# The path may hold letters, digits and . _ - + @ ~ only: every other character of ASCII
# means something to a shell, to make, kbuild or QEMU. tests/kernel/surroundings.sh has
# the same rule.
odd := ! " \# $$ % & ' ( ) * , : ; < = > ? [ \ ] ^ ` { | }
ifneq ($(words x$(CURDIR)x)$(strip $(foreach c,$(odd),$(findstring $c,$(CURDIR)))),1)
$(error the path of this directory, $(CURDIR), may have only letters, digits and . _ - + @ ~ in it)
endif

# Recipes run in the same surroundings as our scripts.
export LC_ALL := C
unexport CDPATH GREP_OPTIONS POSIXLY_CORRECT TAR_OPTIONS GNUMAKEFLAGS MAKEFILES

# What a user may set; make help says what for. (W and C go to kbuild; with WERROR=1 a
# warning is an error.) These may also come from the environment, as may HOSTS, MUTANTS,
# SAMPLE, ACCEL, BOOT, PROBE_SECONDS and SLOWER.
KERNEL ?=
KMOD ?=
TESTS ?=
SLOWER ?=
HOSTS_RUN ?= run check
SUITES ?= bullseye bookworm trixie unstable \
	$(if $(filter arm64,$(foreign))$(shell tests/kernel/kernel.sh foreign -amd64),trixie-arm64-16k)
POINTS ?= tests/grade/points
# These come from the command line only: the environment may have them for something
# else. Who builds kernels exports ARCH and CROSS_COMPILE.
$(foreach name,ARCH ARGS C CONFIG CROSS_COMPILE DESTDIR DIR FORCE HIDDEN KDIR KVER LOAD \
	MEMORY NATIVE LAB_STARTED PARAMS PREFIX REPEAT SEED SRC STEP VMLINUZ W WERROR,$(eval $(name) :=))
OPS := 200000

# In lower case they would be taken in silence, and do nothing.
lower := $(strip $(foreach name,accel arch args cmd dir hidden kernel kmod memory params points \
	repeat seed src step tests,$(if $(findstring command,$(origin $(name))),$(name)=)))
ifneq ($(lower),)
$(error $(lower): the names of variables are in upper case, as STEP= and SRC=)
endif

ifneq ($(filter-out kvm tcg,$(ACCEL))$(word 2,$(ACCEL)),)
$(error ACCEL=$(ACCEL): it has to be kvm or tcg)
endif
ifneq ($(filter-out cold,$(BOOT))$(word 2,$(BOOT)),)
$(error BOOT=$(BOOT): it has to be cold)
endif

# One word of a shell.
quoted = '$(subst ','\'',$(1))'

# again TARGET VARIABLES: the command that called this make, as far as these tell.
again = $(strip make $(1) $(foreach v,$(2),\
	$(if $(filter command environment override,$(origin $v)),$(if $($v),\
	$v=$(call quoted,$(value $v))))))

# Scripts that call one another, down to the guest's, inherit what the user set:
export KERNEL KMOD PARAMS REPEAT LOAD MEMORY SLOWER
# All else that our programs tell one another is an argument or a file, except:
# - CONSOLE, a guest's log: tests and check.sh set it for a vm.sh that a script between
#   them calls;
# - for tests of scripts: SHMCOUNT_ROOT (kernel.sh: where this machine's kernels and the
#   name of its distribution are) and EFIVARS (install.sh: the firmware's variables);
# - in a guest: SHMCOUNT_GUEST (what runs it), KMOD (the module that tests load), and
#   from the kernel's command line KERNEL and SLOWER (see fuzz and the harness).
unexport CONSOLE

# For recipes, what the user typed: make would expand a $ in it.
$(foreach name,ARGS CMD DIR HIDDEN SRC,$(eval export TYPED_$(name) := $$(value $(name))))

all:
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
#H make techniques-test  is that table the one in kmod/README.md?
#H make timeline   who held the semaphore, who waited for whom: a timeline of
#H                 CMD='user/incr_dev 5', as text and pictures, and for
#H                 Perfetto and KernelShark (NATIVE=1 on this host, ARGS=--help)
#H make shell      a root shell in a guest: module loaded, this host's files
#H make vm CMD='...'  one command there; its output, and nothing else
#H make lab-start DIR=~/mylab  begin the lab there: its Makefile knows this project
#H make lab        how far is a student's module? A line for each step of the
#H                 lab (SRC=dir; STEP=4 or 2-4: only that); see kmod/lab/README.md
#H make handout    the lab without its solutions, for students, in build/handout/
#H                 (STEP=4: the skeleton has the steps before 4 done)
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
#H make kvm-test   test the runner under KVM, inside a guest
#H make mutants    wrong versions of the module: does a test notice each?
#H make mutants-all  the same with some 400 that a machine makes
#H                 (SAMPLE=20: so many at random; SEED=n: the same again)
#H make grade SRC=dir  grade a submission (KMOD=file.ko: one that is built)
#H make grade-all DIR=dir  each in that directory (FORCE=1: once more)
#H                 (HIDDEN=dir: tests of your own; POINTS=file: their worth;
#H                 POINTS=lab: the steps of the lab)
#H make gradescope-zip  the autograder for Gradescope (HIDDEN=, POINTS=)
#H make grade-test grade the samples: does each get its verdict?
#H make bench-guest  how long a guest takes to boot, and to be restored
#H make lint       run compilers and static checkers
#H make clean      remove what was built (make distclean: and what
#H                 was fetched, and all grades)
#H
#H KERNEL=6.1|6.12      the guest's kernel (by default that of this host's Debian)
#H KERNEL=debug         one built here, with sanitizers
#H KERNEL=kcsan         one built here, with a detector of data races
#H KERNEL=unstable      that of a Debian suite (check: the guest's tests)
#H ARCH=arm64           guests of another architecture (KERNEL=trixie-arm64-16k: one
#H                      with pages of 16 KiB)
#H KERNEL=host          one that this machine has installed (KVER=: not the running)
#H KMOD=other.ko        run, check, shell, vm or timeline with another module
#H SRC=dir              run, shell, vm or timeline with the module of a student
#H PARAMS='size=65536 mode=0600'   the module's parameters, where one is loaded
#H TESTS='sync.* io.*'  check only these tests
#H REPEAT=N             run each N times (results: build/results/, as tap, junit.xml
#H                      and json)
#H LOAD=N               keep the host busy with N loops
#H MEMORY=5120          the memory of the guest, in MB
#H MUTANTS='no_*' SAMPLE=N      only these, or a sample of N
#H VMLINUZ=file KDIR=headers   a kernel that was not fetched from Debian
#H ACCEL=kvm|tcg        what runs the guest (KVM where it works, else TCG)
#H BOOT=cold            boot each guest; otherwise those under TCG are restored
#H PROBE_SECONDS=N      how long to try KVM
#H SLOWER=N             on a slow host: the limits of guests and tests are N times as long

include tests/kernel/kernel.mk kmod/kmod.mk tests/link.mk tests/guest/guest.mk
include user/user.mk tests/host/host.mk tests/check/check.mk tests/lab/lab.mk
include tests/techniques/techniques.mk tests/mutants/mutants.mk tests/grade/grade.mk
include tests/deb/deb.mk

all: build/kmod/$(kernel)/shmcount.ko $(build_user_for)
	@echo "built build/kmod/$(kernel)/shmcount.ko and the programs in $(user_for)/"

# All of build/ but what was fetched, and the grades.
clean:
	@tests/kernel/setup.sh ours
	@$(MAKE) -s --no-print-directory -C user clean
	@rm -rf build/obj build/guest build/tests build/kmod build/modules build/bad \
		build/amd64 build/arm64 build/techniques build/lab build/handout \
		build/mutants* build/results* \
		build/coverage build/matrix build/ci-* build/grading build/templates \
		build/deb/*shmcount* build/deb/[0-9]* build/deb/installed \
		build/compare build/timeline build/setup.log build/suite.log \
		build/gradescope.zip
# sudo make hosts and sudo make deb-test leave trees that belong to root.
distclean: clean
	@rm -rf build 2>/dev/null || { echo "make: cannot remove all of build/;" \
		"what is root's there takes sudo make distclean" >&2; exit 1; }

.PHONY: all help clean distclean
.SECONDARY:
.DELETE_ON_ERROR:
