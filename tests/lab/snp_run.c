/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * An SNP guest that runs, on a real kernel with a simulated secure processor that does not scramble
 * memory (sim_psp.scramble=0): memory becomes private when it is touched and shared when the guest
 * asks for it, a request for what is no memory is refused, the guest's end comes with its reason,
 * and after a reset all is as at launch. KVM is told to ask for certificates.
 */
#include <cocoreset/cocoreset.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define LIVES 5
#define RAM   (16u << 20)

/*
 * 16-bit code. Requests are those of the GHCB's MSR protocol (GHCB specification, 2.3.1): 0x014
 * asks for a page's state (2: shared), 0x015 is the answer, 0x100 is the end.
 */
static const unsigned char code[] = {
	0xc6, 0x06, 0x00, 0x10, 0x5a,       /* movb $0x5a, 0x1000 */
	0xa0, 0x00, 0x10,                   /* mov 0x1000, %al */
	0xe6, 0x64,                         /* out %al, $0x64 */
	0x66, 0xb9, 0x30, 0x01, 0x01, 0xc0, /* mov $0xc0010130, %ecx: the GHCB MSR */
	0x66, 0xb8, 0x14, 0x10, 0x00, 0x00, /* mov $0x1014, %eax: page 1 ... */
	0x66, 0xba, 0x00, 0x00, 0x20, 0x00, /* mov $0x200000, %edx: ... is to be shared */
	0x0f, 0x30,                         /* wrmsr */
	0xf3, 0x0f, 0x01, 0xd9,             /* vmgexit */
	0x0f, 0x32,                         /* rdmsr */
	0xe6, 0x64,                         /* out %al, $0x64 */
	0x66, 0xc1, 0xea, 0x18,             /* shr $24, %edx: the answer's bit 63 is an error */
	0x88, 0xd0,                         /* mov %dl, %al */
	0xe6, 0x64,                         /* out %al, $0x64 */
	0x66, 0xb8, 0x14, 0x00, 0x00, 0xf0, /* mov $0xf0000014, %eax: a page that is no memory */
	0x66, 0xba, 0x00, 0x00, 0x20, 0x00, /* mov $0x200000, %edx */
	0x0f, 0x30,                         /* wrmsr */
	0xf3, 0x0f, 0x01, 0xd9,             /* vmgexit */
	0x0f, 0x32,                         /* rdmsr */
	0x66, 0xc1, 0xea, 0x18,             /* shr $24, %edx */
	0x88, 0xd0,                         /* mov %dl, %al */
	0xe6, 0x64,                         /* out %al, $0x64 */
	0x66, 0xb8, 0x00, 0x11, 0x02, 0x00, /* mov $0x21100, %eax: reason set 1, code 2 */
	0x66, 0xba, 0x00, 0x00, 0x00, 0x00, /* mov $0, %edx */
	0x0f, 0x30,                         /* wrmsr */
	0xf3, 0x0f, 0x01, 0xd9,             /* vmgexit */
	0xeb, 0xfe,                         /* for ever */
};
static const unsigned char expected[] = {0x5a, 0x15, 0x00, 0x80};
/* jmp from 0xfff0 to the page's first byte, 0xf000 */
static const unsigned char reset_vector[] = {0xe9, 0x0d, 0xf0};
static unsigned char firmware[COCO_PAGE_SIZE];

static int failures;

static void expect(bool holds, const char *what, int life)
{
	if (holds)
		return;
	printf("not ok: life %d: %s\n", life, what);
	failures++;
}

static void must(int result, const char *what, const struct coco_error *error)
{
	if (!result)
		return;
	printf("not ok: %s: %s\n", what, error->text);
	exit(1);
}

/* The library warns if this kernel does not ask for certificates. */
static void on_log(void *payload, int level, const char *line)
{
	(void)payload;
	printf("# %s\n", line);
	expect(level > COCO_LOG_WARNING, "a warning", 0);
}

static void on_kick(int signal)
{
	(void)signal;
}

static int no_certificates(void *payload, struct coco_certificate_request *request)
{
	(void)payload;
	(void)request;
	return -1;
}

static struct coco_guest *make_guest(struct coco_host *host)
{
	struct coco_guest_options options;
	struct coco_requests requests;
	struct coco_memory ram, flash;
	struct coco_guest *guest;
	struct coco_image *image;
	struct coco_error error;

	memcpy(firmware, code, sizeof(code));
	memcpy(firmware + sizeof(firmware) - 16, reset_vector, sizeof(reset_vector));
	must(coco_image_new(&image, &error), "image", &error);
	must(coco_image_add_firmware(image, firmware, sizeof(firmware), &error), "image", &error);
	COCO_INIT(&options);
	options.tech = COCO_TECH_SNP;
	options.vcpus = 1;
	options.image = image;
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.kick_signal = SIGUSR1;
	COCO_INIT(&requests);
	requests.certificates = no_certificates;
	options.requests = &requests;
	must(coco_guest_new(host, &options, &guest, &error), "guest", &error);
	coco_image_unref(image);
	COCO_INIT(&ram);
	ram.size = RAM;
	must(coco_guest_add_memory(guest, &ram, &error), "memory", &error);
	COCO_INIT(&flash);
	flash.gpa = 0x100000000 - sizeof(firmware);
	flash.size = sizeof(firmware);
	must(coco_guest_add_memory(guest, &flash, &error), "flash", &error);
	return guest;
}

static uint64_t private_bytes(struct coco_guest *guest)
{
	struct coco_guest_info info;
	struct coco_error error;

	COCO_INIT(&info);
	must(coco_guest_get_info(guest, &info, &error), "info", &error);
	return info.private_bytes;
}

/* What the guest writes to its port next. */
static int next_byte(struct coco_guest *guest)
{
	struct coco_vcpu *vcpu = coco_guest_vcpu(guest, 0);
	const struct kvm_run *run = coco_vcpu_kvm_run(vcpu);
	struct coco_error error;
	struct coco_exit exit;

	COCO_INIT(&exit);
	must(coco_vcpu_run(vcpu, &exit, &error), "run", &error);
	if (exit.kvm_reason != KVM_EXIT_IO || run->io.port != 0x64)
		return -(int)exit.kvm_reason;
	return ((const unsigned char *)run)[run->io.data_offset];
}

static void expect_end(struct coco_guest *guest, int life)
{
	struct coco_vcpu *vcpu = coco_guest_vcpu(guest, 0);
	struct coco_termination told;
	struct coco_error error;
	struct coco_exit exit;

	COCO_INIT(&exit);
	COCO_INIT(&told);
	must(coco_vcpu_run(vcpu, &exit, &error), "run", &error);
	expect(exit.reason == COCO_EXIT_TERMINATED, "the guest does not end", life);
	must(coco_vcpu_get_termination(vcpu, &told, &error), "termination", &error);
	printf("# %s\n", told.text);
	expect(told.source == COCO_TERMINATION_GHCB_MSR && told.reason_set == 1 &&
		       told.reason_code == 2,
	       "it has another reason", life);
}

static void live(struct coco_guest *guest, int life)
{
	uint64_t touched = 0;

	expect(private_bytes(guest) == sizeof(firmware), "more is private than the image", life);
	for (size_t i = 0; i < sizeof(expected); i++) {
		const int byte = next_byte(guest);

		if (byte != expected[i])
			printf("# byte %zu is 0x%x\n", i, (unsigned int)byte);
		expect(byte == expected[i], "the guest has seen something else", life);
		if (i == 0)
			touched = private_bytes(guest);
	}
	expect(touched > sizeof(firmware) + COCO_PAGE_SIZE, "touched memory is not private", life);
	expect(private_bytes(guest) == touched - COCO_PAGE_SIZE, "no page has become shared", life);
	expect_end(guest, life);
}

int main(void)
{
	const struct sigaction action = {.sa_handler = on_kick};
	struct coco_host_options options;
	struct coco_guest *guest;
	struct coco_error error;
	struct coco_host *host;

	sigaction(SIGUSR1, &action, NULL);
	COCO_INIT(&options);
	options.log = on_log;
	must(coco_host_open(&options, &host, &error), "host", &error);
	guest = make_guest(host);
	must(coco_guest_launch(guest, &error), "launch", &error);
	for (int life = 1; life <= LIVES; life++) {
		if (life > 1)
			must(coco_guest_reset(guest, &error), "reset", &error);
		live(guest, life);
	}
	coco_guest_free(guest);
	coco_host_close(host);
	printf("%d lives, %d failures\n", LIVES, failures);
	return failures != 0;
}
