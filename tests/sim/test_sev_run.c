/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SEV, SEV-ES and SNP guests that execute: #VC, pages, and how they are entered. */
#include <errno.h>
#include <string.h>

#include "sev_program.h"
#include "sim/sev_run.h"

#define SEV UAPI_VM_TYPE_SEV
#define ES  UAPI_VM_TYPE_SEVES
#define SNP UAPI_VM_TYPE_SNP

static struct program program;

/* --- #VC and the like (8.5; APM volume 2, 15.35.5) */

static const struct {
	const char *name;
	uint64_t type;
	enum program_action action;
	uint64_t argument;
	uint32_t vector; /* 0: no exception */
	uint64_t error_code;
} exceptions[] = {
	{"CPUID", ES, PROGRAM_CPUID, 0, 29, 0x72},
	{"CPUID: SNP", SNP, PROGRAM_CPUID, 0, 29, 0x72},
	{"IN", SNP, PROGRAM_IN, 0, 29, 0x7b},
	{"OUT", ES, PROGRAM_OUT, 0, 29, 0x7b},
	{"RDMSR of one that KVM has", SNP, PROGRAM_RDMSR, 0x10, 29, 0x7c},
	{"RDMSR of one in the VMSA", SNP, PROGRAM_RDMSR, 0xc0000080, 0, 0},
	{"RDMSR of SEV_STATUS", SNP, PROGRAM_RDMSR, 0xc0010131, 0, 0},
	{"VMMCALL", SNP, PROGRAM_VMMCALL, 0, 29, 0x81},
	{"WBINVD", ES, PROGRAM_WBINVD, 0, 29, 0x89},
	{"MMIO", ES, PROGRAM_READ, 0x100000, 29, 0x400},
	{"MMIO: SNP", SNP, PROGRAM_READ, 0x100000, 29, 0x400},
	{"a page that is not validated", SNP, PROGRAM_READ, PROGRAM_UNLOADED, 29, 0x404},
	{"a page that was launched", SNP, PROGRAM_READ, PROGRAM_ZEROES, 0, 0},
	{"PVALIDATE: SEV-ES", ES, PROGRAM_PVALIDATE, PROGRAM_ZEROES, 6, 0},
	{"RMPADJUST: SEV-ES", ES, PROGRAM_RMPADJUST, PROGRAM_ZEROES, 6, 0},
	{"TDCALL", SNP, PROGRAM_TDCALL, 0, 6, 0},
};

START_TEST(what_is_an_exception)
{
	program_open(&program, exceptions[_i].type);
	program.mailbox->action = exceptions[_i].action;
	program.mailbox->argument = exceptions[_i].argument;
	program_finish(&program);
	ck_assert_msg(program.mailbox->exception ==
				      (exceptions[_i].vector ? exceptions[_i].vector + 1 : 0) &&
			      program.mailbox->error_code == exceptions[_i].error_code,
		      "%s: vector %lu, error code %#lx", exceptions[_i].name,
		      program.mailbox->exception - 1, program.mailbox->error_code);
	program_close(&program);
}
END_TEST

START_TEST(status_msr)
{
	static const struct {
		uint64_t type;
		uint64_t status;
	} rows[] = {{SEV, 1}, {ES, 3}, {SNP, 7}};

	program_open(&program, rows[_i].type);
	program.mailbox->action = PROGRAM_RDMSR;
	program.mailbox->argument = 0xc0010131;
	program_finish(&program);
	ck_assert_uint_eq(program.mailbox->result, rows[_i].status);
	program_close(&program);
}
END_TEST

/* --- PVALIDATE, RMPADJUST */

static const struct {
	const char *name;
	enum program_action action;
	uint64_t address, edx, ecx;
	uint64_t result;
	bool carry;
} rmp_rows[] = {
	{"PVALIDATE: a new page", PROGRAM_PVALIDATE, PROGRAM_UNLOADED, 1, 0, 0, false},
	{"PVALIDATE: of a launched page changes nothing", PROGRAM_PVALIDATE, PROGRAM_ZEROES, 1, 0,
	 0, true},
	{"PVALIDATE: rescinds", PROGRAM_PVALIDATE, PROGRAM_ZEROES, 0, 0, 0, false},
	{"PVALIDATE: rescinds what was not", PROGRAM_PVALIDATE, PROGRAM_UNLOADED, 0, 0, 0, true},
	{"PVALIDATE: 2 MiB", PROGRAM_PVALIDATE, PROGRAM_UNLOADED, 1, 1, 6, false},
	{"PVALIDATE: no such size", PROGRAM_PVALIDATE, PROGRAM_UNLOADED, 1, 2, 1, false},
	{"RMPADJUST: a VMSA for VMPL 1", PROGRAM_RMPADJUST, PROGRAM_ZEROES, 0x10001, 0, 0, false},
	{"RMPADJUST: of VMPL 0", PROGRAM_RMPADJUST, PROGRAM_ZEROES, 0x10000, 0, 2, false},
	{"RMPADJUST: VMPL 4", PROGRAM_RMPADJUST, PROGRAM_ZEROES, 4, 0, 1, false},
	{"RMPADJUST: 2 MiB", PROGRAM_RMPADJUST, PROGRAM_ZEROES, 1, 1, 6, false},
};

START_TEST(rmp_instructions)
{
	program_open(&program, SNP);
	program.mailbox->action = rmp_rows[_i].action;
	program.mailbox->argument = rmp_rows[_i].address;
	program.mailbox->argument2 = rmp_rows[_i].edx;
	program.mailbox->argument3 = rmp_rows[_i].ecx;
	program_finish(&program);
	ck_assert_uint_eq(program.mailbox->exception, 0);
	ck_assert_msg(program.mailbox->result == rmp_rows[_i].result &&
			      program.mailbox->result2 == rmp_rows[_i].carry,
		      "%s: EAX %lu, CF %lu", rmp_rows[_i].name, program.mailbox->result,
		      program.mailbox->result2);
	program_close(&program);
}
END_TEST

/* --- memory (4.4) */

static const struct {
	const char *name;
	uint64_t address;
	bool private; /* the attribute, just before */
	uint64_t flags;
} fault_rows[] = {
	{"4.4 private access, shared page", PROGRAM_UNLOADED, false, UAPI_MEMORY_EXIT_FLAG_PRIVATE},
	{"4.4 shared access, private page", PROGRAM_GHCB, true, 0},
};

START_TEST(memory_faults)
{
	const struct kvm_run *run;
	struct uapi_memory_fault fault;

	program_open(&program, SNP);
	ck_assert_int_eq(sev_set_private(&program.guest, fault_rows[_i].address / SEV_PAGE, 1,
					 fault_rows[_i].private),
			 0);
	program.mailbox->action = PROGRAM_READ;
	program.mailbox->argument = fault_rows[_i].address + 8;
	run = program.guest.runs[0];
	ck_assert_int_eq(program_run(&program), -EFAULT);
	ck_assert_uint_eq(run->exit_reason, UAPI_EXIT_MEMORY_FAULT);
	memcpy(&fault, (const uint8_t *)run + UAPI_RUN_UNION_OFFSET, sizeof(fault));
	ck_assert_uint_eq(fault.flags, fault_rows[_i].flags);
	ck_assert_uint_eq(fault.gpa, fault_rows[_i].address);
	ck_assert_uint_eq(fault.size, SEV_PAGE);
	/* Once it is served, the guest goes on. */
	ck_assert_int_eq(sev_set_private(&program.guest, fault_rows[_i].address / SEV_PAGE, 1,
					 !fault_rows[_i].private),
			 0);
	program_finish(&program);
	program_close(&program);
}
END_TEST

/* What the guest writes by its key the host can't read, and what is not launched is noise to it. */
START_TEST(host_sees_noise)
{
	static const uint64_t types[] = {SEV, ES};
	uint64_t seen;

	program_open(&program, types[_i]);
	program.mailbox->action = PROGRAM_WRITE;
	program.mailbox->argument = PROGRAM_ZEROES;
	program.mailbox->argument2 = 0x1122334455667788;
	program_finish(&program);
	ck_assert_uint_eq(program.mailbox->result, 0x1122334455667788);
	memcpy(&seen, program.guest.ram + PROGRAM_ZEROES, sizeof(seen));
	ck_assert_uint_ne(seen, 0x1122334455667788);
	program_close(&program);
}
END_TEST

START_TEST(unlaunched_is_noise)
{
	static const uint64_t types[] = {SEV, ES};

	program_open(&program, types[_i]);
	program.mailbox->action = PROGRAM_READ;
	program.mailbox->argument = PROGRAM_UNLOADED;
	program_finish(&program);
	ck_assert_uint_eq(program.mailbox->exception, 0);
	ck_assert_uint_ne(program.mailbox->result, 0);
	program_close(&program);
}
END_TEST

/* --- entry */

START_TEST(unfinished_launch_is_not_entered)
{
	static const struct {
		uint64_t type;
		const char *steps;
	} rows[] = {
		{SNP, ""},
		{SNP, "private snp.start upd.normal"},
		{ES, "reg start data measure finish"}, /* no VMSA */
		{ES, "reg start data vmsa measure"},
		{SEV, "reg start data measure"},
		{SEV, ""},
	};
	const struct kvm_run *run;

	program_prepare(&program, rows[_i].type);
	sev_steps(&program.guest, rows[_i].steps);
	run = program.guest.runs[0];
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_FAIL_ENTRY);
	ck_assert_uint_eq(run->fail_entry.hardware_entry_failure_reason, UINT64_MAX);
	program_close(&program);
}
END_TEST

START_TEST(run_before_init2)
{
	static const uint64_t types[] = {SEV, ES, SNP};

	sev_open(&program.guest, types[_i], NULL);
	sev_steps(&program.guest, "vcpu");
	ck_assert_int_eq(program_run(&program), -EINVAL);
	program_close(&program);
}
END_TEST

/* 4.8: MSRs that are not intercepted are refused once the vCPU has run. */
START_TEST(own_msrs_after_first_run)
{
	struct {
		uint32_t count, pad;
		struct kvm_msr_entry entries[2];
	} msrs = {.count = 2, .entries = {{.index = 0x10}, {.index = 0xc0000080}}};

	program_open(&program, SNP);
	ck_assert_int_eq(
		sev_ioctl(&program.guest, program.guest.vcpus[0], KVM_GET_MSRS, (uintptr_t)&msrs),
		2);
	program_finish(&program);
	ck_assert_int_eq(
		sev_ioctl(&program.guest, program.guest.vcpus[0], KVM_GET_MSRS, (uintptr_t)&msrs),
		1);
	program_close(&program);
}
END_TEST

#define LOOP(test, rows)                                                                           \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(rows) / sizeof((rows)[0])))

int main(void)
{
	Suite *suite = suite_create("sev_run");
	TCase *tcase = tcase_create("run");

	LOOP(what_is_an_exception, exceptions);
	tcase_add_loop_test(tcase, status_msr, 0, 3);
	LOOP(rmp_instructions, rmp_rows);
	LOOP(memory_faults, fault_rows);
	tcase_add_loop_test(tcase, host_sees_noise, 0, 2);
	tcase_add_loop_test(tcase, unlaunched_is_noise, 0, 2);
	tcase_add_loop_test(tcase, unfinished_launch_is_not_entered, 0, 6);
	tcase_add_loop_test(tcase, run_before_init2, 0, 3);
	tcase_add_test(tcase, own_msrs_after_first_run);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
