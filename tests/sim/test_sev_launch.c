/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the simulated processor measures, against vectors that independent tools agree on; ID
 * blocks. */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sev_steps.h"
#include "sim/sev_digest.h"
#include "sim/sev_id_block.h"
#include "sim/sev_status.h"
#include "vectors.h"

/* Where the SNP sections of the synthetic firmware are. */
#define SECTIONS_GPA  0x800000ull
#define SECTIONS_SIZE 0x40000ull

static struct json_object *digests, *measures;
static struct sev_guest guest;

struct firmware {
	uint8_t *bytes; /* page aligned */
	size_t size;
	uint64_t gpa;
	uint32_t ap_address;
	const uint8_t *metadata; /* "ASEV" */
};

static uint32_t u32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static const uint8_t *find(const struct firmware *firmware, const void *what, size_t size)
{
	for (size_t i = firmware->size - size; i > 0; i--)
		if (memcmp(firmware->bytes + i, what, size) == 0)
			return firmware->bytes + i;
	return NULL;
}

static void *pages(size_t size)
{
	void *address =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(address, MAP_FAILED);
	return address;
}

/* False: it is not to be had here. */
static bool load(struct firmware *firmware, const char *name)
{
	/* 00f771de-1a7e-4fcb-890e-68c77e2fb44e: before it the entry's length and the address of the
	 * APs. */
	static const uint8_t reset_block[] = {0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f,
					      0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e};
	const uint8_t *guid;
	uint8_t *bytes = vectors_firmware(digests, name, &firmware->size);

	if (!bytes)
		return false;
	firmware->bytes = pages(firmware->size);
	memcpy(firmware->bytes, bytes, firmware->size);
	free(bytes);
	firmware->gpa = (1ull << 32) - firmware->size;
	guid = find(firmware, reset_block, sizeof(reset_block));
	firmware->ap_address = guid ? u32(guid - 6) : 0;
	firmware->metadata = find(firmware, "ASEV", 4);
	return true;
}

static void add_slot(uint32_t slot, uint64_t gpa, uint64_t size, void *host)
{
	struct uapi_create_guest_memfd create = {.size = size};
	struct uapi_memory_region2 region = {.slot = slot,
					     .guest_phys_addr = gpa,
					     .memory_size = size,
					     .userspace_addr = (uintptr_t)host};
	struct uapi_memory_attributes attributes = {
		.address = gpa, .size = size, .attributes = UAPI_MEMORY_ATTRIBUTE_PRIVATE};
	int fd;

	if (guest.type != UAPI_VM_TYPE_SNP) {
		ck_assert_int_eq(
			sev_ioctl(&guest, guest.vm, KVM_SET_USER_MEMORY_REGION, (uintptr_t)&region),
			0);
		return;
	}
	fd = sev_ioctl(&guest, guest.vm, UAPI_CREATE_GUEST_MEMFD, (uintptr_t)&create);
	ck_assert_int_ge(fd, 0);
	region.flags = UAPI_MEM_GUEST_MEMFD;
	region.guest_memfd = (uint32_t)fd;
	ck_assert_int_eq(
		sev_ioctl(&guest, guest.vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&region), 0);
	ck_assert_int_eq(
		sev_ioctl(&guest, guest.vm, UAPI_SET_MEMORY_ATTRIBUTES, (uintptr_t)&attributes), 0);
}

/* The registers that QEMU gives: the reference "launch-measurement", section 7. */
static void set_registers(uint32_t index, uint32_t address, uint32_t signature)
{
	struct kvm_regs regs = {.rflags = 2, .rdx = signature, .rip = address & 0xffff};
	struct kvm_sregs sregs;
	int fd = guest.vcpus[index];

	ck_assert_int_eq(sev_ioctl(&guest, fd, KVM_GET_SREGS, (uintptr_t)&sregs), 0);
	sregs.cs.base = address & 0xffff0000;
	sregs.cs.type = 11;
	sregs.ds.type = sregs.es.type = sregs.fs.type = sregs.gs.type = sregs.ss.type = 3;
	sregs.tr.type = 11;
	ck_assert_int_eq(sev_ioctl(&guest, fd, KVM_SET_SREGS, (uintptr_t)&sregs), 0);
	ck_assert_int_eq(sev_ioctl(&guest, fd, KVM_SET_REGS, (uintptr_t)&regs), 0);
}

static void add_vcpus(struct json_object *vector, const struct firmware *firmware)
{
	uint32_t count = (uint32_t)vectors_number(vector, "vcpus");

	for (uint32_t i = 0; i < count; i++) {
		sev_steps(&guest, "vcpu");
		set_registers(i, i ? firmware->ap_address : 0xfffffff0,
			      (uint32_t)vectors_number(vector, "vcpu_sig"));
	}
}

static void snp_load(uint64_t gpa, const uint8_t *from, uint64_t size, uint8_t type)
{
	struct uapi_snp_launch_update update = {
		.gfn_start = gpa / SEV_PAGE, .uaddr = (uintptr_t)from, .len = size, .type = type};

	while (update.len) {
		int rc = sev_command(&guest, UAPI_SNP_LAUNCH_UPDATE, &update);

		ck_assert_msg(rc == 0, "%#lx, type %u: %d, %#x", gpa, type, rc, guest.fw);
	}
}

/* launch-measurement, section 3, as QEMU does it. */
static void snp_load_sections(const struct firmware *firmware, const uint8_t *blank)
{
	const uint8_t *entry = firmware->metadata + 16;

	for (uint32_t i = 0; i < u32(firmware->metadata + 12); i++, entry += 12) {
		uint32_t type = u32(entry + 8);

		snp_load(u32(entry), blank, u32(entry + 4),
			 type == 2   ? UAPI_SNP_PAGE_SECRETS
			 : type == 3 ? UAPI_SNP_PAGE_CPUID
				     : UAPI_SNP_PAGE_ZERO);
	}
}

static void expect_digest(struct json_object *vector)
{
	struct coco_sim_vm_info info;
	struct coco_error error;

	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(guest.sim, guest.vm, &info, &error), &error);
	vectors_expect_hex(vectors_text(vector, "id"), info.digest, info.digest_size,
			   vectors_text(vector, "expected"));
}

static void check_snp(struct json_object *vector, const struct firmware *firmware)
{
	bool whole = strcmp(vectors_text(vector, "mode"), "snp") == 0;
	uint8_t *blank = pages(SECTIONS_SIZE);

	sev_open(&guest, UAPI_VM_TYPE_SNP, NULL);
	sev_steps(&guest, "init2");
	add_slot(0, firmware->gpa, firmware->size, firmware->bytes);
	add_slot(1, SECTIONS_GPA, SECTIONS_SIZE, blank);
	if (whole)
		add_vcpus(vector, firmware);
	sev_steps(&guest, "snp.start");
	snp_load(firmware->gpa, firmware->bytes, firmware->size, UAPI_SNP_PAGE_NORMAL);
	if (whole) {
		snp_load_sections(firmware, blank);
		sev_steps(&guest, "snp.finish");
	}
	expect_digest(vector);
	sev_close(&guest);
	munmap(blank, SECTIONS_SIZE);
}

static void check_sev(struct json_object *vector, const struct firmware *firmware, bool es)
{
	struct uapi_sev_buffer data = {.uaddr = (uintptr_t)firmware->bytes,
				       .len = (uint32_t)firmware->size};
	bool legacy = strcmp(vectors_text(vector, "mode"), "seves-legacy") == 0;

	sev_open(&guest,
		 legacy ? UAPI_VM_TYPE_DEFAULT
		 : es   ? UAPI_VM_TYPE_SEVES
			: UAPI_VM_TYPE_SEV,
		 NULL);
	sev_steps(&guest, legacy ? "es_init" : "init2");
	add_slot(0, firmware->gpa, firmware->size, firmware->bytes);
	if (es)
		add_vcpus(vector, firmware);
	sev_steps(&guest, legacy ? "start.es" : "start");
	ck_assert_int_eq(sev_command(&guest, UAPI_SEV_LAUNCH_UPDATE_DATA, &data), 0);
	if (es)
		sev_steps(&guest, "vmsa");
	sev_steps(&guest, "measure finish");
	expect_digest(vector);
	sev_close(&guest);
}

/* Vectors without kernel and start digest: what the rest adds is the loader's business. */
static bool is_simple(struct json_object *vector)
{
	const char *vmm = vectors_text(vector, "vmm_type");

	return vectors_text(vector, "expected") && !vectors_text(vector, "kernel") &&
	       !vectors_text(vector, "start_digest") && (!vmm || strcmp(vmm, "QEMU") == 0) &&
	       vectors_number(vector, "guest_features") <= 1 &&
	       vectors_number(vector, "vcpus") <= SEV_MAX_VCPUS;
}

static uint32_t checked;

START_TEST(digest_vector)
{
	struct json_object *vector = vectors_at(digests, _i);
	const char *mode = vectors_text(vector, "mode");
	struct firmware firmware;

	if (!is_simple(vector))
		return;
	if (!load(&firmware, vectors_text(vector, "firmware"))) {
		vectors_skip(digests, _i);
		return;
	}
	checked++;
	if (strncmp(mode, "snp", 3) == 0)
		check_snp(vector, &firmware);
	else
		check_sev(vector, &firmware, strncmp(mode, "seves", 5) == 0);
	munmap(firmware.bytes, firmware.size);
}
END_TEST

/* Firmware that is made here is in three of them. */
START_TEST(enough_vectors)
{
	ck_assert_uint_ge(checked, 3);
}
END_TEST

START_TEST(measure_vector)
{
	struct json_object *vector = vectors_at(measures, _i);
	struct sim_sev_measure measure = {
		.api_major = (uint8_t)vectors_number(vector, "api_major"),
		.api_minor = (uint8_t)vectors_number(vector, "api_minor"),
		.build = (uint8_t)vectors_number(vector, "build"),
		.policy = (uint32_t)vectors_number(vector, "policy"),
	};
	uint8_t mac[SIM_SHA256_SIZE];

	vectors_hex(vector, "tik", measure.tik, sizeof(measure.tik));
	vectors_hex(vector, "launch_digest", measure.ld, sizeof(measure.ld));
	vectors_hex(vector, "mnonce", measure.nonce, sizeof(measure.nonce));
	sim_sev_measure_mac(&measure, mac);
	vectors_expect_hex("measure", mac, sizeof(mac), vectors_text(vector, "measure"));
}
END_TEST

/* What LAUNCH_MEASURE gives is the MAC of LD under the session's key: both are known here. */
START_TEST(measure_is_the_mac_of_ld)
{
	struct sim_sev_measure measure = {.api_major = 1, .api_minor = 55, .build = 29};
	struct coco_sim_vm_info info;
	struct coco_error error;
	uint8_t mac[SIM_SHA256_SIZE], ld[SIM_SHA256_SIZE];

	sev_open(&guest, UAPI_VM_TYPE_SEV, NULL);
	sev_steps(&guest, "init2 slot reg vcpu start data measure");
	EVP_Digest(guest.source, 4 * SEV_PAGE, ld, NULL, EVP_sha256(), NULL);
	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(guest.sim, guest.vm, &info, &error), &error);
	ck_assert_uint_eq(info.digest_size, sizeof(ld));
	ck_assert_mem_eq(info.digest, ld, sizeof(ld));
	measure.tik[0] = 2;
	memcpy(measure.ld, ld, sizeof(ld));
	memcpy(measure.nonce, guest.measure + 32, 16);
	sim_sev_measure_mac(&measure, mac);
	ck_assert_mem_eq(guest.measure, mac, sizeof(mac));
	sev_close(&guest);
}
END_TEST

/* --- ID blocks */

static void put_number(uint8_t *to, const BIGNUM *number)
{
	ck_assert_int_eq(BN_bn2lebinpad(number, to, 72), 72);
}

static void put_key(uint8_t *to, EVP_PKEY *key)
{
	BIGNUM *x = NULL, *y = NULL;

	to[0] = 2; /* P-384 */
	ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x), 1);
	ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y), 1);
	put_number(to + 4, x);
	put_number(to + 4 + 72, y);
	BN_free(x);
	BN_free(y);
}

static void put_signature(uint8_t *to, EVP_PKEY *key, const void *data, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[256];
	const uint8_t *at = der;
	size_t der_size = sizeof(der);
	ECDSA_SIG *signature;

	ck_assert_int_eq(EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, key), 1);
	ck_assert_int_eq(EVP_DigestSign(context, der, &der_size, data, size), 1);
	signature = d2i_ECDSA_SIG(NULL, &at, (long)der_size);
	ck_assert_ptr_nonnull(signature);
	put_number(to, ECDSA_SIG_get0_r(signature));
	put_number(to + 72, ECDSA_SIG_get0_s(signature));
	ECDSA_SIG_free(signature);
	EVP_MD_CTX_free(context);
}

static const struct {
	const char *name;
	bool author;
	uint32_t block_at; /* of what is changed after signing; 0: nothing */
	uint32_t auth_at;
	uint8_t digest, policy; /* of what is signed: another one */
	uint32_t status;
} id_rows[] = {
	{"good", false, 0, 0, 0, 0, 0},
	{"good, with author", true, 0, 0, 0, 0, 0},
	{"another digest", false, 0, 0, 1, 0, SIM_SEV_BAD_MEASUREMENT},
	{"another policy", false, 0, 0, 0, 1, SIM_SEV_POLICY_FAILURE},
	{"digest is looked at before policy", false, 0, 0, 1, 1, SIM_SEV_BAD_MEASUREMENT},
	{"changed after signing", false, 50, 0, 0, 0, SIM_SEV_BAD_SIGNATURE},
	{"version", false, 80, 0, 0, 0, SIM_SEV_BAD_SIGNATURE},
	{"algorithm", false, 0, 1, 0, 0, SIM_SEV_BAD_SIGNATURE},
	{"signature", false, 0, 0x41, 0, 0, SIM_SEV_BAD_SIGNATURE},
	{"signature's number too large", false, 0, 0x40 + 71, 0, 0, SIM_SEV_BAD_SIGNATURE},
	{"curve", false, 0, 0x240, 0, 0, SIM_SEV_BAD_SIGNATURE},
	{"key", false, 0, 0x245, 0, 0, SIM_SEV_BAD_SIGNATURE},
	{"author's signature, without author", false, 0, 0x681, 0, 0, 0},
	{"author's signature", true, 0, 0x681, 0, 0, SIM_SEV_BAD_SIGNATURE},
	{"author's key", true, 0, 0x885, 0, 0, SIM_SEV_BAD_SIGNATURE},
};

START_TEST(id_blocks)
{
	static uint8_t block[96], auth[4096];
	struct uapi_snp_launch_finish finish = {.id_block_uaddr = (uintptr_t)block,
						.id_auth_uaddr = (uintptr_t)auth,
						.id_block_en = 1,
						.auth_key_en = id_rows[_i].author};
	EVP_PKEY *id_key = EVP_EC_gen("P-384"), *author_key = EVP_EC_gen("P-384");
	struct coco_sim_vm_info info;
	struct coco_error error;
	int rc;

	sev_open(&guest, UAPI_VM_TYPE_SNP, NULL);
	sev_steps(&guest, "init2 slot private snp.start upd.normal");
	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(guest.sim, guest.vm, &info, &error), &error);
	memset(block, 0, sizeof(block));
	memset(auth, 0, sizeof(auth));
	memcpy(block, info.digest, 48);
	block[0] ^= id_rows[_i].digest;
	block[80] = 1;
	memcpy(block + 88, &guest.policy, sizeof(guest.policy));
	block[89] ^= id_rows[_i].policy;
	auth[0] = auth[4] = 1;
	put_signature(auth + 0x40, id_key, block, sizeof(block));
	put_key(auth + 0x240, id_key);
	put_signature(auth + 0x680, author_key, auth + 0x240, 0x404);
	put_key(auth + 0x880, author_key);
	if (id_rows[_i].block_at)
		block[id_rows[_i].block_at] ^= 3;
	if (id_rows[_i].auth_at)
		auth[id_rows[_i].auth_at] ^= 3;
	rc = sev_command(&guest, UAPI_SNP_LAUNCH_FINISH, &finish);
	ck_assert_msg(rc == (id_rows[_i].status ? -EIO : 0) && guest.fw == id_rows[_i].status,
		      "%s: %d, %#x", id_rows[_i].name, rc, guest.fw);
	sev_close(&guest);
	EVP_PKEY_free(id_key);
	EVP_PKEY_free(author_key);
}
END_TEST

int main(void)
{
	Suite *own = suite_create("sev_launch");
	TCase *tcase = tcase_create("launch");
	int failed;

	digests = vectors_load("snp-sev-digests.json");
	measures = vectors_load("sev-launch-measure.json");
	tcase_add_test(tcase, enough_vectors);
	tcase_add_test(tcase, measure_is_the_mac_of_ld);
	tcase_add_loop_test(tcase, id_blocks, 0, (int)(sizeof(id_rows) / sizeof(id_rows[0])));
	suite_add_tcase(own, tcase);
	failed = expect_run(vectors_suite("sev_digests", digests, digest_vector->fn));
	failed |= expect_run(vectors_suite("sev_measures", measures, measure_vector->fn));
	failed |= expect_run(own);
	json_object_put(digests);
	json_object_put(measures);
	return failed;
}
