/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The life of tinyfw: look back, check, do what the VMM says, halt. */
#include "tinyfw.h"

static void print_incarnation(void)
{
#ifdef TINYFW_VARIANT
	print("tinyfw: this is %s\n", TINYFW_VARIANT);
#endif
	print("tinyfw: incarnation %u, %u vCPUs, ", machine.incarnation, machine.vcpus);
	if (machine.memory_end)
		print("%lu MiB, ", machine.memory_end / MIB);
	else
		print("memory unknown, ");
	print("private memory: %s\n", machine.has_private_memory ? "yes" : "no");
	if (platform_name())
		print("tinyfw: %s guest, address bit 0x%lx\n", platform_name(),
		      platform.address_bit);
}

void bsp_main(uint32_t platform_word)
{
	platform_init(platform_word);
	serial_init();
	machine_probe();
	print_incarnation();

	if (machine.has_private_memory) {
		/* Converting discards the shared view: look there first. */
		secret_search_shared();
		memory_make_private(machine.search_end, SEARCH_CHUNK);
	}
	secret_search();
	secret_write();
	vcpus_start();
	conversion_check();
	machine_report_failures();

	commands_run();
	machine_halt_with_failures();
}
