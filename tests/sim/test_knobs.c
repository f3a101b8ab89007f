/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The public API: options, their text, accounts, faults, counters, the log. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "sim/knobs.h"
#include "sim/sim.h"

static const struct {
	const char *text;
	const char *word; /* of the error; NULL: it is fine */
} text_rows[] = {
	{"all", NULL},
	{"snp", NULL},
	{"tdx:", NULL},
	{"sev:sev_asids=4,sev_min_asid=3", NULL},
	{"all:memory=2G,seed=0x10,latency_ns=0", NULL},
	{"all:irqfd_shared=1,gmem_private_only=0", NULL},
	{"all:fail=KVM_CREATE_VM@2/12", NULL},
	{"all:fail=SNP_LAUNCH_UPDATE@1/5/0x16,fail=KVM_RUN@1/4", NULL},
	{"", "technology"},
	{"qemu", "technology"},
	{"snp:asids=4", "key"},
	{"snp:sev_asids", "KEY=VALUE"},
	{"snp:sev_asids=", "number"},
	{"snp:sev_asids=-1", "number"},
	{"snp:sev_asids=4x", "number"},
	{"snp:sev_asids=0x100000000", "large"},
	{"snp:memory=99999999999999999999", "number"},
	{"snp:memory=0xffffffffffffffffG", "number"},
	{"snp:irqfd_shared=2", "0 nor 1"},
	{"snp:fail=KVM_RUN", "CALL@N"},
	{"snp:fail=@1/5", "CALL@N"},
	{"snp:fail=KVM_RUN@0/5", "ERRNO"},
	{"snp:fail=KVM_RUN@1/0", "ERRNO"},
	{"snp:fail=KVM_RUN@1/5000", "ERRNO"},
	{"snp:fail=KVM_RUN@1/5/", "status"},
	{"snp:fail=KVM_RUN@1/5/3/4", "more"},
	{"snp:sev_asids=70000", "65535"},
	{"snp:sev_asids=4,sev_min_asid=6", "ASIDs"},
	{"snp:sev_snp_max_asid=2", "hiding"},
	{"snp:sev_hiding=1,sev_asids=8,sev_min_asid=5,sev_snp_max_asid=5", "below"},
	{"snp:max_vcpus=5000", "4096"},
};

START_TEST(texts_are_parsed_or_refused)
{
	struct coco_sim *sim = NULL;
	struct coco_error error;

	if (!text_rows[_i].word) {
		expect_ok(coco_sim_new_from_text(text_rows[_i].text, &sim, &error), &error);
		coco_sim_free(sim);
		return;
	}
	expect_spoil(&error);
	ck_assert_msg(coco_sim_new_from_text(text_rows[_i].text, &sim, &error) == -EINVAL, "%s",
		      text_rows[_i].text);
	ck_assert_ptr_null(sim);
	expect_text(&error, text_rows[_i].word);
}
END_TEST

START_TEST(a_text_sets_the_options)
{
	const struct coco_sim_options *o;
	struct coco_error error;
	struct coco_sim *sim;

	expect_ok(coco_sim_new_from_text("snp:sev_asids=10,sev_min_asid=7,memory=3M,cpus=2,"
					 "sev_hiding=1,irqfd_shared=1",
					 &sim, &error),
		  &error);
	o = &sim->knobs->options;
	ck_assert_uint_eq(o->techs, 1u << COCO_TECH_PLAIN | 1u << COCO_TECH_SNP);
	ck_assert_uint_eq(o->sev_asids, 10);
	ck_assert_uint_eq(o->sev_min_asid, 7);
	ck_assert_uint_eq(o->sev_snp_max_asid, 3);
	ck_assert_uint_eq(o->memory, 3u << 20);
	ck_assert_uint_eq(o->cpus, 2);
	ck_assert_uint_eq(o->tdx_keys, 8);
	ck_assert_uint_eq(o->quirks, COCO_SIM_SEV_HIDING | COCO_SIM_IRQFD_SHARED);
	coco_sim_free(sim);
	coco_sim_free(NULL);
}
END_TEST

START_TEST(options_are_checked)
{
	struct coco_sim_options options;
	struct coco_error error;
	struct coco_sim *sim;

	COCO_INIT(&options);
	options.techs = 1;
	expect_error(coco_sim_new(&options, &sim, &error), &error, -EINVAL, "techs");
	options.techs = 0;
	options.quirks = 1u << 31;
	expect_error(coco_sim_new(&options, &sim, &error), &error, -EINVAL, "quirks");
	options.quirks = 0;
	options.struct_size = 4;
	expect_error(coco_sim_new(&options, &sim, &error), &error, -EINVAL, "struct_size");
	expect_error(coco_sim_new_from_text(NULL, &sim, &error), &error, -EINVAL, "text");
}
END_TEST

/* --- faults */

START_TEST(the_nth_call_fails_and_has_done_nothing)
{
	struct bench bench;

	bench_open(&bench, "all", 0);
	ck_assert_int_eq(coco_sim_fail(bench.sim, "KVM_CREATE_VCPU", 2, 2, -ENOMEM, 0), 0);
	ck_assert_int_eq(bench_close_fd(&bench, bench_vcpu(&bench, 0)), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_CREATE_VCPU, 1), -ENOMEM);
	ck_assert_int_eq(bench_close_fd(&bench, bench_vcpu(&bench, 1)), 0);
	ck_assert_uint_eq(bench_account(&bench).vcpus, 2);
	ck_assert_uint_eq(coco_sim_count(bench.sim, "KVM_CREATE_VCPU"), 4);
	/* times 0: all from then on; nth 0 takes it back. */
	ck_assert_int_eq(coco_sim_fail(bench.sim, "KVM_CREATE_VCPU", 1, 0, -EIO, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_CREATE_VCPU, 2), -EIO);
	ck_assert_int_eq(coco_sim_fail(bench.sim, "KVM_CREATE_VCPU", 0, 0, 0, 0), 0);
	ck_assert_int_eq(bench_close_fd(&bench, bench_vcpu(&bench, 2)), 0);
	bench_close(&bench);
}
END_TEST

static const char *const operation_rows[] = {"dup", "mmap"};

START_TEST(operations_fail_too)
{
	const struct coco_platform_ops *ops;
	struct bench bench;
	void *out;
	int r;

	bench_open(&bench, "all", 0);
	ops = bench.platform->ops;
	ck_assert_int_eq(coco_sim_fail(bench.sim, operation_rows[_i], 1, 1, -EMFILE, 0), 0);
	if (strcmp(operation_rows[_i], "dup") == 0)
		r = ops->dup(bench.platform->context, bench.vm);
	else
		r = ops->mmap(bench.platform->context, NULL, 4096, 3, 0x22, -1, 0, &out);
	ck_assert_int_eq(r, -EMFILE);
	bench_close(&bench);
}
END_TEST

START_TEST(faults_bring_their_status)
{
	struct coco_error error;
	struct coco_sim *sim;
	uint64_t status = 1;

	expect_ok(coco_sim_new_from_text("all:fail=SNP_LAUNCH_UPDATE@2/5/0x16", &sim, &error),
		  &error);
	ck_assert_int_eq(sim_fault(sim, "SNP_LAUNCH_UPDATE", &status), 0);
	ck_assert_uint_eq(status, 0);
	ck_assert_int_eq(sim_fault(sim, "SNP_LAUNCH_UPDATE", &status), -EIO);
	ck_assert_uint_eq(status, 0x16);
	ck_assert_int_eq(sim_fault(sim, "SNP_LAUNCH_UPDATE", &status), 0);
	ck_assert_int_eq(coco_sim_fail(sim, "x", 1, 1, 5, 0), -EINVAL);
	ck_assert_int_eq(coco_sim_fail(sim, "", 1, 1, -5, 0), -EINVAL);
	ck_assert_int_eq(coco_sim_fail(sim, NULL, 1, 1, -5, 0), -EINVAL);
	ck_assert_uint_eq(coco_sim_count(sim, "never heard of"), 0);
	ck_assert_int_eq(coco_sim_set_latency(sim, "KVM_RUN", 1), 0);
	ck_assert_int_eq(coco_sim_set_latency(sim, "", 1), -EINVAL);
	coco_sim_free(sim);
}
END_TEST

/* --- the log */

struct line {
	char call[32];
	int fd;
	int result;
	unsigned count;
};

static void keep(void *payload, const char *call, int fd, int result)
{
	struct line *line = payload;

	snprintf(line->call, sizeof(line->call), "%s", call);
	line->fd = fd;
	line->result = result;
	line->count++;
}

START_TEST(the_log_tells_of_each_call)
{
	struct line line = {.fd = -2};
	struct bench bench;

	bench_open(&bench, "all", 0);
	coco_sim_set_log(bench.sim, keep, &line);
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_CREATE_VCPU, 99999), -EINVAL);
	ck_assert_str_eq(line.call, "KVM_CREATE_VCPU");
	ck_assert_int_eq(line.fd, bench.vm);
	ck_assert_int_eq(line.result, -EINVAL);
	bench_ioctl_value(&bench, bench.vm, 0xaeff, 0);
	ck_assert_str_eq(line.call, "ioctl");
	ck_assert_uint_eq(line.count, 2);
	coco_sim_set_log(bench.sim, NULL, NULL);
	bench_ioctl_value(&bench, bench.vm, 0xaeff, 0);
	ck_assert_uint_eq(line.count, 2);
	bench_close(&bench);
}
END_TEST

/* --- accounts */

START_TEST(accounts_add_up)
{
	struct coco_sim_account account;
	struct coco_sim_vm_info info;
	struct coco_error error;
	struct bench bench;
	int vcpu, gmem, r;
	void *run;

	bench_open(&bench, "all:sev_asids=6,sev_min_asid=4,tdx_keys=3", 1);
	vcpu = bench_vcpu(&bench, 0);
	gmem = bench_gmem(&bench, 0x4000, 0);
	run = bench_map(&bench, vcpu, 12288, &r);
	account = bench_account(&bench);
	ck_assert_uint_eq(account.vms, 1);
	ck_assert_uint_eq(account.vcpus, 1);
	ck_assert_uint_eq(account.gmems, 1);
	ck_assert_uint_eq(account.fds, 4);
	ck_assert_uint_eq(account.mappings, 1);
	ck_assert_uint_eq(account.sev_asids_free, 3);
	ck_assert_uint_eq(account.seves_asids_free, 3);
	ck_assert_uint_eq(account.tdx_keys_free, 3);
	ck_assert_uint_eq(account.tdx_keys_used, 0);
	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(bench.sim, vcpu, &info, &error), &error);
	ck_assert_uint_eq(info.type, 1);
	ck_assert_uint_eq(info.vm_fds, 1);
	ck_assert_uint_eq(info.vcpu_fds, 1);
	ck_assert_uint_eq(info.gmem_fds, 1);
	ck_assert_uint_eq(info.mappings, 1);
	ck_assert_uint_eq(info.vcpus, 1);
	ck_assert_uint_eq(info.digest_size, 0);
	account.struct_size = 4;
	expect_error(coco_sim_get_account(bench.sim, &account, &error), &error, -EINVAL,
		     "struct_size");
	bench_unmap(&bench, run, 12288);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	ck_assert_int_eq(bench_close_fd(&bench, gmem), 0);
	bench_close(&bench);
}
END_TEST

START_TEST(hidden_memory_is_what_the_host_does_not_see)
{
	const struct uapi_memory_attributes private = {0x1000, 0x1000,
						       UAPI_MEMORY_ATTRIBUTE_PRIVATE, 0};
	struct uapi_memory_region2 region = {.slot = 1, .flags = 4, .memory_size = 0x4000};
	struct bench bench;

	bench_open(&bench, "all", 1);
	region.userspace_addr = (uintptr_t)bench.memory;
	region.guest_memfd = (uint32_t)bench_gmem(&bench, 0x4000, 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, UAPI_SET_USER_MEMORY_REGION2, &region), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, UAPI_SET_MEMORY_ATTRIBUTES, &private), 0);
	ck_assert_int_eq(coco_sim_is_hidden(bench.sim, bench.vm, 0), 0);
	ck_assert_int_eq(coco_sim_is_hidden(bench.sim, bench.vm, 0x1800), 1);
	ck_assert_int_eq(coco_sim_is_hidden(bench.sim, bench.vm, 0x4000), -EFAULT);
	ck_assert_int_eq(coco_sim_is_hidden(bench.sim, bench.kvm, 0), -EBADF);
	ck_assert_int_eq(bench_close_fd(&bench, (int)region.guest_memfd), 0);
	bench_close(&bench);
}
END_TEST

START_TEST(keys_are_different_and_repeat_with_the_seed)
{
	uint8_t keys[3][32], again[32];
	struct coco_error error;
	struct coco_sim *sim;

	expect_ok(coco_sim_new_from_text("all:seed=7", &sim, &error), &error);
	for (unsigned i = 0; i < 3; i++)
		sim_make_key(sim, keys[i]);
	coco_sim_free(sim);
	expect_ok(coco_sim_new_from_text("all:seed=7", &sim, &error), &error);
	sim_make_key(sim, again);
	coco_sim_free(sim);
	ck_assert_mem_eq(keys[0], again, 32);
	ck_assert_mem_ne(keys[0], keys[1], 32);
	ck_assert_mem_ne(keys[1], keys[2], 32);
}
END_TEST

#define ROWS(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	const TTest *const tests[] = {
		a_text_sets_the_options,
		options_are_checked,
		the_nth_call_fails_and_has_done_nothing,
		faults_bring_their_status,
		the_log_tells_of_each_call,
		accounts_add_up,
		hidden_memory_is_what_the_host_does_not_see,
		keys_are_different_and_repeat_with_the_seed,
		NULL,
	};
	Suite *suite = expect_suite("sim.knobs", tests);
	TCase *rows = tcase_create("rows");

	tcase_add_loop_test(rows, texts_are_parsed_or_refused, 0, ROWS(text_rows));
	tcase_add_loop_test(rows, operations_fail_too, 0, ROWS(operation_rows));
	suite_add_tcase(suite, rows);
	return expect_run(suite);
}
