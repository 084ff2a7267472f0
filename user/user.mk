# SPDX-License-Identifier: GPL-2.0
# The programs, and what they show.

user: | tools
	@$(MAKE) -s --no-print-directory -C user >&2

# The same for a guest of another architecture.
foreign-user: | tools
	@mkdir -p $(user_for) && $(MAKE) -s --no-print-directory -C $(user_for) \
		-f $(CURDIR)/user/Makefile CC=$(cross)gcc >&2

ifeq ($(NATIVE),)
compare: $(full_guest)
endif
compare: user compare-tools $(build_user_for)
	@exec user/comparison/run.sh $(if $(NATIVE),-n) $(if $(foreign),\
		-p $(CURDIR)/$(user_for)/compare -o $(CURDIR)/$(built_for)/compare) -- "$$TYPED_ARGS"

ifeq ($(NATIVE),)
timeline: $(full_guest)
endif
timeline: user timeline-tools
	@$(module_of_src) exec user/timeline/run.sh $(if $(NATIVE),-n) -- "$$TYPED_ARGS" "$$TYPED_CMD"

watch-renamed:
	@echo "make watch is called make timeline now" >&2

watch: watch-renamed timeline

.PHONY: user foreign-user compare timeline watch watch-renamed
