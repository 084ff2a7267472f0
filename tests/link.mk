# SPDX-License-Identifier: GPL-2.0
# The programs of tests/: each with the objects that it is linked from.

# make -R has no default CC.
CC ?= cc
CFLAGS := -O2 -g -std=gnu11 -Wall -Wextra $(if $(filter-out 0,$(WERROR)),-Werror) \
	-D_GNU_SOURCE -fPIE -pthread -Itests -Itests/harness
# Of single programs.
CPPFLAGS :=
LDLIBS :=

objects_in = $(addprefix $(1)/obj/,$(addsuffix .o,$(2)))
objects = $(call objects_in,build,$(1))
harness := $(addprefix harness/,harness held program)
locate := guest/where guest/splat harness/module
run_guests := guest/run guest/tap guest/verdict check/read harness/child
# The tests run in this order. The grader stops after many crashes, so another order
# changes what a submission that crashes gets points for.
device_groups := io large life load map perm share stats sync
groups := $(device_groups) fault \
	$(addprefix programs/,incr attach samepage_demo compare noise fuzz techniques)
# Of compare all but what starts processes, of which the group's tests play the part.
questions := user/common $(addprefix user/comparison/,backing histogram lock output pairs \
	result setup speed stevens summary)
graded_sources := grade/probe $(device_groups) device $(harness) harness/module

# What a guest runs, in DIRECTORY/guest/; and what is graded.
define guest_programs
$(1)/guest/suite: $$(call objects_in,$(1),$$(groups) $$(questions) device $$(harness) \
	harness/module)
# Their clock runs on without waiting: programs/noise.c.
$(1)/guest/suite: LDLIBS := -lm -Wl,--wrap=now
$(1)/guest/fuzz: $$(call objects_in,$(1),harness/module $$(addprefix fuzz/,fuzz worker \
	model map io sync life))
$(1)/guest/techniques: $$(call objects_in,$(1),harness/module techniques/techniques \
	techniques/probe)
$(1)/guest/init: $$(call objects_in,$(1),guest/init guest/archive)
$(1)/tests/dying_init: $$(call objects_in,$(1),guest/dying_init)
$(1)/grading/graded: $$(call objects_in,$(1),$$(graded_sources))
# The order of the objects may change here.
$(1)/guest/%: tests/link.mk
	@$$(link)
$(1)/tests/%: tests/link.mk
	@$$(link)
$(1)/grading/graded: tests/link.mk
	@$$(link)
$(1)/obj/%.o: tests/%.c | tools
	@mkdir -p $$(@D)
	@$$(CC) $$(CPPFLAGS) $$(CFLAGS) -MMD -MP -c -o $$@ $$<
$(1)/obj/user/%.o: user/%.c | tools
	@mkdir -p $$(@D)
	@$$(CC) $$(CPPFLAGS) $$(CFLAGS) -MMD -MP -c -o $$@ $$<
# A guest has no libraries.
$(1)/guest/% $(1)/tests/dying_init: LDFLAGS := -static
# Where a submission finds what in it is not known before it runs.
$(1)/grading/graded: LDFLAGS := -static-pie -s
-include $$(wildcard $(1)/obj/*.d $(1)/obj/*/*.d $(1)/obj/*/*/*.d)
endef
# Of this machine's architecture also for guests of another one: these list their tests.
$(eval $(call guest_programs,build))
ifneq ($(foreign),)
$(eval $(call guest_programs,$(built_for)))
$(built_for)/%: CC := $(cross)gcc
endif

build/tests/vm: $(call objects,$(addprefix guest/,vm options payload template qemu streams \
	decoys judge verdict accel archive tap splat))
build/tests/vm_test: $(call objects,$(harness) harness/module $(addprefix guest/,vm_test \
	accel_test template_test tap splat verdict))
build/tests/nest_test: $(call objects,$(harness) guest/nest_test)
build/tests/report: $(call objects,guest/tap guest/verdict $(addprefix check/,report \
	read write json))
build/tests/report_test: $(call objects,check/report_test guest/tap $(harness))
build/tests/mutants: $(call objects,$(addprefix mutants/,mutants mutant guests) $(run_guests))
build/tests/mutate: $(call objects,mutants/mutate)
build/tests/mutants_test: $(call objects,mutants/mutants_test guest/actor $(harness))
build/tests/harness_test: $(call objects,harness/harness_test harness/module $(harness))
build/tests/harness_sample: $(call objects,$(addprefix harness/,harness_sample harness held))
build/tests/timeline_test: $(call objects,programs/timeline_test $(harness))
build/tests/setup_test: $(call objects,$(addprefix kernel/,setup_test kernel_test \
	suite_test surroundings_test) check/each_test host/host_test $(harness))
build/tests/deb_test: $(call objects,deb/deb_test $(harness))
build/tests/lab: $(call objects,lab/lab lab/steps lab/mistakes lab/log $(locate) $(run_guests))
build/tests/lab_test: $(call objects,lab/lab_test lab/steps lab/mistakes guest/actor $(harness))
build/tests/jail: $(call objects,grade/jail)
build/tests/grade: $(call objects,$(addprefix grade/,grade points taken unpack code plan \
	makefile source guests look write publish moodle all) lab/steps check/write check/json \
	$(locate) $(run_guests))
build/tests/grade_test: $(call objects,grade/grade_test grade/build_test grade/samples \
	guest/actor $(harness))
build/tests/samples_test: $(call objects,grade/samples_test grade/samples $(harness))

link = mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LDLIBS)
