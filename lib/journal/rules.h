/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What KVM's ioctls mean for a VM that comes after. */
#ifndef COCO_JOURNAL_RULES_H
#define COCO_JOURNAL_RULES_H

#include "journal/journal.h"

enum coco_rule_kind {
	COCO_RULE_QUERY, /* changes nothing */
	COCO_RULE_EVENT, /* happens once, to the VM that there is */
	COCO_RULE_SET,   /* the last one counts, of each key */
	COCO_RULE_OR,    /* capabilities: bits of args[0] gather */
	COCO_RULE_ADD,   /* one for each key, until it is taken away */
	COCO_RULE_TAKE,  /* takes away what matches */
	COCO_RULE_EACH,  /* a list whose elements are entries of their own */
	COCO_RULE_OWN,   /* the library does this itself: it is in the recipe */
	COCO_RULE_CHILD, /* returns a descriptor, which gets its number again */
	COCO_RULE_LOST,  /* can't be had again in another VM */
};

/* What of the argument is more than its fixed part, and what it means: payload.c. */
enum coco_payload {
	COCO_PAYLOAD_FIXED,
	COCO_PAYLOAD_VALUE,          /* the argument is a number */
	COCO_PAYLOAD_POINTER,        /* names 8 bytes by a pointer: at `pointer` */
	COCO_PAYLOAD_ROUTING,        /* entries behind it */
	COCO_PAYLOAD_CPUID,          /* entries behind it */
	COCO_PAYLOAD_CPUID2,         /* entries behind it */
	COCO_PAYLOAD_MSRS,           /* entries behind it, each of them kept by itself */
	COCO_PAYLOAD_XSAVE,          /* as much as KVM_CAP_XSAVE2 says */
	COCO_PAYLOAD_NESTED,         /* as much as its `size` says */
	COCO_PAYLOAD_SIGNAL_MASK,    /* a set behind it; NULL: none */
	COCO_PAYLOAD_MSR_FILTER,     /* pointers to bitmaps */
	COCO_PAYLOAD_PMU_FILTER,     /* events behind it */
	COCO_PAYLOAD_XEN_CONFIG,     /* pointers to blobs */
	COCO_PAYLOAD_XEN_ATTR,       /* key by type and port; event channels come and go */
	COCO_PAYLOAD_XEN_VCPU_ATTR,  /* key by type; one type only adds to another */
	COCO_PAYLOAD_ZONE,           /* a range that takes away all that contain it */
	COCO_PAYLOAD_IRQFD,          /* a flag takes it away */
	COCO_PAYLOAD_IOEVENTFD,      /* the same; the key depends on flags */
	COCO_PAYLOAD_HYPERV_EVENTFD, /* the same */
	COCO_PAYLOAD_SLOT,           /* a size of 0 takes it away */
	COCO_PAYLOAD_VFIO_FILE, /* names a descriptor by a pointer; an attribute takes it away */
	COCO_PAYLOAD_SHAPES,
};

/* What a payload names by number. */
enum coco_rule_fd {
	COCO_RULE_FD_NONE,
	/* KVM lets go of it by itself when its last descriptor is closed: kept by number and id. */
	COCO_RULE_FD_EVENTFD,
	/* KVM holds it, whoever closes it: kept by a duplicate. */
	COCO_RULE_FD_DUPLICATE,
};

#define COCO_RULE_REGISTERS (1u << 0) /* until the vCPU runs: what it starts with */
#define COCO_RULE_START     (1u << 1) /* the same of a VM, until one of its vCPUs runs */

struct coco_rule {
	unsigned long request;
	const char *name;
	/* The request that it is another way to make, or whose effect it takes away. */
	unsigned long alias;
	/* COCO_RULE_OR: of these bits of args[0] only the last one's, and those that never go. */
	uint64_t exclusive, sticky;
	const char *reason; /* COCO_RULE_LOST: why */
	enum coco_scope scope;
	uint32_t cap;       /* KVM_ENABLE_CAP: which; 0: none */
	uint32_t cap_alias; /* as alias, of a capability */
	enum coco_rule_kind kind;
	enum coco_replay at;
	uint32_t rank;
	enum coco_payload payload;
	uint32_t size; /* of the fixed part, which the request's own bits don't always tell */
	uint32_t flags;
	/* The key, in the payload. */
	struct {
		uint32_t offset, size;
	} key[4];
	enum coco_rule_fd fd;
	uint32_t fd_offset;
	uint32_t pointer; /* COCO_PAYLOAD_POINTER: where it is */
};

/* What an entry is filed under: requests that are about the same thing share it. */
static inline unsigned long coco_rule_topic(const struct coco_rule *rule)
{
	return rule->alias ? rule->alias : rule->request;
}

static inline uint32_t coco_rule_topic_cap(const struct coco_rule *rule)
{
	return rule->cap_alias ? rule->cap_alias : rule->cap;
}

/* The rule for an ioctl, NULL if there is none. `cap` is looked at for KVM_ENABLE_CAP only. */
const struct coco_rule *coco_rule_find(enum coco_scope scope, unsigned long request, uint32_t cap);

/* All of them, for tests. */
const struct coco_rule *coco_rules(size_t *count);

#endif
