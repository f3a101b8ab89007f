/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ways in which a PC's software asks for a reset. */
#include "cpu.h"
#include "tinyfw.h"

/* Reset control register of PCI host bridges */
#define CF9_PORT      0xcf9
#define CF9_SYSTEM    0x02
#define CF9_RESET_CPU 0x04

/* Keyboard controller: pulse output line 0, the CPU's reset */
#define KBD_COMMAND_PORT 0x64
#define KBD_PULSE_RESET  0xfe

void shut_down(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) empty_idt = {0, 0};

	for (;;)
		__asm__ volatile("lidt %0\n\tud2" : : "m"(empty_idt));
}

static void announce(const char *how, uint32_t vcpu)
{
	if (vcpu == 0)
		print("tinyfw: reset by %s\n", how);
	else
		print("tinyfw: reset by %s on vCPU %u\n", how, vcpu);
}

void reset_ask(enum reset_kind kind, uint32_t vcpu)
{
	switch (kind) {
	case RESET_NONE:
		break;
	case RESET_CF9:
		announce("port 0xcf9", vcpu);
		out8(CF9_PORT, CF9_SYSTEM);
		out8(CF9_PORT, CF9_SYSTEM | CF9_RESET_CPU);
		break;
	case RESET_KBD:
		announce("port 0x64", vcpu);
		out8(KBD_COMMAND_PORT, KBD_PULSE_RESET);
		break;
	case RESET_TRIPLE:
		announce("triple fault", vcpu);
		shut_down();
	}
}
