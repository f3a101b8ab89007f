/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A guest that prints a dot and resets itself, three times, on the same handles. */
#include <cocoreset/cocoreset.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>

/* The last 16 bytes below 4 GiB, where x86 starts: '.' to port 0x3f8, 6 to port 0xcf9. */
static const unsigned char reset_vector[] = {0xb0, '.',  0xba, 0xf8, 0x03, 0xee, 0xb0,
					     0x06, 0xba, 0xf9, 0x0c, 0xee, 0xf4};
static unsigned char firmware[COCO_PAGE_SIZE];

static void on_kick(int signal)
{
	(void)signal; /* it makes KVM_RUN return, and that is all it is for */
}

static int run(struct coco_guest *guest, struct coco_error *error)
{
	struct coco_vcpu *vcpu = coco_guest_vcpu(guest, 0);
	const struct kvm_run *page = coco_vcpu_kvm_run(vcpu);
	struct coco_exit exit;
	int r = coco_guest_launch(guest, error);

	COCO_INIT(&exit);
	while (!r && coco_guest_generation(guest) < 4) {
		r = coco_vcpu_run(vcpu, &exit, error);
		if (r || exit.kvm_reason != KVM_EXIT_IO)
			continue;
		if (page->io.port == 0x3f8)
			putchar(((const char *)page)[page->io.data_offset]);
		if (page->io.port == 0xcf9)
			r = coco_guest_reset(guest, error);
	}
	return r;
}

int main(void)
{
	const struct sigaction kick = {.sa_handler = on_kick};
	struct coco_guest_options options;
	struct coco_image *image = NULL;
	struct coco_guest *guest = NULL;
	struct coco_host *host = NULL;
	struct coco_memory flash;
	struct coco_error error;
	int r;

	memcpy(firmware + sizeof(firmware) - 16, reset_vector, sizeof(reset_vector));
	sigaction(SIGUSR1, &kick, NULL);

	r = coco_host_open(NULL, &host, &error);
	if (!r)
		r = coco_image_new(&image, &error);
	if (!r)
		r = coco_image_add_firmware(image, firmware, sizeof(firmware), &error);
	COCO_INIT(&options);
	options.tech = COCO_TECH_PLAIN;
	options.vcpus = 1;
	options.image = image;
	options.kick_signal = SIGUSR1;
	if (!r)
		r = coco_guest_new(host, &options, &guest, &error);
	COCO_INIT(&flash);
	flash.gpa = 0x100000000 - sizeof(firmware);
	flash.size = sizeof(firmware);
	if (!r)
		r = coco_guest_add_memory(guest, &flash, &error);
	if (!r)
		r = run(guest, &error);
	if (r)
		fprintf(stderr, "%s: %s\n", coco_stage_name(error.stage), error.text);

	coco_guest_free(guest);
	coco_image_unref(image);
	coco_host_close(host);
	return r != 0;
}
