/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The fake kernel with a TDX module in front of it: KVM's commands for TDX, which are written down,
 * one a line, are refused in the wrong order, and can be made to fail.
 */
#ifndef TDX_PLATFORM_H
#define TDX_PLATFORM_H

#include <linux/kvm.h>
#include <stdbool.h>

#include "fixture.h"
#include "forward.h"

#define TDX_PLATFORM_LEAVES 40u

struct tdx_platform {
	struct forward forward; /* to the fake */
	struct coco_platform platform;

	/* What the host is like; set by tdx_platform_init(). */
	uint64_t attributes, xfam; /* that may be chosen */
	uint64_t user_calls;       /* GetTdVmCallInfo, leaf 1, R11 */
	struct kvm_cpuid_entry2 leaves[TDX_PLATFORM_LEAVES];
	uint32_t leaf_count;
	uint32_t tsc_khz;               /* the host's */
	const char *capacity, *current; /* of the misc cgroup; NULL: there is no such file */

	/* The nth command from now (from 1) fails; 0: none does. */
	unsigned int fail_nth;
	unsigned int fail_count; /* and how many after it */
	int fail_errno;
	uint64_t fail_status; /* hw_error, which KVM writes for INIT_VM and FINALIZE_VM only */
	const char *failed;   /* the command that did */
	/* Hears of each page that is added; NULL: nobody does. */
	void (*added)(void *payload, uint64_t gpa, const unsigned char *bytes, bool measured);
	void *added_payload;
	/* INIT_MEM_REGION ends with this errno after so many pages; 0: never. */
	unsigned int pages_at_once;
	int page_errno;

	/* What KVM_TDX_INIT_VM was told last. */
	struct kvm_cpuid_entry2 told[TDX_PLATFORM_LEAVES];
	uint32_t told_count;
	uint8_t mrconfigid, mrowner, mrownerconfig; /* their first bytes */

	bool wrong; /* a command was not as it has to be */
	char log[16384];
	size_t used;

	/* The last VM. */
	bool split_irqchip, initialized, final;
	int cpuid_fd;           /* the last vCPU that has got a CPUID with x2APIC */
	uint32_t cpuid_kvm;     /* EAX of its leaf 0x40000001 */
	uint32_t cpuid_width;   /* bits 16-23 of EAX of its leaf 0x80000008 */
	uint32_t vcpus;         /* that are initialized */
	unsigned char page[16]; /* the first byte of each page that was added, the last ones */
	unsigned int pages;
};

void tdx_platform_init(struct tdx_platform *tdx, const struct coco_platform *inner);
/* A fixture on such a host, for a guest of two vCPUs. */
void tdx_fixture_init(struct fixture *f, struct tdx_platform *tdx);
/* The value of a leaf that KVM_TDX_INIT_VM was told; fails the test if there is none. */
const struct kvm_cpuid_entry2 *tdx_platform_told(const struct tdx_platform *tdx, uint32_t function,
						 uint32_t index);

#endif
