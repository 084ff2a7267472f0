// SPDX-License-Identifier: GPL-2.0
/* A PID 1 that ends at once. */
int main(void)
{
	return 1;
}
