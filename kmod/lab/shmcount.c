// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/shmcount: one region of shared memory for every process that maps it.
 *
 * This is a skeleton, which nine steps make into the device. README.md, beside
 * this file, says what each step must do, what to read and to think about, and
 * which command checks it. Replace each comment "Step N" by the code of step N.
 * Step 1 is done: the module loads and unloads.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>

/* vm_flags_mod() and EMPTY_VMA_FLAGS for every kernel; from ../compat.h. */
#include "compat.h"

/* Step 2: a parameter, the mode of the node. */

/* Step 3: a parameter, the size of the region; and the region itself. */

/* Step 6: in its place a region whose pages an inode owns. */

/* Step 5: a fault handler. Which page belongs to an address? */

/* Step 4: mmap. What may be mapped, and what never? */

/* Step 7: open. Where does the kernel look for those who map a page? */

/* Step 8: open. By which nodes may a process open the device? */

/* Step 3: read, write and seek. */

/* Step 2: the file operations and the device. */

static int __init shmcount_init(void)
{
	/* Step 3: make the region. */

	/* Step 2: register the device, last of all. */

	/* Step 9: if that fails, what must be released? */
	return 0;
}
module_init(shmcount_init);

static void __exit shmcount_exit(void)
{
	/* Steps 2 and 3: undo what init did, the last of it first. */
}
module_exit(shmcount_exit);

MODULE_DESCRIPTION("One region of shared memory for every process");
MODULE_LICENSE("GPL");
