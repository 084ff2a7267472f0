# SPDX-License-Identifier: GPL-2.0
# Mutants: the module with one patch each, in a directory of its own.

mutant_patches := tests/mutants/patches
mutants_built := build/mutants

define mutant
$(mutants_built)/%/$(1)/$(1).ko: $(mutant_patches)/$(1).patch $(kmod_files) \
		build/kernel/%/vmlinuz
	@rm -rf $$(@D) && mkdir -p $$(@D)/kmod && cp $(kmod_files) $$(@D)/kmod/
	@patch --batch --forward -p1 -F0 -d $$(@D) <$$< >$$(@D)/apply.log 2>&1
	@($$(call modules,$$(addprefix $$(@D)/,$(kmod_files)))) \
		2>$$(@D)/build.log
	@$(cross)objcopy --strip-debug $$(@D)/shmcount.o $$(@D)/code
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

# Those of mutate.c, all or a sample.
all_mutants := build/mutants-all/$(kernel)
mutants-all: $(small_guest) build/tests/mutants mutants-tools mutants-all-tools \
		build/kmod/$(kernel)/shmcount.ko build/tests/mutate
	@tests/mutants/generate.sh $(kernel) $(all_mutants)/patches
	@$(cross)objcopy --strip-debug build/kmod/$(kernel)/shmcount.o $(all_mutants)/code
	@set -f; exec env KMOD= build/tests/mutants -u tests/mutants/unseen -s '$(SEED)' \
		'$(own_make) mutants_built=build/mutants-all \
			mutant_patches=$(all_mutants)/patches $(if \
			$(filter by-hand,$(kernel)),-o build/kernel/by-hand/vmlinuz)' \
		$(all_mutants)/patches $(all_mutants) $(MUTANTS)

# libclang is where clang is; each Debian has its own.
llvm = $(shell clang -print-resource-dir)/../../..
build/obj/mutants/mutate.o: CPPFLAGS = -isystem $(llvm)/include
build/tests/mutate: LDLIBS = -L$(llvm)/lib -lclang
build/tests/mutate build/obj/mutants/mutate.o: | mutants-all-tools

.PHONY: mutants mutants-all
