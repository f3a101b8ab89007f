/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Does it hold when everything happens at once: vCPUs that exit and convert all the time, resets
 * from several threads, parking, kicks, failures and questions?
 */
#include "vmm.h"

#include <sched.h>

#define VCPUS  8u
#define RESETS 60u

static struct fixture f;
static struct vmm vmm;
static const struct setting {
	uint32_t tech, strategy;
	unsigned most_vms; /* one that runs, one that is built, and those that wait */
} settings[] = {
	{COCO_TECH_PLAIN, COCO_STRATEGY_SEQUENTIAL, 1},
	{COCO_TECH_SWPROTECTED, COCO_STRATEGY_SEQUENTIAL, 1},
	{COCO_TECH_PLAIN, COCO_STRATEGY_OVERLAP, 4},
	{COCO_TECH_SWPROTECTED, COCO_STRATEGY_OVERLAP, 4},
};
static const struct setting *setting;

#define SETTINGS ((int)(sizeof(settings) / sizeof(settings[0])))

/* Each vCPU has 16 pages of its own, which it takes to the private side and back. */
static int busy(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	const uint64_t own = 0x100000 + entry->id * 0x10000ull;

	(void)payload;
	switch (entry->count % 8) {
	case 1:
		return fake_exit_out(entry->run, 0x3f8, (uint8_t)entry->count);
	case 3:
	case 5:
		if (setting->tech == COCO_TECH_SWPROTECTED)
			return fake_exit_map_gpa_range(entry->run, own, 16, entry->count % 8 == 3);
		return fake_exit_hlt(entry->run);
	case 7:
		return fake_kvm_wait(fake, entry);
	default:
		return fake_exit_hlt(entry->run);
	}
}

static void launch(int index)
{
	setting = &settings[index];
	fixture_init(&f, setting->tech);
	f.options.strategy = setting->strategy;
	f.options.vcpus = VCPUS;
	f.options.park_timeout_ms = 60000;
	fixture_guest(&f);
	fake_kvm_on_run(f.fake, busy, NULL);
	fake_kvm_stop_transcript(f.fake);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
}

static void kick_all(void)
{
	for (uint32_t i = 0; i < VCPUS; i++)
		coco_vcpu_kick(coco_guest_vcpu(f.guest, i));
}

static void expect_sound(uint64_t generation)
{
	struct coco_guest_info info;

	expect_ok(coco_guest_wait_retired(f.guest, 60000, &f.error), &f.error);
	info = fixture_info(&f);
	ck_assert_uint_eq(info.generation, generation);
	ck_assert_uint_le(info.private_bytes, info.memory_bytes);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
	expect_no_faults(f.fake);
}

START_TEST(resets_among_busy_vcpus)
{
	launch(_i);
	vmm_start(&vmm, &f, VCPUS, NULL);
	for (uint64_t generation = 1; generation <= RESETS; generation++) {
		kick_all();
		expect_sound(generation);
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	}
	expect_ok(coco_guest_park(f.guest, &f.error), &f.error);
	fixture_expect_image(&f);
	ck_assert_uint_le(fake_kvm_most_vms(f.fake), setting->most_vms);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(resets_that_fail_among_busy_vcpus)
{
	uint64_t generation = 1;

	launch(_i);
	vmm_start(&vmm, &f, VCPUS, NULL);
	for (unsigned round = 0; round < RESETS; round++) {
		int rc;

		kick_all();
		fake_kvm_fail(f.fake, "KVM_CREATE_VCPU", 1 + round % 8, EIO, false);
		rc = coco_guest_reset(f.guest, &f.error);
		fake_kvm_fail_clear(f.fake);
		ck_assert(rc == 0 || rc == -EIO);
		ck_assert_int_eq(rc != 0, round % 8 < VCPUS);
		generation += rc == 0;
		if (rc != 0 && setting->strategy == COCO_STRATEGY_SEQUENTIAL)
			ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
	}
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_sound(generation + 1);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

/* ---- from several threads ---- */

struct disturber {
	pthread_t thread;
	int (*call)(struct coco_guest *guest, struct coco_error *error);
	int (*then)(struct coco_guest *guest, struct coco_error *error);
	atomic_bool *stop;
	unsigned calls, unexpected;
};

static void *disturb(void *payload)
{
	struct disturber *disturber = payload;

	while (!atomic_load(disturber->stop)) {
		struct coco_error error;
		int rc = disturber->call(f.guest, &error);

		if (rc == 0 && disturber->then != NULL)
			rc = disturber->then(f.guest, &error);
		disturber->calls++;
		disturber->unexpected += rc != 0;
		kick_all();
		sched_yield();
	}
	return NULL;
}

static int ask(struct coco_guest *guest, struct coco_error *error)
{
	struct coco_guest_info info;

	COCO_INIT(&info);
	return coco_guest_get_info(guest, &info, error);
}

static void count(void *payload, const struct coco_object *object)
{
	(void)object;
	++*(unsigned *)payload;
}

static int list(struct coco_guest *guest, struct coco_error *error)
{
	unsigned objects = 0;

	(void)error;
	coco_guest_list_objects(guest, count, &objects);
	return objects > setting->most_vms * (1 + 2 * VCPUS + 4) ? -EIO : 0;
}

START_TEST(everything_at_once)
{
	atomic_bool stop = false;
	struct disturber disturbers[] = {
		{.call = coco_guest_reset, .stop = &stop},
		{.call = coco_guest_park, .then = coco_guest_resume, .stop = &stop},
		{.call = ask, .then = list, .stop = &stop},
	};
	const size_t others = sizeof(disturbers) / sizeof(disturbers[0]);

	launch(_i);
	vmm_start(&vmm, &f, VCPUS, NULL);
	for (size_t i = 0; i < others; i++)
		ck_assert_int_eq(
			pthread_create(&disturbers[i].thread, NULL, disturb, &disturbers[i]), 0);
	for (unsigned i = 0; i < RESETS; i++)
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	atomic_store(&stop, true);
	for (size_t i = 0; i < others; i++) {
		ck_assert_int_eq(pthread_join(disturbers[i].thread, NULL), 0);
		ck_assert_msg(disturbers[i].unexpected == 0, "thread %zu: %u of %u calls failed", i,
			      disturbers[i].unexpected, disturbers[i].calls);
	}
	expect_ok(coco_guest_resume(f.guest, &f.error), &f.error);
	expect_sound(coco_guest_generation(f.guest));
	ck_assert_uint_ge(coco_guest_generation(f.guest), RESETS / 2);
	ck_assert_uint_le(fake_kvm_most_vms(f.fake), setting->most_vms);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("threads: stress");
	TCase *tcase = tcase_create("stress");

	tcase_add_loop_test(tcase, resets_among_busy_vcpus, 0, SETTINGS);
	tcase_add_loop_test(tcase, resets_that_fail_among_busy_vcpus, 0, SETTINGS);
	tcase_add_loop_test(tcase, everything_at_once, 0, SETTINGS);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
