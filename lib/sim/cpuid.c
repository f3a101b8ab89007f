/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * KVM_GET_SUPPORTED_CPUID: a processor that libunicorn can be (what a Linux guest and firmware
 * need, up to AVX), by the vendor whose technologies the host has.
 */
#include "sim/cpuid.h"

#include <errno.h>
#include <string.h>

#include "sim/knobs.h"

#define INDEXED KVM_CPUID_FLAG_SIGNIFCANT_INDEX
#define ROOM    64u

struct table {
	struct kvm_cpuid_entry2 *entries;
	uint32_t room;
	uint32_t count;
};

static void add(struct table *table, uint32_t function, uint32_t index, uint32_t flags,
		const uint32_t regs[4])
{
	if (table->count < table->room)
		table->entries[table->count] = (struct kvm_cpuid_entry2){
			.function = function,
			.index = index,
			.flags = flags,
			.eax = regs[0],
			.ebx = regs[1],
			.ecx = regs[2],
			.edx = regs[3],
		};
	table->count++;
}

#define ADD(function, eax, ebx, ecx, edx)                                                          \
	add(table, function, 0, 0, (const uint32_t[4]){eax, ebx, ecx, edx})
#define ADD_INDEXED(function, index, eax, ebx, ecx, edx)                                           \
	add(table, function, index, INDEXED, (const uint32_t[4]){eax, ebx, ecx, edx})

static void add_vendor(struct table *table, uint32_t function, uint32_t max, const char *vendor)
{
	uint32_t words[3];

	memcpy(words, vendor, sizeof(words));
	ADD(function, max, words[0], words[2], words[1]);
}

/* Leaf 1: EPYC-Milan's and Sapphire Rapids' signatures. */
static void add_basic(struct table *table, bool amd)
{
	add_vendor(table, 0, 0xd, amd ? "AuthenticAMD" : "GenuineIntel");
	ADD(1, amd ? 0x00a00f11 : 0x000806f8, 0x00010800,
	    0xf6f83203 /* SSE3, PCLMUL, SSSE3, FMA, CX16, SSE4, x2APIC, MOVBE, POPCNT, deadline
			  timer, AES, XSAVE, AVX, F16C, RDRAND, hypervisor */
	    ,
	    0x178bfbff /* FPU to HTT */);
	ADD(2, 0x00feff01, 0xf0, 0, 0);
	if (!amd) {
		ADD_INDEXED(4, 0, 0x00000121, 0x02c0003f, 0x0000003f, 0);
		ADD_INDEXED(4, 1, 0x00000122, 0x01c0003f, 0x0000003f, 0);
		ADD_INDEXED(4, 2, 0x00000143, 0x03c0003f, 0x000007ff, 0);
		ADD_INDEXED(4, 3, 0, 0, 0, 0);
	}
	ADD(5, 0, 0, 0x3, 0);
	ADD(6, 0x4, 0, 0, 0);
	ADD_INDEXED(7, 0, 0, 0x009c03ab & ~0x20u /* FSGSBASE, TSC_ADJUST, BMI1, SMEP, BMI2, ERMS,
						    RDSEED, ADX, SMAP, CLFLUSHOPT */
		    ,
		    0, 0x20000000 /* ARCH_CAPABILITIES */);
	ADD_INDEXED(0xb, 0, 0, 1, 0x100, 0);
	ADD_INDEXED(0xb, 1, 0, 1, 0x201, 0);
	ADD_INDEXED(0xd, 0, (uint32_t)SIM_XCR0_SUPPORTED, 0x340, 0x340, 0);
	ADD_INDEXED(0xd, 1, 0x1 /* XSAVEOPT */, 0x340, 0, 0);
	ADD_INDEXED(0xd, 2, 0x100, 0x240, 0, 0);
}

/* KVM_CPUID_SIGNATURE and KVM_CPUID_FEATURES. */
static void add_kvm(struct table *table)
{
	uint32_t words[3];

	memcpy(words, "KVMKVMKVM\0\0\0", sizeof(words));
	ADD(0x40000000, 0x40000001, words[0], words[1], words[2]);
	ADD(0x40000001, 0x0100fe7b, 0, 0, 0);
}

/* 0x8000001f (APM volume 3, E.4.17): as KVM shows it, without the reduction of physical addresses.
 */
static void add_sev(struct table *table, const struct coco_sim *sim)
{
	const struct coco_sim_options *o = &sim->knobs->options;
	uint32_t features = 0;

	if (sim_offers(sim, COCO_TECH_SEV))
		features |= 1u << 1;
	if (sim_offers(sim, COCO_TECH_SEVES))
		features |= 1u << 1 | 1u << 3;
	if (sim_offers(sim, COCO_TECH_SNP))
		features |= 1u << 1 | 1u << 3 | 1u << 4;
	ADD(0x8000001f, features | 1u << 10 /* cache coherence */, SIM_SEV_C_BIT, o->sev_asids,
	    o->sev_min_asid);
}

static void add_extended(struct table *table, const struct coco_sim *sim, bool amd)
{
	const bool sev = sim_offers_sev(sim);
	uint32_t max = sev ? 0x8000001f : amd ? 0x8000001e : 0x80000008;
	uint32_t name[12] = {0};

	add_vendor(table, 0x80000000, max, amd ? "AuthenticAMD" : "GenuineIntel");
	ADD(0x80000001, amd ? 0x00a00f11 : 0, 0, amd ? 0x000001f3 : 0x121,
	    0x2c100800 /* SYSCALL, NX, 1 GiB pages, RDTSCP, long mode */);
	memcpy(name, "libcocoreset simulated processor", 32);
	ADD(0x80000002, name[0], name[1], name[2], name[3]);
	ADD(0x80000003, name[4], name[5], name[6], name[7]);
	ADD(0x80000004, name[8], name[9], name[10], name[11]);
	ADD(0x80000007, 0, 0, 0, 0x100 /* invariant TSC */);
	ADD(0x80000008, 0x3000 | (sev ? SIM_SEV_C_BIT + 1 : 46) /* linear 48 bits */, 0, 0, 0);
	if (sev)
		add_sev(table, sim);
}

uint32_t sim_supported_cpuid(const struct coco_sim *sim, struct kvm_cpuid_entry2 *entries,
			     uint32_t room)
{
	const bool amd = sim_offers_sev(sim);
	struct table table = {entries, room, 0};

	add_basic(&table, amd);
	add_extended(&table, sim, amd);
	add_kvm(&table);
	return table.count;
}

/* kvm_dev_ioctl_get_cpuid() */
int sim_get_supported_cpuid(struct sim_file *file, uintptr_t argument)
{
	struct kvm_cpuid_entry2 entries[ROOM];
	struct kvm_cpuid2 header;
	uint32_t count;

	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	count = sim_supported_cpuid(file->sim, entries, ROOM);
	if (header.nent < count)
		return -E2BIG;
	header.nent = count;
	if (sim_copy_out(argument + sizeof(header), entries, count * sizeof(entries[0])))
		return -EFAULT;
	return sim_copy_out(argument, &header, sizeof(header));
}

/* KVM emulates nothing that the host has not. */
int sim_get_emulated_cpuid(struct sim_file *file, uintptr_t argument)
{
	struct kvm_cpuid2 header;

	(void)file;
	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	if (header.nent < 1)
		return -E2BIG;
	header.nent = 0;
	return sim_copy_out(argument, &header, sizeof(header));
}

int sim_get_hyperv_cpuid(struct sim_file *file, uintptr_t argument)
{
	struct kvm_cpuid_entry2 entry = {.function = 0x40000000, .eax = 0x40000000};
	struct kvm_cpuid2 header;

	(void)file;
	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	if (header.nent < 1)
		return -E2BIG;
	header.nent = 1;
	if (sim_copy_out(argument + sizeof(header), &entry, sizeof(entry)))
		return -EFAULT;
	return sim_copy_out(argument, &header, sizeof(header));
}
