# SPDX-License-Identifier: GPL-2.0
# Mutants: the module with one patch each, in a directory of its own.

mutant_patches := tests/mutants/patches

define mutant
build/mutants/%/$(1)/$(1).ko: $(mutant_patches)/$(1).patch $(kmod_files) \
		build/kernel/%/vmlinuz
	@rm -rf $$(@D) && mkdir -p $$(@D)/kmod && cp $(kmod_files) $$(@D)/kmod/
	@patch --batch --forward -p1 -F0 -d $$(@D) <$$< >$$(@D)/apply.log 2>&1
	@($$(call modules,$$(addprefix $$(@D)/,$(kmod_files)))) \
		2>$$(@D)/build.log
	@mv $$(@D)/shmcount.ko $$@
endef
$(foreach patch,$(wildcard $(mutant_patches)/*.patch),\
	$(eval $(call mutant,$(basename $(notdir $(patch))))))

# build/tests/mutants runs a make of its own, with none of this one's options or jobs,
# which goes on after a mutant that does not build. That make must not prepare a kernel
# given by hand a second time.
own_make := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(MAKE) -skj2 --no-print-directory
mutants: $(small_guest) build/tests/mutants \
		build/kmod/$(kernel)/shmcount.ko mutants-tools
	@set -f; exec env KMOD= build/tests/mutants '$(own_make) $(if \
		$(filter by-hand,$(kernel)),-o build/kernel/by-hand/vmlinuz)' \
		$(mutant_patches) build/mutants/$(kernel) $(MUTANTS)

.PHONY: mutants
