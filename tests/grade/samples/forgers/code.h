/* SPDX-License-Identifier: GPL-2.0 */
/* Code for a test: set "returned", and exit with status 0. */
static unsigned char code[] = {
	0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,	/* movabs $shared,%rax */
	0xc6, 0x40, 0x04, 0x01,			/* movb $1,4(%rax) */
	0x31, 0xff,				/* xor %edi,%edi */
	0xb8, 0xe7, 0, 0, 0,			/* mov $231,%eax */
	0x0f, 0x05,				/* syscall */
};

static void make_code(void)
{
	unsigned long address = shared_address();

	memcpy(code + 2, &address, sizeof(address));
}
