/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SEV, SEV-ES and SNP on a real kernel with a simulated secure processor, which has one ASID for
 * each kind of guest. Does the launch measurement come out as predicted, in each incarnation? Is
 * all of a guest given back, after resets and after each way that a launch can fail? The argument
 * is the technology.
 */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "sim_psp.h"

#define RESETS        20
#define RETIRE_MS     60000
#define MAX_VCPUS     4
#define RAM           (16u << 20)
#define FIRMWARE_SIZE (4 * COCO_PAGE_SIZE)
#define FLASH         (0x100000000 - FIRMWARE_SIZE)
#define AP_START      0xfffff0b0
#define IMAGE_PAGES   9 /* of an SNP guest */
#define MAX_ENTRIES   256

static uint32_t tech;
static uint32_t strategy; /* of the resets */
static bool snp;
static struct coco_host *host;
static struct sim_stats idle;
static unsigned char firmware[FIRMWARE_SIZE];
static union {
	struct kvm_cpuid2 list;
	unsigned char
		room[sizeof(struct kvm_cpuid2) + MAX_ENTRIES * sizeof(struct kvm_cpuid_entry2)];
} cpuid;
static int failures;

static void expect(bool holds, const char *what, const char *where)
{
	if (holds)
		return;
	printf("not ok: %s: %s\n", where, what);
	failures++;
}

static void must(int result, const char *what, const struct coco_error *error)
{
	if (!result)
		return;
	printf("not ok: %s: %s\n", what, error->text);
	exit(1);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void expect_idle(const char *where)
{
	struct sim_stats now = {0};

	expect(sim_read_stats(&now) && sim_same_stats(&now, &idle),
	       "something is left in the secure processor", where);
}

/* What has to go when the guest goes is there. */
static void expect_in_use(uint32_t vcpus, const char *where)
{
	struct sim_stats now = {0};

	expect(sim_read_stats(&now), "no stats", where);
	expect(now.asids_bound == idle.asids_bound + 1, "not one ASID is in use", where);
	expect(now.sev_guests + now.snp_guests == 1, "not one guest is there", where);
	if (snp)
		expect(now.guest_pages == IMAGE_PAGES + (long)vcpus, "not as many pages are used",
		       where);
	if (snp && now.guest_pages != IMAGE_PAGES + (long)vcpus)
		printf("# %ld pages\n", now.guest_pages);
}

static struct kvm_cpuid_entry2 *leaf_1(void)
{
	for (uint32_t i = 0; i < cpuid.list.nent; i++)
		if (cpuid.list.entries[i].function == 1)
			return &cpuid.list.entries[i];
	exit(1);
}

static void read_cpuid(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	cpuid.list.nent = MAX_ENTRIES;
	if (fd < 0 || ioctl(fd, KVM_GET_SUPPORTED_CPUID, &cpuid.list))
		exit(1);
	close(fd);
}

static void add(struct coco_image *image, uint64_t gpa, uint64_t size, uint32_t kind,
		uint32_t flags, const void *bytes)
{
	struct coco_page_run run;
	struct coco_error error;

	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = size;
	run.kind = kind;
	run.flags = flags;
	run.bytes = bytes;
	must(coco_image_add(image, &run, &error), "image", &error);
}

static struct coco_image *make_image(void)
{
	struct coco_image *image;
	struct coco_error error;

	must(coco_image_new(&image, &error), "image", &error);
	must(coco_image_add_firmware(image, firmware, sizeof(firmware), &error), "image", &error);
	must(coco_image_set_ap_start(image, AP_START, &error), "image", &error);
	add(image, 0x800000, 2 * COCO_PAGE_SIZE, COCO_PAGE_ZERO, 0, NULL);
	if (snp) {
		add(image, 0x802000, COCO_PAGE_SIZE, COCO_PAGE_DATA, COCO_RUN_UNMEASURED, firmware);
		add(image, 0x803000, COCO_PAGE_SIZE, COCO_PAGE_SECRETS, 0, NULL);
		add(image, 0x804000, COCO_PAGE_SIZE, COCO_PAGE_CPUID, 0, NULL);
	} else {
		add(image, 0x802010, 176, COCO_PAGE_PART, 0, firmware);
	}
	return image;
}

static struct coco_guest *make_guest(struct coco_image *image, uint32_t vcpus,
				     const struct coco_sev_options *sev)
{
	struct coco_guest_options options;
	struct coco_memory ram, flash;
	struct coco_guest *guest;
	struct coco_error error;

	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = vcpus;
	options.image = image;
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.kick_signal = SIGUSR1;
	options.strategy = strategy;
	options.cpuid = &cpuid.list;
	options.tech_options = sev;
	must(coco_guest_new(host, &options, &guest, &error), "guest", &error);
	COCO_INIT(&ram);
	ram.size = RAM;
	must(coco_guest_add_memory(guest, &ram, &error), "memory", &error);
	COCO_INIT(&flash);
	flash.gpa = FLASH;
	flash.size = FIRMWARE_SIZE;
	must(coco_guest_add_memory(guest, &flash, &error), "flash", &error);
	return guest;
}

static void predict(const struct coco_image *image, uint32_t vcpus, uint32_t vmsa_flags,
		    uint8_t *out, char *hex)
{
	struct coco_measure_options options;
	struct coco_digest *digest;
	struct coco_error error;
	size_t size;

	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = vcpus;
	options.vcpu_signature = leaf_1()->eax;
	options.vmsa_flags = vmsa_flags;
	must(coco_measure_image(image, &options, &digest, &error), "measure", &error);
	memcpy(out, coco_digest_bytes(digest, &size), COCO_DIGEST_MAX_SIZE);
	size = snp ? 48 : 32;
	for (size_t i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", out[i]);
	coco_digest_free(digest);
}

static void expect_digest(const char *predicted, const char *where)
{
	char found[128] = "";

	expect(sim_guest_word(snp, snp ? "digest" : "ld", found, sizeof(found)),
	       "there is not exactly one guest", where);
	if (strcmp(found, predicted) != 0)
		printf("# predicted %s\n# launched  %s\n", predicted, found);
	expect(!strcmp(found, predicted), "the launch digest is not the predicted one", where);
}

static void expect_state(struct coco_guest *guest, uint32_t state, uint32_t objects,
			 const char *where)
{
	struct coco_guest_info info;
	struct coco_error error;

	COCO_INIT(&info);
	must(coco_guest_get_info(guest, &info, &error), "info", &error);
	expect(info.state == state, coco_state_name(info.state), where);
	if (!objects)
		expect(info.open_objects == 0, "KVM objects are open", where);
}

/* The owner's way to check a launch; the simulated TIK is zero without a session. */
static void expect_launch_measure(struct coco_guest *guest, const uint8_t *digest,
				  const char *where)
{
	struct coco_launch_measure input;
	uint8_t told[COCO_LAUNCH_MEASURE_SIZE], expected[COCO_LAUNCH_MEASURE_SIZE];
	size_t size = sizeof(told);
	struct coco_error error;
	int r = coco_guest_get_launch_measure(guest, told, &size, &error);

	if (snp) {
		expect(r == -ENODATA, "SNP has a launch measurement for the host", where);
		return;
	}
	must(r, "launch measure", &error);
	expect(size == sizeof(told), "the launch measurement's size", where);
	COCO_INIT(&input);
	input.policy = tech == COCO_TECH_SEVES ? 5 : 1;
	input.api_major = 1; /* the simulation's */
	input.api_minor = 55;
	input.build = 29;
	memcpy(input.launch_digest, digest, sizeof(input.launch_digest));
	memcpy(input.mnonce, told + 32, sizeof(input.mnonce));
	must(coco_measure_launch_measure(&input, expected, &error), "measure", &error);
	expect(!memcmp(told, expected, sizeof(told)), "the launch measurement is wrong", where);
}

/* What the guest says is what the library says without one. */
static void expect_known(struct coco_guest *guest, const uint8_t *digest, const char *where)
{
	uint8_t known[COCO_DIGEST_MAX_SIZE];
	size_t size = sizeof(known);
	struct coco_error error;

	must(coco_guest_get_digest(guest, known, &size, &error), where, &error);
	expect(size == (snp ? 48 : 32) && !memcmp(known, digest, size),
	       "the guest knows another launch digest", where);
}

/* With COCO_STRATEGY_AUTO: there is no second ASID, and so the old one has to go first. */
static void reset_once(struct coco_guest *guest, const char *where)
{
	struct coco_guest_info info;
	struct coco_error error;

	must(coco_guest_reset(guest, &error), where, &error);
	must(coco_guest_wait_retired(guest, RETIRE_MS, &error), where, &error);
	COCO_INIT(&info);
	must(coco_guest_get_info(guest, &info, &error), where, &error);
	if (strategy == COCO_STRATEGY_OVERLAP)
		expect(info.strategy == COCO_STRATEGY_OVERLAP, "it was not done by overlap", where);
	else
		expect(info.strategy == COCO_STRATEGY_SEQUENTIAL, "it was done by overlap", where);
	if (strategy == COCO_STRATEGY_AUTO)
		expect(info.fallback_code == -EBUSY && strstr(info.fallback, "ASIDs"),
		       "it is not told why", where);
}

static void try_resets(uint32_t vcpus, uint32_t init)
{
	static const uint8_t tik[COCO_SEV_TIK_SIZE];
	struct coco_image *image = make_image();
	struct coco_sev_options sev;
	uint8_t digest[COCO_DIGEST_MAX_SIZE];
	char predicted[2 * COCO_DIGEST_MAX_SIZE + 1], where[64];
	struct coco_guest *guest;
	struct coco_error error;
	int fds[MAX_VCPUS], vm_fd;
	void *runs[MAX_VCPUS];

	COCO_INIT(&sev);
	sev.init = init;
	/* Each launch compares LAUNCH_MEASURE by itself. */
	sev.tik = snp ? NULL : tik;
	guest = make_guest(image, vcpus, init || !snp ? &sev : NULL);
	vm_fd = coco_guest_vm_fd(guest);
	for (uint32_t i = 0; i < vcpus; i++) {
		fds[i] = coco_vcpu_fd(coco_guest_vcpu(guest, i));
		runs[i] = coco_vcpu_kvm_run(coco_guest_vcpu(guest, i));
	}
	predict(image, vcpus, init == COCO_SEV_INIT_LEGACY ? COCO_VMSA_LEGACY : 0, digest,
		predicted);
	must(coco_guest_launch(guest, &error), "launch", &error);
	for (int reset = 0; reset <= RESETS; reset++) {
		snprintf(where, sizeof(where), "%u vCPUs, init %u, reset %d", vcpus, init, reset);
		if (reset)
			reset_once(guest, where);
		expect_digest(predicted, where);
		expect_known(guest, digest, where);
		expect_launch_measure(guest, digest, where);
		expect_in_use(vcpus, where);
		expect(coco_guest_vm_fd(guest) == vm_fd, "the VM's number", where);
		expect(ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS) > 0, "no VM", where);
		for (uint32_t i = 0; i < vcpus; i++) {
			const struct coco_vcpu *vcpu = coco_guest_vcpu(guest, i);

			expect(coco_vcpu_fd(vcpu) == fds[i], "a vCPU's number", where);
			expect(coco_vcpu_kvm_run(vcpu) == runs[i], "kvm_run's address", where);
		}
	}
	must(coco_guest_teardown(guest, &error), "teardown", &error);
	expect_idle(where);
	coco_guest_free(guest);
	coco_image_unref(image);
}

static void try_too_many(void)
{
	const char where[] = "two guests with one ASID";
	struct coco_image *image = make_image();
	struct coco_guest *first = make_guest(image, 1, NULL);
	struct coco_guest *second = make_guest(image, 1, NULL);
	struct coco_error error;
	int r;

	must(coco_guest_launch(first, &error), "launch", &error);
	r = coco_guest_launch(second, &error);
	expect(r == -EBUSY && strstr(error.text, "ASIDs"), "the error does not speak of ASIDs",
	       where);
	printf("# %s\n", error.text);
	expect_state(second, COCO_STATE_DOWN, 0, where);
	must(coco_guest_reset(first, &error), "reset beside", &error);
	must(coco_guest_teardown(first, &error), "teardown", &error);
	must(coco_guest_launch(second, &error), "launch when there is room", &error);
	coco_guest_free(second);
	coco_guest_free(first);
	coco_image_unref(image);
	expect_idle(where);
}

struct injection {
	uint32_t command;
	uint32_t skip;
	uint32_t count; /* 2 where KVM hides the first: it tells how far it came instead */
	uint32_t status;
	const char *name; /* the status' */
	const char *call; /* the command of KVM's that fails */
};

static const struct injection snp_injections[] = {
	{SIM_SNP_GCTX_CREATE, 0, 1, 0x17, "RESOURCE_LIMIT", "KVM_SEV_SNP_LAUNCH_START"},
	{SIM_SNP_LAUNCH_START, 0, 1, 0x07, "POLICY_FAILURE", "KVM_SEV_SNP_LAUNCH_START"},
	{SIM_SNP_ACTIVATE, 0, 1, 0x0c, "ASID_OWNED", "KVM_SEV_SNP_LAUNCH_START"},
	{SIM_SNP_LAUNCH_UPDATE, 0, 1, 0x1c, "INVALID_PAGE_OWNER", "KVM_SEV_SNP_LAUNCH_UPDATE"},
	{SIM_SNP_LAUNCH_UPDATE, 5, 2, 0x1a, "INVALID_PAGE_STATE", "KVM_SEV_SNP_LAUNCH_UPDATE"},
	{SIM_SNP_LAUNCH_UPDATE, IMAGE_PAGES - 1, 1, 0x02, "INVALID_GUEST_STATE",
	 "KVM_SEV_SNP_LAUNCH_UPDATE"},
	{SIM_SNP_LAUNCH_UPDATE, IMAGE_PAGES, 1, 0x10, "INVALID_GUEST", "KVM_SEV_SNP_LAUNCH_FINISH"},
	{SIM_SNP_LAUNCH_UPDATE, IMAGE_PAGES + 1, 1, 0x10, "INVALID_GUEST",
	 "KVM_SEV_SNP_LAUNCH_FINISH"},
	{SIM_SNP_LAUNCH_FINISH, 0, 1, 0x0b, "BAD_MEASUREMENT", "KVM_SEV_SNP_LAUNCH_FINISH"},
};

/* The last but two are SEV-ES's only. */
static const struct injection sev_injections[] = {
	{SIM_SEV_LAUNCH_START, 0, 1, 0x07, "POLICY_FAILURE", "KVM_SEV_LAUNCH_START"},
	{SIM_SEV_ACTIVATE, 0, 1, 0x0f, "DFFLUSH_REQUIRED", "KVM_SEV_LAUNCH_START"},
	{SIM_SEV_LAUNCH_UPDATE_DATA, 0, 1, 0x09, "INVALID_ADDRESS", "KVM_SEV_LAUNCH_UPDATE_DATA"},
	{SIM_SEV_LAUNCH_UPDATE_DATA, 2, 1, 0x04, "INVALID_LEN", "KVM_SEV_LAUNCH_UPDATE_DATA"},
	{SIM_SEV_LAUNCH_MEASURE, 0, 1, 0x08, "INACTIVE", "KVM_SEV_LAUNCH_MEASURE"},
	{SIM_SEV_LAUNCH_FINISH, 0, 1, 0x02, "INVALID_GUEST_STATE", "KVM_SEV_LAUNCH_FINISH"},
	{SIM_SEV_LAUNCH_UPDATE_VMSA, 0, 1, 0x10, "INVALID_GUEST", "KVM_SEV_LAUNCH_UPDATE_VMSA"},
	{SIM_SEV_LAUNCH_UPDATE_VMSA, 1, 1, 0x10, "INVALID_GUEST", "KVM_SEV_LAUNCH_UPDATE_VMSA"},
};

static void expect_injected(int r, const struct coco_error *error, const struct injection *i,
			    struct coco_guest *guest, const char *where)
{
	expect(r < 0, "nothing failed", where);
	expect(!strcmp(error->call, i->call), error->call, where);
	expect(error->status == i->status, "the status is not the injected one", where);
	expect(strstr(error->text, i->name) != NULL, error->text, where);
	expect_state(guest, COCO_STATE_DOWN, 0, where);
	expect_idle(where);
}

static void try_injection(const struct injection *i)
{
	struct coco_image *image = make_image();
	struct coco_guest *guest = make_guest(image, 2, NULL);
	uint8_t digest[COCO_DIGEST_MAX_SIZE];
	char predicted[2 * COCO_DIGEST_MAX_SIZE + 1], where[96];
	struct coco_error error;
	int r;

	memset(&error, 0, sizeof(error));
	predict(image, 2, 0, digest, predicted);
	snprintf(where, sizeof(where), "command 0x%x fails, %u before it don't, launch", i->command,
		 i->skip);
	expect(sim_inject(i->command, i->status, i->skip, i->count), "can't inject", where);
	r = coco_guest_launch(guest, &error);
	printf("# %s\n", error.text);
	expect_injected(r, &error, i, guest, where);
	must(coco_guest_launch(guest, &error), where, &error);
	expect_digest(predicted, where);

	snprintf(where, sizeof(where), "command 0x%x fails, %u before it don't, reset", i->command,
		 i->skip);
	expect(sim_inject(i->command, i->status, i->skip, i->count), "can't inject", where);
	r = coco_guest_reset(guest, &error);
	expect_injected(r, &error, i, guest, where);
	must(coco_guest_reset(guest, &error), where, &error);
	expect_digest(predicted, where);
	coco_guest_free(guest);
	coco_image_unref(image);
	expect_idle(where);
}

static void try_injections(void)
{
	size_t count = sizeof(sev_injections) / sizeof(*sev_injections);

	if (snp) {
		for (size_t i = 0; i < sizeof(snp_injections) / sizeof(*snp_injections); i++)
			try_injection(&snp_injections[i]);
		return;
	}
	if (tech == COCO_TECH_SEV)
		count -= 2;
	for (size_t i = 0; i < count; i++)
		try_injection(&sev_injections[i]);
}

/* The firmware corrects a CPUID page: that is no launch. */
static void try_cpuid(void)
{
	const char where[] = "a CPUID that the firmware corrects";
	const uint32_t vmx = 1u << 5;
	struct coco_image *image = make_image();
	struct coco_guest *guest;
	struct coco_error error;
	int r;

	leaf_1()->ecx |= vmx;
	guest = make_guest(image, 1, NULL);
	leaf_1()->ecx &= ~vmx;
	r = coco_guest_launch(guest, &error);
	printf("# %s\n", error.text);
	expect(r == -EIO && error.status == 0x16, "it was not refused", where);
	expect(strstr(error.text, "leaf 0x1,") && strstr(error.text, "ecx 0x20,"),
	       "the error does not name the leaf", where);
	expect_state(guest, COCO_STATE_DOWN, 0, where);
	coco_guest_free(guest);
	coco_image_unref(image);
	expect_idle(where);
}

/* The simulation compares digest and policy, and looks at versions; signatures it takes as right.
 */
enum id_block_case {
	ID_BLOCK_RIGHT,
	ID_BLOCK_WRONG,
	/* For what is predicted, which is wrong: only the firmware can know. */
	ID_BLOCK_OTHER_HOST,
};

static void try_id_block(enum id_block_case which)
{
	static const char *const names[] = {
		[ID_BLOCK_RIGHT] = "the right ID block",
		[ID_BLOCK_WRONG] = "a wrong ID block",
		[ID_BLOCK_OTHER_HOST] = "an ID block for another host",
	};
	const char *where = names[which];
	static uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];
	struct coco_image *image = make_image();
	struct coco_sev_options sev;
	struct coco_id_block content;
	struct coco_guest *guest;
	struct coco_error error;
	char hex[2 * COCO_DIGEST_MAX_SIZE + 1], word[128] = "";
	int r;

	COCO_INIT(&content);
	COCO_INIT(&sev);
	sev.vmsa_flags = which == ID_BLOCK_OTHER_HOST ? COCO_VMSA_CD_NW : 0;
	predict(image, 1, sev.vmsa_flags, content.launch_digest, hex);
	content.launch_digest[0] ^= which == ID_BLOCK_WRONG;
	must(coco_id_block_build(&content, block, &error), "ID block", &error);
	auth[0] = 1;
	auth[0x240] = 2;
	sev.id_block = block;
	sev.id_auth = auth;
	memset(sev.host_data, 0x5c, sizeof(sev.host_data));
	guest = make_guest(image, 1, &sev);
	r = coco_guest_launch(guest, &error);
	if (which == ID_BLOCK_RIGHT) {
		must(r, where, &error);
		must(coco_guest_reset(guest, &error), where, &error);
		expect(sim_guest_word(true, "idblock", word, sizeof(word)) && !strcmp(word, "1"),
		       "there is no ID block", where);
		expect(sim_guest_word(true, "hostdata", word, sizeof(word)) &&
			       !strncmp(word, "5c5c5c5c", 8),
		       "the host data is not there", where);
	} else if (which == ID_BLOCK_WRONG) {
		expect(r == -EBADMSG, "it was not refused", where);
		expect_state(guest, COCO_STATE_CONFIGURED, 0, where);
	} else {
		expect(r == -EIO && error.status == 0x0b, "it was not refused", where);
		expect_state(guest, COCO_STATE_DOWN, 0, where);
	}
	coco_guest_free(guest);
	coco_image_unref(image);
	expect_idle(where);
}

/* A signal each 2 ms while a launch is at it. */
static void try_signals(void)
{
	const char where[] = "launching under a rain of signals";
	const struct itimerval rain = {{0, 2000}, {0, 2000}}, none = {{0, 0}, {0, 0}};
	struct coco_image *image = make_image();
	static unsigned char large[2 << 20];
	struct coco_guest *guest;
	struct coco_error error;
	uint8_t digest[COCO_DIGEST_MAX_SIZE];
	char predicted[2 * COCO_DIGEST_MAX_SIZE + 1];

	memset(large, 0x3c, sizeof(large));
	add(image, 0x200000, sizeof(large), COCO_PAGE_DATA, 0, large);
	predict(image, 1, 0, digest, predicted);
	guest = make_guest(image, 1, NULL);
	setitimer(ITIMER_REAL, &rain, NULL);
	must(coco_guest_launch(guest, &error), where, &error);
	must(coco_guest_reset(guest, &error), where, &error);
	setitimer(ITIMER_REAL, &none, NULL);
	expect_digest(predicted, where);
	coco_guest_free(guest);
	coco_image_unref(image);
	expect_idle(where);
}

/* The secure processor stops answering in the middle of a launch: nobody can be launched then. */
static void try_dead_processor(void)
{
	const char where[] = "a secure processor that does not answer";
	struct coco_image *image = make_image();
	struct coco_guest *guest = make_guest(image, 2, NULL);
	struct coco_error error;

	must(coco_guest_launch(guest, &error), "launch", &error);
	expect(sim_inject(snp ? SIM_SNP_LAUNCH_UPDATE : SIM_SEV_LAUNCH_UPDATE_DATA, 0xffff, 3, 1),
	       "can't inject", where);
	for (int i = 0; i < 3; i++) {
		expect(coco_guest_reset(guest, &error) < 0, "a guest was launched", where);
		printf("# %s\n", error.text);
		expect_state(guest, COCO_STATE_DOWN, 0, where);
	}
	must(coco_guest_teardown(guest, &error), "teardown", &error);
	coco_guest_free(guest);
	coco_image_unref(image);
}

static void probe(void)
{
	struct coco_tech_info info;
	struct coco_error error;

	COCO_INIT(&info);
	must(coco_host_probe(host, tech, &info, &error), "probe", &error);
	printf("# launchable %u, %u vCPUs, reason \"%s\"\n", info.launchable, info.max_vcpus,
	       info.reason);
	expect(info.launchable && info.max_vcpus && info.private_memory && !info.reason[0],
	       "it is not launchable", "probe");
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct coco_error error;

	tech = coco_tech_from_name(argc >= 2 ? argv[1] : "");
	if (tech != COCO_TECH_SEV && tech != COCO_TECH_SEVES && tech != COCO_TECH_SNP) {
		printf("usage: sev sev|seves|snp [dead|overlap]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	snp = tech == COCO_TECH_SNP;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	for (size_t i = 0; i < sizeof(firmware); i++)
		firmware[i] = (unsigned char)(i * 7 + i / COCO_PAGE_SIZE);
	read_cpuid();
	if (!sim_read_stats(&idle)) {
		printf("not ok: there is no simulated secure processor\n");
		return 1;
	}
	must(coco_host_open(NULL, &host, &error), "host", &error);
	if (argc == 3 && !strcmp(argv[2], "dead")) {
		try_dead_processor();
		return failures != 0;
	}
	if (argc == 3 && !strcmp(argv[2], "overlap")) {
		strategy = COCO_STRATEGY_OVERLAP;
		try_resets(1, COCO_SEV_INIT_AUTO);
		try_resets(4, COCO_SEV_INIT_AUTO);
		printf("%s, overlap: %d failures\n", argv[1], failures);
		return failures != 0;
	}
	probe();
	strategy = COCO_STRATEGY_AUTO;
	try_resets(2, COCO_SEV_INIT_AUTO);
	strategy = COCO_STRATEGY_DEFAULT;
	try_resets(1, COCO_SEV_INIT_AUTO);
	try_resets(4, COCO_SEV_INIT_AUTO);
	if (!snp)
		try_resets(4, COCO_SEV_INIT_LEGACY);
	try_too_many();
	try_injections();
	if (snp) {
		try_cpuid();
		try_id_block(ID_BLOCK_RIGHT);
		try_id_block(ID_BLOCK_WRONG);
		try_id_block(ID_BLOCK_OTHER_HOST);
	}
	try_signals();
	coco_host_close(host);
	printf("%s: %d failures\n", argv[1], failures);
	return failures != 0;
}
