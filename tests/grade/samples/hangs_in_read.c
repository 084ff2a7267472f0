// SPDX-License-Identifier: GPL-2.0
/* A /dev/shmcount whose read() never returns, not even for SIGKILL. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>

static ssize_t sample_read(struct file *file, char __user *buffer, size_t size,
			   loff_t *position)
{
	for (;;)
		cond_resched();
	return 0;
}

static const struct file_operations sample_fops = {
	.owner	= THIS_MODULE,
	.read	= sample_read,
};

static struct miscdevice sample_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "shmcount",
	.fops	= &sample_fops,
	.mode	= 0666,
};
module_misc_device(sample_misc);

MODULE_DESCRIPTION("Hangs in read");
MODULE_LICENSE("GPL");
