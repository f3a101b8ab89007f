/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A small VMM for ci_example.c: its guest asks for resets until it is in its fourth life. A reset
 * that fails is tried again.
 */
#include <cocoreset/cocoreset.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>

#define LIVES      4u
#define RESET_PORT 0xcf9

int vmm_main(const struct coco_host_options *options);

/* The last 16 bytes below 4 GiB: 6 to port 0xcf9. */
static const unsigned char reset_vector[] = {0xb0, 0x06, 0xba, 0xf9, 0x0c, 0xee, 0xf4};

static void on_kick(int signal)
{
	(void)signal;
}

static int make_guest(struct coco_host *host, struct coco_image *image, struct coco_guest **guest,
		      struct coco_error *error)
{
	struct coco_guest_options options;
	struct coco_memory flash;
	int r;

	COCO_INIT(&options);
	options.tech = COCO_TECH_PLAIN;
	options.vcpus = 1;
	options.image = image;
	options.kick_signal = SIGUSR1;
	r = coco_guest_new(host, &options, guest, error);
	COCO_INIT(&flash);
	flash.gpa = 0x100000000 - COCO_PAGE_SIZE;
	flash.size = COCO_PAGE_SIZE;
	return r ? r : coco_guest_add_memory(*guest, &flash, error);
}

static int run(struct coco_guest *guest, struct coco_error *error)
{
	struct coco_vcpu *vcpu = coco_guest_vcpu(guest, 0);
	struct coco_exit exit;
	unsigned int resets = 0, failures = 0;
	int r = coco_guest_launch(guest, error);

	COCO_INIT(&exit);
	while (!r && resets < LIVES - 1) {
		r = coco_vcpu_run(vcpu, &exit, error);
		if (r || exit.kvm_reason != KVM_EXIT_IO ||
		    coco_vcpu_kvm_run(vcpu)->io.port != RESET_PORT)
			continue;
		resets++;
		while (coco_guest_reset(guest, error))
			if (++failures > 1)
				return -1;
	}
	/* The simulator let one vCPU fail: if none did, nothing was tried. */
	return r ? r : failures != 1;
}

int vmm_main(const struct coco_host_options *options)
{
	static unsigned char firmware[COCO_PAGE_SIZE];
	const struct sigaction kick = {.sa_handler = on_kick};
	struct coco_image *image = NULL;
	struct coco_guest *guest = NULL;
	struct coco_host *host = NULL;
	struct coco_error error;
	int r;

	memcpy(firmware + sizeof(firmware) - 16, reset_vector, sizeof(reset_vector));
	sigaction(SIGUSR1, &kick, NULL);
	r = coco_host_open(options, &host, &error);
	if (!r)
		r = coco_image_new(&image, &error);
	if (!r)
		r = coco_image_add_firmware(image, firmware, sizeof(firmware), &error);
	if (!r)
		r = make_guest(host, image, &guest, &error);
	if (!r)
		r = run(guest, &error);
	if (r)
		fprintf(stderr, "%d: %s\n", r, error.text);
	coco_guest_free(guest);
	coco_image_unref(image);
	coco_host_close(host);
	return r;
}
