/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "coco_port.h"
#include "cpu.h"
#include "tinyfw.h"

/* Memory that the firmware uses ends here; the flash and devices are above. */
#define MEMORY_LIMIT 0xc0000000ull

struct machine machine;
static uint32_t failures;

void machine_probe(void)
{
	machine = (struct machine){.incarnation = 1, .vcpus = 1};
	if (in32(COCO_PORT_MAGIC) != COCO_PORT_MAGIC_VALUE)
		return;
	machine.has_device = true;
	machine.has_private_memory =
		platform.tech != TECH_NONE || in32(COCO_PORT_FEATURES) & COCO_FEATURE_CONVERT;
	machine.incarnation = in32(COCO_PORT_GENERATION);
	machine.vcpus = in32(COCO_PORT_VCPUS);
	if (machine.vcpus == 0)
		machine.vcpus = 1;
	machine.memory_end = min(in32(COCO_PORT_MEMORY) * KIB, MEMORY_LIMIT) & ~(PAGE - 1);
	machine.search_end = min(in32(COCO_PORT_SCAN) * MIB, machine.memory_end);
}

char machine_command_byte(void)
{
	if (!machine.has_device)
		return 0;
	return (char)in8(COCO_PORT_COMMAND);
}

void machine_report_failures(void)
{
	if (machine.has_device)
		out32(COCO_PORT_FAILURES, failures);
}

void check_failed(void)
{
	failures++;
	machine_report_failures();
}

void machine_halt(uint32_t status)
{
	print("tinyfw: halting with status %u\n", status);
	if (machine.has_device)
		out8(COCO_PORT_HALT, (uint8_t)status);
	park();
}

void machine_halt_with_failures(void)
{
	machine_halt((uint32_t)min(failures, 255));
}
