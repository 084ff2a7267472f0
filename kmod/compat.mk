# SPDX-License-Identifier: GPL-2.0
# For compat.h: features that the preprocessor cannot find in the kernel's headers.
kernel_has = $(if $(shell grep $(1) $(srctree)/include/linux/$(2).h),-D$(3))
ccflags-y += $(call kernel_has,vm_flags_mod,mm,HAVE_VM_FLAGS_MOD)
ccflags-y += $(call kernel_has,'vm_fault_t (\*map_pages)',mm,HAVE_MAP_PAGES_RESULT)
