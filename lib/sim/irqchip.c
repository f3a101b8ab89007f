/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In-kernel interrupt controllers and timer: their ioctls and what is kept of them. */
#include <errno.h>
#include <string.h>

#include "sim/irq.h"
#include "sim/request.h"

#define IOAPIC_BASE   0xfec00000ull
#define IOAPIC_MASKED (1ull << 16)

static void reset_chips(struct sim_vm_config *config)
{
	struct kvm_ioapic_state *ioapic = &config->chips[KVM_IRQCHIP_IOAPIC].chip.ioapic;

	for (uint32_t i = 0; i < 3; i++)
		config->chips[i] = (struct kvm_irqchip){.chip_id = i};
	config->chips[KVM_IRQCHIP_PIC_MASTER].chip.pic.elcr_mask = 0xf8;
	config->chips[KVM_IRQCHIP_PIC_SLAVE].chip.pic.elcr_mask = 0xde;
	ioapic->base_address = IOAPIC_BASE;
	for (uint32_t pin = 0; pin < SIM_IRQCHIP_PINS; pin++)
		ioapic->redirtbl[pin].bits = IOAPIC_MASKED;
}

static int create_irqchip(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm *vm = file->vm;
	int r;

	(void)argument;
	if (vm->irqchip != SIM_IRQCHIP_NONE)
		return -EEXIST;
	if (vm->vcpu_count)
		return -EINVAL;
	r = sim_default_routes(vm);
	if (r)
		return r;
	reset_chips(vm->config);
	vm->irqchip = SIM_IRQCHIP_FULL;
	return 0;
}

static int chip_of(struct sim_file *file, uintptr_t argument, struct kvm_irqchip *chip)
{
	if (sim_copy_in(chip, argument, sizeof(*chip)))
		return -EFAULT;
	if (file->vm->irqchip != SIM_IRQCHIP_FULL)
		return -ENXIO;
	return chip->chip_id <= KVM_IRQCHIP_IOAPIC ? 0 : -EINVAL;
}

static int get_irqchip(struct sim_file *file, uintptr_t argument)
{
	struct kvm_irqchip chip;
	int r = chip_of(file, argument, &chip);

	if (r)
		return r;
	memcpy(&chip.chip, &file->vm->config->chips[chip.chip_id].chip, sizeof(chip.chip));
	return sim_copy_out(argument, &chip, sizeof(chip));
}

static int set_irqchip(struct sim_file *file, uintptr_t argument)
{
	struct kvm_irqchip chip;
	int r = chip_of(file, argument, &chip);

	if (r)
		return r;
	file->vm->config->chips[chip.chip_id] = chip;
	return 0;
}

static int make_pit(struct sim_vm *vm, uint32_t flags)
{
	struct sim_vm_config *config = vm->config;

	if (config->pit_made)
		return -EEXIST;
	if (vm->irqchip != SIM_IRQCHIP_FULL)
		return -ENOENT;
	config->pit_made = true;
	config->pit_flags = flags;
	memset(&config->pit, 0, sizeof(config->pit));
	for (size_t i = 0; i < 3; i++) {
		config->pit.channels[i].mode = 0xff;
		config->pit.channels[i].gate = i != 2;
		config->pit.channels[i].count = 0x10000;
	}
	return 0;
}

static int create_pit(struct sim_file *file, uintptr_t argument)
{
	(void)argument;
	return make_pit(file->vm, KVM_PIT_SPEAKER_DUMMY);
}

static int create_pit2(struct sim_file *file, uintptr_t argument)
{
	struct kvm_pit_config config;

	if (sim_copy_in(&config, argument, sizeof(config)))
		return -EFAULT;
	return make_pit(file->vm, config.flags);
}

static int get_pit(struct sim_file *file, uintptr_t argument)
{
	struct kvm_pit_state state;

	if (sim_copy_in(&state, argument, sizeof(state)))
		return -EFAULT;
	if (!file->vm->config->pit_made)
		return -ENXIO;
	return sim_copy_out(argument, file->vm->config->pit.channels, sizeof(state.channels));
}

static int set_pit(struct sim_file *file, uintptr_t argument)
{
	struct kvm_pit_state state;

	if (sim_copy_in(&state, argument, sizeof(state)))
		return -EFAULT;
	if (!file->vm->config->pit_made)
		return -ENXIO;
	memcpy(file->vm->config->pit.channels, state.channels, sizeof(state.channels));
	return 0;
}

static int get_pit2(struct sim_file *file, uintptr_t argument)
{
	if (!file->vm->config->pit_made)
		return -ENXIO;
	return sim_copy_out(argument, &file->vm->config->pit, sizeof(struct kvm_pit_state2));
}

static int set_pit2(struct sim_file *file, uintptr_t argument)
{
	struct kvm_pit_state2 state;

	if (sim_copy_in(&state, argument, sizeof(state)))
		return -EFAULT;
	if (!file->vm->config->pit_made)
		return -ENXIO;
	memset(state.reserved, 0, sizeof(state.reserved));
	file->vm->config->pit = state;
	return 0;
}

static int reinject_control(struct sim_file *file, uintptr_t argument)
{
	struct kvm_reinject_control control;

	if (sim_copy_in(&control, argument, sizeof(control)))
		return -EFAULT;
	if (!file->vm->config->pit_made)
		return -ENXIO;
	file->vm->config->reinject.pit_reinject = control.pit_reinject != 0;
	return 0;
}

/* How many vCPUs took it, or -1 for masked, is for the vCPUs to say: here it always arrives. */
static int irq_line(struct sim_file *file, uintptr_t argument, bool status)
{
	struct kvm_irq_level level;

	if (sim_copy_in(&level, argument, sizeof(level)))
		return -EFAULT;
	if (file->vm->irqchip == SIM_IRQCHIP_NONE)
		return -ENXIO;
	sim_routes_of(file->vm, level.irq, level.level != 0, sim_run_deliver);
	if (!status)
		return 0;
	level.status = 1;
	return sim_copy_out(argument, &level, sizeof(level));
}

static int irq_line_plain(struct sim_file *file, uintptr_t argument)
{
	return irq_line(file, argument, false);
}

static int irq_line_status(struct sim_file *file, uintptr_t argument)
{
	return irq_line(file, argument, true);
}

/* kvm_send_userspace_msi() */
static int signal_msi(struct sim_file *file, uintptr_t argument)
{
	struct kvm_irq_routing_msi route;
	struct kvm_msi msi;

	if (sim_copy_in(&msi, argument, sizeof(msi)))
		return -EFAULT;
	if (file->vm->irqchip == SIM_IRQCHIP_NONE || msi.flags & ~KVM_MSI_VALID_DEVID)
		return -EINVAL;
	route = (struct kvm_irq_routing_msi){msi.address_lo, msi.address_hi, msi.data, {0}};
	return sim_run_deliver_msi(file->vm, &route);
}

const struct sim_request sim_irq_requests[] = {
	{KVM_CREATE_IRQCHIP, "KVM_CREATE_IRQCHIP", create_irqchip, 0},
	{KVM_GET_IRQCHIP, "KVM_GET_IRQCHIP", get_irqchip, 0},
	{KVM_SET_IRQCHIP, "KVM_SET_IRQCHIP", set_irqchip, 0},
	{KVM_CREATE_PIT, "KVM_CREATE_PIT", create_pit, 0},
	{KVM_CREATE_PIT2, "KVM_CREATE_PIT2", create_pit2, 0},
	{KVM_GET_PIT, "KVM_GET_PIT", get_pit, 0},
	{KVM_SET_PIT, "KVM_SET_PIT", set_pit, 0},
	{KVM_GET_PIT2, "KVM_GET_PIT2", get_pit2, 0},
	{KVM_SET_PIT2, "KVM_SET_PIT2", set_pit2, 0},
	{KVM_REINJECT_CONTROL, "KVM_REINJECT_CONTROL", reinject_control, 0},
	{KVM_IRQ_LINE, "KVM_IRQ_LINE", irq_line_plain, 0},
	{KVM_IRQ_LINE_STATUS, "KVM_IRQ_LINE_STATUS", irq_line_status, 0},
	{KVM_SIGNAL_MSI, "KVM_SIGNAL_MSI", signal_msi, 0},
	{KVM_SET_GSI_ROUTING, "KVM_SET_GSI_ROUTING", sim_set_gsi_routing, 0},
	{KVM_IRQFD, "KVM_IRQFD", sim_irqfd, 0},
	{KVM_IOEVENTFD, "KVM_IOEVENTFD", sim_ioeventfd, 0},
	{KVM_REGISTER_COALESCED_MMIO, "KVM_REGISTER_COALESCED_MMIO", sim_register_coalesced, 0},
	{KVM_UNREGISTER_COALESCED_MMIO, "KVM_UNREGISTER_COALESCED_MMIO", sim_unregister_coalesced,
	 0},
	{0, NULL, NULL, 0},
};
