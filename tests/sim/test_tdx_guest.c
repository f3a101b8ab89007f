/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a TD can do by itself and what it cannot: entry, TDCALLs, #VE, pages. Rows name the section
 * of the TDX reference; [M] is the module's own behaviour (Intel TDX Module ABI).
 */
#include <errno.h>
#include <string.h>

#include "td_guest.h"

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define VE_DISABLE (1ull << 28)
#define SHARED_BIT (1ull << 47)

/* Private pages of the slot at TD_MEMORY_GPA, beyond the mailboxes. */
#define PAGE_GPA (TD_MEMORY_GPA + 0x10000)
#define NO_SLOT  0x90000000ull

#define OPERAND_INVALID  0xC000010000000000ull
#define NO_VE_INFO       0xC000070400000000ull
#define ALREADY_ACCEPTED 0x00000B0A00000000ull
#define SIZE_MISMATCH    0xC0000B0B00000000ull

#define VECTOR_UD 6
#define VECTOR_DF 8
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_VE 20

#define LEAF_INFO   1
#define LEAF_RTMR   2
#define LEAF_VEINFO 3
#define LEAF_REPORT 4
#define LEAF_ACCEPT 6

static struct td_mailbox *do_it(struct td_guest *guest, const char *what)
{
	int rc = td_guest_run(guest, 0);

	ck_assert_msg(rc == 0, "%s: KVM_RUN %d", what, rc);
	ck_assert_msg(td_guest_done(guest, 0), "%s: exit %u", what, guest->runs[0]->exit_reason);
	return td_mailbox(guest, 0);
}

static uint64_t accept_page(struct td_guest *guest, uint64_t info)
{
	struct td_mailbox *mailbox = td_guest_ask(guest, 0, TD_TDCALL);

	mailbox->in[TD_RAX] = LEAF_ACCEPT;
	mailbox->in[TD_RCX] = info;
	return do_it(guest, "TDG.MEM.PAGE.ACCEPT")->out[TD_RAX];
}

static uint64_t load(struct td_guest *guest, uint64_t linear)
{
	struct td_mailbox *mailbox = td_guest_ask(guest, 0, TD_LOAD);

	mailbox->in[TD_RCX] = linear;
	do_it(guest, "load");
	ck_assert_uint_eq(mailbox->vector, TD_NO_VECTOR);
	return mailbox->out[TD_RAX];
}

static void store(struct td_guest *guest, uint64_t linear, uint64_t value)
{
	struct td_mailbox *mailbox = td_guest_ask(guest, 0, TD_STORE);

	mailbox->in[TD_RCX] = linear;
	mailbox->in[TD_RAX] = value;
	do_it(guest, "store");
	ck_assert_uint_eq(mailbox->vector, TD_NO_VECTOR);
}

/* 3.3 and [M]: all vCPUs start at once, with RCX and R8 as given, and RSI the module's number. */
START_TEST(entry)
{
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 4);
	for (int i = 0; i < 4; i++) {
		const struct td_mailbox *mailbox = td_mailbox(&guest, i);

		ck_assert_uint_eq(mailbox->out[TD_RBX], 48);
		ck_assert_uint_eq(mailbox->out[TD_RCX], 0x809000);
		ck_assert_uint_eq(mailbox->out[TD_R8], 0x809000);
		ck_assert_uint_eq(mailbox->out[TD_RSI], (uint64_t)i);
		ck_assert_uint_eq(mailbox->out[TD_RDX], 0x000806f8);
		ck_assert_uint_eq(mailbox->out[TD_RDI], 0);
		ck_assert_uint_eq(mailbox->out[TD_R15], 0);
	}
	td_guest_close(&guest);
}
END_TEST

/* --- TDCALLs that end by themselves */

struct tdcall_row {
	const char *name;
	uint64_t rax, rcx, rdx, r8;
	uint64_t status;
};

static const struct tdcall_row tdcall_rows[] = {
	{"VP.INFO", LEAF_INFO, 0, 0, 0, 0},
	{"leaf that is not there", 99, 0, 0, 0, OPERAND_INVALID},
	{"version 1 of VP.INFO", 1 << 16 | LEAF_INFO, 0, 0, 0, OPERAND_INVALID},
	{"version 1 of VP.VEINFO.GET", 1 << 16 | LEAF_VEINFO, 0, 0, 0, NO_VE_INFO},
	{"version 2 of VP.VEINFO.GET", 2 << 16 | LEAF_VEINFO, 0, 0, 0, OPERAND_INVALID},
	{"reserved bit 24", 1 << 24 | LEAF_INFO, 0, 0, 0, OPERAND_INVALID},
	{"reserved bit 63", 1ull << 63 | LEAF_INFO, 0, 0, 0, OPERAND_INVALID},
	{"VP.VEINFO.GET without a #VE", LEAF_VEINFO, 0, 0, 0, NO_VE_INFO},
	{"VP.VMCALL selecting RAX", 0, 1, 0, 0, OPERAND_INVALID | 1},
	{"VP.VMCALL selecting RCX", 0, 2, 0, 0, OPERAND_INVALID | 1},
	{"VP.VMCALL selecting RSP", 0, 0x10, 0, 0, OPERAND_INVALID | 1},
	{"VP.VMCALL selecting RBP (NO_RBP_MOD)", 0, 0x20, 0, 0, OPERAND_INVALID | 1},
	{"VP.VMCALL with a high bit", 0, 1ull << 32, 0, 0, OPERAND_INVALID | 1},
	{"ACCEPT of level 2", LEAF_ACCEPT, PAGE_GPA | 2, 0, 0, OPERAND_INVALID | 1},
	{"ACCEPT, reserved bit", LEAF_ACCEPT, PAGE_GPA | 8, 0, 0, OPERAND_INVALID | 1},
	{"ACCEPT, 2 MiB unaligned", LEAF_ACCEPT, PAGE_GPA | 1, 0, 0, OPERAND_INVALID | 1},
	{"ACCEPT of a shared address", LEAF_ACCEPT, PAGE_GPA | SHARED_BIT, 0, 0,
	 OPERAND_INVALID | 1},
	{"ACCEPT of a page of the image", LEAF_ACCEPT, TD_GUEST_BASE, 0, 0, ALREADY_ACCEPTED},
	{"ACCEPT of 2 MiB over 4 KiB pages", LEAF_ACCEPT, 0x200000 | 1, 0, 0, SIZE_MISMATCH},
	{"RTMR.EXTEND, unaligned", LEAF_RTMR, TD_GUEST_BASE + 8, 2, 0, OPERAND_INVALID | 1},
	{"RTMR.EXTEND of RTMR4", LEAF_RTMR, TD_GUEST_BASE, 4, 0, OPERAND_INVALID | 2},
	{"RTMR.EXTEND of RTMR3", LEAF_RTMR, TD_GUEST_BASE, 3, 0, 0},
	{"MR.REPORT, unaligned", LEAF_REPORT, TD_GUEST_BASE + 64, TD_GUEST_BASE, 0,
	 OPERAND_INVALID | 1},
	{"MR.REPORT, data unaligned", LEAF_REPORT, TD_GUEST_BASE, TD_GUEST_BASE + 1, 0,
	 OPERAND_INVALID | 2},
	{"MR.REPORT of another type", LEAF_REPORT, TD_GUEST_BASE, TD_GUEST_BASE, 1,
	 OPERAND_INVALID | 8},
};

START_TEST(tdcalls)
{
	const struct tdcall_row *row = &tdcall_rows[_i];
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	ck_assert_int_eq(td_set_private(&guest.td, 0x200000, 0x200000, true), 0);
	mailbox = td_guest_ask(&guest, 0, TD_TDCALL);
	mailbox->in[TD_RAX] = row->rax;
	mailbox->in[TD_RCX] = row->rcx;
	mailbox->in[TD_RDX] = row->rdx;
	mailbox->in[TD_R8] = row->r8;
	do_it(&guest, row->name);
	ck_assert_msg(mailbox->vector == TD_NO_VECTOR, "[M] %s: vector %lu", row->name,
		      (unsigned long)mailbox->vector);
	ck_assert_msg(mailbox->out[TD_RAX] == row->status, "[M] %s: %#lx", row->name,
		      (unsigned long)mailbox->out[TD_RAX]);
	td_guest_close(&guest);
}
END_TEST

START_TEST(vp_info)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 3);
	mailbox = td_guest_ask(&guest, 0, TD_TDCALL);
	mailbox->in[TD_RAX] = LEAF_INFO;
	do_it(&guest, "VP.INFO");
	ck_assert_uint_eq(mailbox->out[TD_RCX], 48);
	ck_assert_uint_eq(mailbox->out[TD_RDX], VE_DISABLE);
	ck_assert_uint_eq(mailbox->out[TD_R8], 3 | 4ull << 32); /* max_vcpus: the host's CPUs */
	ck_assert_uint_eq(mailbox->out[TD_R9], 0);
	td_guest_close(&guest);
}
END_TEST

/* [M]: MRTD, RTMRs and the guest's data are where a verifier looks. */
START_TEST(report)
{
	const uint64_t out = PAGE_GPA, data = PAGE_GPA + 0x1000;
	struct coco_sim_vm_info info = {.struct_size = sizeof(info)};
	struct coco_error error;
	struct td_mailbox *mailbox;
	struct td_guest guest;
	uint64_t mrtd[6];

	td_guest_open(&guest, VE_DISABLE, 1);
	ck_assert_int_eq(td_set_private(&guest.td, PAGE_GPA, 0x2000, true), 0);
	ck_assert_uint_eq(accept_page(&guest, out), 0);
	ck_assert_uint_eq(accept_page(&guest, data), 0);
	store(&guest, data, 0x1122334455667788);
	mailbox = td_guest_ask(&guest, 0, TD_TDCALL);
	mailbox->in[TD_RAX] = LEAF_REPORT;
	mailbox->in[TD_RCX] = out;
	mailbox->in[TD_RDX] = data;
	ck_assert_uint_eq(do_it(&guest, "MR.REPORT")->out[TD_RAX], 0);
	ck_assert_uint_eq(load(&guest, out) & 0xff, 0x81);
	ck_assert_uint_eq(load(&guest, out + 128), 0x1122334455667788);
	ck_assert_uint_eq(load(&guest, out + 512), VE_DISABLE);
	expect_ok(coco_sim_get_vm_info(guest.td.sim, guest.td.vm, &info, &error), &error);
	for (int i = 0; i < 6; i++)
		mrtd[i] = load(&guest, out + 512 + 16 + 8 * (uint64_t)i);
	ck_assert_mem_eq(mrtd, info.digest, sizeof(mrtd));
	td_guest_close(&guest);
}
END_TEST

/* --- #VE */

struct ve_row {
	const char *name;
	enum td_operation operation;
	uint64_t rax, rcx, rdx;
	uint64_t vector;
	uint64_t reason, qualification, gpa, length;
};

static const struct ve_row ve_rows[] = {
	{"CPUID 0x40000000", TD_CPUID, 0x40000000, 0, 0, VECTOR_VE, 10, 0, 0, 2},
	{"CPUID 2", TD_CPUID, 2, 0, 0, VECTOR_VE, 10, 0, 0, 2},
	{"CPUID 0x1f before the guest asked for topology", TD_CPUID, 0x1f, 0, 0, VECTOR_VE, 10, 0,
	 0, 2},
	{"CPUID 0", TD_CPUID, 0, 0, 0, TD_NO_VECTOR, 0, 0, 0, 0},
	{"CPUID 1", TD_CPUID, 1, 0, 0, TD_NO_VECTOR, 0, 0, 0, 0},
	{"CPUID 0x21", TD_CPUID, 0x21, 0, 0, TD_NO_VECTOR, 0, 0, 0, 0},
	{"CPUID 0x80000008", TD_CPUID, 0x80000008, 0, 0, TD_NO_VECTOR, 0, 0, 0, 0},
	{"IN EAX, DX", TD_IN, 0, 0, 0x3fd, VECTOR_VE, 30, 3 | 1 << 3 | 0x3fdull << 16, 0, 1},
	{"OUT DX, AX", TD_OUT, 0, 0, 0x3f8, VECTOR_VE, 30, 1 | 0x3f8ull << 16, 0, 2},
	{"IN AL, 0x71", TD_IN_BYTE, 0, 0, 0, VECTOR_VE, 30, 1 << 3 | 1 << 6 | 0x71ull << 16, 0, 2},
	{"REP OUTSB", TD_REP_OUTSB, 0, 1, 0x3f8, VECTOR_VE, 30, 1 << 4 | 1 << 5 | 0x3f8ull << 16, 0,
	 2},
	{"RDMSR of the microcode version", TD_RDMSR, 0, 0x8b, 0, VECTOR_VE, 31, 0, 0, 2},
	{"RDMSR of an MTRR", TD_RDMSR, 0, 0x2ff, 0, VECTOR_VE, 31, 0, 0, 2},
	{"RDMSR of the APIC base", TD_RDMSR, 0, 0x1b, 0, TD_NO_VECTOR, 0, 0, 0, 0},
	{"RDMSR of EFER", TD_RDMSR, 0, 0xc0000080, 0, TD_NO_VECTOR, 0, 0, 0, 0},
	{"WRMSR of the APIC base", TD_WRMSR, 0xfee00d00, 0x1b, 0, VECTOR_VE, 32, 0, 0, 2},
	{"WRMSR of the TSC", TD_WRMSR, 0, 0x10, 0, VECTOR_VE, 32, 0, 0, 2},
	{"WRMSR of EFER without NXE", TD_WRMSR, 0x501, 0xc0000080, 0, VECTOR_VE, 32, 0, 0, 2},
	{"WRMSR of EFER without SCE", TD_WRMSR, 0xd00, 0xc0000080, 0, TD_NO_VECTOR, 0, 0, 0, 0},
	{"WRMSR of GS.base", TD_WRMSR, 0x1000, 0xc0000101, 0, TD_NO_VECTOR, 0, 0, 0, 0},
	{"HLT", TD_HLT, 0, 0, 0, VECTOR_VE, 12, 0, 0, 1},
	{"VMCALL", TD_VMCALL, 0, 0, 0, VECTOR_VE, 18, 0, 0, 3},
	{"WBINVD", TD_WBINVD, 0, 0, 0, VECTOR_VE, 54, 0, 0, 2},
	{"TDCALL in 32-bit code", TD_TDCALL_32, LEAF_INFO, 0, 0, VECTOR_GP, 0, 0, 0, 0},
	{"MMIO read", TD_LOAD, 0, TD_GUEST_SHARED + NO_SLOT, 0, VECTOR_VE, 48, 1,
	 NO_SLOT | SHARED_BIT, 0},
	{"MMIO write", TD_STORE, 0, TD_GUEST_SHARED + NO_SLOT + 8, 0, VECTOR_VE, 48, 2,
	 (NO_SLOT + 8) | SHARED_BIT, 0},
	{"code in shared memory", TD_CALL, 0, TD_GUEST_MAILBOX, 0, VECTOR_PF, 0, 0, 0, 0},
};

START_TEST(ve)
{
	const struct ve_row *row = &ve_rows[_i];
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask(&guest, 0, row->operation);
	mailbox->in[TD_RAX] = row->rax;
	mailbox->in[TD_RCX] = row->rcx;
	mailbox->in[TD_RDX] = row->rdx;
	do_it(&guest, row->name);
	ck_assert_msg(mailbox->vector == row->vector, "[M] %s: vector %lu, error %#lx", row->name,
		      (unsigned long)mailbox->vector, (unsigned long)mailbox->error);
	mailbox = td_guest_ask(&guest, 0, TD_TDCALL);
	mailbox->in[TD_RAX] = LEAF_VEINFO;
	do_it(&guest, row->name);
	ck_assert_msg(mailbox->out[TD_RAX] == (row->vector == VECTOR_VE ? 0 : NO_VE_INFO),
		      "[M] %s: VEINFO %#lx", row->name, (unsigned long)mailbox->out[TD_RAX]);
	ck_assert_msg(
		mailbox->out[TD_RCX] == row->reason && mailbox->out[TD_RDX] == row->qualification &&
			mailbox->out[TD_R9] == row->gpa && mailbox->out[TD_R10] == row->length,
		"[M] %s: reason %lu, qualification %#lx, gpa %#lx, length %lu", row->name,
		(unsigned long)mailbox->out[TD_RCX], (unsigned long)mailbox->out[TD_RDX],
		(unsigned long)mailbox->out[TD_R9], (unsigned long)mailbox->out[TD_R10]);
	td_guest_close(&guest);
}
END_TEST

/* [M]: a second #VE before the first was fetched is a double fault. */
START_TEST(ve_twice)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	td_guest_ask(&guest, 0, TD_HLT);
	ck_assert_uint_eq(do_it(&guest, "HLT")->vector, VECTOR_VE);
	td_guest_ask(&guest, 0, TD_HLT);
	ck_assert_uint_eq(do_it(&guest, "HLT")->vector, VECTOR_DF);
	mailbox = td_guest_ask(&guest, 0, TD_TDCALL);
	mailbox->in[TD_RAX] = LEAF_VEINFO;
	ck_assert_uint_eq(do_it(&guest, "VEINFO")->out[TD_RAX], 0);
	td_guest_ask(&guest, 0, TD_HLT);
	ck_assert_uint_eq(do_it(&guest, "HLT")->vector, VECTOR_VE);
	td_guest_close(&guest);
}
END_TEST

START_TEST(cpuid_values)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	mailbox = td_guest_ask(&guest, 0, TD_CPUID);
	mailbox->in[TD_RAX] = 0x21;
	do_it(&guest, "CPUID 0x21");
	ck_assert_uint_eq(mailbox->out[TD_RAX], 0);
	ck_assert_mem_eq(&mailbox->out[TD_RBX], "Inte", 4);
	ck_assert_mem_eq(&mailbox->out[TD_RDX], "lTDX", 4);
	ck_assert_mem_eq(&mailbox->out[TD_RCX], "    ", 4);
	mailbox = td_guest_ask(&guest, 0, TD_CPUID);
	mailbox->in[TD_RAX] = 1;
	do_it(&guest, "CPUID 1");
	ck_assert_uint_ne(mailbox->out[TD_RCX] & 1u << 31, 0);
	ck_assert_uint_ne(mailbox->out[TD_RCX] & 1u << 21, 0);
	mailbox = td_guest_ask(&guest, 0, TD_RDMSR);
	mailbox->in[TD_RCX] = 0x1b;
	do_it(&guest, "APIC base");
	ck_assert_uint_eq(mailbox->out[TD_RAX], 0xfee00d00);
	td_guest_close(&guest);
}
END_TEST

/* --- 9.5: what becomes of an access, by attribute and state of the page */

enum page_state { ABSENT, MAPPED, PENDING };

struct access_row {
	const char *name;
	enum td_operation operation;
	bool shared_address;
	uint64_t gpa;
	bool attribute_private;
	enum page_state state;
	bool ve_disable;
	int result;      /* of KVM_RUN */
	uint32_t reason; /* of the exit, if it is one */
	uint64_t flags;  /* of the memory fault */
	uint64_t vector; /* in the guest */
	bool dead;
};

static const struct access_row access_rows[] = {
	{"private, absent, SEPT_VE_DISABLE", TD_LOAD, false, PAGE_GPA, true, ABSENT, true, -EIO, 0,
	 0, 0, true},
	{"private write, absent, SEPT_VE_DISABLE (pitfall 35)", TD_STORE, false, PAGE_GPA, true,
	 ABSENT, true, -EIO, 0, 0, 0, true},
	{"private, absent", TD_LOAD, false, PAGE_GPA, true, ABSENT, false, 0, 0, 0, VECTOR_VE,
	 false},
	{"private, PENDING, SEPT_VE_DISABLE", TD_LOAD, false, PAGE_GPA, true, PENDING, true, -EIO,
	 0, 0, 0, true},
	{"private, PENDING", TD_STORE, false, PAGE_GPA, true, PENDING, false, 0, 0, 0, VECTOR_VE,
	 false},
	{"private, ACCEPTED", TD_STORE, false, PAGE_GPA, true, MAPPED, true, 0, 0, 0, TD_NO_VECTOR,
	 false},
	{"private, attribute shared", TD_LOAD, false, PAGE_GPA, false, ABSENT, true, -EFAULT,
	 UAPI_EXIT_MEMORY_FAULT, 8, 0, false},
	{"private, no slot", TD_LOAD, false, NO_SLOT, true, ABSENT, true, -EFAULT,
	 UAPI_EXIT_MEMORY_FAULT, 8, 0, false},
	{"shared, attribute PRIVATE", TD_LOAD, true, PAGE_GPA, true, ABSENT, true, -EFAULT,
	 UAPI_EXIT_MEMORY_FAULT, 0, 0, false},
	{"shared, attribute PRIVATE, ACCEPTED", TD_STORE, true, PAGE_GPA, true, MAPPED, true,
	 -EFAULT, UAPI_EXIT_MEMORY_FAULT, 0, 0, false},
	{"shared, attribute shared", TD_STORE, true, PAGE_GPA, false, ABSENT, true, 0, 0, 0,
	 TD_NO_VECTOR, false},
};

static void prepare_page(struct td_guest *guest, const struct access_row *row)
{
	ck_assert_int_eq(td_set_private(&guest->td, row->gpa, 0x1000, row->attribute_private), 0);
	if (row->state == PENDING)
		ck_assert_int_eq(td_pre_fault(&guest->td, row->gpa, 0x1000), 0);
	if (row->state == MAPPED)
		ck_assert_uint_eq(accept_page(guest, row->gpa), 0);
}

static void check_fault(struct td_guest *guest, const struct access_row *row)
{
	const struct uapi_memory_fault *fault =
		(const void *)((const uint8_t *)guest->runs[0] + UAPI_RUN_UNION_OFFSET);

	ck_assert_msg(guest->runs[0]->exit_reason == row->reason, "9.5 %s: exit %u", row->name,
		      guest->runs[0]->exit_reason);
	ck_assert_msg(fault->flags == row->flags && fault->gpa == row->gpa && fault->size == 0x1000,
		      "9.5 %s: flags %#lx, gpa %#lx, size %#lx", row->name,
		      (unsigned long)fault->flags, (unsigned long)fault->gpa,
		      (unsigned long)fault->size);
}

START_TEST(accesses)
{
	const struct access_row *row = &access_rows[_i];
	struct td_mailbox *mailbox;
	struct td_guest guest;
	int rc;

	td_guest_open(&guest, row->ve_disable ? VE_DISABLE : 0, 1);
	prepare_page(&guest, row);
	mailbox = td_guest_ask(&guest, 0, row->operation);
	mailbox->in[TD_RCX] = row->gpa + (row->shared_address ? TD_GUEST_SHARED : 0);
	rc = td_guest_run(&guest, 0);
	ck_assert_msg(rc == row->result, "9.5 %s: KVM_RUN %d", row->name, rc);
	if (row->reason)
		check_fault(&guest, row);
	if (!rc)
		ck_assert_msg(td_guest_done(&guest, 0) && mailbox->vector == row->vector,
			      "9.5 %s: vector %lu", row->name, (unsigned long)mailbox->vector);
	ck_assert_msg((td_ioctl(&guest.td, guest.td.vm, KVM_CHECK_EXTENSION, 0) == -EIO) ==
			      row->dead,
		      "9.5 %s: dead or not", row->name);
	td_guest_close(&guest);
}
END_TEST

/* 9.5 ACCEPT, and what converting a page does to what was in it. */
START_TEST(life_of_a_page)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;
	struct td *td = &guest.td;

	td_guest_open(&guest, VE_DISABLE, 1);
	ck_assert_int_eq(td_set_private(td, PAGE_GPA, 0x1000, true), 0);
	memset(td->shared + (PAGE_GPA - TD_MEMORY_GPA), 0x77, 0x1000);
	ck_assert_uint_eq(accept_page(&guest, PAGE_GPA), 0);
	ck_assert_uint_eq(load(&guest, PAGE_GPA), 0);
	store(&guest, PAGE_GPA, 0xabcd);
	ck_assert_uint_eq(accept_page(&guest, PAGE_GPA), ALREADY_ACCEPTED);
	ck_assert_uint_eq(load(&guest, PAGE_GPA), 0xabcd);
	/* The shared side is other memory. */
	ck_assert_uint_eq(td->shared[PAGE_GPA - TD_MEMORY_GPA], 0x77);
	ck_assert_int_eq(td_set_private(td, PAGE_GPA, 0x1000, false), 0);
	ck_assert_uint_eq(load(&guest, TD_GUEST_SHARED + PAGE_GPA) & 0xff, 0x77);
	ck_assert_int_eq(td_set_private(td, PAGE_GPA, 0x1000, true), 0);
	ck_assert_uint_eq(accept_page(&guest, PAGE_GPA), 0);
	ck_assert_uint_eq(load(&guest, PAGE_GPA), 0);
	/* ACCEPT is an access as well: KVM wants the attribute first. */
	ck_assert_int_eq(td_set_private(td, PAGE_GPA, 0x1000, false), 0);
	mailbox = td_guest_ask(&guest, 0, TD_TDCALL);
	mailbox->in[TD_RAX] = LEAF_ACCEPT;
	mailbox->in[TD_RCX] = PAGE_GPA;
	ck_assert_int_eq(td_guest_run(&guest, 0), -EFAULT);
	ck_assert_uint_eq(guest.runs[0]->exit_reason, UAPI_EXIT_MEMORY_FAULT);
	ck_assert_int_eq(td_set_private(td, PAGE_GPA, 0x1000, true), 0);
	ck_assert_uint_eq(do_it(&guest, "ACCEPT again")->out[TD_RAX], 0);
	td_guest_close(&guest);
}
END_TEST

/* 4.1: the access is retried once user space has changed the attribute. */
START_TEST(retried)
{
	struct td_mailbox *mailbox;
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	ck_assert_int_eq(td_set_private(&guest.td, PAGE_GPA, 0x1000, true), 0);
	mailbox = td_guest_ask(&guest, 0, TD_STORE);
	mailbox->in[TD_RCX] = TD_GUEST_SHARED + PAGE_GPA;
	mailbox->in[TD_RAX] = 0x99;
	ck_assert_int_eq(td_guest_run(&guest, 0), -EFAULT);
	ck_assert_int_eq(td_guest_run(&guest, 0), -EFAULT);
	ck_assert_int_eq(td_set_private(&guest.td, PAGE_GPA, 0x1000, false), 0);
	do_it(&guest, "store");
	ck_assert_uint_eq(guest.td.shared[PAGE_GPA - TD_MEMORY_GPA], 0x99);
	td_guest_close(&guest);
}
END_TEST

/* 4.1 and 4.5: shutdown is not the VM's death, but that vCPU does not run again. */
START_TEST(triple_fault)
{
	struct td_guest guest;

	td_guest_open(&guest, VE_DISABLE, 1);
	td_guest_ask(&guest, 0, TD_TRIPLE_FAULT);
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(guest.runs[0]->exit_reason, KVM_EXIT_SHUTDOWN);
	ck_assert_int_eq(td_guest_run(&guest, 0), 0);
	ck_assert_uint_eq(guest.runs[0]->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	ck_assert_uint_eq(guest.runs[0]->internal.suberror, 4);
	ck_assert_uint_eq(guest.runs[0]->internal.ndata, 2);
	ck_assert_uint_eq(guest.runs[0]->internal.data[0], 0xC000070000000000ull);
	ck_assert_int_ge(td_ioctl(&guest.td, guest.td.vm, KVM_CHECK_EXTENSION, 0), 0);
	td_guest_close(&guest);
}
END_TEST

/* 4.4, and 9.3's RUN of another id: the order of KVM_RUN's checks. */
START_TEST(admission)
{
	struct td_guest guest;
	struct td *td = &guest.td;
	struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_INIT_RECEIVED};

	td_guest_open(&guest, VE_DISABLE, 2);
	ck_assert_int_eq(td_ioctl(td, td->vcpus[0], KVM_RUN, 1), -EINVAL);
	guest.runs[0]->kvm_valid_regs = 1;
	guest.runs[0]->immediate_exit = 1;
	ck_assert_int_eq(td_guest_run(&guest, 0), -EINVAL); /* sync regs before immediate_exit */
	guest.runs[0]->kvm_valid_regs = 0;
	ck_assert_int_eq(td_guest_run(&guest, 0), -EINTR);
	guest.runs[0]->immediate_exit = 0;
	/* 4.3: INIT_RECEIVED is no state of a TD's vCPU. */
	ck_assert_int_eq(td_ioctl(td, td->vcpus[1], KVM_SET_MP_STATE, (uintptr_t)&state), 0);
	ck_assert_int_eq(td_guest_run(&guest, 1), -EINVAL);
	td_guest_close(&guest);
}
END_TEST

/* 4.4: immediate_exit comes before the TD's own checks. */
START_TEST(admission_order)
{
	struct kvm_run *run;
	struct td td;

	td_open(&td, 4);
	td_reach(&td, TD_V1_C1);
	ck_assert_int_eq(td.platform->ops->mmap(td.platform->context, NULL, 12288, 3, 1,
						td.vcpus[0], 0, (void **)&run),
			 0);
	ck_assert_int_eq(td_ioctl(&td, td.vcpus[0], KVM_RUN, 0), -EINVAL);
	run->immediate_exit = 1;
	ck_assert_int_eq(td_ioctl(&td, td.vcpus[0], KVM_RUN, 0), -EINTR);
	run->immediate_exit = 0;
	/* An AP that was not initialized waits: for a signal, which here is immediate_exit. */
	ck_assert_int_ge(td_create_vcpu(&td, 1), 0);
	td.platform->ops->munmap(td.platform->context, run, 12288);
	ck_assert_int_eq(td.platform->ops->mmap(td.platform->context, NULL, 12288, 3, 1,
						td.vcpus[1], 0, (void **)&run),
			 0);
	run->immediate_exit = 1;
	ck_assert_int_eq(td_ioctl(&td, td.vcpus[1], KVM_RUN, 0), -EINTR);
	td.platform->ops->munmap(td.platform->context, run, 12288);
	td_close(&td);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdx_guest");
	TCase *tests = tcase_create("tdx_guest");

	tcase_add_test(tests, entry);
	tcase_add_loop_test(tests, tdcalls, 0, ROWS(tdcall_rows));
	tcase_add_test(tests, vp_info);
	tcase_add_test(tests, report);
	tcase_add_loop_test(tests, ve, 0, ROWS(ve_rows));
	tcase_add_test(tests, ve_twice);
	tcase_add_test(tests, cpuid_values);
	tcase_add_loop_test(tests, accesses, 0, ROWS(access_rows));
	tcase_add_test(tests, life_of_a_page);
	tcase_add_test(tests, retried);
	tcase_add_test(tests, triple_fault);
	tcase_add_test(tests, admission);
	tcase_add_test(tests, admission_order);
	suite_add_tcase(suite, tests);
	return expect_run(suite);
}
