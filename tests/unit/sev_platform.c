/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sev_platform.h"

#include "fixture.h"
#include "notes.h"

#include "kvm/uapi.h"
#include "kvm/uapi_sev.h"

#include <errno.h>
#include <string.h>

/* To the log. */
#define note(sev, ...) notes_add((sev)->log, sizeof((sev)->log), &(sev)->used, __VA_ARGS__)

static int op_open(void *context, const char *path)
{
	struct sev_platform *sev = context;

	if (strcmp(path, "/dev/sev") != 0)
		return forward_open(context, path);
	if (sev->no_device)
		return -ENOENT;
	sev->opens++;
	return SEV_PLATFORM_FD;
}

static int op_close(void *context, int fd)
{
	struct sev_platform *sev = context;

	if (fd != SEV_PLATFORM_FD)
		return forward_close(context, fd);
	sev->closes++;
	return 0;
}

/* ---- /dev/sev and the attributes of /dev/kvm ---- */

static int issue(const struct sev_platform *sev, struct uapi_sev_issue *command)
{
	if (command->cmd == UAPI_SEV_PLATFORM_STATUS) {
		const struct uapi_sev_status status = {
			.api_major = 1,
			.api_minor = 55,
			.state = !sev->uninitialized,
			.flags = sev->no_es ? 0 : UAPI_SEV_FLAGS_CONFIG_ES,
			.build = 29,
		};

		memcpy((void *)(uintptr_t)command->data, &status, sizeof(status));
		return 0;
	}
	if (command->cmd == UAPI_SEV_SNP_PLATFORM_STATUS) {
		const struct uapi_snp_status status = {
			.api_major = 1,
			.api_minor = 55,
			.state = !sev->uninitialized,
			.build_id = 43,
		};

		memcpy((void *)(uintptr_t)command->data, &status, sizeof(status));
		return 0;
	}
	return -EINVAL;
}

static int get_attribute(const struct sev_platform *sev, const struct kvm_device_attr *attr)
{
	uint64_t value;

	if (attr->group != UAPI_GROUP_SEV)
		return -ENXIO;
	if (attr->attr == UAPI_SEV_ATTR_VMSA_FEATURES)
		value = sev->vmsa_features;
	else if (attr->attr == UAPI_SEV_ATTR_SNP_POLICY)
		value = sev->policy_bits;
	else if (attr->attr == UAPI_SEV_ATTR_SNP_REQ_CERTS && sev->asks_certificates)
		value = 1;
	else
		return -ENXIO;
	memcpy((void *)(uintptr_t)attr->addr, &value, sizeof(value));
	return 0;
}

/* ---- commands ---- */

static const char *name_of(uint32_t id)
{
	switch (id) {
	case UAPI_SEV_INIT:
		return "KVM_SEV_INIT";
	case UAPI_SEV_ES_INIT:
		return "KVM_SEV_ES_INIT";
	case UAPI_SEV_INIT2:
		return "KVM_SEV_INIT2";
	case UAPI_SEV_LAUNCH_START:
		return "KVM_SEV_LAUNCH_START";
	case UAPI_SEV_LAUNCH_UPDATE_DATA:
		return "KVM_SEV_LAUNCH_UPDATE_DATA";
	case UAPI_SEV_LAUNCH_UPDATE_VMSA:
		return "KVM_SEV_LAUNCH_UPDATE_VMSA";
	case UAPI_SEV_LAUNCH_MEASURE:
		return "KVM_SEV_LAUNCH_MEASURE";
	case UAPI_SEV_LAUNCH_SECRET:
		return "KVM_SEV_LAUNCH_SECRET";
	case UAPI_SEV_LAUNCH_FINISH:
		return "KVM_SEV_LAUNCH_FINISH";
	case UAPI_SNP_ENABLE_REQ_CERTS:
		return "KVM_SEV_SNP_ENABLE_REQ_CERTS";
	case UAPI_SNP_LAUNCH_START:
		return "KVM_SEV_SNP_LAUNCH_START";
	case UAPI_SNP_LAUNCH_UPDATE:
		return "KVM_SEV_SNP_LAUNCH_UPDATE";
	case UAPI_SNP_LAUNCH_FINISH:
		return "KVM_SEV_SNP_LAUNCH_FINISH";
	default:
		return "unknown";
	}
}

static int update(struct sev_platform *sev, struct uapi_sev_command *command)
{
	struct uapi_snp_launch_update *u = (void *)(uintptr_t)command->data;
	uint64_t size = u->len;

	if (!size || size % 4096 || u->uaddr % 4096 ||
	    (!u->uaddr && u->type != UAPI_SNP_PAGE_ZERO)) {
		sev->wrong = true;
		return -EINVAL;
	}
	if (u->type == UAPI_SNP_PAGE_CPUID) {
		struct uapi_snp_cpuid_table *table = (void *)(uintptr_t)u->uaddr;

		for (uint32_t i = 0; i < table->count; i++) {
			if (table->entries[i].eax_in != 1 ||
			    !(table->entries[i].ecx & sev->refused_ecx))
				continue;
			table->entries[i].ecx &= ~sev->refused_ecx;
			command->error = 0x16;
			return -EIO;
		}
	}
	if (sev->pages_at_once && size > sev->pages_at_once * 4096ull)
		size = sev->pages_at_once * 4096ull;
	note(sev, " type=%u gpa=0x%llx size=0x%llx", u->type,
	     (unsigned long long)u->gfn_start << 12, (unsigned long long)size);
	u->gfn_start += size / 4096;
	u->len -= size;
	if (u->type != UAPI_SNP_PAGE_ZERO)
		u->uaddr += size;
	return 0;
}

static int carry_out(struct sev_platform *sev, struct uapi_sev_command *command)
{
	const void *data = (const void *)(uintptr_t)command->data;

	switch (command->id) {
	case UAPI_SEV_INIT2: {
		const struct uapi_sev_init2 *init = data;

		note(sev, " features=0x%llx ghcb=%u", (unsigned long long)init->vmsa_features,
		     init->ghcb_version);
		return 0;
	}
	case UAPI_SEV_LAUNCH_START: {
		const struct uapi_sev_launch_start *start = data;

		note(sev, " policy=0x%x session=%u dh=%u", start->policy, start->session_len,
		     start->dh_len);
		return 0;
	}
	case UAPI_SEV_LAUNCH_UPDATE_DATA:
		note(sev, " size=0x%x", ((const struct uapi_sev_buffer *)data)->len);
		return 0;
	case UAPI_SEV_LAUNCH_MEASURE: {
		const struct uapi_sev_buffer *buffer = data;

		if (buffer->len != sizeof(sev->measure)) {
			sev->wrong = true;
			return -EINVAL;
		}
		memcpy((void *)(uintptr_t)buffer->uaddr, sev->measure, sizeof(sev->measure));
		note(sev, " size=%u", buffer->len);
		return 0;
	}
	case UAPI_SEV_LAUNCH_SECRET: {
		const struct uapi_sev_launch_secret *secret = data;

		note(sev, " header=%u:%02x payload=%u:%02x guest=%u", secret->header_len,
		     *(const uint8_t *)(uintptr_t)secret->header_uaddr, secret->payload_len,
		     *(const uint8_t *)(uintptr_t)secret->payload_uaddr, secret->guest_len);
		sev->secret_place = (void *)(uintptr_t)secret->guest_uaddr;
		return 0;
	}
	case UAPI_SNP_LAUNCH_START:
		note(sev, " policy=0x%llx",
		     (unsigned long long)((const struct uapi_snp_launch_start *)data)->policy);
		return 0;
	case UAPI_SNP_LAUNCH_UPDATE:
		return update(sev, command);
	case UAPI_SNP_LAUNCH_FINISH: {
		const struct uapi_snp_launch_finish *finish = data;

		note(sev, " id_block=%u auth_key=%u vcek=%u host_data=%02x", finish->id_block_en,
		     finish->auth_key_en, finish->vcek_disabled, finish->host_data[0]);
		return 0;
	}
	default:
		return 0;
	}
}

static bool fails(struct sev_platform *sev, struct uapi_sev_command *command)
{
	if (!sev->fail_nth || --sev->fail_nth)
		return false;
	if (sev->fail_count) {
		sev->fail_count--;
		sev->fail_nth = 1;
	}
	sev->failed = name_of(command->id);
	command->error = sev->fail_status;
	return true;
}

static int run_command(struct sev_platform *sev, struct uapi_sev_command *command)
{
	int r;

	if (command->pad0 || command->error || command->sev_fd != SEV_PLATFORM_FD)
		sev->wrong = true;
	if (fails(sev, command))
		return -sev->fail_errno;
	note(sev, "%s", name_of(command->id));
	r = carry_out(sev, command);
	note(sev, r ? " failed\n" : "\n");
	return r;
}

static int get_cpuid(struct kvm_cpuid2 *cpuid)
{
	if (cpuid->nent < 3)
		return -E2BIG;
	memset(cpuid->entries, 0, 3 * sizeof(cpuid->entries[0]));
	cpuid->nent = 3; /* the second is empty */
	cpuid->entries[0] = (struct kvm_cpuid_entry2){.function = 1, .eax = 0xa00f11, .ecx = 0x60};
	cpuid->entries[1].function = 2;
	cpuid->entries[2] = (struct kvm_cpuid_entry2){.function = 0xd, .ebx = 0x340};
	return 0;
}

static int op_ioctl(void *context, int fd, unsigned long request, uintptr_t argument)
{
	struct sev_platform *sev = context;
	void *pointer = (void *)argument; /* NOLINT */

	switch (request) {
	case UAPI_SEV_ISSUE_CMD:
		return fd == SEV_PLATFORM_FD ? issue(sev, pointer) : -EINVAL;
	case KVM_GET_DEVICE_ATTR:
		return get_attribute(sev, pointer);
	case KVM_GET_CPUID2:
		return get_cpuid(pointer);
	case KVM_SET_TSC_KHZ:
		note(sev, "tsc khz=%lu\n", (unsigned long)argument);
		return 0;
	case KVM_MEMORY_ENCRYPT_REG_REGION:
		note(sev, "register size=0x%llx\n",
		     (unsigned long long)((const struct kvm_enc_region *)pointer)->size);
		return 0;
	case KVM_MEMORY_ENCRYPT_OP:
		return run_command(sev, pointer);
	default:
		return forward_ioctl(context, fd, request, argument);
	}
}

static const struct coco_platform_ops ops = {
	.struct_size = sizeof(ops),
	.name = "fake with a secure processor",
	.open = op_open,
	.close = op_close,
	.dup = forward_dup,
	.dup3 = forward_dup3,
	.set_cloexec = forward_set_cloexec,
	.ioctl = op_ioctl,
	.mmap = forward_mmap,
	.munmap = forward_munmap,
	.madvise = forward_madvise,
	.fallocate = forward_fallocate,
};

void sev_platform_init(struct sev_platform *sev, const struct coco_platform *inner)
{
	memset(sev, 0, sizeof(*sev));
	sev->platform.ops = &ops;
	sev->platform.context = sev;
	sev->forward.inner = inner;
	sev->policy_bits = 0x1bffff;
	sev->vmsa_features = 0x20;
	memset(sev->measure, 0x4d, sizeof(sev->measure));
}

void sev_platform_fixture(struct sev_platform *sev, struct fixture *f, uint32_t tech, int types)
{
	struct coco_host_options options;

	fixture_init(f, tech);
	coco_host_close(f->host);
	sev_platform_init(sev, fake_kvm_platform(f->fake));
	fake_kvm_set_extension(f->fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, types);
	COCO_INIT(&options);
	options.platform = &sev->platform;
	expect_ok(coco_host_open(&options, &f->host, &f->error), &f->error);
}
