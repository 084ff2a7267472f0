# SPDX-License-Identifier: GPL-2.0
# Grading, on the kernel of a Debian suite, whose compiler builds the submissions.

grade_kernel := bookworm$(foreign:%=-%)
graded := build/grading/graded
hidden_program := build/grading/hidden/graded
ifneq ($(HIDDEN),)
graded := $(hidden_program)
endif

# What runs in the guest; where that is of another architecture, ours lists the tests.
in_guest = $(1:build/%=$(built_for)/%)
$(sort $(hidden_program) $(call in_guest,$(hidden_program))): %/grading/hidden/graded: \
		$(call objects_in,%,$(graded_sources)) always
	@mkdir -p $(@D)
	@CC='$(CC)' CFLAGS='$(CFLAGS)' tests/grade/hidden.sh $(if $(filter-out build,$*),-l) \
		"$$TYPED_HIDDEN" $@ $(filter %.o,$^)

# Where nothing can enter the tree of the kernel, kbuild.sh and the jail take a guest.
build/modules/$(grade_kernel)/force_return.ko: | build/tests/vm build/guest/init

grading := build/tests/grade build/tests/jail build/tests/vm $(built_for)/guest/init \
	$(sort $(graded) $(call in_guest,$(graded))) \
	build/kernel/$(grade_kernel)/vmlinuz \
	build/modules/$(grade_kernel)/force_return.ko
grade_with := build/tests/grade -k $(grade_kernel) -b $(built_for) -g $(graded) -i "$$TYPED_HIDDEN" \
	-p $(call quoted,$(POINTS)) -t $(call quoted,$(TESTS))

grade: $(grading)
	@test -n "$$TYPED_SRC$$KMOD" || { echo "make: say what to grade: make grade SRC=dir, or KMOD=file.ko" >&2; exit 2; }
	@exec $(grade_with) -- one "$${TYPED_SRC:-$$KMOD}"

grade-all: $(grading)
	@test -n "$$TYPED_DIR" || { echo "make: say what to grade: make grade-all DIR=submissions" >&2; exit 2; }
	@exec $(grade_with) $(if $(FORCE),-f) -- all "$$TYPED_DIR"

# All that grading needs, and nothing to grade.
grade-ready: $(grading)

# The autograder for Gradescope: its two scripts, the project as it is here, and what is
# the instructor's own.
gradescope-zip:
	@mkdir -p build
	@set --; for file in "$$TYPED_HIDDEN"/*.[ch]; do \
		test ! -f "$$file" || set -- "$$@" --add-file="$$file"; done; \
	test $(call quoted,$(POINTS)) = lab || \
		set -- "$$@" --prefix=points/ --add-file=$(call quoted,$(POINTS)); \
	tree=$$(git stash create) && git archive --format=zip -o build/gradescope.zip \
		$(patsubst %,--add-file=tests/grade/gradescope/%,setup.sh run_autograder) \
		--prefix=hidden/ "$$@" \
		--prefix=shmcount/ "$${tree:-HEAD}"
	@echo "build/gradescope.zip is the autograder to upload; see tests/grade/README.md"

grade-test: check-tools $(grading) build/tests/report build/tests/samples_test
	@exec tests/check/check.sh -a 'make grade-test' -p samples -m samples $(grade_kernel) \
		$(call quoted,$(TESTS))

.PHONY: always grade grade-all grade-ready gradescope-zip grade-test
