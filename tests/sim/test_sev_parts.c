/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Parts of the simulated SEV host that need no VM: ASIDs, the cipher, CPUID pages, VMSAs, the
 * firmware's own rules. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "kvm/uapi_sev.h"
#include "sim/sev_asid.h"
#include "sim/sev_cipher.h"
#include "sim/sev_cpuid_page.h"
#include "sim/sev_digest.h"
#include "sim/sev_psp.h"
#include "sim/sev_status.h"
#include "sim/sev_vmsa.h"

/* --- 2.6, 2.7: ASIDs */

struct flushes {
	uint32_t count;
	int result;
};

static int flush(void *context)
{
	struct flushes *flushes = context;

	flushes->count++;
	return flushes->result;
}

static struct sim_sev_asids asids_of(uint32_t max, uint32_t min_sev, uint32_t hiding)
{
	return (struct sim_sev_asids){.max = max,
				      .min_sev = min_sev,
				      .hiding = hiding,
				      .limit = {SIM_SEV_NO_LIMIT, SIM_SEV_NO_LIMIT}};
}

static const struct {
	const char *name;
	uint32_t max, min_sev, hiding;
	enum sim_sev_kind kind;
	uint32_t first, last;
} ranges[] = {
	{"2.6 SEV: MIN..MAX", 15, 8, 0, SIM_SEV_PLAIN, 8, 15},
	{"2.6 SEV-ES: 1..MIN-1", 15, 8, 0, SIM_SEV_ES, 1, 7},
	{"2.6 SNP: 1..MIN-1", 15, 8, 0, SIM_SEV_SNP, 1, 7},
	{"2.6 hiding, SNP: 1..N", 15, 8, 3, SIM_SEV_SNP, 1, 3},
	{"2.6 hiding, SEV-ES: N+1..MIN-1", 15, 8, 3, SIM_SEV_ES, 4, 7},
	{"2.6 hiding all: nothing for SEV-ES", 15, 8, 7, SIM_SEV_ES, 8, 7},
	{"2.6 no SEV at all", 15, 16, 0, SIM_SEV_PLAIN, 16, 15},
};

START_TEST(asid_ranges)
{
	struct sim_sev_asids asids =
		asids_of(ranges[_i].max, ranges[_i].min_sev, ranges[_i].hiding);
	struct flushes flushes = {0};
	uint32_t first, last, asid = 0;

	sim_sev_asid_range(&asids, ranges[_i].kind, &first, &last);
	ck_assert_msg(first == ranges[_i].first && last == ranges[_i].last, "%s: %u..%u",
		      ranges[_i].name, first, last);
	if (first > last) {
		ck_assert_int_eq(sim_sev_asid_take(&asids, ranges[_i].kind, flush, &flushes, &asid),
				 -ENOTTY);
		return;
	}
	/* All of them in ascending order, and then none. */
	for (uint32_t expected = first; expected <= last; expected++) {
		ck_assert_int_eq(sim_sev_asid_take(&asids, ranges[_i].kind, flush, &flushes, &asid),
				 0);
		ck_assert_uint_eq(asid, expected);
	}
	ck_assert_int_eq(sim_sev_asid_take(&asids, ranges[_i].kind, flush, &flushes, &asid),
			 -EBUSY);
	ck_assert_uint_eq(flushes.count, 0);
}
END_TEST

/* 2.6: a released ASID is free after a flush, and there is one flush when a range has run out. */
START_TEST(asids_are_reclaimed)
{
	struct sim_sev_asids asids = asids_of(4, 3, 0);
	struct flushes flushes = {0};
	uint32_t first, second, third;

	ck_assert_int_eq(sim_sev_asid_take(&asids, SIM_SEV_SNP, flush, &flushes, &first), 0);
	sim_sev_asid_give(&asids, SIM_SEV_SNP, first);
	ck_assert_int_eq(sim_sev_asid_take(&asids, SIM_SEV_ES, flush, &flushes, &second), 0);
	ck_assert_uint_eq(second, 2);
	ck_assert_uint_eq(flushes.count, 0);
	ck_assert_int_eq(sim_sev_asid_take(&asids, SIM_SEV_ES, flush, &flushes, &third), 0);
	ck_assert_uint_eq(third, 1);
	ck_assert_uint_eq(flushes.count, 1);
}
END_TEST

START_TEST(failed_flush_is_busy)
{
	struct sim_sev_asids asids = asids_of(1, 2, 0);
	struct flushes flushes = {.result = -EBUSY};
	uint32_t asid;

	ck_assert_int_eq(sim_sev_asid_take(&asids, SIM_SEV_SNP, flush, &flushes, &asid), 0);
	sim_sev_asid_give(&asids, SIM_SEV_SNP, asid);
	ck_assert_int_eq(sim_sev_asid_take(&asids, SIM_SEV_SNP, flush, &flushes, &asid), -EBUSY);
	ck_assert_uint_eq(asids.charged[1], 0);
}
END_TEST

/* 2.7: SEV-ES and SNP share a limit. */
START_TEST(cgroup_limits)
{
	struct sim_sev_asids asids = asids_of(15, 8, 0);
	struct flushes flushes = {0};
	uint32_t asid;

	asids.limit[1] = 1;
	ck_assert_int_eq(sim_sev_asid_take(&asids, SIM_SEV_SNP, flush, &flushes, &asid), 0);
	ck_assert_int_eq(sim_sev_asid_take(&asids, SIM_SEV_ES, flush, &flushes, &asid), -EBUSY);
	ck_assert_int_eq(sim_sev_asid_take(&asids, SIM_SEV_PLAIN, flush, &flushes, &asid), 0);
}
END_TEST

/* --- the cipher */

START_TEST(cipher_depends_on_key_and_place)
{
	uint8_t page[4096], other_key[4096], other_place[4096], pieces[4096];

	for (size_t i = 0; i < sizeof(page); i++)
		page[i] = (uint8_t)i;
	memcpy(other_key, page, sizeof(page));
	memcpy(other_place, page, sizeof(page));
	memcpy(pieces, page, sizeof(page));
	sim_cipher(1, 0x1000, 0, page, sizeof(page));
	sim_cipher(2, 0x1000, 0, other_key, sizeof(other_key));
	sim_cipher(1, 0x2000, 0, other_place, sizeof(other_place));
	for (size_t i = 0, size; i < sizeof(pieces); i += size) {
		size = i % 13 + 1 < sizeof(pieces) - i ? i % 13 + 1 : sizeof(pieces) - i;
		sim_cipher(1, 0x1000, i, pieces + i, size);
	}
	ck_assert_mem_ne(page, other_key, sizeof(page));
	ck_assert_mem_ne(page, other_place, sizeof(page));
	ck_assert_mem_eq(page, pieces, sizeof(page));
	sim_cipher(1, 0x1000, 0, page, sizeof(page));
	for (size_t i = 0; i < sizeof(page); i++)
		ck_assert_uint_eq(page[i], (uint8_t)i);
}
END_TEST

/* --- CPUID pages */

static const struct {
	const char *name;
	uint32_t count, leaf, subleaf, ebx, ecx;
	uint64_t reserved;
	bool corrected;
} cpuid_rows[] = {
	{"nothing in it", 0, 0, 0, 0, 0, 0, false},
	{"64 entries", 64, 0, 0, 0, 0, 0, false},
	{"65 entries", 65, 0, 0, 0, 0, 0, true},
	{"VMX", 1, 1, 0, 0, 1u << 5, 0, true},
	{"x2APIC", 1, 1, 0, 0, 1u << 21, 0, false},
	{"SGX", 1, 7, 0, 1u << 2, 0, 0, true},
	{"the same bit in another subleaf", 1, 7, 1, 1u << 2, 0, 0, false},
	{"reserved field", 1, 0, 0, 0, 0, 1, true},
};

START_TEST(cpuid_pages)
{
	struct uapi_snp_cpuid_table table = {.count = cpuid_rows[_i].count};
	uint8_t page[4096] = {0};

	table.entries[0].eax_in = cpuid_rows[_i].leaf;
	table.entries[0].ecx_in = cpuid_rows[_i].subleaf;
	table.entries[0].ebx = cpuid_rows[_i].ebx;
	table.entries[0].ecx = cpuid_rows[_i].ecx;
	table.entries[0].reserved = cpuid_rows[_i].reserved;
	memcpy(page, &table, sizeof(table));
	ck_assert_msg(sim_snp_correct_cpuid(page) == cpuid_rows[_i].corrected, "%s",
		      cpuid_rows[_i].name);
	ck_assert_msg(!sim_snp_correct_cpuid(page), "%s: it is not right afterwards",
		      cpuid_rows[_i].name);
}
END_TEST

/* --- the launch digest: what it covers (3.9) */

START_TEST(digest_covers_type_place_and_order)
{
	static uint8_t a[4096] = {1}, b[4096] = {2};
	uint8_t digests[6][SIM_SHA384_SIZE] = {{0}};

	sim_snp_extend(digests[0], 1, 0x1000, a);
	sim_snp_extend(digests[0], 1, 0x2000, b);
	/* another order, place, type, content; one page more */
	sim_snp_extend(digests[1], 1, 0x2000, b);
	sim_snp_extend(digests[1], 1, 0x1000, a);
	sim_snp_extend(digests[2], 1, 0x1000, a);
	sim_snp_extend(digests[2], 1, 0x3000, b);
	sim_snp_extend(digests[3], 1, 0x1000, a);
	sim_snp_extend(digests[3], 4, 0x2000, NULL);
	sim_snp_extend(digests[4], 1, 0x1000, a);
	sim_snp_extend(digests[4], 1, 0x2000, a);
	memcpy(digests[5], digests[0], SIM_SHA384_SIZE);
	sim_snp_extend(digests[5], 3, 0x4000, NULL);
	for (size_t i = 0; i < 6; i++)
		for (size_t k = 0; k < i; k++)
			ck_assert_mem_ne(digests[i], digests[k], SIM_SHA384_SIZE);
}
END_TEST

/* --- the firmware: ASIDs that were not flushed (appendix A) */

START_TEST(dirty_asid_needs_a_flush)
{
	struct sim_psp psp = {.max_guests = 4, .max_asid = 15, .min_sev_asid = 8};
	struct sim_psp_context *context, *next;
	static const uint8_t gosvw[16];

	ck_assert_uint_eq(sim_psp_snp_init(&psp, 0), 0);
	ck_assert_uint_eq(sim_psp_snp_init(&psp, 0), SIM_SEV_INVALID_PLATFORM_STATE);
	ck_assert_uint_eq(sim_psp_context_create(&psp, &context), 0);
	ck_assert_uint_eq(sim_psp_snp_activate(&psp, context, 1), SIM_SEV_INVALID_GUEST_STATE);
	ck_assert_uint_eq(sim_psp_snp_launch_start(&psp, context, 0x30000, gosvw), 0);
	ck_assert_uint_eq(sim_psp_snp_activate(&psp, context, 8), SIM_SEV_INVALID_ASID);
	ck_assert_uint_eq(sim_psp_snp_activate(&psp, context, 1), 0);
	ck_assert_uint_eq(sim_psp_snp_activate(&psp, context, 2), SIM_SEV_ACTIVE);
	ck_assert_uint_eq(sim_psp_context_create(&psp, &next), 0);
	ck_assert_uint_eq(sim_psp_snp_launch_start(&psp, next, 0x30000, gosvw), 0);
	ck_assert_uint_eq(sim_psp_snp_activate(&psp, next, 1), SIM_SEV_ASID_OWNED);
	sim_psp_snp_decommission(&psp, context);
	ck_assert_uint_eq(sim_psp_snp_activate(&psp, next, 1), SIM_SEV_DFFLUSH_REQUIRED);
	ck_assert_uint_eq(sim_psp_flush(&psp), 0);
	ck_assert_uint_eq(sim_psp_snp_activate(&psp, next, 1), 0);
	sim_psp_free(&psp);
	ck_assert_uint_eq(psp.context_count, 0);
}
END_TEST

START_TEST(firmware_has_a_limit)
{
	struct sim_psp psp = {.max_guests = 1, .max_asid = 15, .min_sev_asid = 8};
	struct sim_psp_context *context;
	uint32_t handle;

	ck_assert_uint_eq(sim_psp_launch_start(&psp, 0, 0, NULL, 0, &handle),
			  SIM_SEV_INVALID_PLATFORM_STATE);
	sim_psp_snp_init(&psp, 0);
	sim_psp_init(&psp, false);
	ck_assert_uint_eq(sim_psp_launch_start(&psp, 0, 4, NULL, 0, &handle), SIM_SEV_UNSUPPORTED);
	ck_assert_uint_eq(sim_psp_launch_start(&psp, 0, 0, NULL, 0, &handle), 0);
	ck_assert_uint_eq(sim_psp_launch_start(&psp, 0, 0, NULL, 0, &handle),
			  SIM_SEV_RESOURCE_LIMIT);
	ck_assert_uint_eq(sim_psp_context_create(&psp, &context), 0);
	ck_assert_uint_eq(sim_psp_context_create(&psp, &context), SIM_SEV_RESOURCE_LIMIT);
	sim_psp_free(&psp);
}
END_TEST

/* --- VMSAs: what is captured comes back */

START_TEST(vmsa_round_trip)
{
	struct sim_vmsa_source source = {
		.regs = {.rax = 1, .rsp = 2, .r15 = 3, .rip = 0xfff0, .rflags = 2},
		.sregs = {.cs = {.base = 0xffff0000,
				 .limit = 0xffff,
				 .selector = 0xf000,
				 .type = 10,
				 .present = 1,
				 .s = 1},
			  .cr0 = 0x60000010},
		.cd_nw_cleared = true,
		.host_cr4_mce = true,
		.dr7 = 0x400,
	};
	struct sim_vmsa vmsa;
	struct kvm_regs regs = {0};
	struct kvm_sregs2 sregs;

	sim_vmsa_capture(&vmsa, &source);
	ck_assert_uint_eq(vmsa.cs.attributes, 0x9a);
	ck_assert_uint_eq(vmsa.cr0, 0x10);
	ck_assert_uint_eq(vmsa.cr4, 0x40);
	ck_assert_uint_eq(vmsa.efer, 0x1000);
	ck_assert(sim_vmsa_is_valid(&vmsa, 0));
	ck_assert(!sim_vmsa_is_valid(&vmsa, 1));
	sim_vmsa_load(&vmsa, &regs, &sregs);
	ck_assert_int_eq(memcmp(&regs, &source.regs, sizeof(regs)), 0);
	ck_assert_uint_eq(sregs.cs.base, source.sregs.cs.base);
	ck_assert_uint_eq(sregs.cs.selector, source.sregs.cs.selector);
	ck_assert_uint_eq(sregs.cs.type, source.sregs.cs.type);
	ck_assert_uint_eq(sregs.cs.present, 1);
	ck_assert_uint_eq(sregs.efer, 0);
	/* Without the quirk that KVM has by default the digest is another. */
	source.cd_nw_cleared = false;
	sim_vmsa_capture(&vmsa, &source);
	ck_assert_uint_eq(vmsa.cr0, 0x60000010);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sev_parts");
	TCase *tcase = tcase_create("parts");

	tcase_add_loop_test(tcase, asid_ranges, 0, (int)(sizeof(ranges) / sizeof(ranges[0])));
	tcase_add_test(tcase, asids_are_reclaimed);
	tcase_add_test(tcase, failed_flush_is_busy);
	tcase_add_test(tcase, cgroup_limits);
	tcase_add_test(tcase, cipher_depends_on_key_and_place);
	tcase_add_loop_test(tcase, cpuid_pages, 0,
			    (int)(sizeof(cpuid_rows) / sizeof(cpuid_rows[0])));
	tcase_add_test(tcase, digest_covers_type_place_and_order);
	tcase_add_test(tcase, dirty_asid_needs_a_flush);
	tcase_add_test(tcase, firmware_has_a_limit);
	tcase_add_test(tcase, vmsa_round_trip);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
