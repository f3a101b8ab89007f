/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * On a real kernel: is what a VMM holds on to the same after each reset, is the
 * old VM really gone, and is nothing of it inherited? The argument is the technology.
 */
#include <cocoreset/cocoreset.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESETS 10
#define VCPUS  2

/* out %al, $0x64 from the reset vector on, for ever */
static const unsigned char code[] = {0xe6, 0x64, 0xeb, 0xfc};
static unsigned char firmware[COCO_PAGE_SIZE];

struct handles {
	int vm_fd;
	int vcpu_fds[VCPUS];
	void *runs[VCPUS];
	void *memory;
};

static int failures;

static void expect(bool holds, const char *what, uint64_t generation)
{
	if (holds)
		return;
	printf("not ok: incarnation %llu: %s\n", (unsigned long long)generation, what);
	failures++;
}

static void must(int result, const char *what, const struct coco_error *error)
{
	if (!result)
		return;
	printf("not ok: %s: %s\n", what, error->text);
	exit(1);
}

static void on_kick(int signal)
{
	(void)signal;
}

/* Whether the descriptor is what its name in /proc says. */
static bool is_open_as(int fd, const char *name)
{
	char path[32], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, name) &&
	       (fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static bool is_mapped_as(const void *address, const char *name)
{
	char line[256], start[32];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "r");

	snprintf(start, sizeof(start), "%lx-", (unsigned long)address);
	while (maps && fgets(line, sizeof(line), maps))
		if (!strncmp(line, start, strlen(start)) && strstr(line, name))
			found = true;
	if (maps)
		fclose(maps);
	return found;
}

/* KVM keeps a folder per VM in debugfs until the VM is destroyed. */
static int count_vms(void)
{
	DIR *folder = opendir("/sys/kernel/debug/kvm");
	const struct dirent *entry;
	int count = 0;

	while (folder && (entry = readdir(folder)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			count++;
	if (folder)
		closedir(folder);
	return folder ? count : -1;
}

static void check_cloexec(void *payload, const struct coco_object *object)
{
	const uint64_t *generation = payload;

	expect(object->generation == *generation, "an object of another life is open", *generation);
	if (object->fd >= 0)
		expect(fcntl(object->fd, F_GETFD) & FD_CLOEXEC,
		       "a descriptor would be inherited by exec", *generation);
}

/* A forked child has no mapping of KVM's. */
static void check_fork(uint64_t generation)
{
	int status = 1;
	pid_t child = fork();

	if (!child) {
		char line[256];
		FILE *maps = fopen("/proc/self/maps", "r");

		while (maps && fgets(line, sizeof(line), maps))
			if (strstr(line, "kvm-vcpu") || strstr(line, "guest_memfd"))
				_exit(1);
		_exit(maps ? 0 : 2);
	}
	expect(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
		       WEXITSTATUS(status) == 0,
	       "a forked child has a mapping of KVM's", generation);
}

static void check_handles(struct coco_guest *guest, const struct handles *first)
{
	const uint64_t now = coco_guest_generation(guest);
	uint64_t generation = now;
	struct coco_error error;
	void *memory = NULL;

	must(coco_guest_host_address(guest, 0, COCO_PAGE_SIZE, &memory, &error), "memory", &error);
	expect(memory == first->memory, "guest memory has moved", now);
	expect(coco_guest_vm_fd(guest) == first->vm_fd, "the VM has another number", now);
	expect(is_open_as(first->vm_fd, "kvm-vm"), "the VM's number is no VM", now);
	for (uint32_t i = 0; i < VCPUS; i++) {
		const struct coco_vcpu *vcpu = coco_guest_vcpu(guest, i);
		char name[32];

		snprintf(name, sizeof(name), "kvm-vcpu:%u", i);
		expect(coco_vcpu_fd(vcpu) == first->vcpu_fds[i], "a vCPU has another number", now);
		expect(is_open_as(first->vcpu_fds[i], name), "a vCPU's number is no vCPU", now);
		expect(coco_vcpu_kvm_run(vcpu) == first->runs[i], "kvm_run has moved", now);
		expect(is_mapped_as(first->runs[i], name), "kvm_run is not mapped", now);
	}
	coco_guest_list_objects(guest, check_cloexec, &generation);
	expect(count_vms() == 1, "there is not exactly one VM in the kernel", now);
}

/* The second vCPU: it waits in the kernel for a start that never comes. */
static void *run_second(void *guest)
{
	struct coco_vcpu *vcpu = coco_guest_vcpu(guest, 1);
	struct coco_error error;
	struct coco_exit exit;

	COCO_INIT(&exit);
	must(coco_vcpu_run(vcpu, &exit, &error), "the second vCPU", &error);
	expect(exit.reason == COCO_EXIT_STOPPED, "the second vCPU came back", exit.generation);
	return NULL;
}

/* A stats descriptor keeps a VM alive; handed over, it goes with it. */
static void hand_over_stats(struct coco_guest *guest)
{
	struct coco_error error;
	int fd = ioctl(coco_guest_vm_fd(guest), KVM_GET_STATS_FD, NULL);

	expect(fd >= 0, "the kernel has no stats", coco_guest_generation(guest));
	must(coco_guest_hand_over_fd(guest, COCO_FD_STATS, fd, "statistics", &error), "hand over",
	     &error);
}

static void run_to_exit(struct coco_guest *guest, uint64_t generation)
{
	struct coco_vcpu *vcpu = coco_guest_vcpu(guest, 0);
	const struct kvm_run *run = coco_vcpu_kvm_run(vcpu);
	struct coco_error error;
	struct coco_exit exit;

	COCO_INIT(&exit);
	must(coco_vcpu_run(vcpu, &exit, &error), "the first vCPU", &error);
	expect(exit.kvm_reason == KVM_EXIT_IO && run->io.port == 0x64, "the guest does not run",
	       generation);
	expect(exit.generation == generation, "the exit is of another life", generation);
}

static struct coco_guest *make_guest(struct coco_host *host, uint32_t tech)
{
	struct coco_guest_options options;
	struct coco_memory ram, flash;
	struct coco_guest *guest;
	struct coco_image *image;
	struct coco_error error;

	memcpy(firmware + sizeof(firmware) - 16, code, sizeof(code));
	must(coco_image_new(&image, &error), "image", &error);
	must(coco_image_add_firmware(image, firmware, sizeof(firmware), &error), "image", &error);
	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = VCPUS;
	options.image = image;
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.kick_signal = SIGUSR1;
	must(coco_guest_new(host, &options, &guest, &error), "guest", &error);
	coco_image_unref(image);

	COCO_INIT(&ram);
	ram.size = 16 << 20;
	must(coco_guest_add_memory(guest, &ram, &error), "memory", &error);
	COCO_INIT(&flash);
	flash.gpa = 0x100000000 - sizeof(firmware);
	flash.size = sizeof(firmware);
	must(coco_guest_add_memory(guest, &flash, &error), "flash", &error);
	return guest;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_kick};
	const uint32_t tech = coco_tech_from_name(argc == 2 ? argv[1] : "");
	struct handles first;
	struct coco_guest *guest;
	struct coco_error error;
	struct coco_host *host;
	pthread_t second;

	if (!tech) {
		printf("usage: handles TECHNOLOGY\n");
		return 2;
	}
	sigaction(SIGUSR1, &action, NULL);
	must(coco_host_open(NULL, &host, &error), "host", &error);
	guest = make_guest(host, tech);
	first.vm_fd = coco_guest_vm_fd(guest);
	for (uint32_t i = 0; i < VCPUS; i++) {
		first.vcpu_fds[i] = coco_vcpu_fd(coco_guest_vcpu(guest, i));
		first.runs[i] = coco_vcpu_kvm_run(coco_guest_vcpu(guest, i));
	}
	must(coco_guest_host_address(guest, 0, 1, &first.memory, &error), "memory", &error);

	must(coco_guest_launch(guest, &error), "launch", &error);
	pthread_create(&second, NULL, run_second, guest);
	for (uint64_t generation = 1; generation <= RESETS + 1; generation++) {
		check_handles(guest, &first);
		run_to_exit(guest, generation);
		if (generation == 1)
			check_fork(generation);
		hand_over_stats(guest);
		if (generation <= RESETS)
			must(coco_guest_reset(guest, &error), "reset", &error);
	}
	must(coco_guest_teardown(guest, &error), "teardown", &error);
	pthread_join(second, NULL);
	expect(count_vms() == 0, "the VM outlives its teardown", RESETS + 1);
	coco_guest_free(guest);
	coco_host_close(host);
	printf("%s: %d resets, %d failures\n", argv[1], RESETS, failures);
	return failures != 0;
}
