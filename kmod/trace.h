/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of shmcount: three events in the life of a mapping.
 *
 * shmcount_vma_open and shmcount_vma_close come in pairs, one pair for each
 * VMA: mmap makes one, and so do a fork, a split and an mremap. At a fork the
 * pid is the parent's, which copies its address space. After a partial munmap
 * the close event has the address and offset of what was left.
 *
 * pid is the process, as getpid() returns it; address is in its address space,
 * offset in the region, both in bytes.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM shmcount

#if !defined(SHMCOUNT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SHMCOUNT_TRACE_H

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(shmcount_event,
		    TP_PROTO(unsigned long address, pgoff_t pgoff),
		    TP_ARGS(address, pgoff),
		    TP_STRUCT__entry(__field(pid_t, pid)
				     __field(unsigned long, address)
				     __field(loff_t, offset)
		    ),
		    TP_fast_assign(__entry->pid = current->tgid;
				   __entry->address = address;
				   __entry->offset = (loff_t)pgoff << PAGE_SHIFT;
		    ),
		    TP_printk("pid=%d address=0x%lx offset=%lld",
			      __entry->pid, __entry->address, __entry->offset)
);

DEFINE_EVENT(shmcount_event, shmcount_vma_open,
	     TP_PROTO(unsigned long address, pgoff_t pgoff),
	     TP_ARGS(address, pgoff));

DEFINE_EVENT(shmcount_event, shmcount_fault,
	     TP_PROTO(unsigned long address, pgoff_t pgoff),
	     TP_ARGS(address, pgoff));

DEFINE_EVENT(shmcount_event, shmcount_vma_close,
	     TP_PROTO(unsigned long address, pgoff_t pgoff),
	     TP_ARGS(address, pgoff));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
