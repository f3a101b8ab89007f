/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Prints the table of docs/journal.md from the rules themselves. */
#include "journal/rules.h"

#include "kvm/uapi.h"

#include <stdio.h>
#include <string.h>

static const char *const scopes[] = {"VM", "vCPU", "device"};

static const char *const points[] = {
	[COCO_REPLAY_CAPS] = "VM made",
	[COCO_REPLAY_VM] = "before the irqchip",
	[COCO_REPLAY_IRQCHIP] = "with the irqchip",
	[COCO_REPLAY_MEMORY] = "after the slots",
	[COCO_REPLAY_VCPU] = "vCPU made",
	[COCO_REPLAY_STATE] = "registers",
	[COCO_REPLAY_WIRING] = "wiring",
	[COCO_REPLAY_EXCLUSIVE] = "swap",
};

/* As in the kernel's headers. */
static const char *short_name(const char *name)
{
	static char text[80];

	if (strncmp(name, "UAPI_", 5) != 0)
		return name;
	snprintf(text, sizeof(text), "KVM_%s", name + 5);
	return text;
}

static const char *meaning(const struct coco_rule *rule)
{
	const bool start = rule->flags & (COCO_RULE_REGISTERS | COCO_RULE_START);

	switch (rule->kind) {
	case COCO_RULE_QUERY:
		return "asks only";
	case COCO_RULE_EVENT:
		return "passes";
	case COCO_RULE_SET:
		return start ? "last, until it runs" : "last";
	case COCO_RULE_EACH:
		return "last of each, until it runs";
	case COCO_RULE_OR:
		return "bits gather";
	case COCO_RULE_ADD:
		return "until taken away";
	case COCO_RULE_TAKE:
		return "takes away";
	case COCO_RULE_OWN:
		return "the library's own";
	case COCO_RULE_CHILD:
		return "keeps its number";
	case COCO_RULE_LOST:
		break;
	}
	return "**not replayed**";
}

static bool is_replayed(const struct coco_rule *rule)
{
	return rule->kind == COCO_RULE_SET || rule->kind == COCO_RULE_OR ||
	       rule->kind == COCO_RULE_ADD || rule->kind == COCO_RULE_EACH;
}

int main(void)
{
	const struct coco_rule *rules;
	size_t count;

	rules = coco_rules(&count);
	printf("| on | ioctl or capability | what counts | put in |\n|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++)
		printf("| %s | %s | %s | %s |\n", scopes[rules[i].scope], short_name(rules[i].name),
		       meaning(&rules[i]), is_replayed(&rules[i]) ? points[rules[i].at] : "");
	return 0;
}
