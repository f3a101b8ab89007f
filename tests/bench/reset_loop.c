/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The least VMM there can be on the library, to be compared with QEMU: a guest's bytes to the
 * serial port go to stdout, its write to port 0xcf9 resets it. Ends when it is killed, or when
 * something fails.
 *
 *   reset_loop FIRMWARE TECHNOLOGY sequential|overlap VCPUS MIB
 */
#include <cocoreset/cocoreset.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERIAL        0x3f8
#define RESET_CONTROL 0xcf9

static void must(int result, const struct coco_error *error)
{
	if (result) {
		fprintf(stderr, "reset_loop: %s\n", error->text);
		exit(1);
	}
}

static void on_kick(int signal)
{
	(void)signal;
}

static void serve_io(struct coco_guest *guest, const struct kvm_run *run)
{
	const char *data = (const char *)run + run->io.data_offset;
	struct coco_error error;

	if (run->io.direction != KVM_EXIT_IO_OUT)
		return;
	if (run->io.port == SERIAL && write(STDOUT_FILENO, data, 1) != 1)
		exit(0);
	if (run->io.port == RESET_CONTROL)
		must(coco_guest_reset(guest, &error), &error);
}

struct thread {
	struct coco_guest *guest;
	uint32_t index;
};

static void *run(void *payload)
{
	const struct thread *thread = payload;
	struct coco_vcpu *vcpu = coco_guest_vcpu(thread->guest, thread->index);
	struct coco_error error;
	struct coco_exit exit;

	COCO_INIT(&exit);
	for (;;) {
		must(coco_vcpu_run(vcpu, &exit, &error), &error);
		if (exit.reason == COCO_EXIT_KVM && exit.kvm_reason == KVM_EXIT_IO)
			serve_io(thread->guest, coco_vcpu_kvm_run(vcpu));
	}
	return NULL;
}

static void add_memory(struct coco_guest *guest, uint64_t gpa, uint64_t size)
{
	struct coco_memory memory;
	struct coco_error error;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	must(coco_guest_add_memory(guest, &memory, &error), &error);
}

static struct coco_guest *make_guest(struct coco_host *host, char **arguments)
{
	struct coco_guest_options options;
	struct coco_page_run firmware;
	struct coco_image *image;
	struct coco_guest *guest;
	struct coco_error error;

	must(coco_image_new(&image, &error), &error);
	must(coco_image_add_firmware_file(image, arguments[0], &error), &error);
	COCO_INIT(&firmware);
	must(coco_image_get_run(image, 0, &firmware, &error), &error);
	COCO_INIT(&options);
	options.tech = coco_tech_from_name(arguments[1]);
	options.strategy = strcmp(arguments[2], "overlap") == 0 ? COCO_STRATEGY_OVERLAP
								: COCO_STRATEGY_SEQUENTIAL;
	options.vcpus = (uint32_t)strtoul(arguments[3], NULL, 10);
	options.image = image;
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.ioapic_pins = 24;
	options.kick_signal = SIGUSR1;
	must(coco_guest_new(host, &options, &guest, &error), &error);
	coco_image_unref(image);
	add_memory(guest, 0, strtoull(arguments[4], NULL, 10) << 20);
	add_memory(guest, firmware.gpa, firmware.size);
	return guest;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_kick};
	struct coco_guest *guest;
	struct coco_error error;
	struct coco_host *host;
	uint32_t vcpus;

	if (argc != 6) {
		fprintf(stderr, "usage: reset_loop FIRMWARE TECHNOLOGY STRATEGY VCPUS MIB\n");
		return 2;
	}
	sigaction(SIGUSR1, &action, NULL);
	must(coco_host_open(NULL, &host, &error), &error);
	guest = make_guest(host, &argv[1]);
	must(coco_guest_launch(guest, &error), &error);
	vcpus = (uint32_t)strtoul(argv[4], NULL, 10);
	for (uint32_t i = 0; i < vcpus; i++) {
		struct thread *thread = malloc(sizeof(*thread));
		pthread_t id;

		if (!thread)
			return 1;
		*thread = (struct thread){guest, i};
		if (pthread_create(&id, NULL, run, thread))
			return 1;
	}
	for (;;)
		pause();
}
