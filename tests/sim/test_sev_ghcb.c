/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What SEV-ES and SNP guests ask of KVM by VMGEXIT, and what user space is asked then. */
#include <errno.h>
#include <string.h>

#include "sev_program.h"
#include "sim/sev_run.h"

#define SEV UAPI_VM_TYPE_SEV
#define ES  UAPI_VM_TYPE_SEVES
#define SNP UAPI_VM_TYPE_SNP

static struct program program;

/* --- the MSR protocol (4.3, 4.5, 4.7) */

static const struct {
	const char *name;
	uint64_t type;
	uint64_t request;
	uint64_t response;
} msr_rows[] = {
	{"4.7 SEV information: protocol 1..2, C-bit", ES, 0x002,
	 2ull << 48 | 1ull << 32 | 38ull << 24 | 1},
	{"4.7 SEV information: SNP", SNP, 0x002, 2ull << 48 | 1ull << 32 | 38ull << 24 | 1},
	{"4.7 hypervisor features", SNP, 0x080, 0x3081},
	{"4.7 hypervisor features: SEV-ES", ES, 0x080, 0x3081},
	{"4.7 preferred GHCB address: none", SNP, 0x010, 0xfffffffffffff011},
	{"4.7 registration", SNP, 0x8012, 0x8013},
	{"an unknown request keeps its value", SNP, 0x7ff, 0x7ff},
	{"4.3 PSC: an operation that is none", SNP, 3ull << 52 | 0x9014, 1ull << 63 | 0x015},
};

START_TEST(msr_protocol)
{
	program_open(&program, msr_rows[_i].type);
	program.mailbox->msr_request = msr_rows[_i].request;
	program_finish(&program);
	ck_assert_msg(program.mailbox->msr_response == msr_rows[_i].response, "%s: %#lx",
		      msr_rows[_i].name, program.mailbox->msr_response);
	program_close(&program);
}
END_TEST

static const struct {
	const char *name;
	uint64_t type;
	uint64_t request;
} terminations[] = {
	{"4.5 termination, reason set 1, code 2", SNP, 0x21100},
	{"4.5 SNP's request from SEV-ES: preferred address", ES, 0x010},
	{"4.5 SNP's request from SEV-ES: registration", ES, 0x8012},
	{"4.5 SNP's request from SEV-ES: page state", ES, 1ull << 52 | 0x9014},
};

START_TEST(termination)
{
	const struct kvm_run *run;

	program_open(&program, terminations[_i].type);
	program.mailbox->msr_request = terminations[_i].request;
	run = program.guest.runs[0];
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_SYSTEM_EVENT);
	ck_assert_uint_eq(run->system_event.type, KVM_SYSTEM_EVENT_SEV_TERM);
	ck_assert_msg(run->system_event.data[0] == terminations[_i].request, "%s",
		      terminations[_i].name);
	ck_assert_uint_eq(program.mailbox->reached, 0);
	program_close(&program);
}
END_TEST

/* 4.3: one page, by MSR. */
static const struct {
	uint64_t ret;
	int rc;
	uint64_t response;
} psc_msr_rows[] = {
	{0, 0, 0x015},     {EINVAL, 0, 1ull << 63 | 0x015}, {EAGAIN, 0, 1ull << 63 | 0x015},
	{EIO, -EINVAL, 0}, {(uint64_t)-EINVAL, -EINVAL, 0},
};

START_TEST(psc_by_msr)
{
	struct kvm_run *run;

	program_open(&program, SNP);
	program.mailbox->msr_request = 1ull << 52 | 0x9014;
	run = program.guest.runs[0];
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_HYPERCALL);
	ck_assert_uint_eq(run->hypercall.nr, UAPI_HC_MAP_GPA_RANGE);
	ck_assert_uint_eq(run->hypercall.args[0], 0x9000);
	ck_assert_uint_eq(run->hypercall.args[1], 1);
	ck_assert_uint_eq(run->hypercall.args[2], UAPI_MAP_GPA_RANGE_ENCRYPTED);
	ck_assert_uint_eq(run->hypercall.ret, 0);
	run->hypercall.ret = psc_msr_rows[_i].ret;
	if (psc_msr_rows[_i].rc) {
		ck_assert_int_eq(program_run(&program), psc_msr_rows[_i].rc);
	} else {
		program_finish(&program);
		ck_assert_uint_eq(program.mailbox->msr_response, psc_msr_rows[_i].response);
	}
	program_close(&program);
}
END_TEST

/* --- the GHCB */

struct ghcb {
	uint64_t code, info1, info2, rax, rbx, rcx, rdx, scratch;
	bool has_rax, has_rbx, has_rcx, has_rdx, has_scratch, has_cpl;
	uint16_t usage;
	bool incomplete; /* without SW_EXITINFO2 */
};

static void set_field(uint32_t offset, uint64_t value)
{
	uint32_t bit = offset / 8;

	memcpy(program.ghcb + (offset & ~7u), &value, sizeof(value));
	program.ghcb[SIM_GHCB_VALID + bit / 8] |= (uint8_t)(1u << bit % 8);
}

static uint64_t get_field(uint32_t offset)
{
	uint64_t value;

	memcpy(&value, program.ghcb + offset, sizeof(value));
	return value;
}

static void fill(const struct ghcb *ghcb)
{
	set_field(SIM_GHCB_CODE, ghcb->code);
	set_field(SIM_GHCB_INFO1, ghcb->info1);
	if (!ghcb->incomplete)
		set_field(SIM_GHCB_INFO2, ghcb->info2);
	if (ghcb->has_rax)
		set_field(SIM_GHCB_RAX, ghcb->rax);
	if (ghcb->has_rbx)
		set_field(SIM_GHCB_RBX, ghcb->rbx);
	if (ghcb->has_rcx)
		set_field(SIM_GHCB_RCX, ghcb->rcx);
	if (ghcb->has_rdx)
		set_field(SIM_GHCB_RDX, ghcb->rdx);
	if (ghcb->has_scratch)
		set_field(SIM_GHCB_SCRATCH, ghcb->scratch);
	if (ghcb->has_cpl)
		set_field(SIM_GHCB_CPL, 0);
	memcpy(program.ghcb + SIM_GHCB_USAGE, &ghcb->usage, sizeof(ghcb->usage));
	program.mailbox->ghcb = PROGRAM_GHCB;
	if (program.guest.type == SNP)
		program.mailbox->ghcb_register = PROGRAM_GHCB | 0x012;
}

#define BAD(suberror) SIM_GHCB_MALFORMED, SIM_GHCB_##suberror

static const struct {
	const char *name;
	uint64_t type;
	struct ghcb ghcb;
	uint64_t answer1, answer2;
} ghcb_rows[] = {
	{"4.7 usage is not 0", SNP, {.code = SIM_GHCB_HV_FEATURES, .usage = 1}, BAD(INVALID_USAGE)},
	{"4.7 hypervisor features", SNP, {.code = SIM_GHCB_HV_FEATURES}, 0, 3},
	{"4.7 hypervisor features: SEV-ES", ES, {.code = SIM_GHCB_HV_FEATURES}, 0, 3},
	{"no such event", SNP, {.code = 0x80001234}, BAD(INVALID_EVENT)},
	{"HLT is no event of a GHCB", SNP, {.code = 0x78}, BAD(INVALID_EVENT)},
	{"SW_EXITINFO2 is missing",
	 SNP,
	 {.code = SIM_GHCB_HV_FEATURES, .incomplete = true},
	 BAD(MISSING_INPUT)},
	{"CPUID without RCX", SNP, {.code = SIM_VC_CPUID, .has_rax = true}, BAD(MISSING_INPUT)},
	{"CPUID of leaf 0xd without XCR0",
	 SNP,
	 {.code = SIM_VC_CPUID, .has_rax = true, .rax = 0xd, .has_rcx = true},
	 BAD(MISSING_INPUT)},
	{"OUT without RAX", ES, {.code = SIM_VC_IOIO, .info1 = 0x800010}, BAD(MISSING_INPUT)},
	{"string I/O without scratch",
	 ES,
	 {.code = SIM_VC_IOIO, .info1 = 0x800014},
	 BAD(MISSING_INPUT)},
	{"RDMSR without RCX", ES, {.code = SIM_VC_MSR}, BAD(MISSING_INPUT)},
	{"WRMSR without RDX",
	 ES,
	 {.code = SIM_VC_MSR, .info1 = 1, .has_rcx = true, .has_rax = true},
	 BAD(MISSING_INPUT)},
	{"VMMCALL without CPL", ES, {.code = SIM_VC_VMMCALL, .has_rax = true}, BAD(MISSING_INPUT)},
	{"an unknown MSR is #GP",
	 ES,
	 {.code = SIM_VC_MSR, .has_rcx = true, .rcx = 0x12345},
	 SIM_GHCB_EXCEPTION,
	 0xffffffff8000030d},
	{"RDPMC: a counter", ES, {.code = SIM_VC_RDPMC, .has_rcx = true}, 0, 0},
	{"WBINVD", SNP, {.code = SIM_VC_WBINVD}, 0, 0},
	{"NMI complete", ES, {.code = SIM_GHCB_NMI_COMPLETE}, 0, 0},
	{"AP jump table: set", ES, {.code = SIM_GHCB_AP_JUMP_TABLE, .info2 = 0x5000}, 0, 0},
	{"AP jump table: not set", ES, {.code = SIM_GHCB_AP_JUMP_TABLE, .info1 = 1}, 0, 0},
	{"AP jump table: what?",
	 ES,
	 {.code = SIM_GHCB_AP_JUMP_TABLE, .info1 = 2},
	 BAD(INVALID_INPUT)},
	{"MMIO without scratch", SNP, {.code = SIM_GHCB_MMIO_READ, .info2 = 4}, BAD(MISSING_INPUT)},
	{"MMIO of more than 8 bytes",
	 SNP,
	 {.code = SIM_GHCB_MMIO_READ, .info2 = 9, .scratch = 0x8800, .has_scratch = true},
	 BAD(INVALID_INPUT)},
	{"MMIO with scratch before the shared buffer",
	 SNP,
	 {.code = SIM_GHCB_MMIO_READ, .info2 = 8, .scratch = 0x87f8, .has_scratch = true},
	 BAD(INVALID_SCRATCH)},
	{"MMIO with scratch past the shared buffer",
	 SNP,
	 {.code = SIM_GHCB_MMIO_READ, .info2 = 8, .scratch = 0x8fec, .has_scratch = true},
	 BAD(INVALID_SCRATCH)},
	{"MMIO with scratch elsewhere",
	 SNP,
	 {.code = SIM_GHCB_MMIO_READ, .info2 = 8, .scratch = 0xa800, .has_scratch = true},
	 BAD(INVALID_SCRATCH)},
	{"MMIO of nothing",
	 SNP,
	 {.code = SIM_GHCB_MMIO_READ, .scratch = 0x8800, .has_scratch = true},
	 0,
	 0},
	{"4.3 PSC is SNP's: SEV-ES",
	 ES,
	 {.code = SIM_GHCB_PSC, .scratch = 0x8800, .has_scratch = true},
	 2,
	 6},
	{"AP creation is SNP's: SEV-ES", ES, {.code = SIM_GHCB_AP_CREATION, .has_rax = true}, 2, 6},
	{"guest request is SNP's: SEV-ES",
	 ES,
	 {.code = SIM_GHCB_GUEST_REQUEST, .info1 = 0x9000},
	 2,
	 6},
	{"4.7 AP creation: no such vCPU",
	 SNP,
	 {.code = SIM_GHCB_AP_CREATION,
	  .info1 = 9ull << 32 | 1,
	  .info2 = 0x9000,
	  .rax = 1,
	  .has_rax = true},
	 BAD(INVALID_INPUT)},
	{"4.7 AP creation: other features",
	 SNP,
	 {.code = SIM_GHCB_AP_CREATION, .info1 = 1, .info2 = 0x9000, .rax = 0, .has_rax = true},
	 BAD(INVALID_INPUT)},
	{"4.7 AP creation: address not aligned",
	 SNP,
	 {.code = SIM_GHCB_AP_CREATION, .info1 = 1, .info2 = 0x9010, .rax = 1, .has_rax = true},
	 BAD(INVALID_INPUT)},
	{"4.7 AP creation: address of a large page",
	 SNP,
	 {.code = SIM_GHCB_AP_CREATION, .info1 = 1, .info2 = 0x200000, .rax = 1, .has_rax = true},
	 BAD(INVALID_INPUT)},
	{"4.7 AP creation: request 3",
	 SNP,
	 {.code = SIM_GHCB_AP_CREATION, .info1 = 3, .info2 = 0x9000, .rax = 1, .has_rax = true},
	 BAD(INVALID_INPUT)},
	{"4.6 guest request: both pages the same",
	 SNP,
	 {.code = SIM_GHCB_GUEST_REQUEST, .info1 = 0x8000, .info2 = 0x8000},
	 BAD(INVALID_INPUT)},
	{"4.6 guest request: not aligned",
	 SNP,
	 {.code = SIM_GHCB_GUEST_REQUEST, .info1 = 0x8010, .info2 = 0x9000},
	 BAD(INVALID_INPUT)},
	{"4.6 extended request",
	 SNP,
	 {.code = SIM_GHCB_EXT_GUEST_REQUEST, .info1 = 0xc000, .info2 = 0xd000},
	 0,
	 0},
	{"VMMCALL of an unknown number",
	 ES,
	 {.code = SIM_VC_VMMCALL, .rax = 77, .has_rax = true, .has_cpl = true},
	 0,
	 0},
};

START_TEST(ghcb_answers)
{
	program_open(&program, ghcb_rows[_i].type);
	fill(&ghcb_rows[_i].ghcb);
	program_finish(&program);
	ck_assert_msg(get_field(SIM_GHCB_INFO1) == ghcb_rows[_i].answer1 &&
			      get_field(SIM_GHCB_INFO2) == ghcb_rows[_i].answer2,
		      "%s: %#lx %#lx", ghcb_rows[_i].name, get_field(SIM_GHCB_INFO1),
		      get_field(SIM_GHCB_INFO2));
	program_close(&program);
}
END_TEST

START_TEST(unregistered_ghcb)
{
	program_open(&program, SNP);
	fill(&(struct ghcb){.code = SIM_GHCB_HV_FEATURES});
	program.mailbox->ghcb_register = 0xa012;
	program_finish(&program);
	ck_assert_uint_eq(get_field(SIM_GHCB_INFO1), SIM_GHCB_MALFORMED);
	ck_assert_uint_eq(get_field(SIM_GHCB_INFO2), SIM_GHCB_NOT_REGISTERED);
	program_close(&program);
}
END_TEST

START_TEST(hypercall_result)
{
	program_open(&program, ES);
	fill(&(struct ghcb){.code = SIM_VC_VMMCALL, .rax = 77, .has_rax = true, .has_cpl = true});
	program_finish(&program);
	ck_assert_int_eq((int64_t)get_field(SIM_GHCB_RAX), -1000);
	program_close(&program);
}
END_TEST

/* 4.5: the guest's termination by GHCB does not say why. */
START_TEST(termination_by_ghcb)
{
	const struct kvm_run *run;

	program_open(&program, SNP);
	fill(&(struct ghcb){.code = SIM_GHCB_TERM_REQUEST, .info1 = 5});
	run = program.guest.runs[0];
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_SYSTEM_EVENT);
	ck_assert_uint_eq(run->system_event.data[0], PROGRAM_GHCB);
	program_close(&program);
}
END_TEST

START_TEST(unsupported_event)
{
	program_open(&program, SNP);
	fill(&(struct ghcb){.code = SIM_GHCB_UNSUPPORTED});
	ck_assert_int_eq(program_run(&program), -EINVAL);
	program_close(&program);
}
END_TEST

/* --- I/O by GHCB */

START_TEST(out_by_ghcb)
{
	const struct kvm_run *run;

	program_open(&program, SNP);
	fill(&(struct ghcb){
		.code = SIM_VC_IOIO, .info1 = 0x3f8 << 16 | 0x10, .rax = 'x', .has_rax = true});
	run = program.guest.runs[0];
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_IO);
	ck_assert_uint_eq(run->io.direction, KVM_EXIT_IO_OUT);
	ck_assert_uint_eq(run->io.port, 0x3f8);
	ck_assert_uint_eq(run->io.size, 1);
	ck_assert_uint_eq(((const uint8_t *)run)[run->io.data_offset], 'x');
	program_finish(&program);
	program_close(&program);
}
END_TEST

START_TEST(in_by_ghcb)
{
	struct kvm_run *run;

	program_open(&program, ES);
	fill(&(struct ghcb){
		.code = SIM_VC_IOIO, .info1 = 0x60 << 16 | 0x11, .rax = 0x1122, .has_rax = true});
	run = program.guest.runs[0];
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_IO);
	ck_assert_uint_eq(run->io.direction, KVM_EXIT_IO_IN);
	((uint8_t *)run)[run->io.data_offset] = 0xaa;
	program_finish(&program);
	ck_assert_uint_eq(get_field(SIM_GHCB_RAX), 0x11aa);
	program_close(&program);
}
END_TEST

START_TEST(string_out_by_ghcb)
{
	const struct kvm_run *run;

	program_open(&program, SNP);
	memcpy(program.ghcb + 0x800, "hello", 5);
	fill(&(struct ghcb){.code = SIM_VC_IOIO,
			    .info1 = 0x3f8 << 16 | 0x14,
			    .info2 = 5,
			    .scratch = 0x8800,
			    .has_scratch = true});
	run = program.guest.runs[0];
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_IO);
	ck_assert_uint_eq(run->io.count, 5);
	ck_assert_mem_eq((const uint8_t *)run + run->io.data_offset, "hello", 5);
	program_finish(&program);
	program_close(&program);
}
END_TEST

START_TEST(mmio_by_ghcb)
{
	static const uint32_t answer = 0xcafe0001;
	struct kvm_run *run;

	program_open(&program, SNP);
	fill(&(struct ghcb){.code = SIM_GHCB_MMIO_READ,
			    .info1 = 0xfed00000,
			    .info2 = 4,
			    .scratch = 0x8810,
			    .has_scratch = true});
	run = program.guest.runs[0];
	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_MMIO);
	ck_assert_uint_eq(run->mmio.phys_addr, 0xfed00000);
	ck_assert_uint_eq(run->mmio.len, 4);
	ck_assert_uint_eq(run->mmio.is_write, 0);
	memcpy(run->mmio.data, &answer, sizeof(answer));
	program_finish(&program);
	ck_assert_mem_eq(program.ghcb + 0x810, &answer, sizeof(answer));
	program_close(&program);
}
END_TEST

/* --- page state changes by GHCB (4.3) */

static uint64_t entry(uint64_t page, uint64_t gfn, uint64_t operation, uint64_t large)
{
	return page | gfn << 12 | operation << 52 | large << 56;
}

static void fill_psc(uint16_t end, const uint64_t *entries, size_t count)
{
	uint16_t header[4] = {0, end};

	memcpy(program.ghcb + 0x800, header, sizeof(header));
	memcpy(program.ghcb + 0x808, entries, count * sizeof(*entries));
	fill(&(struct ghcb){.code = SIM_GHCB_PSC, .scratch = 0x8800, .has_scratch = true});
}

static void expect_map_gpa(uint64_t gpa, uint64_t pages, uint64_t attributes)
{
	const struct kvm_run *run = program.guest.runs[0];

	ck_assert_int_eq(program_run(&program), 0);
	ck_assert_uint_eq(run->exit_reason, KVM_EXIT_HYPERCALL);
	ck_assert_uint_eq(run->hypercall.args[0], gpa);
	ck_assert_uint_eq(run->hypercall.args[1], pages);
	ck_assert_uint_eq(run->hypercall.args[2], attributes);
}

/* Neighbours are one exit, another operation is another; SMASH needs none. */
START_TEST(psc_list)
{
	const uint64_t entries[] = {entry(0, 12, 1, 0), entry(0, 13, 1, 0), entry(0, 14, 2, 0),
				    entry(0, 15, 3, 0), entry(0, 9, 2, 0)};
	uint64_t after[5];

	program_open(&program, SNP);
	fill_psc(4, entries, 5);
	expect_map_gpa(0xc000, 2, UAPI_MAP_GPA_RANGE_ENCRYPTED);
	expect_map_gpa(0xe000, 1, 0);
	expect_map_gpa(0x9000, 1, 0);
	program_finish(&program);
	ck_assert_uint_eq(get_field(SIM_GHCB_INFO1), 0);
	ck_assert_uint_eq(get_field(SIM_GHCB_INFO2), 0);
	ck_assert_uint_eq(program.ghcb[0x800], 5);
	memcpy(after, program.ghcb + 0x808, sizeof(after));
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(after[i], entries[i] | 1);
	program_close(&program);
}
END_TEST

START_TEST(psc_large_page)
{
	const uint64_t whole = entry(0, 512, 1, 1), part = entry(10, 512, 1, 1);

	program_open(&program, SNP);
	fill_psc(0, &whole, 1);
	expect_map_gpa(0x200000, 512, UAPI_MAP_GPA_RANGE_ENCRYPTED | 1);
	program_finish(&program);
	program_close(&program);
	/* What is left of one goes by small pages, but the size in the attributes is the entry's.
	 */
	program_open(&program, SNP);
	fill_psc(0, &part, 1);
	expect_map_gpa(0x20a000, 502, UAPI_MAP_GPA_RANGE_ENCRYPTED | 1);
	program_finish(&program);
	program_close(&program);
}
END_TEST

static const struct {
	const char *name;
	uint16_t end;
	uint64_t entry;
	uint64_t answer;
} psc_errors[] = {
	{"more entries than the buffer has", 253, 0, 1ull << 32 | 1},
	{"a large page that is not aligned", 0, 1ull << 12 | 1ull << 52 | 1ull << 56,
	 1ull << 32 | 2},
	{"a current page past the end", 0, 2 | 9ull << 12 | 1ull << 52, 1ull << 32 | 2},
	{"nothing left to do", 0, 1 | 9ull << 12 | 1ull << 52, 0},
};

START_TEST(psc_list_errors)
{
	program_open(&program, SNP);
	fill_psc(psc_errors[_i].end, &psc_errors[_i].entry, 1);
	program_finish(&program);
	ck_assert_msg(get_field(SIM_GHCB_INFO2) == psc_errors[_i].answer, "%s: %#lx",
		      psc_errors[_i].name, get_field(SIM_GHCB_INFO2));
	program_close(&program);
}
END_TEST

START_TEST(psc_refused)
{
	const uint64_t one = entry(0, 9, 1, 0);

	program_open(&program, SNP);
	fill_psc(0, &one, 1);
	expect_map_gpa(0x9000, 1, UAPI_MAP_GPA_RANGE_ENCRYPTED);
	((struct kvm_run *)program.guest.runs[0])->hypercall.ret = EAGAIN;
	program_finish(&program);
	ck_assert_uint_eq(get_field(SIM_GHCB_INFO2), 0x100ull << 32);
	program_close(&program);
}
END_TEST

/* --- guest requests (4.6) */

static void ask_for_report(void)
{
	program_open(&program, SNP);
	/* Requests and their answers are in shared pages. */
	for (uint64_t page = 12; page < 16; page++)
		ck_assert_int_eq(sev_set_private(&program.guest, page, 1, false), 0);
	program.guest.ram[0xc000 + 0x34] = 5;
	memset(program.guest.ram + 0xe000, 0xff, 32);
	fill(&(struct ghcb){.code = SIM_GHCB_EXT_GUEST_REQUEST,
			    .info1 = 0xc000,
			    .info2 = 0xd000,
			    .rax = 0xe000,
			    .has_rax = true,
			    .rbx = 1,
			    .has_rbx = true});
}

START_TEST(request_without_certificates)
{
	static const uint8_t none[24];

	ask_for_report();
	program_finish(&program);
	ck_assert_uint_eq(get_field(SIM_GHCB_INFO2), 0);
	ck_assert_uint_eq(program.guest.ram[0xd000 + 0x34], 6);
	ck_assert_mem_eq(program.guest.ram + 0xe000, none, sizeof(none));
	ck_assert_uint_eq(program.guest.ram[0xe000 + 24], 0xff);
	program_close(&program);
}
END_TEST

START_TEST(request_after_device_was_closed)
{
	ask_for_report();
	sev_steps(&program.guest, "close.sev");
	ck_assert_int_eq(program_run(&program), -EBADF);
	program_close(&program);
}
END_TEST

#define LOOP(test, rows)                                                                           \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(rows) / sizeof((rows)[0])))

int main(void)
{
	Suite *suite = suite_create("sev_ghcb");
	TCase *tcase = tcase_create("ghcb");

	LOOP(msr_protocol, msr_rows);
	LOOP(termination, terminations);
	LOOP(psc_by_msr, psc_msr_rows);
	LOOP(ghcb_answers, ghcb_rows);
	tcase_add_test(tcase, unregistered_ghcb);
	tcase_add_test(tcase, hypercall_result);
	tcase_add_test(tcase, termination_by_ghcb);
	tcase_add_test(tcase, unsupported_event);
	tcase_add_test(tcase, out_by_ghcb);
	tcase_add_test(tcase, in_by_ghcb);
	tcase_add_test(tcase, string_out_by_ghcb);
	tcase_add_test(tcase, mmio_by_ghcb);
	tcase_add_test(tcase, psc_list);
	tcase_add_test(tcase, psc_large_page);
	LOOP(psc_list_errors, psc_errors);
	tcase_add_test(tcase, psc_refused);
	tcase_add_test(tcase, request_without_certificates);
	tcase_add_test(tcase, request_after_device_was_closed);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
