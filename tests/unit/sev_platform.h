/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The fake kernel with a secure processor in front of it: /dev/sev, and KVM's commands for SEV,
 * which are written down, one a line, and can be made to fail.
 */
#ifndef SEV_PLATFORM_H
#define SEV_PLATFORM_H

#include <cocoreset/sys/platform.h>
#include <stdbool.h>

#include "forward.h"

#define SEV_PLATFORM_FD 900 /* no descriptor of the fake's has this number */

struct sev_platform {
	struct forward forward; /* to the fake */
	struct coco_platform platform;

	/* What the host is like; set by sev_platform_init(). */
	bool no_device;
	bool uninitialized;     /* the firmware is */
	bool no_es;             /* the firmware was initialized without SEV-ES */
	uint64_t policy_bits;   /* of SNP, that KVM lets through */
	uint64_t vmsa_features; /* that KVM offers */
	bool asks_certificates; /* KVM can ask user space for certificates */

	/* The nth command from now (from 1) fails; 0: none does. */
	unsigned int fail_nth;
	unsigned int fail_count; /* and how many after it */
	int fail_errno;
	uint32_t fail_status;
	const char *failed; /* the command that did */
	/* SNP_LAUNCH_UPDATE stops after so many pages; 0: never. */
	unsigned int pages_at_once;
	/* The firmware takes these bits of leaf 1's ECX out of a CPUID page. */
	uint32_t refused_ecx;

	/* What LAUNCH_MEASURE answers. */
	uint8_t measure[48];
	void *secret_place; /* in host memory, of the last LAUNCH_SECRET */

	unsigned int opens, closes; /* of /dev/sev */
	bool wrong;                 /* a command was not as it has to be */
	char log[16384];
	size_t used;
};

void sev_platform_init(struct sev_platform *sev, const struct coco_platform *inner);

struct fixture;

/* fixture_init() on such a platform, whose kernel has these VM types (a mask). */
void sev_platform_fixture(struct sev_platform *sev, struct fixture *f, uint32_t tech, int types);

#endif
