/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The other vCPUs: started by INIT and SIPI, parked in HLT, woken for a job by
 * the same two. IPIs go through x2APIC's MSRs, since MMIO would need KVM's
 * instruction emulator.
 */
#include <stdatomic.h>

#include "cpu.h"
#include "tinyfw.h"

/* Intel SDM volume 3, chapter APIC, "Extended xAPIC (x2APIC)" */
#define MSR_APIC_BASE      0x1b
#define APIC_BASE_ENABLE   (1u << 11)
#define APIC_BASE_X2APIC   (1u << 10)
#define MSR_X2APIC_ICR     0x830
#define ICR_INIT           0x4500 /* level assert */
#define ICR_STARTUP        0x4600
#define CPUID_1_ECX_X2APIC (1u << 21)

/* Ticks since the last sign of progress; an emulator may need a second. */
#define START_TICKS 4000000000ull

/* Bit n is set by vCPU n in entry.S as it takes its stack. */
_Atomic uint64_t vcpus_entered;
static _Atomic uint32_t vcpus_running = 1;
static _Atomic uint32_t job; /* enum reset_kind */
static _Atomic uint32_t job_vcpu;

static void take_job(uint32_t vcpu)
{
	enum reset_kind kind = atomic_exchange(&job, RESET_NONE);

	atomic_store(&job_vcpu, 0);
	atomic_fetch_add(&vcpus_running, 1);
	reset_ask(kind, vcpu);
}

void ap_main(uint32_t vcpu)
{
	platform_init_ap(vcpu);
	take_job(vcpu); /* at the first start there is none */
	if (!platform_wakes_by_memory())
		park();
	for (;;) {
		while (atomic_load(&job_vcpu) != vcpu)
			platform_wait();
		take_job(vcpu);
	}
}

static bool x2apic_enable(void)
{
	uint64_t base;

	if (platform.tech == TECH_TDX)
		return true; /* it is, and no IPIs are needed */
	if (!(cpuid_ecx(1) & CPUID_1_ECX_X2APIC) || !platform_read_msr(MSR_APIC_BASE, &base))
		return false;
	base |= APIC_BASE_ENABLE;
	return platform_write_msr(MSR_APIC_BASE, base) &&
	       platform_write_msr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
}

/* An SEV-ES or SNP vCPU knows nothing of the page: the first SIPI starts it where the image says,
 * others end an AP reset hold. */
static void send_init_sipi(uint32_t apic_id)
{
	const uint64_t to = (uint64_t)apic_id << 32;

	if (!platform_write_msr(MSR_X2APIC_ICR, to | ICR_INIT) ||
	    !platform_write_msr(MSR_X2APIC_ICR,
				to | ICR_STARTUP | (uintptr_t)trampoline_page / PAGE))
		check_failed();
}

/*
 * APs start in RAM, where KVM's instruction emulator sees shared memory only. The VMM may
 * have made all memory private at launch.
 */
static bool write_trampoline(void)
{
	if (platform.tech >= TECH_SEV_ES)
		return true; /* that is not where they start */
	if (platform.tech == TECH_NONE && machine.has_private_memory &&
	    convert((uintptr_t)trampoline_page, 1, false) != 0)
		return false;
	memcpy(trampoline_page, trampoline, (size_t)(trampoline_end - trampoline));
	return true;
}

/* Waits as long as vCPUs keep coming. */
static uint32_t wait_for_vcpus(uint32_t wanted)
{
	uint32_t running = atomic_load(&vcpus_running);
	struct deadline deadline;

	deadline_start(&deadline, START_TICKS);
	while (running < wanted && !deadline_passed(&deadline)) {
		uint32_t now = atomic_load(&vcpus_running);

		if (now != running)
			deadline_start(&deadline, START_TICKS);
		running = now;
	}
	return running;
}

void vcpus_start(void)
{
	uint32_t running = 1;

	if (machine.vcpus > 1 && x2apic_enable() && write_trampoline()) {
		for (uint32_t i = 1; i < machine.vcpus && i < MAX_VCPUS; i++)
			if (!platform_start_ap(i))
				send_init_sipi(i);
		running = wait_for_vcpus((uint32_t)min(machine.vcpus, MAX_VCPUS));
	}
	print("tinyfw: vCPUs started: %u of %u\n", running, machine.vcpus);
	if (running != machine.vcpus)
		check_failed();
}

bool vcpus_reset_on(uint32_t vcpu, enum reset_kind kind)
{
	const uint64_t bit = 1ull << vcpu;
	uint32_t running;

	if (vcpu >= MAX_VCPUS || !(atomic_load(&vcpus_entered) & bit))
		return false;
	running = atomic_load(&vcpus_running);
	atomic_store(&job, kind);
	atomic_store(&job_vcpu, vcpu);
	if (!platform_wakes_by_memory())
		atomic_fetch_and(&vcpus_entered, ~bit); /* it takes its stack again */
	if (platform.tech != TECH_TDX)
		send_init_sipi(vcpu);
	return wait_for_vcpus(running + 1) > running;
}
