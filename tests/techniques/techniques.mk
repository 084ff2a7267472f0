# SPDX-License-Identifier: GPL-2.0
# The device by the techniques of other drivers.

# The sources name kmod/compat.* by "..".
technique_files := $(wildcard kmod/techniques/*.[ch]) kmod/techniques/Kbuild
build/techniques/%/module/techniques.ko: $(technique_files) kmod/compat.h \
		kmod/compat.mk build/kernel/%/vmlinuz
	@mkdir -p $(@D)
	@ln -sf $(CURDIR)/kmod/compat.* $(@D)/../
	@$(call modules,$(technique_files))
	@touch $@

techniques_module := build/techniques/$(kernel)/module/techniques.ko
techniques techniques-test: $(full_guest) $(addprefix $(built_for)/guest/,techniques \
		compare) $(techniques_module)
	@exec tests/techniques/$(if $(filter %-test,$@),test,run).sh $(addprefix \
		$(CURDIR)/,$(techniques_module) $(built_for)/guest/techniques \
		$(built_for)/guest/compare)

.PHONY: techniques techniques-test
