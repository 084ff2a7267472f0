// SPDX-License-Identifier: GPL-2.0
/* A submission whose object file would fill the disk. */
char sample_data[64UL << 30] = { 1 };
