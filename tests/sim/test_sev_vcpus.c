/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How further vCPUs of SEV-ES and SNP guests start and end (reference 4.7), and certificates (4.6).
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "sev_program.h"
#include "sim/sev_run.h"
#include "sim/sev_vmsa.h"

#define SNP UAPI_VM_TYPE_SNP
#define ES  UAPI_VM_TYPE_SEVES

#define AP_PAGE 0xc000ull

static struct program program;
static struct sim_vmsa ap_vmsa;

static void set_field(uint32_t offset, uint64_t value)
{
	uint32_t bit = offset / 8;

	memcpy(program.ghcb + offset, &value, sizeof(value));
	program.ghcb[SIM_GHCB_VALID + bit / 8] |= (uint8_t)(1u << bit % 8);
}

static uint64_t get_field(uint32_t offset)
{
	uint64_t value;

	memcpy(&value, program.ghcb + offset, sizeof(value));
	return value;
}

static void ask(uint64_t code, uint64_t info1, uint64_t info2)
{
	set_field(SIM_GHCB_CODE, code);
	set_field(SIM_GHCB_INFO1, info1);
	set_field(SIM_GHCB_INFO2, info2);
	program.mailbox->ghcb = PROGRAM_GHCB;
	if (program.guest.type == SNP)
		program.mailbox->ghcb_register = PROGRAM_GHCB | 0x012;
}

/* The GHCB event is over, and the action too. */
static void next_round(void)
{
	program.mailbox->ghcb = 0;
	program.mailbox->action = PROGRAM_NOTHING;
}

/* A vCPU in 64-bit mode as the first one is, but for where it starts. */
static void make_vmsa(void)
{
	const struct sim_vmsa_segment data = {16, 0xc93, 0xffffffff, 0};

	memset(&ap_vmsa, 0, sizeof(ap_vmsa));
	ap_vmsa.cs = (struct sim_vmsa_segment){8, 0xa9b, 0xffffffff, 0};
	ap_vmsa.ds = ap_vmsa.es = ap_vmsa.fs = ap_vmsa.gs = ap_vmsa.ss = data;
	ap_vmsa.gdtr = (struct sim_vmsa_segment){.limit = 0x17, .base = 0x7000};
	ap_vmsa.idtr = (struct sim_vmsa_segment){.limit = 0x1ff, .base = 0x6000};
	ap_vmsa.tr.attributes = 0x8b;
	ap_vmsa.efer = 0x1500;
	ap_vmsa.cr0 = 0x80000011;
	ap_vmsa.cr3 = 0x1000;
	ap_vmsa.cr4 = 0x60;
	ap_vmsa.dr6 = 0xffff0ff0;
	ap_vmsa.dr7 = 0x400;
	ap_vmsa.rflags = 2;
	ap_vmsa.rsp = 0x5800;
	ap_vmsa.rip = program_ap_address();
	ap_vmsa.sev_features = 1;
	ap_vmsa.xcr0 = 1;
}

static void open_with_ap(void)
{
	make_vmsa();
	program.vcpus = 1;
	program.page_12 = &ap_vmsa;
	program_open(&program, SNP);
}

static void mark_vmsa(void)
{
	program.mailbox->action = PROGRAM_RMPADJUST;
	program.mailbox->argument = AP_PAGE;
	program.mailbox->argument2 = 0x10001;
	program_finish(&program);
	ck_assert_uint_eq(program.mailbox->result, 0);
	next_round();
}

static void create_ap(uint64_t request)
{
	set_field(SIM_GHCB_RAX, 1);
	ask(SIM_GHCB_AP_CREATION, 1ull << 32 | request, AP_PAGE);
	program_finish(&program);
	ck_assert_uint_eq(get_field(SIM_GHCB_INFO1), 0);
	next_round();
}

static void expect_fail_entry(uint32_t vcpu)
{
	ck_assert_int_eq(program_run_vcpu(&program, vcpu), 0);
	ck_assert_uint_eq(program.guest.runs[vcpu]->exit_reason, KVM_EXIT_FAIL_ENTRY);
}

START_TEST(ap_creation)
{
	open_with_ap();
	mark_vmsa();
	create_ap(1);
	ck_assert_int_eq(program_run_vcpu(&program, 1), 0);
	ck_assert_uint_eq(program.guest.runs[1]->exit_reason, KVM_EXIT_SYSTEM_EVENT);
	ck_assert_uint_eq(program.mailbox->ap_reached, 1);
	program_close(&program);
}
END_TEST

/* 4.7: an unusable VMSA is seen at entry. */
START_TEST(ap_without_vmsa_mark)
{
	open_with_ap();
	create_ap(1);
	expect_fail_entry(1);
	program_close(&program);
}
END_TEST

START_TEST(ap_with_other_features)
{
	make_vmsa();
	ap_vmsa.sev_features = 3;
	program.vcpus = 1;
	program.page_12 = &ap_vmsa;
	program_open(&program, SNP);
	mark_vmsa();
	create_ap(1);
	expect_fail_entry(1);
	program_close(&program);
}
END_TEST

static uint32_t mp_state_of(uint32_t vcpu)
{
	struct kvm_mp_state state = {0};

	ck_assert_int_eq(sev_ioctl(&program.guest, program.guest.vcpus[vcpu], KVM_GET_MP_STATE,
				   (uintptr_t)&state),
			 0);
	return state.mp_state;
}

static void call_back(int number)
{
	(void)number;
	program.guest.runs[1]->immediate_exit = 1;
}

/*
 * The vCPU acts upon a destroy when it runs, and is halted then, which only a signal ends. Who
 * makes it runnable by force gets FAIL_ENTRY.
 */
START_TEST(ap_destroyed)
{
	struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_RUNNABLE};
	const struct itimerval soon = {.it_value.tv_usec = 20000};

	open_with_ap();
	mark_vmsa();
	create_ap(1);
	ck_assert_int_eq(program_run_vcpu(&program, 1), 0);
	create_ap(2);
	ck_assert_uint_eq(mp_state_of(1), KVM_MP_STATE_RUNNABLE);
	signal(SIGALRM, call_back);
	setitimer(ITIMER_REAL, &soon, NULL);
	ck_assert_int_eq(program_run_vcpu(&program, 1), -EINTR);
	ck_assert_uint_eq(mp_state_of(1), KVM_MP_STATE_HALTED);
	program.guest.runs[1]->immediate_exit = 0;
	ck_assert_int_eq(sev_ioctl(&program.guest, program.guest.vcpus[1], KVM_SET_MP_STATE,
				   (uintptr_t)&state),
			 0);
	expect_fail_entry(1);
	program_close(&program);
}
END_TEST

/* 8.5: the page of a VMSA is gone. */
START_TEST(vmsa_punched)
{
	open_with_ap();
	mark_vmsa();
	create_ap(1);
	ck_assert_int_eq(program_run_vcpu(&program, 1), 0);
	ck_assert_uint_eq(program.mailbox->ap_reached, 1);
	ck_assert_int_eq(program.guest.platform->ops->fallocate(program.guest.platform->context,
								program.guest.gmem, 3, AP_PAGE,
								SEV_PAGE),
			 0);
	expect_fail_entry(1);
	program_close(&program);
}
END_TEST

/* --- INIT and SIPI by the local APIC */

static void write_icr(uint64_t value)
{
	set_field(SIM_GHCB_RCX, 0x830);
	set_field(SIM_GHCB_RAX, (uint32_t)value);
	set_field(SIM_GHCB_RDX, value >> 32);
	ask(SIM_VC_MSR, 1, 0);
	program_finish(&program);
	ck_assert_uint_eq(get_field(SIM_GHCB_INFO1), 0);
	next_round();
}

static void enable_x2apic(int vcpu)
{
	struct {
		uint32_t count, pad;
		struct kvm_msr_entry entry;
	} msrs = {.count = 1, .entry = {.index = 0x1b}};

	ck_assert_int_eq(sev_ioctl(&program.guest, vcpu, KVM_GET_MSRS, (uintptr_t)&msrs), 1);
	msrs.entry.data |= 1u << 10;
	ck_assert_int_eq(sev_ioctl(&program.guest, vcpu, KVM_SET_MSRS, (uintptr_t)&msrs), 1);
}

/* The first SIPI starts the vCPU with the VMSA as it was measured, wherever its vector points. */
START_TEST(first_sipi)
{
	static const uint64_t types[] = {ES, SNP};

	program.vcpus = 1;
	program.page_12 = NULL;
	program.in_kernel_apic = true;
	program_open(&program, types[_i]);
	enable_x2apic(program.guest.vcpus[0]);
	enable_x2apic(program.guest.vcpus[1]);
	write_icr(1ull << 32 | 0x4500);
	write_icr(1ull << 32 | 0x4677);
	ck_assert_int_eq(program_run_vcpu(&program, 1), -EAGAIN);
	ck_assert_int_eq(program_run_vcpu(&program, 1), 0);
	ck_assert_uint_eq(program.guest.runs[1]->exit_reason, KVM_EXIT_SYSTEM_EVENT);
	ck_assert_uint_eq(program.mailbox->reached, program.rounds + 1);
	program.in_kernel_apic = false;
	program_close(&program);
}
END_TEST

/* 4.2: without a local APIC in the kernel the hold is user space's business. */
START_TEST(ap_reset_hold)
{
	program.vcpus = 0;
	program.page_12 = NULL;
	program_open(&program, ES);
	if (_i)
		program.mailbox->msr_request = 0x006;
	else
		ask(SIM_GHCB_AP_RESET_HOLD, 0, 0);
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(program.guest.runs[0]->exit_reason, KVM_EXIT_AP_RESET_HOLD);
	program_finish(&program);
	if (_i)
		ck_assert_uint_eq(program.mailbox->msr_response, 0x007);
	else
		ck_assert_uint_eq(get_field(SIM_GHCB_INFO2), 0);
	program_close(&program);
}
END_TEST

/* --- certificates */

static const struct {
	uint64_t ret;
	int rc;
	uint64_t info2;
	uint64_t rbx;
} certificate_rows[] = {
	{0, 0, 0, 1},
	{ENOSPC, 0, 1ull << 32, 7},
	{EAGAIN, 0, 2ull << 32, 1},
	{EIO, 0, 0xffffffffull << 32, 1},
	{EINVAL, -EINVAL, 0, 0},
};

static void launch_with_certificates(void)
{
	struct sev_guest *guest = &program.guest;

	program.vcpus = 0;
	program.page_12 = NULL;
	program.certificates = true;
	program_open(&program, SNP);
	program.certificates = false;
	for (uint64_t page = 12; page < 16; page++)
		ck_assert_int_eq(sev_set_private(guest, page, 1, false), 0);
	guest->ram[0xc000 + 0x34] = 5;
	set_field(SIM_GHCB_RAX, 0xe000);
	set_field(SIM_GHCB_RBX, 1);
	ask(SIM_GHCB_EXT_GUEST_REQUEST, 0xc000, 0xd000);
}

START_TEST(certificates)
{
	struct {
		uint64_t gpa, npages, ret;
	} exit;
	uint8_t *where;

	launch_with_certificates();
	where = (uint8_t *)program.guest.runs[0] + UAPI_RUN_UNION_OFFSET;
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(program.guest.runs[0]->exit_reason, 43);
	memcpy(&exit, where, sizeof(exit));
	ck_assert_uint_eq(exit.gpa, 0xe000);
	ck_assert_uint_eq(exit.npages, 1);
	ck_assert_uint_eq(exit.ret, 0);
	exit.ret = certificate_rows[_i].ret;
	exit.npages = 7;
	memcpy(where, &exit, sizeof(exit));
	if (certificate_rows[_i].rc) {
		ck_assert_int_eq(program_run(&program), certificate_rows[_i].rc);
	} else {
		program_finish(&program);
		ck_assert_uint_eq(get_field(SIM_GHCB_INFO2), certificate_rows[_i].info2);
		ck_assert_uint_eq(get_field(SIM_GHCB_RBX), certificate_rows[_i].rbx);
	}
	program_close(&program);
}
END_TEST

/* immediate_exit: the request is finished, and the guest is not entered. */
START_TEST(certificates_and_immediate_exit)
{
	launch_with_certificates();
	ck_assert_int_eq(program_run(&program), 0);
	program.guest.runs[0]->immediate_exit = 1;
	ck_assert_int_eq(program_run(&program), -EINTR);
	ck_assert_uint_eq(program.guest.ram[0xd000 + 0x34], 6);
	program.guest.runs[0]->immediate_exit = 0;
	program_finish(&program);
	program_close(&program);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sev_vcpus");
	TCase *tcase = tcase_create("vcpus");

	tcase_add_test(tcase, ap_creation);
	tcase_add_test(tcase, ap_without_vmsa_mark);
	tcase_add_test(tcase, ap_with_other_features);
	tcase_add_test(tcase, ap_destroyed);
	tcase_add_test(tcase, vmsa_punched);
	tcase_add_loop_test(tcase, first_sipi, 0, 2);
	tcase_add_loop_test(tcase, ap_reset_hold, 0, 2);
	tcase_add_loop_test(tcase, certificates, 0,
			    (int)(sizeof(certificate_rows) / sizeof(certificate_rows[0])));
	tcase_add_test(tcase, certificates_and_immediate_exit);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
