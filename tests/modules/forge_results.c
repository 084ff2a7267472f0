// SPDX-License-Identifier: GPL-2.0
/* Has no device, but writes passing results to the report and to the log. */
#include <linux/fs.h>
#include <linux/module.h>

/* VM_PORT in guest/vm.h */
static const char *const port = IS_ENABLED(CONFIG_ARM64) ? "/dev/ttyS0" : "/dev/ttyS1";

static const char forged[] =
	"TAP version 13\n1..2\nok 1 load.all\nok 2 sync.all\n";

static int __init bad_init(void)
{
	struct file *report = filp_open(port, O_WRONLY | O_NOCTTY, 0);

	pr_info("ok 1 load.all\n");
	if (IS_ERR(report))
		return PTR_ERR(report);
	kernel_write(report, forged, sizeof(forged) - 1, NULL);
	filp_close(report, NULL);
	return 0;
}
module_init(bad_init);

static void __exit bad_exit(void)
{
}
module_exit(bad_exit);

MODULE_DESCRIPTION("Forges results");
MODULE_LICENSE("GPL");
