# SPDX-License-Identifier: GPL-2.0
# The module, for each kernel.

kmod_files := $(wildcard kmod/*.[ch]) kmod/Kbuild kmod/compat.mk

build/kmod/%/shmcount.ko: $(kmod_files) build/kernel/%/vmlinuz
	@$(call modules,$(kmod_files))
	@touch $@
