/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the library and the kernel say to each other, piece by piece, for the guest of fixture.h.
 * `#` is the VM's number.
 */
#ifndef CONVERSATION_H
#define CONVERSATION_H

/* ---- giving an incarnation back ---- */

#define RETIRE_VCPU(id)                                                                            \
	"mmap anon size=0x3000 none private,noreserve,fixed at run" id "\n"                        \
	"dup3 kvm -> vcpu" id " (was vcpu#." id ")\n"

#define RETIRE_GMEM(n) "close gmem#." n "\n"

#define RETIRE_GMEM_MAP "mmap anon size=0x400000 none private,noreserve,fixed at ram\n"

/* The last reference: when this call returns, the VM is gone from the kernel. */
#define RETIRE_VM                                                                                  \
	"dup3 kvm -> vm (was vm#)\n"                                                               \
	"gone vm#\n"

/* ---- building one ---- */

#define SCRUB_RAM "madvise ram size=0x400000 dontneed\n"
#define SCRUB_ROM "madvise rom size=0x10000 dontneed\n"
/* In memory that is kept otherwise. */
#define SCRUB_IMAGE_IN_RAM                                                                         \
	"madvise ram+0x1000 size=0x2000 dontneed\n"                                                \
	"madvise ram+0x8000 size=0x1000 dontneed\n"

#define CREATE_VM(type)                                                                            \
	"ioctl kvm KVM_CREATE_VM type=" type " = vm#\n"                                            \
	"dup3 vm# -> vm (was kvm)\n"                                                               \
	"close vm#\n"

#define EXIT_HYPERCALLS "ioctl vm# KVM_ENABLE_CAP 201 args=0x1000\n"
#define IRQCHIP_FULL    "ioctl vm# KVM_CREATE_IRQCHIP\n"
#define IRQCHIP_SPLIT   "ioctl vm# KVM_ENABLE_CAP 121 args=0x18\n"

#define SLOT_RAM                                                                                   \
	"ioctl vm# KVM_SET_USER_MEMORY_REGION slot=0 flags=0 gpa=0x0 size=0x400000 hva=ram\n"
#define SLOT_ROM                                                                                   \
	"ioctl vm# KVM_SET_USER_MEMORY_REGION slot=1 flags=0 gpa=0xffff0000 size=0x10000 "         \
	"hva=rom\n"

/* A guest_memfd that the host maps, too. */
#define SLOT_RAM_GMEM                                                                              \
	"ioctl vm# KVM_CREATE_GUEST_MEMFD size=0x400000 flags=3 = gmem#.0\n"                       \
	"set_cloexec gmem#.0\n"                                                                    \
	"mmap gmem#.0 size=0x400000 rw shared,fixed at ram\n"                                      \
	"madvise ram size=0x400000 dontfork\n"                                                     \
	"ioctl vm# KVM_SET_USER_MEMORY_REGION2 slot=0 flags=4 gpa=0x0 size=0x400000 hva=ram "      \
	"gmem=gmem#.0\n"

/* Regions with a shared and a private side. */
#define SLOTS_PRIVATE                                                                              \
	"ioctl vm# KVM_CREATE_GUEST_MEMFD size=0x400000 flags=0 = gmem#.0\n"                       \
	"set_cloexec gmem#.0\n"                                                                    \
	"ioctl vm# KVM_SET_USER_MEMORY_REGION2 slot=0 flags=4 gpa=0x0 size=0x400000 hva=ram "      \
	"gmem=gmem#.0\n"                                                                           \
	"ioctl vm# KVM_CREATE_GUEST_MEMFD size=0x10000 flags=0 = gmem#.1\n"                        \
	"set_cloexec gmem#.1\n"                                                                    \
	"ioctl vm# KVM_SET_USER_MEMORY_REGION2 slot=1 flags=4 gpa=0xffff0000 size=0x10000 "        \
	"hva=rom gmem=gmem#.1\n"

#define CREATE_VCPU(id)                                                                            \
	"ioctl vm# KVM_CREATE_VCPU id=" id " = vcpu#." id "\n"                                     \
	"dup3 vcpu#." id " -> vcpu" id " (was kvm)\n"                                              \
	"close vcpu#." id "\n"                                                                     \
	"mmap vcpu#." id " size=0x3000 rw shared,fixed at run" id "\n"                             \
	"madvise run" id " size=0x3000 dontfork\n"                                                 \
	"ioctl vcpu#." id " KVM_SET_CPUID2 nent=48\n"

#define MSR_LIST "ioctl kvm KVM_GET_MSR_INDEX_LIST n=0 = -E2BIG\n"

/* `lapic`: GET_LAPIC(id) or "". */
#define GET_LAPIC(id) "ioctl vcpu#." id " KVM_GET_LAPIC\n"
#define CAPTURE(id, lapic)                                                                         \
	"ioctl vcpu#." id " KVM_GET_SREGS\n"                                                       \
	"ioctl vcpu#." id " KVM_GET_XCRS\n"                                                        \
	"ioctl vcpu#." id " KVM_GET_XSAVE\n"                                                       \
	"ioctl vcpu#." id " KVM_GET_MSRS n=15 = 15\n"                                              \
	"ioctl vcpu#." id " KVM_GET_DEBUGREGS\n" lapic "ioctl vcpu#." id " KVM_GET_REGS\n"         \
	"ioctl vcpu#." id " KVM_GET_MP_STATE\n"                                                    \
	"ioctl vcpu#." id " KVM_GET_VCPU_EVENTS\n"

#define SET_LAPIC(id) "ioctl vcpu#." id " KVM_SET_LAPIC\n"
#define RESTORE(id, lapic)                                                                         \
	"ioctl vcpu#." id " KVM_SET_SREGS\n"                                                       \
	"ioctl vcpu#." id " KVM_SET_XCRS\n"                                                        \
	"ioctl vcpu#." id " KVM_SET_XSAVE\n"                                                       \
	"ioctl vcpu#." id " KVM_SET_MSRS n=15 = 15\n"                                              \
	"ioctl vcpu#." id " KVM_SET_DEBUGREGS\n" lapic "ioctl vcpu#." id " KVM_SET_REGS\n"         \
	"ioctl vcpu#." id " KVM_SET_MP_STATE\n"                                                    \
	"ioctl vcpu#." id " KVM_SET_VCPU_EVENTS\n"

/* The image's pages, or all memory. */
#define MARK_IMAGE                                                                                 \
	"ioctl vm# KVM_SET_MEMORY_ATTRIBUTES gpa=0x1000 size=0x2000 attributes=8\n"                \
	"ioctl vm# KVM_SET_MEMORY_ATTRIBUTES gpa=0x8000 size=0x1000 attributes=8\n"                \
	"ioctl vm# KVM_SET_MEMORY_ATTRIBUTES gpa=0xffffc000 size=0x4000 attributes=8\n"
#define MARK_ALL                                                                                   \
	"ioctl vm# KVM_SET_MEMORY_ATTRIBUTES gpa=0x0 size=0x400000 attributes=8\n"                 \
	"ioctl vm# KVM_SET_MEMORY_ATTRIBUTES gpa=0xffff0000 size=0x10000 attributes=8\n"

/*
 * A vCPU copies the image's two runs of data, one OUT each, from a mapping that the guest has had
 * since it was made: the second one then, if there is one vCPU.
 */
#define LOADER_ROUND                                                                               \
	"ioctl vcpu#.0 KVM_SET_REGS\n"                                                             \
	"ioctl vcpu#.0 KVM_RUN = exit 2\n"                                                         \
	"ioctl vcpu#.0 KVM_RUN = -EINTR\n"
#define LOADER                                                                                     \
	"ioctl vm# KVM_SET_USER_MEMORY_REGION2 slot=2 flags=0 gpa=0x100000000 size=0x200000 "      \
	"hva=map2\n"                                                                               \
	"ioctl vcpu#.0 KVM_GET_SREGS\n"                                                            \
	"ioctl vcpu#.0 KVM_SET_SREGS\n" LOADER_ROUND LOADER_ROUND                                  \
	"ioctl vm# KVM_SET_USER_MEMORY_REGION2 slot=2 flags=0 gpa=0x100000000 size=0x0 "           \
	"hva=map2\n"

#endif
