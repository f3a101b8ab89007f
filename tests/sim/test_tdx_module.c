/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the simulated TDX module and KVM's bookkeeping decide by themselves: key ids, TD_PARAMS,
 * CPUID, MRTD. Rows name the section of the TDX reference (kvm-tdx-and-generic-abi) that they
 * check.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "sim/tdx_mrtd.h"
#include "sim/tdx_params.h"

#define LEAVES_MAX 16u
#define MODEL      0x000806f8u

static struct sim_tdx_host *new_host(uint32_t key_ids, uint32_t max, uint32_t capacity)
{
	struct sim_tdx_options options;
	struct sim_tdx_host *host = NULL;

	sim_tdx_options_default(&options);
	options.key_ids = key_ids;
	options.cgroup_max = max;
	options.cgroup_capacity = capacity;
	ck_assert_int_eq(sim_tdx_host_new(&options, &host), 0);
	return host;
}

struct key_row {
	const char *name;
	uint32_t key_ids, max, capacity;
	uint32_t takes;
	int result; /* of the last of them: 0 stands for a key id */
	bool usable;
	uint32_t charged; /* afterwards */
};

static const struct key_row key_rows[] = {
	{"2.4 one id is the module's: N-1 remain", 4, SIM_TDX_NO_LIMIT, 3, 3, 0, true, 3},
	{"2.4 pool empty ENOSPC", 4, SIM_TDX_NO_LIMIT, 3, 4, -ENOSPC, true, 3},
	{"2.4 N<2 disables TDX", 1, SIM_TDX_NO_LIMIT, 1, 1, -ENOSPC, false, 0},
	{"2.4 misc.max EBUSY, and one unit too few (pitfall 31)", 8, 2, 7, 3, -EBUSY, true, 1},
	{"2.4 misc.max 0 EBUSY, never below nothing", 8, 0, 7, 1, -EBUSY, true, 0},
	{"2.4 capacity 0 EINVAL", 8, SIM_TDX_NO_LIMIT, 0, 1, -EINVAL, true, 0},
};

START_TEST(keys)
{
	const struct key_row *row = &key_rows[_i];
	struct sim_tdx_host *host = new_host(row->key_ids, row->max, row->capacity);
	int result = 0;

	for (uint32_t i = 0; i < row->takes; i++)
		result = sim_tdx_key_take(host);
	ck_assert_msg(row->result ? result == row->result : result > 0, "%s: %d", row->name,
		      result);
	ck_assert_msg(sim_tdx_host_usable(host) == row->usable, "%s", row->name);
	ck_assert_msg(host->charged == row->charged, "%s: %u", row->name, host->charged);
	sim_tdx_host_free(host);
}
END_TEST

START_TEST(key_comes_back)
{
	struct sim_tdx_host *host = new_host(3, 2, 2);
	int first = sim_tdx_key_take(host), second = sim_tdx_key_take(host);

	ck_assert_int_ne(first, second);
	ck_assert_uint_eq(sim_tdx_host_free_keys(host), 0);
	sim_tdx_key_give_back(host, first);
	ck_assert_uint_eq(sim_tdx_host_free_keys(host), 1);
	ck_assert_uint_eq(host->charged, 1);
	ck_assert_int_eq(sim_tdx_key_take(host), first);
	sim_tdx_host_free(host);
}
END_TEST

/* KVM_TDX_INIT_VM's struct with the leaves that KVM_TDX_CAPABILITIES offers, each index flagged. */
static struct uapi_tdx_init_vm *new_init(uint32_t address_bits)
{
	struct uapi_tdx_init_vm *init =
		calloc(1, sizeof(*init) + (LEAVES_MAX + 1) * sizeof(init->entries[0]));

	ck_assert_ptr_nonnull(init);
	init->nent = sim_tdx_config_count();
	ck_assert_uint_le(init->nent, LEAVES_MAX);
	for (uint32_t i = 0; i < init->nent; i++) {
		struct kvm_cpuid_entry2 leaf;

		sim_tdx_config_entry(i, &leaf);
		init->entries[i].function = leaf.function;
		init->entries[i].index = leaf.index;
		init->entries[i].flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		if (leaf.function == 0x80000008u)
			init->entries[i].eax = address_bits << 16;
	}
	return init;
}

static struct kvm_cpuid_entry2 *entry_of(struct uapi_tdx_init_vm *init, uint32_t function,
					 uint32_t index)
{
	for (uint32_t i = 0; i < init->nent; i++)
		if (init->entries[i].function == function && init->entries[i].index == index)
			return &init->entries[i];
	ck_abort_msg("no leaf %x.%x", function, index);
	return NULL;
}

static void drop(struct uapi_tdx_init_vm *init, uint32_t function)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < init->nent; i++)
		if (init->entries[i].function != function)
			init->entries[kept++] = init->entries[i];
	init->nent = kept;
}

static void nothing(struct uapi_tdx_init_vm *init)
{
	(void)init;
}

static void debug_attribute(struct uapi_tdx_init_vm *init)
{
	init->attributes = 1;
}

static void sept_ve_disable(struct uapi_tdx_init_vm *init)
{
	init->attributes = TDX_ATTRIBUTE_SEPT_VE_DISABLE;
}

static void unknown_xfam(struct uapi_tdx_init_vm *init)
{
	init->xfam = 1ull << 63;
}

static void no_address_leaf(struct uapi_tdx_init_vm *init)
{
	drop(init, 0x80000008u);
}

static void address_47(struct uapi_tdx_init_vm *init)
{
	entry_of(init, 0x80000008u, 0)->eax = 47u << 16;
}

static void address_0(struct uapi_tdx_init_vm *init)
{
	entry_of(init, 0x80000008u, 0)->eax = 0;
}

static void hle(struct uapi_tdx_init_vm *init)
{
	entry_of(init, 7, 0)->ebx |= 1u << 4;
}

static void rtm(struct uapi_tdx_init_vm *init)
{
	entry_of(init, 7, 0)->ebx |= 1u << 11;
}

static void waitpkg(struct uapi_tdx_init_vm *init)
{
	entry_of(init, 7, 0)->ecx |= 1u << 5;
}

static void only_address_leaf(struct uapi_tdx_init_vm *init)
{
	init->entries[0] = *entry_of(init, 0x80000008u, 0);
	init->nent = 1;
}

static void foreign_leaf(struct uapi_tdx_init_vm *init)
{
	init->entries[init->nent++] = (struct kvm_cpuid_entry2){.function = 0x40000000u};
}

static void duplicate_leaf(struct uapi_tdx_init_vm *init)
{
	init->entries[init->nent] = init->entries[0];
	init->nent++;
}

static void duplicate_for_missing(struct uapi_tdx_init_vm *init)
{
	*entry_of(init, 7, 1) = *entry_of(init, 7, 0);
}

struct params_row {
	const char *name;
	void (*change)(struct uapi_tdx_init_vm *init);
	uint32_t address_bits;
	bool ept_4level;
	int result;
};

static const struct params_row params_rows[] = {
	{"3.2 exact list, 48 bits", nothing, 48, false, 0},
	{"3.2 exact list, 52 bits", nothing, 52, false, 0},
	{"3.2 52 bits need 5-level EPT", nothing, 52, true, -EINVAL},
	{"3.2 48 bits without 5-level EPT", nothing, 48, true, 0},
	{"3.2 attribute outside capabilities (DEBUG)", debug_attribute, 48, false, -EINVAL},
	{"2.3 SEPT_VE_DISABLE is settable", sept_ve_disable, 48, false, 0},
	{"3.2 xfam outside capabilities", unknown_xfam, 48, false, -EINVAL},
	{"3.2 0x80000008 is mandatory", no_address_leaf, 48, false, -EINVAL},
	{"3.2 address bits 47", address_47, 48, false, -EINVAL},
	{"3.2 address bits 0", address_0, 48, false, -EINVAL},
	{"3.2 HLE", hle, 48, false, -EINVAL},
	{"3.2 RTM", rtm, 48, false, -EINVAL},
	{"3.2 WAITPKG", waitpkg, 48, false, -EINVAL},
	{"3.2 leaves without an entry are sent as 0", only_address_leaf, 48, false, 0},
	{"3.2 a leaf that is not configurable (pitfall 4)", foreign_leaf, 48, false, -EINVAL},
	{"3.2 a duplicate in an exact list", duplicate_leaf, 48, false, -EINVAL},
	{"3.2 a duplicate in a missing leaf's stead", duplicate_for_missing, 48, false, -EINVAL},
};

START_TEST(td_params)
{
	const struct params_row *row = &params_rows[_i];
	struct sim_tdx_host *host = new_host(8, SIM_TDX_NO_LIMIT, 7);
	struct uapi_tdx_init_vm *init = new_init(row->address_bits);
	struct sim_td_params out;
	int rc;

	host->options.ept_5level = !row->ept_4level;
	row->change(init);
	rc = sim_td_params_make(host, init, 4, 2500000, &out);
	ck_assert_msg(rc == row->result, "%s: %d", row->name, rc);
	free(init);
	sim_tdx_host_free(host);
}
END_TEST

START_TEST(params_fields)
{
	struct sim_tdx_host *host = new_host(8, SIM_TDX_NO_LIMIT, 7);
	struct uapi_tdx_init_vm *init = new_init(52);
	struct sim_td_params out;

	init->xfam = 0xe7;
	memset(init->mrconfigid, 1, sizeof(init->mrconfigid));
	memset(init->mrowner, 2, sizeof(init->mrowner));
	memset(init->mrownerconfig, 3, sizeof(init->mrownerconfig));
	ck_assert_int_eq(sim_td_params_make(host, init, 4, 2599999, &out), 0);
	ck_assert_uint_eq(out.max_vcpus, 4);
	ck_assert_uint_eq(out.xfam, 0xe7);
	ck_assert_uint_eq(out.tsc_frequency, 103);  /* truncated to 25 MHz: pitfall 3 */
	ck_assert_uint_eq(out.eptp_controls, 0x26); /* write-back, five levels */
	ck_assert_uint_eq(out.config_flags, 5);
	ck_assert_mem_eq(out.mrconfigid, init->mrconfigid, 48);
	ck_assert_mem_eq(out.mrowner, init->mrowner, 48);
	ck_assert_mem_eq(out.mrownerconfig, init->mrownerconfig, 48);
	free(init);
	sim_tdx_host_free(host);
}
END_TEST

/* Pitfall 43: a list that is echoed with flags of 0 gives every sub-leaf the first one's values. */
START_TEST(flags_without_index)
{
	struct sim_tdx_host *host = new_host(8, SIM_TDX_NO_LIMIT, 7);
	struct uapi_tdx_init_vm *init = new_init(48);
	struct sim_td_params with, without;
	struct kvm_cpuid_entry2 leaf;

	entry_of(init, 4, 0)->eax = 0x4000;
	entry_of(init, 4, 1)->eax = 0x8000;
	ck_assert_int_eq(sim_td_params_make(host, init, 4, 2500000, &with), 0);
	for (uint32_t i = 0; i < init->nent; i++)
		init->entries[i].flags = 0;
	ck_assert_int_eq(sim_td_params_make(host, init, 4, 2500000, &without), 0);
	for (uint32_t i = 0; i < init->nent; i++) {
		sim_tdx_config_entry(i, &leaf);
		if (leaf.function == 4 && leaf.index == 1) {
			ck_assert_uint_eq(with.cpuid[i].r[0], 0x8000);
			ck_assert_uint_eq(without.cpuid[i].r[0], 0x4000);
		}
	}
	free(init);
	sim_tdx_host_free(host);
}
END_TEST

/* What only the module refuses: OPERAND_INVALID and which operand (3.2, 3.6). */
struct module_row {
	const char *name;
	uint64_t tsc_khz;
	uint64_t xfam;
	uint32_t function, index, eax, ebx;
	uint64_t status;
};

#define INVALID(operand) (TDX_OPERAND_INVALID | (operand))

static const struct module_row module_rows[] = {
	{"[M] all zero but the address", 2500000, 0, 0x80000008u, 0, 48u << 16, 0, TDX_SUCCESS},
	{"[M] 100 MHz", 100000, 0, 0x80000008u, 0, 48u << 16, 0, TDX_SUCCESS},
	{"[M] below 100 MHz", 99999, 0, 0x80000008u, 0, 48u << 16, 0,
	 INVALID(TDX_OPERAND_TSC_FREQ)},
	{"[M] 10 GHz", 10000000, 0, 0x80000008u, 0, 48u << 16, 0, TDX_SUCCESS},
	{"[M] above 10 GHz", 10025000, 0, 0x80000008u, 0, 48u << 16, 0,
	 INVALID(TDX_OPERAND_TSC_FREQ)},
	{"[M] AVX-512 without AVX", 2500000, 0xe3, 0x80000008u, 0, 48u << 16, 0,
	 INVALID(TDX_OPERAND_XFAM)},
	{"[M] a part of AVX-512", 2500000, 0x27, 0x80000008u, 0, 48u << 16, 0,
	 INVALID(TDX_OPERAND_XFAM)},
	{"[M] AVX-512", 2500000, 0xe7, 0x80000008u, 0, 48u << 16, 0, TDX_SUCCESS},
	{"[M] half of CET", 2500000, 0x803, 0x80000008u, 0, 48u << 16, 0,
	 INVALID(TDX_OPERAND_XFAM)},
	{"[M] half of AMX", 2500000, 0x20003, 0x80000008u, 0, 48u << 16, 0,
	 INVALID(TDX_OPERAND_XFAM)},
	{"[M] the processor's own model", 2500000, 0, 1, 0, MODEL, 0, TDX_SUCCESS},
	{"[M] another model", 2500000, 0, 1, 0, 0x000c06f2, 0, INVALID(TDX_OPERAND_CPUID_CONFIG)},
	{"[M] a bit that is not configurable", 2500000, 0, 4, 0, 1, 0,
	 INVALID(TDX_OPERAND_CPUID_CONFIG)},
	{"[M] a bit that is configurable", 2500000, 0, 4, 0, 0x4000, 0, TDX_SUCCESS},
	{"[M] bits of 0x80000008.EAX other than the width", 2500000, 0, 0x80000008u, 0,
	 48u << 16 | 0x34, 0, INVALID(TDX_OPERAND_CPUID_CONFIG)},
};

START_TEST(module_checks)
{
	const struct module_row *row = &module_rows[_i];
	struct sim_tdx_host *host = new_host(8, SIM_TDX_NO_LIMIT, 7);
	struct uapi_tdx_init_vm *init = new_init(48);
	struct sim_td_params params;
	struct sim_tdx_cpuid cpuid;
	uint64_t status;

	init->xfam = row->xfam;
	entry_of(init, row->function, row->index)->eax = row->eax;
	entry_of(init, row->function, row->index)->ebx = row->ebx;
	ck_assert_int_eq(sim_td_params_make(host, init, 4, row->tsc_khz, &params), 0);
	status = sim_td_params_check(host, &params, &cpuid);
	ck_assert_msg(status == row->status, "%s: %#lx", row->name, (unsigned long)status);
	free(init);
	sim_tdx_host_free(host);
}
END_TEST

/* What can be configured and what is there anyway are different bits, or the choice would not
 * count. */
START_TEST(leaves_are_disjoint)
{
	ck_assert_uint_lt(sim_tdx_config_count(), SIM_TDX_CONFIG_MAX);
	for (uint32_t i = 0; i < SIM_TDX_LEAVES; i++)
		for (int r = 0; r < 4; r++)
			ck_assert_msg(!(sim_tdx_leaves[i].fixed.r[r] &
					sim_tdx_leaves[i].configurable.r[r]),
				      "%x.%x register %d", sim_tdx_leaves[i].function,
				      sim_tdx_leaves[i].index, r);
}
END_TEST

START_TEST(capabilities_entries)
{
	bool extended = false, address = false;

	for (uint32_t i = 0; i < sim_tdx_config_count(); i++) {
		struct kvm_cpuid_entry2 entry;

		sim_tdx_config_entry(i, &entry);
		ck_assert_uint_eq(entry.flags, 0);
		ck_assert_uint_ne(entry.index, SIM_TDX_NO_SUBLEAF);
		if (entry.function == 7 && entry.index == 0) {
			extended = true;
			ck_assert_uint_eq(entry.ebx & (1u << 4 | 1u << 11), 0);
			ck_assert_uint_eq(entry.ecx & 1u << 5, 0);
		}
		if (entry.function == 0x80000008u) {
			address = true;
			ck_assert_uint_eq(entry.eax & 0xff0000, 0xff0000);
		}
	}
	ck_assert(extended && address);
}
END_TEST

START_TEST(cpuid_follows_xfam)
{
	struct sim_tdx_cpuid_values config[SIM_TDX_CONFIG_MAX] = {0};
	struct sim_tdx_cpuid none, all;
	int features = sim_tdx_cpuid_find(1, SIM_TDX_NO_SUBLEAF);
	int state = sim_tdx_cpuid_find(0xd, 0);

	ck_assert_uint_eq(sim_tdx_cpuid_make(config, 3, MODEL, &none), TDX_SUCCESS);
	ck_assert_uint_eq(sim_tdx_cpuid_make(config, 0xe7, MODEL, &all), TDX_SUCCESS);
	ck_assert_uint_eq(none.values[features].r[2] & 1u << 28, 0);
	ck_assert_uint_ne(all.values[features].r[2] & 1u << 28, 0);
	ck_assert_uint_eq(all.values[features].r[0], MODEL);
	ck_assert_uint_eq(none.values[state].r[0], 3);
	ck_assert_uint_eq(all.values[state].r[0], 0xe7);
	ck_assert_uint_eq(all.values[state].r[2], 2688);
}
END_TEST

static void digest_text(const struct sim_mrtd *mrtd, char text[2 * SIM_MRTD_SIZE + 1])
{
	uint8_t digest[SIM_MRTD_SIZE];

	ck_assert_int_eq(sim_mrtd_read(mrtd, digest), 0);
	for (int i = 0; i < SIM_MRTD_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* Reading does not end the stream; the empty one is SHA-384 of nothing. */
START_TEST(mrtd_stream)
{
	char empty[2 * SIM_MRTD_SIZE + 1], one[sizeof(empty)], two[sizeof(empty)];
	static const uint8_t chunk[SIM_MRTD_CHUNK];
	struct sim_mrtd *mrtd;

	ck_assert_int_eq(sim_mrtd_new(&mrtd), 0);
	digest_text(mrtd, empty);
	ck_assert_str_eq(empty, "38b060a751ac96384cd9327eb1b1e36a21fdb71114be0743"
				"4c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b");
	ck_assert_int_eq(sim_mrtd_add(mrtd, 0x1000), 0);
	digest_text(mrtd, one);
	ck_assert_str_ne(one, empty);
	ck_assert_int_eq(sim_mrtd_extend(mrtd, 0x1000, chunk), 0);
	digest_text(mrtd, two);
	ck_assert_str_ne(two, one);
	sim_mrtd_free(mrtd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdx_module");
	TCase *tests = tcase_create("tdx_module");

	tcase_add_loop_test(tests, keys, 0, (int)(sizeof(key_rows) / sizeof(key_rows[0])));
	tcase_add_test(tests, key_comes_back);
	tcase_add_loop_test(tests, td_params, 0,
			    (int)(sizeof(params_rows) / sizeof(params_rows[0])));
	tcase_add_test(tests, params_fields);
	tcase_add_test(tests, flags_without_index);
	tcase_add_loop_test(tests, module_checks, 0,
			    (int)(sizeof(module_rows) / sizeof(module_rows[0])));
	tcase_add_test(tests, leaves_are_disjoint);
	tcase_add_test(tests, capabilities_entries);
	tcase_add_test(tests, cpuid_follows_xfam);
	tcase_add_test(tests, mrtd_stream);
	suite_add_tcase(suite, tests);
	return expect_run(suite);
}
