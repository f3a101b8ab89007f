/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * TDVMCALLs: which KVM answers itself, which leave KVM_RUN and with what in kvm_run, and what the
 * guest sees of user space's answer. Table 4.1 of the TDX reference, and the checks below it.
 */
#include <errno.h>
#include <string.h>

#include "td_guest.h"

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define VE_DISABLE (1ull << 28)
#define SHARED_BIT (1ull << 47)

#define INVALID     UAPI_TDVMCALL_INVALID_OPERAND
#define ALIGN_ERROR UAPI_TDVMCALL_ALIGN_ERROR
#define UNSUPPORTED UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED
#define RETRY       UAPI_TDVMCALL_RETRY

#define CPUID  10
#define HLT    12
#define IO     30
#define RDMSR  31
#define WRMSR  32
#define MMIO   48
#define INFO   0x10000
#define MAP    0x10001
#define QUOTE  0x10002
#define FATAL  0x10003
#define NOTIFY 0x10004

#define GPA TD_MEMORY_GPA

static struct td_mailbox *finish(struct td_guest *guest, const char *name)
{
	struct td_mailbox *mailbox = td_mailbox(guest, 0);
	int rc = td_guest_run(guest, 0);

	ck_assert_msg(rc == 0 && td_guest_done(guest, 0), "4.1 %s: KVM_RUN %d, exit %u", name, rc,
		      guest->runs[0]->exit_reason);
	ck_assert_msg(mailbox->vector == TD_NO_VECTOR && mailbox->out[TD_RAX] == 0,
		      "4.1 %s: vector %lu", name, (unsigned long)mailbox->vector);
	return mailbox;
}

/* --- answered in the kernel */

struct kernel_row {
	const char *name;
	uint64_t leaf, r12, r13, r14, r15;
	uint64_t r10; /* the result */
	uint64_t r11; /* ANY: not looked at */
};

#define ANY 0xdeadbeefdeadull

static const struct kernel_row kernel_rows[] = {
	{"sub-function that is not there", 0x10005, 0, 0, 0, 0, UNSUPPORTED, ANY},
	{"sub-function 0", 0, 0, 0, 0, 0, UNSUPPORTED, ANY},
	{"MapGPA of nothing", MAP, GPA, 0, 0, 0, INVALID, GPA},
	{"MapGPA that wraps", MAP, GPA, ~0ull, 0, 0, INVALID, GPA},
	{"MapGPA beyond the address width", MAP, 1ull << 50, 0x1000, 0, 0, INVALID, 1ull << 50},
	{"MapGPA that ends beyond it", MAP, (1ull << 48) - 0x1000, 0x2000, 0, 0, INVALID,
	 (1ull << 48) - 0x1000},
	{"MapGPA across the shared bit", MAP, SHARED_BIT - 0x1000, 0x2000, 0, 0, INVALID,
	 SHARED_BIT - 0x1000},
	{"MapGPA, gpa unaligned", MAP, GPA + 8, 0x1000, 0, 0, ALIGN_ERROR, GPA + 8},
	{"MapGPA, size unaligned", MAP, GPA, 0x1008, 0, 0, ALIGN_ERROR, GPA},
	{"GetQuote, buffer private", QUOTE, GPA, 0x1000, 0, 0, INVALID, ANY},
	{"GetTdVmCallInfo leaf 0", INFO, 0, 0, 0, 0, 0, 0},
	{"GetTdVmCallInfo leaf 2", INFO, 2, 0, 0, 0, INVALID, ANY},
	{"SetupEventNotify, vector 31", NOTIFY, 31, 0, 0, 0, INVALID, ANY},
	{"SetupEventNotify, vector 256", NOTIFY, 256, 0, 0, 0, INVALID, ANY},
	{"IO, size 0", IO, 0, 1, 0x80, 0, INVALID, ANY},
	{"IO, size 3", IO, 3, 1, 0x80, 0, INVALID, ANY},
	{"IO, size 8", IO, 8, 1, 0x80, 0, INVALID, ANY},
	{"IO, direction 2", IO, 1, 2, 0x80, 0, INVALID, ANY},
	{"MMIO, size 3", MMIO, 3, 0, SHARED_BIT | 0x90000000, 0, INVALID, ANY},
	{"MMIO, size 16", MMIO, 16, 0, SHARED_BIT | 0x90000000, 0, INVALID, ANY},
	{"MMIO, direction 2", MMIO, 4, 2, SHARED_BIT | 0x90000000, 0, INVALID, ANY},
	{"MMIO, private", MMIO, 4, 0, 0x90000000, 0, INVALID, ANY},
	{"MMIO, ends private", MMIO, 8, 0, 2 * SHARED_BIT - 4, 0, INVALID, ANY},
	{"RDMSR of what KVM does not emulate", RDMSR, 0x10, 0, 0, 0, INVALID, ANY},
	{"RDMSR of PAT", RDMSR, 0x277, 0, 0, 0, 0, 0x0007040600070406},
	{"RDMSR of the APIC base", RDMSR, 0x1b, 0, 0, 0, 0, 0xfee00d00},
	{"WRMSR of the APIC base", WRMSR, 0x1b, 0xfee00000, 0, 0, INVALID, ANY},
	{"WRMSR of EFER", WRMSR, 0xc0000080, 0, 0, 0, INVALID, ANY},
	{"WRMSR of an MTRR", WRMSR, 0x2ff, 6, 0, 0, 0, ANY},
};

START_TEST(kernel)
{
	const struct kernel_row *row = &kernel_rows[_i];
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask_vmcall(&guest, 0, row->leaf);
	mailbox->in[TD_R12] = row->r12;
	mailbox->in[TD_R13] = row->r13;
	mailbox->in[TD_R14] = row->r14;
	mailbox->in[TD_R15] = row->r15;
	finish(&guest, row->name);
	ck_assert_msg(mailbox->out[TD_R10] == row->r10, "4.1 %s: %#lx", row->name,
		      (unsigned long)mailbox->out[TD_R10]);
	if (row->r11 != ANY)
		ck_assert_msg(mailbox->out[TD_R11] == row->r11, "4.1 %s: R11 %#lx", row->name,
			      (unsigned long)mailbox->out[TD_R11]);
	td_guest_close(&guest);
}
END_TEST

/* --- user space's */

struct exit_row {
	const char *name;
	uint64_t leaf, r10, r12, r13;
	uint32_t reason;
	uint64_t fields[6]; /* kvm_run's union, as 64-bit words */
	uint32_t compared;  /* how many of them */
	uint32_t answer_at; /* index of the word with the answer */
	uint64_t answer;
	uint64_t result; /* R10 */
	uint64_t r11;
};

static const struct exit_row exit_rows[] = {
	{"MapGPA to private",
	 MAP,
	 0,
	 GPA,
	 0x3000,
	 KVM_EXIT_HYPERCALL,
	 {12, GPA, 3, 0x10},
	 4,
	 7,
	 0,
	 0,
	 ANY},
	{"MapGPA to shared",
	 MAP,
	 0,
	 GPA | SHARED_BIT,
	 0x1000,
	 KVM_EXIT_HYPERCALL,
	 {12, GPA, 1, 0},
	 4,
	 7,
	 0,
	 0,
	 ANY},
	{"MapGPA, EAGAIN",
	 MAP,
	 0,
	 GPA,
	 0x1000,
	 KVM_EXIT_HYPERCALL,
	 {12, GPA, 1, 0x10},
	 4,
	 7,
	 EAGAIN,
	 RETRY,
	 GPA},
	{"MapGPA, EINVAL",
	 MAP,
	 0,
	 GPA,
	 0x1000,
	 KVM_EXIT_HYPERCALL,
	 {12, GPA, 1, 0x10},
	 4,
	 7,
	 EINVAL,
	 INVALID,
	 GPA},
	{"KVM hypercall 12",
	 GPA,
	 12,
	 5,
	 0x10,
	 KVM_EXIT_HYPERCALL,
	 {12, GPA, 5, 0x10},
	 4,
	 7,
	 22,
	 22,
	 ANY},
	{"GetQuote, preset",
	 QUOTE,
	 0,
	 GPA | SHARED_BIT,
	 0x4321,
	 UAPI_EXIT_TDX,
	 {0, QUOTE, UNSUPPORTED, GPA, 0x4321},
	 5,
	 2,
	 UNSUPPORTED,
	 UNSUPPORTED,
	 ANY},
	{"GetQuote, served",
	 QUOTE,
	 0,
	 GPA | SHARED_BIT,
	 0x1000,
	 UAPI_EXIT_TDX,
	 {0, QUOTE, UNSUPPORTED, GPA, 0x1000},
	 5,
	 2,
	 0,
	 0,
	 ANY},
	{"GetTdVmCallInfo leaf 1",
	 INFO,
	 0,
	 1,
	 0,
	 UAPI_EXIT_TDX,
	 {0, INFO, 0, 1, 0, 0},
	 6,
	 4,
	 0x77,
	 0,
	 0x77},
	{"SetupEventNotify, vector 32",
	 NOTIFY,
	 0,
	 32,
	 0,
	 UAPI_EXIT_TDX,
	 {0, NOTIFY, UNSUPPORTED, 32},
	 4,
	 2,
	 0,
	 0,
	 ANY},
	{"SetupEventNotify, vector 255",
	 NOTIFY,
	 0,
	 255,
	 0,
	 UAPI_EXIT_TDX,
	 {0, NOTIFY, UNSUPPORTED, 255},
	 4,
	 2,
	 INVALID,
	 INVALID,
	 ANY},
};

static uint64_t *words(struct td_guest *guest)
{
	return (uint64_t *)(void *)((uint8_t *)guest->runs[0] + UAPI_RUN_UNION_OFFSET);
}

START_TEST(exits)
{
	const struct exit_row *row = &exit_rows[_i];
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask_vmcall(&guest, 0, row->leaf);
	mailbox->in[TD_R10] = row->r10;
	mailbox->in[TD_R12] = row->r12;
	mailbox->in[TD_R13] = row->r13;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_msg(guest.runs[0]->exit_reason == row->reason, "4.1 %s: exit %u", row->name,
		      guest.runs[0]->exit_reason);
	for (uint32_t i = 0; i < row->compared; i++)
		ck_assert_msg(words(&guest)[i] == row->fields[i], "4.1 %s: word %u is %#lx",
			      row->name, i, (unsigned long)words(&guest)[i]);
	words(&guest)[row->answer_at] = row->answer;
	finish(&guest, row->name);
	ck_assert_msg(mailbox->out[TD_R10] == row->result, "4.1 %s: %#lx", row->name,
		      (unsigned long)mailbox->out[TD_R10]);
	if (row->r11 != ANY)
		ck_assert_msg(mailbox->out[TD_R11] == row->r11, "4.1 %s: R11 %#lx", row->name,
			      (unsigned long)mailbox->out[TD_R11]);
	td_guest_close(&guest);
}
END_TEST

/* 4.1: chunks of 2 MiB, each an exit of its own; and where it stopped. */
START_TEST(map_gpa_chunks)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask_vmcall(&guest, 0, MAP);
	mailbox->in[TD_R12] = GPA;
	mailbox->in[TD_R13] = 0x500000;
	for (uint64_t i = 0; i < 3; i++) {
		ck_assert_int_eq(td_guest_run(&guest, 0), 0);
		ck_assert_uint_eq(guest.runs[0]->exit_reason, KVM_EXIT_HYPERCALL);
		ck_assert_uint_eq(words(&guest)[1], GPA + i * 0x200000);
		ck_assert_uint_eq(words(&guest)[2], i < 2 ? 512 : 256);
		words(&guest)[7] = i < 2 ? 0 : EAGAIN;
	}
	finish(&guest, "chunks");
	ck_assert_uint_eq(mailbox->out[TD_R10], RETRY);
	ck_assert_uint_eq(mailbox->out[TD_R11], GPA + 0x400000);
	td_guest_close(&guest);
}
END_TEST

/* 4.1: any other answer is user space's mistake. */
START_TEST(map_gpa_wrong_answer)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask_vmcall(&guest, 0, MAP);
	mailbox->in[TD_R12] = GPA;
	mailbox->in[TD_R13] = 0x1000;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	words(&guest)[7] = 77;
	ck_assert_int_eq(td_guest_run(&guest, 0), -EINVAL);
	td_guest_close(&guest);
}
END_TEST

/* 4.1: without the capability MapGPA is not there (B5 of 3.1). */
START_TEST(map_gpa_without_cap)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_EXIT_HYPERCALL};
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	ck_assert_int_eq(td_ioctl(&guest.td, guest.td.vm, KVM_ENABLE_CAP, (uintptr_t)&cap), 0);
	mailbox = td_guest_ask_vmcall(&guest, 0, MAP);
	mailbox->in[TD_R12] = GPA;
	mailbox->in[TD_R13] = 0x1000;
	finish(&guest, "MapGPA without cap 201");
	ck_assert_uint_eq(mailbox->out[TD_R10], UNSUPPORTED);
	mailbox = td_guest_ask_vmcall(&guest, 0, GPA);
	mailbox->in[TD_R10] = 12;
	finish(&guest, "KVM hypercall without cap 201");
	ck_assert_int_eq((int64_t)mailbox->out[TD_R10], -1000);
	td_guest_close(&guest);
}
END_TEST

/* 4.1 and 4.4: the exit is completed also when the vCPU is not to run. */
START_TEST(completed_with_immediate_exit)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask_vmcall(&guest, 0, QUOTE);
	mailbox->in[TD_R12] = GPA | SHARED_BIT;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	words(&guest)[2] = 1;
	guest.runs[0]->immediate_exit = 1;
	ck_assert_int_eq(td_guest_run(&guest, 0), -EINTR);
	guest.runs[0]->immediate_exit = 0;
	words(&guest)[2] = 2;
	finish(&guest, "GetQuote");
	ck_assert_uint_eq(mailbox->out[TD_R10], 1);
	td_guest_close(&guest);
}
END_TEST

/* 4.1 ReportFatalError: registers by their numbers; and the guest goes on if it is run. */
START_TEST(fatal)
{
	const uint64_t *data;
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask_vmcall(&guest, 0, FATAL);
	for (uint64_t i = TD_R12; i <= TD_R15; i++)
		mailbox->in[i] = 0x1000 + i;
	mailbox->in[TD_RBX] = 0x33;
	mailbox->in[TD_RDX] = 0x22;
	mailbox->in[TD_RSI] = 0x66;
	mailbox->in[TD_RDI] = 0x77;
	mailbox->in[TD_R8] = 0x6f6e; /* "no" */
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(guest.runs[0]->exit_reason, KVM_EXIT_SYSTEM_EVENT);
	ck_assert_uint_eq(words(&guest)[0], 7 | 16ull << 32);
	data = words(&guest) + 1;
	ck_assert_uint_eq(data[TD_RAX] & 0xffffffff, 77);
	ck_assert_uint_eq(data[TD_RDX], 0x22);
	ck_assert_uint_eq(data[TD_RBX], 0x33);
	ck_assert_uint_eq(data[TD_RSP], 0);
	ck_assert_uint_eq(data[TD_RBP], 0);
	ck_assert_uint_eq(data[TD_RSI], 0x66);
	ck_assert_uint_eq(data[TD_RDI], 0x77);
	ck_assert_uint_eq(data[TD_R8], 0x6f6e);
	ck_assert_uint_eq(data[TD_R11], FATAL);
	ck_assert_uint_eq(data[TD_R15], 0x1000 + TD_R15);
	finish(&guest, "after ReportFatalError");
	td_guest_close(&guest);
}
END_TEST

/* --- I/O */

static const uint32_t sizes[] = {1, 2, 4, 8};

START_TEST(port_io)
{
	const uint32_t size = sizes[_i];
	const uint64_t value = 0x1122334455667788ull;
	const uint64_t mask = (1ull << (8 * size)) - 1;
	struct td_mailbox *mailbox;
	struct td_guest guest;
	struct kvm_run *run;
	uint64_t data = 0;

	td_guest_open(&guest, VE_DISABLE, 1);
	run = guest.runs[0];
	mailbox = td_guest_ask_vmcall(&guest, 0, IO);
	mailbox->in[TD_R12] = size;
	mailbox->in[TD_R13] = 1;
	mailbox->in[TD_R14] = 0x510;
	mailbox->in[TD_R15] = value;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_IO);
	ck_assert_uint_eq(run->io.direction, KVM_EXIT_IO_OUT);
	ck_assert_uint_eq(run->io.port, 0x510);
	ck_assert_uint_eq(run->io.size, size);
	ck_assert_uint_eq(run->io.count, 1);
	memcpy(&data, (uint8_t *)run + run->io.data_offset, size);
	ck_assert_uint_eq(data, value & mask);
	finish(&guest, "OUT");
	ck_assert_uint_eq(mailbox->out[TD_R10], 0);
	mailbox = td_guest_ask_vmcall(&guest, 0, IO);
	mailbox->in[TD_R12] = size;
	mailbox->in[TD_R14] = 0x511;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(run->io.direction, KVM_EXIT_IO_IN);
	memcpy((uint8_t *)run + run->io.data_offset, &value, size);
	finish(&guest, "IN");
	ck_assert_uint_eq(mailbox->out[TD_R11], value & mask);
	td_guest_close(&guest);
}
END_TEST

START_TEST(mmio)
{
	const uint32_t size = sizes[_i];
	const uint64_t value = 0x1122334455667788ull;
	const uint64_t mask = size == 8 ? ~0ull : (1ull << (8 * size)) - 1;
	struct td_mailbox *mailbox;
	struct td_guest guest;
	struct kvm_run *run;
	uint64_t data = 0;

	td_guest_open(&guest, VE_DISABLE, 1);
	run = guest.runs[0];
	mailbox = td_guest_ask_vmcall(&guest, 0, MMIO);
	mailbox->in[TD_R12] = size;
	mailbox->in[TD_R13] = 1;
	mailbox->in[TD_R14] = 0xfec00010 | SHARED_BIT;
	mailbox->in[TD_R15] = value;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_MMIO);
	ck_assert_uint_eq(run->mmio.phys_addr, 0xfec00010);
	ck_assert_uint_eq(run->mmio.len, size);
	ck_assert_uint_eq(run->mmio.is_write, 1);
	memcpy(&data, run->mmio.data, size);
	ck_assert_uint_eq(data, value & mask);
	finish(&guest, "write");
	mailbox = td_guest_ask_vmcall(&guest, 0, MMIO);
	mailbox->in[TD_R12] = size;
	mailbox->in[TD_R14] = 0xfec00020 | SHARED_BIT;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(run->mmio.is_write, 0);
	memcpy(run->mmio.data, &value, size);
	finish(&guest, "read");
	ck_assert_uint_eq(mailbox->out[TD_R11], value & mask);
	td_guest_close(&guest);
}
END_TEST

/* 4.1: MSRs that KVM refuses, when user space wants to see them (cap 188). */
START_TEST(msr_exits)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_USER_SPACE_MSR,
				     .args = {KVM_MSR_EXIT_REASON_INVAL}};
	struct td_mailbox *mailbox;
	struct td_guest guest;
	struct kvm_run *run;

	td_guest_open(&guest, VE_DISABLE, 1);
	run = guest.runs[0];
	ck_assert_int_eq(td_ioctl(&guest.td, guest.td.vm, KVM_ENABLE_CAP, (uintptr_t)&cap), 0);
	mailbox = td_guest_ask_vmcall(&guest, 0, RDMSR);
	mailbox->in[TD_R12] = 0x1234;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_X86_RDMSR);
	ck_assert_uint_eq(run->msr.index, 0x1234);
	ck_assert_uint_eq(run->msr.reason, KVM_MSR_EXIT_REASON_INVAL);
	run->msr.data = 0x5566;
	finish(&guest, "RDMSR");
	ck_assert_uint_eq(mailbox->out[TD_R10], 0);
	ck_assert_uint_eq(mailbox->out[TD_R11], 0x5566);
	mailbox = td_guest_ask_vmcall(&guest, 0, WRMSR);
	mailbox->in[TD_R12] = 0x1234;
	mailbox->in[TD_R13] = 0x99;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_X86_WRMSR);
	ck_assert_uint_eq(run->msr.data, 0x99);
	run->msr.error = 1;
	finish(&guest, "WRMSR");
	ck_assert_uint_eq(mailbox->out[TD_R10], INVALID);
	td_guest_close(&guest);
}
END_TEST

/* CPUID by TDVMCALL is what user space put in; zeroes for what it did not. */
START_TEST(cpuid)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask_vmcall(&guest, 0, CPUID);
	mailbox->in[TD_R12] = 0x80000008;
	finish(&guest, "CPUID 0x80000008");
	ck_assert_uint_eq(mailbox->out[TD_R10], 0);
	ck_assert_uint_eq(mailbox->out[TD_R12] >> 16 & 0xff, 48);
	mailbox = td_guest_ask_vmcall(&guest, 0, CPUID);
	mailbox->in[TD_R12] = 0x77777777;
	finish(&guest, "CPUID 0x77777777");
	ck_assert_uint_eq(mailbox->out[TD_R12] | mailbox->out[TD_R13] | mailbox->out[TD_R14] |
				  mailbox->out[TD_R15],
			  0);
	td_guest_close(&guest);
}
END_TEST

/* [M]: what the guest does not select KVM does not see, and cannot change. */
START_TEST(selection)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask(&guest, 0, TD_TDCALL);
	mailbox->in[TD_RCX] =
		1u << TD_R10 | 1u << TD_R11 | 1u << TD_R12 | 1u << TD_R13 | 1u << TD_R14;
	mailbox->in[TD_R11] = IO;
	mailbox->in[TD_R12] = 4;
	mailbox->in[TD_R13] = 1;
	mailbox->in[TD_R14] = 0x510;
	mailbox->in[TD_R15] = 0x1234;
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(guest.runs[0]->exit_reason, KVM_EXIT_IO);
	ck_assert_uint_eq(*((uint8_t *)guest.runs[0] + guest.runs[0]->io.data_offset), 0);
	finish(&guest, "OUT without R15");
	ck_assert_uint_eq(mailbox->out[TD_R15], 0x1234);
	td_guest_close(&guest);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdx_vmcall");
	TCase *tests = tcase_create("tdx_vmcall");

	tcase_add_loop_test(tests, kernel, 0, ROWS(kernel_rows));
	tcase_add_loop_test(tests, exits, 0, ROWS(exit_rows));
	tcase_add_test(tests, map_gpa_chunks);
	tcase_add_test(tests, map_gpa_wrong_answer);
	tcase_add_test(tests, map_gpa_without_cap);
	tcase_add_test(tests, completed_with_immediate_exit);
	tcase_add_test(tests, fatal);
	tcase_add_loop_test(tests, port_io, 0, 3);
	tcase_add_loop_test(tests, mmio, 0, 4);
	tcase_add_test(tests, msr_exits);
	tcase_add_test(tests, cpuid);
	tcase_add_test(tests, selection);
	suite_add_tcase(suite, tests);
	return expect_run(suite);
}
