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
# Our scripts pass these to one another; a user may have them for something else.
unexport CONSOLE JAIL SLOWER

# What a user may set; make help says what for. (W and C go to kbuild; with WERROR=1 a
# warning is an error.) These may also come from the environment, as may HOSTS, MUTANTS,
# SAMPLE and ACCEL.
KERNEL ?=
KMOD ?=
TESTS ?=
HOSTS_RUN ?= run check
SUITES ?= bullseye bookworm trixie unstable
POINTS ?= tests/grade/points
# These come from the command line only: the environment may have them for something
# else.
$(foreach name,ARGS C CONFIG DESTDIR DIR FORCE HIDDEN KDIR KVER LOAD MEMORY NATIVE \
	PARAMS PREFIX REPEAT SEED SRC STEP VMLINUZ W WERROR,$(eval $(name) :=))
OPS := 200000

ifneq ($(filter-out kvm tcg,$(ACCEL))$(word 2,$(ACCEL)),)
$(error ACCEL=$(ACCEL): it has to be kvm or tcg)
endif

# One word of a shell.
quoted = '$(subst ','\'',$(1))'

# again TARGET VARIABLES: the command that called this make, as far as these tell.
again = $(strip make $(1) $(foreach v,$(2),\
	$(if $(filter command environment,$(origin $v)),$(if $($v),\
	$v=$(call quoted,$(value $v))))))

# Pass on what the user typed unchanged: make would expand a $ in it.
export VM_CMD := $(value CMD)
export COMPARE_ARGS := $(value ARGS)
export TIMELINE_ARGS := $(value ARGS)
export GRADE_SRC := $(value SRC)
export GRADE_DIR := $(value DIR)
export HIDDEN := $(value HIDDEN)
export KERNEL KMOD PARAMS REPEAT LOAD MEMORY NATIVE

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
#H                 CMD='user/incr_dev 5', as text and pictures (ARGS=--help)
#H make shell      a root shell in a guest: module loaded, this host's files
#H make vm CMD='...'  one command there; its output, and nothing else
#H make lab        how far is a student's module? A line for each step of the
#H                 lab (SRC=dir, STEP=4: only that); see kmod/lab/README.md
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
#H make grade SRC=dir  grade a submission (KMOD=file.ko: one that is built)
#H make grade-all DIR=dir  each in that directory (FORCE=1: once more)
#H                 (HIDDEN=dir: tests of your own; POINTS=file: their worth)
#H make grade-test grade the samples: does each get its verdict?
#H make bench-guest  how long a guest takes to boot, and to be restored
#H make lint       run compilers and static checkers
#H make clean      remove what was built (make distclean: and what
#H                 was fetched, and all grades)
#H
#H KERNEL=6.1|6.12      the guest's kernel (by default that of this host's Debian)
#H KERNEL=debug         one built here, with sanitizers
#H KERNEL=unstable      that of a Debian suite (run and check: the guest's tests)
#H KERNEL=host          one that this machine has installed (KVER=: not the running)
#H KMOD=other.ko        run, check, shell or vm with another module
#H PARAMS='size=65536 mode=0600'   the module's parameters, where one is loaded
#H TESTS='sync.* io.*'  check only these tests
#H REPEAT=N             run each N times (results: build/results/, as tap, junit.xml
#H                      and json)
#H LOAD=N               keep the host busy with N loops
#H MEMORY=5120          the memory of the guest, in MB
#H MUTANTS='no_*' SAMPLE=N      only these, or a sample of N
#H VMLINUZ=file KDIR=headers   a kernel that was not fetched from Debian
#H ACCEL=kvm|tcg        what runs the guest (KVM where it works, else TCG)

include tests/kernel/kernel.mk tests/link.mk tests/guest/guest.mk tests/check/check.mk
include tests/techniques/techniques.mk tests/mutants/mutants.mk tests/lab/lab.mk
include tests/grade/grade.mk tests/deb/deb.mk

all: build/kmod/$(small)/shmcount.ko user
	@echo "built build/kmod/$(small)/shmcount.ko and the programs in user/"

# The packages that a target needs.
package_groups := $(addsuffix -tools,check compare coverage deb deb-test lint mutants \
	timeline)
tools $(package_groups):
	@tests/kernel/setup.sh $(@:%-tools=%)
check-tools: compare-tools timeline-tools mutants-tools

user: | tools
	@$(MAKE) -s --no-print-directory -C user >&2

ifeq ($(NATIVE),)
compare: $(full_guest)
endif
compare: user compare-tools
	@exec user/comparison/run.sh

timeline: $(full_guest) timeline-tools
	@exec user/timeline/run.sh

watch: timeline
	@echo "make watch is called make timeline now" >&2

doctor:
	@tests/kernel/doctor.sh $(CONFIG)

# On this host.
load: user
	@tests/host/load.sh load $(PARAMS)
unload:
	@tests/host/load.sh unload
install uninstall:
	@DESTDIR=$(call quoted,$(value DESTDIR)) PREFIX=$(call quoted,$(value PREFIX)) \
		KVER=$(call quoted,$(value KVER)) exec tests/host/install.sh $@

# All of build/ but what was fetched, and the grades.
clean:
	@tests/kernel/setup.sh ours
	@$(MAKE) -s --no-print-directory -C user clean
	@rm -rf build/obj build/guest build/tests build/kmod build/modules build/bad \
		build/techniques build/lab build/mutants build/results \
		build/coverage build/matrix build/ci-* build/grading \
		build/deb/*shmcount* build/deb/[0-9]* build/deb/installed \
		build/setup.log
# sudo make hosts and sudo make deb-test leave trees that belong to root.
distclean: clean
	@rm -rf build 2>/dev/null || { echo "make: cannot remove all of build/;" \
		"what is root's there takes sudo make distclean" >&2; exit 1; }

.PHONY: all help tools $(package_groups) user compare timeline watch doctor load unload \
	install uninstall clean distclean
.SECONDARY:
.DELETE_ON_ERROR:
