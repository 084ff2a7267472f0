// SPDX-License-Identifier: GPL-2.0
/* A submission that builds, but the module is too large. */
#include <linux/module.h>

MODULE_LICENSE("GPL");

char sample_data[20 << 20] = { 1 };
