/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of shmcount: the life of a mapping as three events.
 *
 * shmcount_mmap and shmcount_unmap come in pairs, one pair for each VMA: a
 * fork, a split and an mremap make one as mmap does. At a fork the pid is the
 * parent's, in whose name the kernel copies the address space. A VMA that was
 * cut by a partial munmap ends with the address and offset of what was left.
 *
 * pid: of the process (what getpid returns); address: where in its address
 * space; offset: where in the region, both in bytes.
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

DEFINE_EVENT(shmcount_event, shmcount_mmap,
	     TP_PROTO(unsigned long address, pgoff_t pgoff),
	     TP_ARGS(address, pgoff));

DEFINE_EVENT(shmcount_event, shmcount_fault,
	     TP_PROTO(unsigned long address, pgoff_t pgoff),
	     TP_ARGS(address, pgoff));

DEFINE_EVENT(shmcount_event, shmcount_unmap,
	     TP_PROTO(unsigned long address, pgoff_t pgoff),
	     TP_ARGS(address, pgoff));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
