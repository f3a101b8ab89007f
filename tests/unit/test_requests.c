/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a running TDX or SNP guest asks of its VMM: it is answered, with a callback and without, and
 * whatever the guest says. How it gives itself up: told in words.
 */
#include "fixture.h"
#include "sev_platform.h"
#include "tdx_platform.h"

#include "kvm/uapi.h"
#include "kvm/uapi_sev.h"
#include "kvm/uapi_tdx.h"

#define WORDS 18u /* of kvm_run's union */
#define STEPS 4u

/* One exit of the guest: its reason, and the union. */
struct step {
	uint32_t reason;
	uint64_t words[WORDS];
};

static struct fixture f;
static struct tdx_platform tdx;
static struct sev_platform sev;
static struct coco_requests requests;

/* What the guest does, and what the union was like when it was entered again. */
static struct step steps[STEPS];
static uint64_t answers[STEPS][WORDS];
static unsigned int step_count, next_step;

/* What the callbacks saw, and what they say. */
static struct coco_certificate_request certificates;
static struct coco_quote_request quote;
static struct coco_call_info_request info;
static struct coco_notify_request notify;
static unsigned int calls, warnings;
static int verdict;
static uint64_t pages_needed;

static int follow(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	unsigned char *const place = (unsigned char *)entry->run + UAPI_RUN_UNION_OFFSET;

	(void)payload;
	(void)fake;
	if (next_step > 0 && next_step <= step_count)
		memcpy(answers[next_step - 1], place, sizeof(answers[0]));
	if (next_step == step_count) {
		next_step++;
		return fake_exit_hlt(entry->run);
	}
	entry->run->exit_reason = steps[next_step].reason;
	memcpy(place, steps[next_step].words, sizeof(steps[0].words));
	next_step++;
	return 0;
}

static int give_certificates(void *payload, struct coco_certificate_request *request)
{
	ck_assert_ptr_eq(payload, &requests);
	calls++;
	certificates = *request;
	if (request->buffer != NULL && verdict == 0)
		memset(request->buffer, 0xce, request->pages * COCO_PAGE_SIZE);
	request->pages = pages_needed;
	return verdict;
}

static int give_quote(void *payload, const struct coco_quote_request *request)
{
	ck_assert_ptr_eq(payload, &requests);
	calls++;
	quote = *request;
	return verdict;
}

static int tell_calls(void *payload, struct coco_call_info_request *request)
{
	ck_assert_ptr_eq(payload, &requests);
	calls++;
	info = *request;
	request->r11 |= 0x8000;
	request->r12 = 12;
	request->r13 = 13;
	request->r14 = 14;
	return verdict;
}

static int take_notify(void *payload, const struct coco_notify_request *request)
{
	ck_assert_ptr_eq(payload, &requests);
	calls++;
	notify = *request;
	return verdict;
}

static void count_warnings(void *payload, int level, const char *line)
{
	(void)payload;
	if (level == COCO_LOG_WARNING && strstr(line, "certificates") != NULL)
		warnings++;
}

static void init(uint32_t tech, bool callbacks)
{
	fixture_init(&f, tech);
	tdx_platform_init(&tdx, fake_kvm_platform(f.fake));
	sev_platform_init(&sev, fake_kvm_platform(f.fake));
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, 0x3f);
	sev.asks_certificates = true;
	warnings = 0;
	fixture_reopen(&f, tech == COCO_TECH_TDX ? &tdx.platform : &sev.platform, count_warnings,
		       NULL);
	f.options.irqchip = COCO_IRQCHIP_SPLIT;
	f.options.requests = NULL;
	if (callbacks) {
		COCO_INIT(&requests);
		requests.payload = &requests;
		requests.certificates = give_certificates;
		requests.quote = give_quote;
		requests.call_info = tell_calls;
		requests.notify = take_notify;
		f.options.requests = &requests;
	}
	calls = 0;
	verdict = 0;
	pages_needed = 0;
}

static void launch(uint32_t tech, bool callbacks)
{
	init(tech, callbacks);
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
}

static void end(void)
{
	fixture_end(&f);
	ck_assert(!tdx.wrong);
	ck_assert(!sev.wrong);
}

static struct coco_vcpu *vcpu0(void)
{
	return coco_guest_vcpu(f.guest, 0);
}

static int run(struct coco_exit *exit, unsigned int count)
{
	step_count = count;
	next_step = 0;
	fake_kvm_on_run(f.fake, follow, NULL);
	COCO_INIT(exit);
	expect_spoil(&f.error);
	return coco_vcpu_run(vcpu0(), exit, &f.error);
}

/* The guest does steps[0], is answered, and halts. */
static const uint64_t *serve(void)
{
	struct coco_exit exit;

	expect_ok(run(&exit, 1), &f.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_KVM);
	ck_assert_uint_eq(exit.kvm_reason, KVM_EXIT_HLT);
	return answers[0];
}

static void *host_address(uint64_t gpa, uint64_t size)
{
	void *address = NULL;

	expect_ok(coco_guest_host_address(f.guest, gpa, size, &address, &f.error), &f.error);
	return address;
}

/* ---- how guests give themselves up ---- */

static struct coco_termination expect_termination(void)
{
	struct coco_termination told;
	struct coco_exit exit;

	COCO_INIT(&told);
	expect_error(coco_vcpu_get_termination(vcpu0(), &told, &f.error), &f.error, -ENODATA, "");
	expect_ok(run(&exit, 1), &f.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_TERMINATED);
	ck_assert_uint_eq(exit.kvm_reason, KVM_EXIT_SYSTEM_EVENT);
	ck_assert_uint_eq(exit.generation, coco_guest_generation(f.guest));
	expect_ok(coco_vcpu_get_termination(vcpu0(), &told, &f.error), &f.error);
	ck_assert_ptr_nonnull(memchr(told.text, 0, sizeof(told.text)));
	ck_assert_ptr_nonnull(memchr(told.message, 0, sizeof(told.message)));
	return told;
}

/* It is not in the way of a reset, and is over then. */
static void expect_over(void)
{
	struct coco_exit exit;

	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_ok(run(&exit, 0), &f.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_KVM);
}

START_TEST(sev_terminations_are_decoded)
{
	static const struct {
		uint64_t msr;
		uint32_t source, set, code;
		const char *word;
	} cases[] = {
		{0x100, COCO_TERMINATION_GHCB_MSR, 0, 0, "no particular reason"},
		{0x20100, COCO_TERMINATION_GHCB_MSR, 0, 2, "SNP"},
		{0x11100, COCO_TERMINATION_GHCB_MSR, 1, 1, "Linux"},
		{0xc1100, COCO_TERMINATION_GHCB_MSR, 1, 12, "Secure AVIC"},
		{0xd1100, COCO_TERMINATION_GHCB_MSR, 1, 13, "no name"},
		{0x32100, COCO_TERMINATION_GHCB_MSR, 2, 3, "set 2 (unknown), code 3"},
		{0xffffffffffff100, COCO_TERMINATION_GHCB_MSR, 15, 255, "code 255"},
		{0x12345000, COCO_TERMINATION_GHCB_EVENT, 0, 0, "log"},
		{0, COCO_TERMINATION_GHCB_EVENT, 0, 0, "log"},
		{0x7014, COCO_TERMINATION_GHCB_REFUSED, 0, 0, "0x014"},
	};

	launch(_i ? COCO_TECH_SNP : COCO_TECH_SEVES, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct coco_termination told;

		steps[0] = (struct step){KVM_EXIT_SYSTEM_EVENT,
					 {UAPI_SYSTEM_EVENT_SEV_TERM | 1ull << 32, cases[i].msr}};
		told = expect_termination();
		ck_assert_uint_eq(told.source, cases[i].source);
		ck_assert_uint_eq(told.reason_set, cases[i].set);
		ck_assert_uint_eq(told.reason_code, cases[i].code);
		ck_assert_uint_eq(told.raw, cases[i].msr);
		ck_assert_str_eq(told.message, "");
		ck_assert_msg(strstr(told.text, cases[i].word) != NULL, "%s", told.text);
		expect_over();
	}
	end();
}
END_TEST

static uint64_t word(const char *text)
{
	uint64_t value = 0;

	memcpy(&value, text, strnlen(text, 8));
	return value;
}

START_TEST(tdx_fatal_errors_are_decoded)
{
	static const char fatal[] = "the guest reports a fatal error, code 0x7";
	static const uint64_t all =
		1u << 14 | 1u << 15 | 1u << 3 | 1u << 7 | 1u << 6 | 1u << 8 | 1u << 9 | 1u << 2;
	const struct {
		uint64_t mask, r12, r13, r14, r15, rbx;
		uint64_t gpa;
		const char *message;
	} cases[] = {
		{all, 7, 0x800000005000, word("kernel p"), word("anic"), word("not seen"), 0,
		 "kernel panic"},
		{all, 1ull << 63 | 7, 0x800000005000, 0, 0, 0, 0x5000, ""},
		/* Registers that are not said to be used are left out. */
		{1u << 14 | 1u << 3, 7, 0, word("12345678"), word("........"), word("9"), 0,
		 "123456789"},
		{0, 7, 0, word("12345678"), 0, 0, 0, ""},
		/* The guest's words go to a terminal, perhaps. */
		{all, 7, 0, word("\x1b[2J\n\x80\x7fx"), 0, 0, 0, "?[2J???x"},
	};

	launch(COCO_TECH_TDX, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct coco_termination told;

		steps[0] = (struct step){
			KVM_EXIT_SYSTEM_EVENT,
			{UAPI_SYSTEM_EVENT_TDX_FATAL | 16ull << 32, 0, cases[i].mask, 0,
			 cases[i].rbx, 0, 0, 0, 0, 0, 0, 0, 0, cases[i].r12, cases[i].r13,
			 cases[i].r14, cases[i].r15},
		};
		told = expect_termination();
		ck_assert_uint_eq(told.source, COCO_TERMINATION_TDVMCALL);
		ck_assert_uint_eq(told.reason_code, 7);
		ck_assert_uint_eq(told.raw, cases[i].r12);
		ck_assert_uint_eq(told.gpa, cases[i].gpa);
		ck_assert_str_eq(told.message, cases[i].message);
		ck_assert_int_eq(strncmp(told.text, fatal, strlen(fatal)), 0);
		ck_assert_ptr_nonnull(strstr(told.text, cases[i].message));
		expect_over();
	}
	end();
}
END_TEST

START_TEST(a_message_of_all_registers_fits)
{
	struct coco_termination told;

	launch(COCO_TECH_TDX, false);
	steps[0].reason = KVM_EXIT_SYSTEM_EVENT;
	memset(steps[0].words, 'x', sizeof(steps[0].words));
	steps[0].words[0] = UAPI_SYSTEM_EVENT_TDX_FATAL | 16ull << 32;
	steps[0].words[2] = UINT64_MAX;
	told = expect_termination();
	ck_assert_uint_eq(strlen(told.message), 64);
	ck_assert_ptr_nonnull(strstr(told.text, told.message));
	end();
}
END_TEST

START_TEST(other_exits_stay_the_vmms)
{
	static const struct step others[] = {
		{KVM_EXIT_SYSTEM_EVENT, {KVM_SYSTEM_EVENT_SHUTDOWN}},
		{KVM_EXIT_SYSTEM_EVENT, {UAPI_SYSTEM_EVENT_SEV_TERM}}, /* without data */
		{KVM_EXIT_SYSTEM_EVENT, {UAPI_SYSTEM_EVENT_TDX_FATAL | 3ull << 32}},
		{KVM_EXIT_SHUTDOWN, {0}},
		{KVM_EXIT_INTERNAL_ERROR, {4 | 2ull << 32, 0x4000000200000000}},
	};
	static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SEV, COCO_TECH_SEVES,
					 COCO_TECH_SNP, COCO_TECH_TDX};
	struct coco_termination told;
	struct coco_exit exit;

	COCO_INIT(&told);
	launch(techs[_i], true);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		steps[0] = others[i];
		expect_ok(run(&exit, 1), &f.error);
		ck_assert_uint_eq(exit.reason, COCO_EXIT_KVM);
		ck_assert_uint_eq(exit.kvm_reason, others[i].reason);
		expect_error(coco_vcpu_get_termination(vcpu0(), &told, &f.error), &f.error,
			     -ENODATA, "");
	}
	/* Another technology's requests, too. */
	steps[0] = (struct step){
		techs[_i] == COCO_TECH_TDX ? UAPI_EXIT_SNP_REQ_CERTS : UAPI_EXIT_TDX, {0}};
	expect_ok(run(&exit, 1), &f.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_KVM);
	ck_assert_uint_eq(calls, 0);
	end();
}
END_TEST

/* ---- TDX ---- */

static uint64_t ask_quote(uint64_t gpa, uint64_t size)
{
	steps[0] = (struct step){UAPI_EXIT_TDX, {0, UAPI_TDVMCALL_GET_QUOTE, 99, gpa, size}};
	return serve()[2];
}

static uint64_t ask_notify(uint64_t vector)
{
	steps[0] = (struct step){UAPI_EXIT_TDX, {0, UAPI_TDVMCALL_SETUP_EVENT_NOTIFY, 99, vector}};
	return serve()[2];
}

static uint64_t ask_info(uint64_t leaf)
{
	steps[0] = (struct step){UAPI_EXIT_TDX, {0, UAPI_TDVMCALL_GET_INFO, 99, leaf}};
	return serve()[2];
}

START_TEST(without_callbacks_calls_are_answered)
{
	launch(COCO_TECH_TDX, false);
	ck_assert_uint_eq(ask_quote(0x10000, 0x1000), UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED);
	ck_assert_uint_eq(ask_notify(0x40), UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED);
	/* What the kernel serves by itself, nothing of ours. */
	ck_assert_uint_eq(ask_info(1), UAPI_TDVMCALL_SUCCESS);
	ck_assert_uint_eq(answers[0][4], 0x100);
	ck_assert_uint_eq(answers[0][5], 0);
	ck_assert_uint_eq(ask_info(2), UAPI_TDVMCALL_INVALID_OPERAND);
	/* A younger kernel's call has its answer. */
	steps[0] = (struct step){UAPI_EXIT_TDX, {0, 0x10005, 99}};
	ck_assert_uint_eq(serve()[2], 99);
	end();
}
END_TEST

static const struct {
	int code;
	uint64_t status;
} verdicts[] = {
	{0, UAPI_TDVMCALL_SUCCESS},
	{-EAGAIN, UAPI_TDVMCALL_RETRY},
	{-EOPNOTSUPP, UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED},
	{-EINVAL, UAPI_TDVMCALL_INVALID_OPERAND},
	{-EIO, UAPI_TDVMCALL_INVALID_OPERAND},
	{1, UAPI_TDVMCALL_INVALID_OPERAND},
};

START_TEST(callbacks_answer_calls)
{
	launch(COCO_TECH_TDX, true);
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		verdict = verdicts[i].code;
		ck_assert_uint_eq(ask_quote(0x10000, 0x3000), verdicts[i].status);
		ck_assert_ptr_eq(quote.buffer, host_address(0x10000, 0x3000));
		ck_assert_uint_eq(quote.gpa, 0x10000);
		ck_assert_uint_eq(quote.size, 0x3000);
		ck_assert_ptr_eq(quote.vcpu, vcpu0());
		ck_assert_uint_eq(ask_notify(0xff), verdicts[i].status);
		ck_assert_uint_eq(notify.vector, 0xff);
		ck_assert_ptr_eq(notify.vcpu, vcpu0());
		ck_assert_uint_eq(ask_info(1), verdicts[i].status);
		ck_assert_uint_eq(info.leaf, 1);
		/* What the library would say: the kernel's own, and notify(). */
		ck_assert_uint_eq(info.r11, 0x102);
		for (unsigned int r = 0; r < 4; r++) {
			static const uint64_t told[] = {0x8102, 12, 13, 14};

			ck_assert_uint_eq(answers[0][4 + r], verdict ? 0 : told[r]);
		}
	}
	ck_assert_uint_eq(calls, 3 * sizeof(verdicts) / sizeof(verdicts[0]));
	end();
}
END_TEST

START_TEST(the_kernel_decides_which_calls_there_are)
{
	init(COCO_TECH_TDX, true);
	requests.call_info = NULL;
	tdx.user_calls = 0;
	fixture_guest(&f);
	memset(&requests, 0, sizeof(requests)); /* the guest has a copy */
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(ask_info(1), UAPI_TDVMCALL_SUCCESS);
	ck_assert_uint_eq(answers[0][4], 0x100);
	end();
}
END_TEST

START_TEST(a_quotes_buffer_is_shared_memory)
{
	static const struct {
		uint64_t gpa, size, status;
	} cases[] = {
		{0x10001, 0x1000, UAPI_TDVMCALL_ALIGN_ERROR},
		{0x10000, 0xfff, UAPI_TDVMCALL_ALIGN_ERROR},
		{0x10000, 0, UAPI_TDVMCALL_INVALID_OPERAND},
		{0x10000, UINT64_MAX - 0xfff, UAPI_TDVMCALL_INVALID_OPERAND},
		{UINT64_MAX - 0xfff, 0x1000, UAPI_TDVMCALL_INVALID_OPERAND},
		{UINT64_MAX - 0xfff, 0x2000, UAPI_TDVMCALL_INVALID_OPERAND},
		{RAM_SIZE, 0x1000, UAPI_TDVMCALL_INVALID_OPERAND},
		{RAM_SIZE - 0x1000, 0x2000, UAPI_TDVMCALL_INVALID_OPERAND},
		/* Private: the image's. */
		{DATA_GPA, 0x1000, UAPI_TDVMCALL_INVALID_OPERAND},
		{DATA_GPA + DATA_SIZE, ZERO_GPA - DATA_GPA - DATA_SIZE + 0x1000,
		 UAPI_TDVMCALL_INVALID_OPERAND},
	};

	launch(COCO_TECH_TDX, true);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_uint_eq(ask_quote(cases[i].gpa, cases[i].size), cases[i].status);
	for (uint64_t vector = 0; vector < 32; vector++)
		ck_assert_uint_eq(ask_notify(vector), UAPI_TDVMCALL_INVALID_OPERAND);
	ck_assert_uint_eq(ask_notify(256), UAPI_TDVMCALL_INVALID_OPERAND);
	ck_assert_uint_eq(ask_notify(1ull << 32 | 0x40), UAPI_TDVMCALL_INVALID_OPERAND);
	ck_assert_uint_eq(calls, 0);
	/* The last page is one, too, in each life. */
	ck_assert_uint_eq(ask_quote(RAM_SIZE - 0x1000, 0x1000), UAPI_TDVMCALL_SUCCESS);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(ask_quote(RAM_SIZE - 0x1000, 0x1000), UAPI_TDVMCALL_SUCCESS);
	ck_assert_uint_eq(calls, 2);
	end();
}
END_TEST

/* ---- SNP ---- */

static uint64_t ask_certificates(uint64_t gpa, uint64_t pages)
{
	steps[0] = (struct step){UAPI_EXIT_SNP_REQ_CERTS, {gpa, pages, 0}};
	return serve()[2];
}

START_TEST(kvm_is_had_to_ask_for_certificates)
{
	static const char enable[] = "KVM_SEV_SNP_ENABLE_REQ_CERTS";

	/* Before the first vCPU: after INIT2, which the log begins with. */
	launch(COCO_TECH_SNP, true);
	ck_assert_ptr_eq(strstr(sev.log, enable), strchr(sev.log, '\n') + 1);
	ck_assert_uint_eq(warnings, 0);
	end();

	launch(COCO_TECH_SNP, false);
	ck_assert_ptr_null(strstr(sev.log, enable));
	ck_assert_uint_eq(warnings, 0);
	end();

	init(COCO_TECH_SNP, true);
	sev.asks_certificates = false;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	ck_assert_ptr_null(strstr(sev.log, enable));
	ck_assert_uint_eq(warnings, 1);
	end();
}
END_TEST

START_TEST(without_a_callback_there_are_no_certificates)
{
	static const uint8_t zeroes[24];
	uint8_t *memory;

	launch(COCO_TECH_SNP, false);
	memory = host_address(0x10000, 0x1000);
	memset(memory, 0xff, 0x1000);
	ck_assert_uint_eq(ask_certificates(0x10000, 1), 0);
	ck_assert_mem_eq(memory, zeroes, sizeof(zeroes));
	ck_assert_uint_eq(memory[sizeof(zeroes)], 0xff);
	ck_assert_uint_eq(ask_certificates(0x10000, 0), 0);
	ck_assert_uint_eq(ask_certificates(RAM_SIZE, 1), EIO);
	ck_assert_uint_eq(ask_certificates(DATA_GPA, 1), EIO);
	end();
}
END_TEST

START_TEST(a_callback_gives_certificates)
{
	uint8_t *memory;

	launch(COCO_TECH_SNP, true);
	memory = host_address(0x10000, 0x3000);
	ck_assert_uint_eq(ask_certificates(0x10000, 2), 0);
	ck_assert_ptr_eq(certificates.buffer, memory);
	ck_assert_uint_eq(certificates.pages, 2);
	ck_assert_uint_eq(certificates.gpa, 0x10000);
	ck_assert_ptr_eq(certificates.vcpu, vcpu0());
	ck_assert_uint_eq(memory[0x1fff], 0xce);
	ck_assert_uint_eq(memory[0x2000], 0);

	verdict = -ENOSPC;
	pages_needed = 5;
	ck_assert_uint_eq(ask_certificates(0x10000, 0), ENOSPC);
	ck_assert_ptr_null(certificates.buffer);
	ck_assert_uint_eq(answers[0][1], 5);
	verdict = -EAGAIN;
	ck_assert_uint_eq(ask_certificates(0x10000, 1), EAGAIN);
	/* KVM takes no other errno than EIO. */
	verdict = -EINVAL;
	ck_assert_uint_eq(ask_certificates(0x10000, 1), EIO);
	verdict = 1;
	ck_assert_uint_eq(ask_certificates(0x10000, 1), EIO);

	calls = 0;
	ck_assert_uint_eq(ask_certificates(0x10800, 1), EIO);
	ck_assert_uint_eq(ask_certificates(0x10000, UINT64_MAX), EIO);
	ck_assert_uint_eq(ask_certificates(0x10000, 1ull << 52), EIO);
	ck_assert_uint_eq(ask_certificates(RAM_SIZE - 0x1000, 2), EIO);
	ck_assert_uint_eq(ask_certificates(DATA_GPA, 1), EIO);
	ck_assert_uint_eq(calls, 0);
	end();
}
END_TEST

START_TEST(the_table_of_callbacks_is_checked)
{
	struct {
		struct coco_requests known;
		uint64_t unknown;
	} larger;
	struct coco_guest *guest = NULL;

	init(COCO_TECH_PLAIN, true);
	requests.struct_size = 8;
	expect_error(coco_guest_new(f.host, &f.options, &guest, &f.error), &f.error, -EINVAL,
		     "struct_size");
	expect_text(&f.error, "requests");
	COCO_INIT(&larger.known);
	larger.known.struct_size = sizeof(larger);
	larger.unknown = 1;
	f.options.requests = &larger.known;
	expect_error(coco_guest_new(f.host, &f.options, &guest, &f.error), &f.error, -E2BIG,
		     "requests");
	ck_assert_ptr_null(guest);
	coco_image_unref(f.image);
	coco_host_close(f.host);
	expect_clean(f.fake);
}
END_TEST

START_TEST(kvm_says_that_a_vm_is_dead)
{
	struct coco_exit exit;

	launch(COCO_TECH_TDX, false);
	fake_kvm_fail(f.fake, "KVM_RUN", 1, EIO, false);
	expect_call_error(run(&exit, 0), &f.error, -EIO, "KVM_RUN");
	expect_text(&f.error, "reset");
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		tdx_fatal_errors_are_decoded,
		a_message_of_all_registers_fits,
		without_callbacks_calls_are_answered,
		callbacks_answer_calls,
		the_kernel_decides_which_calls_there_are,
		a_quotes_buffer_is_shared_memory,
		kvm_is_had_to_ask_for_certificates,
		without_a_callback_there_are_no_certificates,
		a_callback_gives_certificates,
		the_table_of_callbacks_is_checked,
		kvm_says_that_a_vm_is_dead,
		NULL,
	};
	Suite *suite = expect_suite("requests", tests);
	TCase *loops = tcase_create("each technology");

	tcase_add_loop_test(loops, sev_terminations_are_decoded, 0, 2);
	tcase_add_loop_test(loops, other_exits_stay_the_vmms, 0, 5);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
