/* SPDX-License-Identifier: GPL-2.0 */
/* What glibc and the kernel's headers define, and musl lacks. */
#ifndef LIBC_H
#define LIBC_H

#include <errno.h>
#include <pthread.h>
#include <string.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#define LIBC_NAME "glibc"
#define libc_version() gnu_get_libc_version()
/* "EFAULT", for example; NULL if there is no such error. */
#define error_name(error) strerrorname_np(error)
#define ADAPTIVE_MUTEX PTHREAD_MUTEX_ADAPTIVE_NP
#else
#define LIBC_NAME "musl or similar"
#define libc_version() ""
#define error_name(error) strerror(error)
#define ADAPTIVE_MUTEX (-1)
#endif

/* From <linux/futex.h> and <linux/magic.h>. */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define TMPFS_MAGIC 0x01021994
#define RAMFS_MAGIC 0x858458f6

#endif
