# SPDX-License-Identifier: GPL-2.0
# What this host needs, kernels for the guests, and modules built for them.

# KERNEL= stands for a kernel in build/kernel/. Do not ask for targets that need none.
ifneq ($(KDIR)$(VMLINUZ),)
override KERNEL := by-hand
endif
kernel := none
foreign :=
ifneq ($(filter-out help user clean distclean doctor hosts load unload install \
	uninstall handout lab-start gradescope-zip,$(or $(MAKECMDGOALS),all)),)
export KVER
kernel := $(shell KVER=$(call quoted,$(KVER)) tests/kernel/kernel.sh name \
	$(call quoted,$(KERNEL)) $(call quoted,$(ARCH)))
ifeq ($(kernel),)
$(error cannot choose a kernel: see above)
endif
# Its architecture, if that is not this machine's.
foreign := $(shell tests/kernel/kernel.sh foreign $(kernel))
ifneq ($(foreign),)
override KERNEL := $(kernel)
ifeq ($(origin CC),command line)
$(error CC= is for the programs of this machine: CROSS_COMPILE= chooses the compiler of the guest's)
endif
endif
# Remove what was built for a kernel that is gone: make would take it for up to date. (For
# one that is replaced put_kernel in modules.sh does, which has the same list.)
gone := $(if $(wildcard build/kernel/$(kernel)/vmlinuz),,\
	$(foreach d,kmod modules techniques lab mutants mutants-all,build/$d/$(kernel)))
$(if $(wildcard $(gone)),$(shell rm -rf $(gone)))
endif

# kernel.sh fetches a kernel only where it is not the one wanted.
build/kernel/%/vmlinuz: $(addprefix tests/kernel/,kernel.sh fetch.sh modules.sh suite.sh \
		debug.sh by_hand.sh) | tools
	@tests/kernel/kernel.sh get $*
	@touch $@

# The kernels built from Kconfig.notes.
noted := debug kcsan
$(noted:%=build/kernel/%/vmlinuz): Kconfig.notes

# Look each time: this machine may have another kernel there by now.
ifneq ($(filter by-hand host-%,$(kernel)),)
build/kernel/$(kernel)/vmlinuz: of-this-machine
	@:
of-this-machine: | tools
	@tests/kernel/kernel.sh get $(kernel) $(call quoted,$(KDIR)) $(call quoted,$(VMLINUZ))
endif

# These run, or make, programs of this machine.
ours := $(filter bench-guest coverage deb deb-test doctor grade-test hosts install kvm-test \
	lint load shell timeline uninstall unload user vm watch $(if $(NATIVE),compare),\
	$(MAKECMDGOALS))
ifneq ($(and $(ours),$(or $(foreign),$(and $(filter none,$(kernel)),$(ARCH)))),)
$(error make $(ours) is for this machine's architecture only, and takes no other by ARCH= or KERNEL=)
endif

# What programs of that architecture are built with, and where they are.
cross_amd64 := x86_64-linux-gnu-
cross_arm64 := aarch64-linux-gnu-
cross := $(if $(foreign),$(or $(CROSS_COMPILE),$(cross_$(foreign))))
built_for := build$(foreign:%=/%)
# The programs of user/ for it: the directory, and the target that builds them there.
user_for := $(if $(foreign),$(built_for)/)user
build_user_for := $(if $(foreign),foreign-)user

# Only this host has sparse, and a tree of its own has no place for DKMS.
not-of-a-suite: build/kernel/$(kernel)/vmlinuz
	@test ! -e build/kernel/$(kernel)/tree || { echo "make: KERNEL=$(KERNEL) does not" \
		"work here: $(kernel) has a compiler of its own" >&2; exit 2; }

# Kbuild leaves its files beside the sources, so each kernel has a directory of links
# to them.
modules = mkdir -p $(@D) && \
	ln -sf $(patsubst %,$(CURDIR)/%,$(1)) $(@D)/ && \
	tests/kernel/kbuild.sh $* $(CURDIR)/$(@D) \
		$(if $(W),W=$(W)) $(if $(C),C=$(C)) >&2

test_modules := $(wildcard tests/modules/*.c) tests/modules/Kbuild

build/modules/%/force_return.ko: $(test_modules) build/kernel/%/vmlinuz
	@$(call modules,$(test_modules))
	@touch $@

# The packages that a target needs.
package_groups := $(addsuffix -tools,check compare coverage deb deb-test lint mutants \
	mutants-all timeline)
tools $(package_groups):
	@tests/kernel/setup.sh $(@:%-tools=%)
ifneq ($(foreign),)
tools: foreign-tools
foreign-tools:
	@tests/kernel/setup.sh $(foreign)
endif
check-tools: compare-tools timeline-tools mutants-tools

doctor:
	@tests/kernel/doctor.sh $(CONFIG)

.PHONY: foreign-tools of-this-machine not-of-a-suite tools $(package_groups) doctor
