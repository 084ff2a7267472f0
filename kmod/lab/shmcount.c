// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/shmcount: one region of shared memory for every process that maps it.
 *
 * A skeleton, to be made into that in seven steps. README.md, beside this file,
 * says for each what it is to do, what to read, what to think about, and the
 * command that checks it. A comment "Step N" stands where the code of that step
 * goes, and goes itself then. Step 1 is done: it loads and unloads.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>

/* vm_flags_mod() and EMPTY_VMA_FLAGS, whatever the kernel; from ../compat.h. */
#include "compat.h"

/* Step 2: a parameter, the mode of the node. */

/* Step 3: a parameter, the size of the region; and the region itself. */

/* Step 5: the page that belongs to an address: a fault handler. */

/* Step 4: mmap. What may be mapped, and what never? */

/* Step 6: open. Whose pages are they? */

/* Step 3: read, write and seek. */

/* Step 2: the file operations and the device. */

static int __init shmcount_init(void)
{
	/* Step 3: make the region. */

	/* Step 2: register the device, last of all. */

	/* Step 7: if that fails, what is to be given back? */
	return 0;
}
module_init(shmcount_init);

static void __exit shmcount_exit(void)
{
	/* Steps 2 and 3: take all of it away, in which order? */
}
module_exit(shmcount_exit);

MODULE_DESCRIPTION("One region of shared memory for every process");
MODULE_LICENSE("GPL");
