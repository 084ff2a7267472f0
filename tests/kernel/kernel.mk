# SPDX-License-Identifier: GPL-2.0
# What this host needs, kernels for the guests, and modules built for them.

# KERNEL= stands for two kernels in build/kernel/: small for the small guest, full for
# the guest that sees the host's files. A kernel of another suite has no full one. Do
# not ask for targets that need no kernel.
ifneq ($(KDIR)$(VMLINUZ),)
override KERNEL := by-hand
endif
small := none
ifneq ($(filter-out help user clean distclean doctor hosts load unload install \
	uninstall,$(or $(MAKECMDGOALS),all)),)
export KVER
names := $(shell KVER=$(call quoted,$(KVER)) tests/kernel/kernel.sh names $(call quoted,$(KERNEL)))
ifeq ($(names),)
$(error cannot choose a kernel: see above)
endif
small := $(word 2,$(names))
full := $(filter-out -,$(word 3,$(names)))
# Remove what was built for a kernel that is gone: make would take it for up to date.
gone := $(foreach k,$(small) $(full),$(if $(wildcard build/kernel/$k/vmlinuz),,\
	$(foreach d,kmod modules techniques lab mutants mutants-all,build/$d/$k)))
$(if $(wildcard $(gone)),$(shell rm -rf $(gone)))
endif

# kernel.sh fetches a kernel only where it is not the one wanted.
build/kernel/%/vmlinuz: $(addprefix tests/kernel/,kernel.sh fetch.sh modules.sh suite.sh \
		debug.sh by_hand.sh) | tools
	@tests/kernel/kernel.sh get $*
	@touch $@

build/kernel/debug/vmlinuz: Kconfig.notes

# Look each time: this machine may have another kernel there by now.
ifneq ($(filter by-hand host-%,$(small)),)
build/kernel/$(small)/vmlinuz: of-this-machine
	@:
of-this-machine: | tools
	@tests/kernel/kernel.sh get $(small) $(call quoted,$(KDIR)) $(call quoted,$(VMLINUZ))
endif

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
check-tools: compare-tools timeline-tools mutants-tools

doctor:
	@tests/kernel/doctor.sh $(CONFIG)

.PHONY: of-this-machine tools $(package_groups) doctor
