/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/tdx_cpuid.h"

#include <stddef.h>

#include "sim/tdx_abi.h"

#define NONE SIM_TDX_NO_SUBLEAF
#define ZEROES                                                                                     \
	{                                                                                          \
		{                                                                                  \
			0, 0, 0, 0                                                                 \
		}                                                                                  \
	}

enum { EAX, EBX, ECX, EDX };

#define LEAF_FEATURES 0x1u
#define LEAF_EXTENDED 0x7u
#define LEAF_XSTATE   0xdu
#define LEAF_ADDRESS  0x80000008u

#define ADDRESS_WIDTH 0x00ff0000u /* CPUID(0x80000008).EAX[23:16] */
#define TSX           0x00000810u /* CPUID(7).EBX: HLE, RTM */
#define WAITPKG       0x00000020u /* CPUID(7).ECX */
#define AVX_FEATURES  0x30001000u /* CPUID(1).ECX: AVX, F16C, FMA */

#define XFAM_AVX    (1ull << 2)
#define XFAM_AVX512 (7ull << 5)
#define XFAM_PKRU   (1ull << 9)
#define XFAM_AMX    (3ull << 17)
#define XFAM_XSS    (3ull << 11)
#define XFAM_XCR0   (3ull | XFAM_AVX | XFAM_AVX512 | XFAM_PKRU | XFAM_AMX)

/*
 * Modules differ in which leaves can be configured; the shape is the same in all. What is both here
 * and in hardware fixed, is what firmware and kernels look at early.
 */
const struct sim_tdx_leaf sim_tdx_leaves[SIM_TDX_LEAVES] = {
	/* "GenuineIntel" */
	{0x0, NONE, ZEROES, {{0x21, 0x756e6547, 0x6c65746e, 0x49656e69}}},
	{0x1,
	 NONE,
	 {{0x0fff3fff, 0x00ff0000, 0x01044984, 0xb0600000}},
	 {{0, 0x00000800, 0xf6fa3203, 0x0f8bfbff}}},
	{0x3, NONE, ZEROES, ZEROES},
	{0x4, 0, {{0xffffc000, 0, 0, 0}}, {{0x00000121, 0x02c0003f, 0x0000003f, 0}}},
	{0x4, 1, {{0xffffc000, 0, 0, 0}}, {{0x00000122, 0x01c0003f, 0x0000003f, 0}}},
	{0x4, 2, {{0xffffc000, 0, 0, 0}}, {{0x00000143, 0x03c0003f, 0x000007ff, 0}}},
	{0x4, 3, {{0xffffc000, 0, 0, 0}}, {{0x00000163, 0x04c0003f, 0x0000dfff, 4}}},
	{0x4, 4, ZEROES, ZEROES},
	{0x5, NONE, ZEROES, ZEROES},
	{0x7,
	 0,
	 {{0, 0xf1ab0938, 0x1a017f6e, 0x03c44110}},
	 {{2, 0x00140281, 0x00400000, 0xbc000400}}},
	{0x7, 1, {{0x00001c30, 0, 0, 0x00004010}}, ZEROES},
	{0x7, 2, ZEROES, {{0, 0, 0, 0x00000017}}},
	{0xd, 0, ZEROES, ZEROES},
	{0xd, 1, ZEROES, {{0x0000000f, 0, 0, 0}}},
	{0x14, 0, ZEROES, ZEROES},
	{0x1d, 0, ZEROES, {{1, 0, 0, 0}}},
	{0x1f, 0, {{0x1f, 0xffff, 0xff00, 0}}, ZEROES},
	{0x1f, 1, {{0x1f, 0xffff, 0xff00, 0}}, {{0, 0, 1, 0}}},
	{0x1f, 2, {{0x1f, 0xffff, 0xff00, 0}}, {{0, 0, 2, 0}}},
	/* "IntelTDX    " */
	{0x21, 0, ZEROES, {{0, 0x65746e49, 0x20202020, 0x5844546c}}},
	{0x80000000, NONE, ZEROES, {{0x80000008, 0, 0, 0}}},
	{0x80000001, NONE, {{0, 0, 0x00000120, 0}}, {{0, 0, 0x00000001, 0x2c100800}}},
	{0x80000006, NONE, ZEROES, {{0, 0, 0x08007040, 0}}},
	{0x80000007, NONE, ZEROES, {{0, 0, 0, 0x00000100}}},
	{0x80000008, NONE, {{0, 0x00000200, 0, 0}}, {{0x00003034, 0, 0, 0}}},
};

static bool configurable(const struct sim_tdx_leaf *leaf)
{
	const uint32_t *mask = leaf->configurable.r;

	return mask[EAX] || mask[EBX] || mask[ECX] || mask[EDX];
}

uint32_t sim_tdx_config_count(void)
{
	uint32_t count = 0;

	for (size_t i = 0; i < SIM_TDX_LEAVES; i++)
		count += configurable(&sim_tdx_leaves[i]);
	return count;
}

uint32_t sim_tdx_config_leaf(uint32_t i)
{
	uint32_t place = 0;

	for (;; place++)
		if (configurable(&sim_tdx_leaves[place]) && !i--)
			return place;
}

void sim_tdx_config_entry(uint32_t i, struct kvm_cpuid_entry2 *entry)
{
	const struct sim_tdx_leaf *leaf = &sim_tdx_leaves[sim_tdx_config_leaf(i)];

	*entry = (struct kvm_cpuid_entry2){
		.function = leaf->function,
		.index = leaf->index == NONE ? 0 : leaf->index,
		.eax = leaf->configurable.r[EAX],
		.ebx = leaf->configurable.r[EBX],
		.ecx = leaf->configurable.r[ECX],
		.edx = leaf->configurable.r[EDX],
	};
	if (entry->function == LEAF_ADDRESS)
		entry->eax |= ADDRESS_WIDTH;
	if (entry->function == LEAF_EXTENDED && !entry->index) {
		entry->ebx &= ~TSX;
		entry->ecx &= ~WAITPKG;
	}
}

/* The size of an XSAVE area, Intel SDM volume 1, 13.5: each component has its place in it. */
static uint32_t xsave_size(uint64_t xfam)
{
	if (xfam & XFAM_AMX)
		return 11008;
	if (xfam & XFAM_PKRU)
		return 2696;
	if (xfam & XFAM_AVX512)
		return 2688;
	return xfam & XFAM_AVX ? 832 : 576;
}

static void apply_xfam(const struct sim_tdx_leaf *leaf, uint64_t xfam, uint32_t r[4])
{
	if (leaf->function == LEAF_FEATURES && !(xfam & XFAM_AVX))
		r[ECX] &= ~AVX_FEATURES;
	if (leaf->function != LEAF_XSTATE)
		return;
	if (leaf->index == 0) {
		r[EAX] = (uint32_t)(xfam & XFAM_XCR0);
		r[EBX] = 576; /* XCR0 is 1 when a TD begins */
		r[ECX] = xsave_size(xfam);
	} else {
		r[EBX] = 576;
		r[ECX] = (uint32_t)(xfam & XFAM_XSS);
	}
}

/* What the VMM chose for a leaf is allowed, and only then. */
static bool allowed(const struct sim_tdx_leaf *leaf, const uint32_t chosen[4], uint32_t model)
{
	for (int i = EAX; i <= EDX; i++)
		if (chosen[i] & ~leaf->configurable.r[i])
			return false;
	/* A TD that does not migrate has the processor's own model, which 0 also stands for. */
	if (leaf->function == LEAF_FEATURES && chosen[EAX])
		return chosen[EAX] == model;
	/* Transactional memory comes with both of its halves. */
	if (leaf->function == LEAF_EXTENDED && !leaf->index)
		return !(chosen[EBX] & TSX) || (chosen[EBX] & TSX) == TSX;
	return true;
}

uint64_t sim_tdx_cpuid_make(const struct sim_tdx_cpuid_values *config, uint64_t xfam,
			    uint32_t model, struct sim_tdx_cpuid *out)
{
	uint32_t slot = 0;

	for (size_t i = 0; i < SIM_TDX_LEAVES; i++) {
		const struct sim_tdx_leaf *leaf = &sim_tdx_leaves[i];

		out->values[i] = leaf->fixed;
		if (configurable(leaf)) {
			const uint32_t *chosen = config[slot++].r;

			if (!allowed(leaf, chosen, model))
				return TDX_OPERAND_INVALID | TDX_OPERAND_CPUID_CONFIG;
			for (int r = EAX; r <= EDX; r++)
				out->values[i].r[r] |= chosen[r];
		}
		if (leaf->function == LEAF_FEATURES && !out->values[i].r[EAX])
			out->values[i].r[EAX] = model;
		apply_xfam(leaf, xfam, out->values[i].r);
	}
	return TDX_SUCCESS;
}

int sim_tdx_cpuid_find(uint32_t function, uint32_t index)
{
	for (int i = 0; i < SIM_TDX_LEAVES; i++)
		if (sim_tdx_leaves[i].function == function && sim_tdx_leaves[i].index == index)
			return i;
	return -1;
}

int sim_tdx_cpuid_lookup(uint32_t function, uint32_t index)
{
	int place = sim_tdx_cpuid_find(function, SIM_TDX_NO_SUBLEAF);

	return place >= 0 ? place : sim_tdx_cpuid_find(function, index);
}
