# SPDX-License-Identifier: GPL-2.0
# The lab: a student's module, or the skeleton; and the solution of each step.

lab_needs := $(small_guest) build/tests/lab
lab_again = $(call again,lab,SRC KMOD KERNEL KVER KDIR VMLINUZ)
# "Not yet" is no error: run.sh tells a script what became of it.
lab: $(lab_needs)
	@tests/lab/run.sh build/lab "$$TYPED_SRC" -r $(call quoted,$(lab_again)) \
		$(if $(STEP),-s $(call quoted,$(value STEP))) || [ $$? -eq 1 ]

# The solution of step N is the skeleton with the patches of all steps up to N.
lab_files := $(wildcard kmod/lab/*.[ch] kmod/compat.*) kmod/lab/Kbuild
lab_patches := $(sort $(wildcard tests/lab/step-*.patch))
lab_solutions := $(patsubst tests/lab/%.patch,build/lab/$(kernel)/%.ko,\
	tests/lab/step-1.patch $(lab_patches))

build/lab/$(kernel)/step-%.ko: $(lab_files) $(lab_patches) \
		build/kernel/$(kernel)/vmlinuz | mutants-tools
	@rm -rf $(basename $@) && mkdir -p $(basename $@)
	@cp $(lab_files) $(basename $@)
	@for n in $$(seq 2 $*); do patch -s -p1 -F0 -d $(basename $@) \
		<tests/lab/step-$$n.patch || exit; done
	@tests/kernel/kbuild.sh $(kernel) $(CURDIR)/$(basename $@) >&2
	@mv $(basename $@)/shmcount.ko $@

lab-test: $(lab_needs) $(lab_solutions) build/kmod/$(kernel)/shmcount.ko
	@exec env KMOD= tests/lab/test.sh $(lab_solutions) \
		build/kmod/$(kernel)/shmcount.ko

.PHONY: lab lab-test
