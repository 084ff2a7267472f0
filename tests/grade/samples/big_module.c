// SPDX-License-Identifier: GPL-2.0
/* A submission that builds, into a module that nobody has room for. */
#include <linux/module.h>

MODULE_LICENSE("GPL");

char sample_data[20 << 20] = { 1 };
