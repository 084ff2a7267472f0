# SPDX-License-Identifier: GPL-2.0
# The lab: a student's module, or the skeleton; and the solution of each step.

# Only what the handout has, too: the tests, and the modules that help them.
lab_needs := $(guest) $(sort build/guest/suite $(built_for)/guest/suite) \
	build/modules/$(kernel)/force_return.ko build/tests/lab
# The Makefile of lab-start has the number of a step as its target.
lab_here = $(call again,lab,SRC KMOD KERNEL KVER KDIR VMLINUZ) STEP=
lab_again = $(if $(LAB_STARTED),$(call again,,KERNEL MEMORY) ,$(lab_here))
# "Not yet" is no error: run.sh tells a script what became of it.
lab: $(lab_needs)
	@tests/lab/run.sh build/lab "$$TYPED_SRC" -r $(call quoted,$(lab_again)) \
		$(if $(STEP),-s $(call quoted,$(value STEP))) || [ $$? -eq 1 ]

lab-start:
	@exec tests/lab/start.sh "$$TYPED_DIR"

# The solution of step N is the skeleton with the patches of all steps up to N.
lab_files := $(wildcard kmod/lab/*.[ch] kmod/compat.*) kmod/lab/Kbuild
lab_patches := $(sort $(wildcard tests/lab/step-*.patch))
# A patch wrong-N-NAME makes the last solution wrong in what step N asks for.
lab_wrong := $(patsubst tests/lab/%.patch,build/lab/$(kernel)/%.ko,\
	$(wildcard tests/lab/wrong-*.patch))
lab_solutions := $(patsubst tests/lab/%.patch,build/lab/$(kernel)/%.ko,\
	tests/lab/step-1.patch $(lab_patches))

lab_build = rm -rf $(basename $@) && mkdir -p $(basename $@) && \
	cp $(lab_files) $(basename $@) && \
	for patch in $(1); do patch -s -p1 -F0 -d $(basename $@) <$$patch || exit; done && \
	tests/kernel/kbuild.sh $(kernel) $(CURDIR)/$(basename $@) >&2 && \
	mv $(basename $@)/shmcount.ko $@
lab_depends := $(lab_files) $(lab_patches) build/kernel/$(kernel)/vmlinuz

build/lab/$(kernel)/step-%.ko: $(lab_depends) | mutants-tools
	@$(call lab_build,$$(seq -f tests/lab/step-%g.patch 2 $*))

build/lab/$(kernel)/wrong-%.ko: tests/lab/wrong-%.patch $(lab_depends) | mutants-tools
	@$(call lab_build,$(lab_patches) $<)

lab-test: $(lab_needs) $(lab_solutions) $(lab_wrong) build/kmod/$(kernel)/shmcount.ko
	@exec env KMOD= tests/lab/test.sh $(lab_solutions) $(lab_wrong) \
		build/kmod/$(kernel)/shmcount.ko

# The lab without its solutions, for students (STEP=4: who begin at step 4).
handout: $(if $(STEP),mutants-tools)
	@tests/lab/handout.sh build/handout/shmcount-lab $(call quoted,$(value STEP))

.PHONY: lab lab-start lab-test handout
