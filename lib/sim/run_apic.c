/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Local APICs at work: IPIs, interrupts from outside, the timer. Registers are in the vCPU's state
 * as KVM_GET_LAPIC shows them. Intel SDM volume 3, chapter APIC.
 */
#include <string.h>
#include <x86intrin.h>

#include "sim/lapic.h"
#include "sim/msrs.h"
#include "sim/run.h"
#include "sim/vm_config.h"

#define BASE_ENABLED 0x800u
#define BASE_X2APIC  0x400u
#define BASE_ADDRESS 0x000ffffffffff000ull

#define REG_PPR           0xa0u
#define REG_EOI           0xb0u
#define REG_ESR           0x280u
#define REG_TIMER_CURRENT 0x390u
#define REG_DIVIDE        0x3e0u
#define REG_SELF_IPI      0x3f0u
#define REG_LAST          0x3f0u

#define SVR_ENABLED    0x100u
#define LVT_MASKED     0x10000u
#define LVT_MODE(lvt)  ((lvt) >> 17 & 3)
#define TIMER_PERIODIC 1u
#define TIMER_DEADLINE 2u

#define ICR_MODE(icr)      ((icr) >> 8 & 7)
#define ICR_LOGICAL        (1u << 11)
#define ICR_BUSY           (1u << 12)
#define ICR_ASSERT         (1u << 14)
#define ICR_LEVEL          (1u << 15)
#define ICR_SHORTHAND(icr) ((icr) >> 18 & 3)

enum delivery { FIXED = 0, LOWEST = 1, NMI = 4, INIT = 5, STARTUP = 6 };
enum shorthand { NO_SHORTHAND, SELF, ALL, OTHERS };

#define DFR_FLAT 0xfu

static bool x2apic(const struct sim_vcpu *vcpu)
{
	return vcpu->state->sregs.apic_base & BASE_X2APIC;
}

static uint32_t get(const struct sim_vcpu *vcpu, uint32_t offset)
{
	return sim_lapic_read(vcpu, offset);
}

static void set(struct sim_vcpu *vcpu, uint32_t offset, uint32_t value)
{
	sim_lapic_write(vcpu, offset, value);
}

/* --- interrupt requests */

static uint32_t word_of(uint32_t registers, uint8_t vector)
{
	return registers + vector / 32u * 16u;
}

static void set_vector(struct sim_vcpu *vcpu, uint32_t registers, uint8_t vector, bool on)
{
	const uint32_t offset = word_of(registers, vector);
	const uint32_t bit = 1u << vector % 32;
	const uint32_t old = get(vcpu, offset);

	set(vcpu, offset, on ? old | bit : old & ~bit);
}

static int highest(const struct sim_vcpu *vcpu, uint32_t registers)
{
	for (int word = 7; word >= 0; word--) {
		const uint32_t bits = get(vcpu, registers + (uint32_t)word * 16);

		if (bits)
			return word * 32 + 31 - __builtin_clz(bits);
	}
	return -1;
}

static uint32_t processor_priority(const struct sim_vcpu *vcpu)
{
	const int in_service = highest(vcpu, SIM_APIC_ISR);
	const uint32_t tpr = get(vcpu, SIM_APIC_TPR) & 0xff;
	const uint32_t served = in_service < 0 ? 0 : (uint32_t)in_service;

	return tpr >> 4 >= served >> 4 ? tpr : served & 0xf0;
}

int sim_apic_pending(const struct sim_vcpu *vcpu)
{
	int vector;

	if (!(vcpu->state->sregs.apic_base & BASE_ENABLED) ||
	    !(get(vcpu, SIM_APIC_SVR) & SVR_ENABLED))
		return -1;
	vector = highest(vcpu, SIM_APIC_IRR);
	return vector >= 0 && (uint32_t)vector >> 4 > processor_priority(vcpu) >> 4 ? vector : -1;
}

void sim_apic_take(struct sim_vcpu *vcpu, uint8_t vector)
{
	set_vector(vcpu, SIM_APIC_IRR, vector, false);
	set_vector(vcpu, SIM_APIC_ISR, vector, true);
}

static bool request(struct sim_vcpu *vcpu, uint8_t vector, bool level)
{
	if (!(get(vcpu, SIM_APIC_SVR) & SVR_ENABLED))
		return false;
	if (vector < 16)
		return true;
	set_vector(vcpu, SIM_APIC_IRR, vector, true);
	set_vector(vcpu, SIM_APIC_TMR, vector, level);
	sim_run_wake(vcpu);
	return true;
}

/* A level-triggered pin may ask again, and its resamplefds are told. */
static void acknowledge_pins(struct sim_vm *vm, uint8_t vector)
{
	struct kvm_ioapic_state *ioapic = &vm->config->chips[KVM_IRQCHIP_IOAPIC].chip.ioapic;

	if (vm->irqchip != SIM_IRQCHIP_FULL)
		return;
	for (uint32_t pin = 0; pin < SIM_IRQCHIP_PINS; pin++) {
		if (ioapic->redirtbl[pin].fields.vector != vector ||
		    !ioapic->redirtbl[pin].fields.remote_irr)
			continue;
		ioapic->redirtbl[pin].fields.remote_irr = 0;
		sim_irqfd_acknowledge(vm, pin);
	}
}

static void end_of_interrupt(struct sim_vcpu *vcpu)
{
	const int vector = highest(vcpu, SIM_APIC_ISR);

	if (vector < 0)
		return;
	set_vector(vcpu, SIM_APIC_ISR, (uint8_t)vector, false);
	acknowledge_pins(vcpu->vm, (uint8_t)vector);
}

/* --- messages */

struct message {
	uint32_t destination;
	bool logical;
	uint8_t mode;
	uint8_t vector;
	bool level;
	bool wide; /* 32-bit destinations: x2APIC's */
};

static bool matches_logical(const struct sim_vcpu *vcpu, const struct message *message)
{
	const uint32_t ldr = get(vcpu, SIM_APIC_LDR);

	if (x2apic(vcpu))
		return message->destination >> 16 == vcpu->id >> 4 &&
		       message->destination & 1u << (vcpu->id & 15) & 0xffff;
	if (get(vcpu, SIM_APIC_DFR) >> 28 == DFR_FLAT)
		return ldr >> 24 & message->destination;
	return ldr >> 28 == (message->destination >> 4 & 15) &&
	       ldr >> 24 & message->destination & 15;
}

static bool matches(const struct sim_vcpu *vcpu, const struct message *message)
{
	if (message->destination == (message->wide ? 0xffffffff : 0xff))
		return true;
	return message->logical ? matches_logical(vcpu, message) : vcpu->id == message->destination;
}

/* __apic_accept_irq(): whether it has come in. */
static bool accept(struct sim_vcpu *vcpu, const struct message *message)
{
	struct sim_run_state *state = vcpu->run_state;

	switch (message->mode) {
	case FIXED:
	case LOWEST:
		return request(vcpu, message->vector, message->level);
	case NMI:
		vcpu->state->events.nmi.pending = 1;
		break;
	case INIT:
		state->init_pending = true;
		state->sipi_pending = false;
		break;
	case STARTUP:
		state->sipi_pending = true;
		state->sipi_vector = message->vector;
		break;
	default:
		return false;
	}
	sim_run_wake(vcpu);
	return true;
}

/* How many have taken it; -1: there is nobody (kvm_irq_delivery_to_apic(), without a map of APICs).
 */
static int send(struct sim_vm *vm, const struct message *message)
{
	int taken = vm->vcpu_count ? 0 : -1;

	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (!matches(vm->vcpus[i], message))
			continue;
		taken += accept(vm->vcpus[i], message);
		if (message->mode == LOWEST)
			break;
	}
	return taken;
}

static void write_icr(struct sim_vcpu *vcpu, uint32_t low, uint32_t high)
{
	struct sim_vm *vm = vcpu->vm;
	const struct message message = {
		.destination = x2apic(vcpu) ? high : high >> 24,
		.logical = low & ICR_LOGICAL,
		.mode = ICR_MODE(low),
		.vector = (uint8_t)low,
		.wide = x2apic(vcpu),
	};

	set(vcpu, SIM_APIC_ICR, low & ~ICR_BUSY);
	set(vcpu, SIM_APIC_ICR2, high);
	if (message.mode == INIT && !(low & ICR_ASSERT) && low & ICR_LEVEL)
		return; /* INIT level de-assert: nothing to do since the Pentium 4 */
	switch ((enum shorthand)ICR_SHORTHAND(low)) {
	case NO_SHORTHAND:
		send(vm, &message);
		return;
	case SELF:
		accept(vcpu, &message);
		return;
	case ALL:
	case OTHERS:
		break;
	}
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		if (vm->vcpus[i] != vcpu || ICR_SHORTHAND(low) == ALL)
			accept(vm->vcpus[i], &message);
}

/* --- interrupts from outside */

int sim_run_deliver_msi(struct sim_vm *vm, const struct kvm_irq_routing_msi *msi)
{
	const bool wide = vm->config->caps.x2apic_api & KVM_X2APIC_API_USE_32BIT_IDS;
	const struct message message = {
		.destination =
			(msi->address_lo >> 12 & 0xff) | (wide ? msi->address_hi & 0xffffff00 : 0),
		.logical = msi->address_lo & 1u << 2,
		.mode = msi->data >> 8 & 7,
		.vector = (uint8_t)msi->data,
		.level = msi->data & ICR_LEVEL,
	};

	return send(vm, &message);
}

static void deliver_pin(struct sim_vm *vm, uint32_t pin, int level)
{
	struct kvm_ioapic_state *ioapic = &vm->config->chips[KVM_IRQCHIP_IOAPIC].chip.ioapic;
	const struct message message = {
		.destination = ioapic->redirtbl[pin].fields.dest_id,
		.logical = ioapic->redirtbl[pin].fields.dest_mode,
		.mode = ioapic->redirtbl[pin].fields.delivery_mode,
		.vector = ioapic->redirtbl[pin].fields.vector,
		.level = ioapic->redirtbl[pin].fields.trig_mode,
	};
	const uint32_t bit = 1u << pin;
	const bool rises = level && !(ioapic->irr & bit);

	ioapic->irr = level ? ioapic->irr | bit : ioapic->irr & ~bit;
	if (!level || ioapic->redirtbl[pin].fields.mask ||
	    (message.level ? ioapic->redirtbl[pin].fields.remote_irr : !rises))
		return;
	ioapic->redirtbl[pin].fields.remote_irr = message.level;
	send(vm, &message);
}

void sim_run_deliver(struct sim_vm *vm, uint32_t gsi, const struct kvm_irq_routing_entry *route,
		     int level)
{
	(void)gsi;
	if (route->type == KVM_IRQ_ROUTING_MSI) {
		if (level)
			sim_run_deliver_msi(vm, &route->u.msi);
	} else if (route->type == KVM_IRQ_ROUTING_IRQCHIP && vm->irqchip == SIM_IRQCHIP_FULL &&
		   route->u.irqchip.irqchip == KVM_IRQCHIP_IOAPIC &&
		   route->u.irqchip.pin < SIM_IRQCHIP_PINS) {
		deliver_pin(vm, route->u.irqchip.pin, level);
	}
}

/* --- the timer */

static uint64_t tick_ns(const struct sim_vcpu *vcpu)
{
	const uint32_t code = get(vcpu, REG_DIVIDE);
	const uint32_t power = ((code & 3) | (code >> 1 & 4)) + 1;
	const uint64_t bus = vcpu->vm->config->caps.apic_bus_ns;

	return (bus ? bus : 1) << (power & 7);
}

static void start_timer(struct sim_vcpu *vcpu)
{
	struct sim_run_state *state = vcpu->run_state;
	const uint64_t period = get(vcpu, SIM_APIC_TIMER_INITIAL) * tick_ns(vcpu);
	const uint32_t mode = LVT_MODE(get(vcpu, SIM_APIC_LVT_TIMER));

	if (mode == TIMER_DEADLINE)
		return;
	state->timer_at = period ? sim_now() + period : 0;
	state->timer_period = mode == TIMER_PERIODIC ? period : 0;
}

void sim_apic_set_deadline(struct sim_vcpu *vcpu, uint64_t deadline)
{
	struct sim_run_state *state = vcpu->run_state;
	const uint64_t now = __rdtsc();
	const uint64_t khz = vcpu->state->tsc_khz ? vcpu->state->tsc_khz : 1000000;

	if (LVT_MODE(get(vcpu, SIM_APIC_LVT_TIMER)) != TIMER_DEADLINE)
		return;
	state->timer_period = 0;
	state->timer_at = deadline ? sim_now() + 1 : 0;
	if (deadline > now)
		state->timer_at += (deadline - now) / khz * 1000000;
}

uint64_t sim_apic_timer(struct sim_vcpu *vcpu)
{
	struct sim_run_state *state = vcpu->run_state;
	const uint64_t now = sim_now();
	const uint32_t lvt = get(vcpu, SIM_APIC_LVT_TIMER);

	if (!state || !state->timer_at)
		return UINT64_MAX;
	if (now < state->timer_at)
		return state->timer_at - now;
	state->timer_at = state->timer_period ? now + state->timer_period : 0;
	if (!(lvt & LVT_MASKED))
		request(vcpu, (uint8_t)lvt, false);
	return state->timer_period ? state->timer_period : UINT64_MAX;
}

static uint32_t timer_count(const struct sim_vcpu *vcpu)
{
	const struct sim_run_state *state = vcpu->run_state;
	const uint64_t now = sim_now();

	if (!state || state->timer_at <= now)
		return 0;
	return (uint32_t)((state->timer_at - now) / tick_ns(vcpu));
}

/* --- registers */

uint32_t sim_apic_read(struct sim_vcpu *vcpu, uint32_t offset)
{
	if (offset == REG_PPR)
		return processor_priority(vcpu);
	if (offset == REG_TIMER_CURRENT)
		return timer_count(vcpu);
	return offset <= REG_LAST ? get(vcpu, offset) : 0;
}

void sim_apic_write(struct sim_vcpu *vcpu, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case SIM_APIC_TPR:
		set(vcpu, offset, value & 0xff);
		return;
	case REG_EOI:
		end_of_interrupt(vcpu);
		return;
	case SIM_APIC_ICR:
		write_icr(vcpu, value, get(vcpu, SIM_APIC_ICR2));
		return;
	case REG_SELF_IPI:
		if (x2apic(vcpu))
			request(vcpu, (uint8_t)value, false);
		return;
	case SIM_APIC_TIMER_INITIAL:
		set(vcpu, offset, value);
		start_timer(vcpu);
		return;
	case SIM_APIC_ID:
	case SIM_APIC_LDR:
	case SIM_APIC_DFR:
		if (!x2apic(vcpu))
			set(vcpu, offset,
			    offset == SIM_APIC_DFR ? value | 0x0fffffff : value & 0xff000000);
		return;
	case REG_ESR:
		set(vcpu, offset, 0);
		return;
	case SIM_APIC_SVR:
	case SIM_APIC_ICR2:
	case REG_DIVIDE:
		set(vcpu, offset, value);
		return;
	default:
		if (offset >= SIM_APIC_LVT_TIMER && offset <= SIM_APIC_LVT_ERROR)
			set(vcpu, offset, value);
	}
}

/* x2APIC has an MSR for each register, and one of 64 bits for the ICR. */
static bool x2apic_has(uint32_t offset)
{
	return offset == SIM_APIC_ID || offset == SIM_APIC_VERSION || offset == SIM_APIC_TPR ||
	       offset == REG_PPR || offset == REG_EOI || offset == SIM_APIC_LDR ||
	       offset == SIM_APIC_SVR || (offset >= SIM_APIC_ISR && offset <= REG_ESR) ||
	       offset == SIM_APIC_ICR ||
	       (offset >= SIM_APIC_LVT_TIMER && offset <= REG_TIMER_CURRENT) ||
	       offset == REG_DIVIDE || offset == REG_SELF_IPI;
}

static bool read_only(uint32_t offset)
{
	return offset == SIM_APIC_ID || offset == SIM_APIC_VERSION || offset == REG_PPR ||
	       offset == SIM_APIC_LDR || (offset >= SIM_APIC_ISR && offset < REG_ESR) ||
	       offset == REG_TIMER_CURRENT;
}

bool sim_apic_read_msr(struct sim_vcpu *vcpu, uint32_t index, uint64_t *value)
{
	const uint32_t offset = (index & 0xff) << 4;

	if (!x2apic(vcpu) || !x2apic_has(offset) || offset == REG_EOI || offset == REG_SELF_IPI)
		return false;
	*value = sim_apic_read(vcpu, offset);
	if (offset == SIM_APIC_ID)
		*value = vcpu->id;
	else if (offset == SIM_APIC_LDR)
		*value = (uint64_t)(vcpu->id >> 4) << 16 | 1u << (vcpu->id & 15);
	else if (offset == SIM_APIC_ICR)
		*value |= (uint64_t)get(vcpu, SIM_APIC_ICR2) << 32;
	return true;
}

bool sim_apic_write_msr(struct sim_vcpu *vcpu, uint32_t index, uint64_t value)
{
	const uint32_t offset = (index & 0xff) << 4;

	if (!x2apic(vcpu) || !x2apic_has(offset) || read_only(offset))
		return false;
	if (offset == SIM_APIC_ICR) {
		write_icr(vcpu, (uint32_t)value, (uint32_t)(value >> 32));
		return true;
	}
	if (value >> 32 || ((offset == REG_EOI || offset == REG_ESR) && value))
		return false;
	sim_apic_write(vcpu, offset, (uint32_t)value);
	return true;
}

bool sim_apic_in_page(const struct sim_vcpu *vcpu, uint64_t gpa)
{
	const uint64_t base = vcpu->state->sregs.apic_base;

	return sim_vcpu_has_lapic(vcpu) && (base & (BASE_ENABLED | BASE_X2APIC)) == BASE_ENABLED &&
	       gpa - (base & BASE_ADDRESS) < SIM_PAGE_SIZE;
}

void sim_apic_set_cr8(struct sim_vcpu *vcpu, uint64_t cr8)
{
	vcpu->state->sregs.cr8 = cr8;
	if (sim_vcpu_has_lapic(vcpu))
		set(vcpu, SIM_APIC_TPR, (uint32_t)cr8 << 4);
	if (vcpu->cpu)
		sim_cpu_kick(vcpu->cpu); /* an interrupt may be let in now */
}

uint64_t sim_apic_cr8(const struct sim_vcpu *vcpu)
{
	return sim_vcpu_has_lapic(vcpu) ? get(vcpu, SIM_APIC_TPR) >> 4 & 15
					: vcpu->state->sregs.cr8;
}
