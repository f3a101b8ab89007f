/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Commands of SEV, SEV-ES and SNP, row by row: is each refused when, and as, the kernel refuses it?
 * Rows are named by sections and tables of the reference ("kvm-sev-abi").
 */
#include <errno.h>

#include "sev_steps.h"
#include "sim/sev_status.h"

#define PLAIN UAPI_VM_TYPE_DEFAULT
#define SEV   UAPI_VM_TYPE_SEV
#define ES    UAPI_VM_TYPE_SEVES
#define SNP   UAPI_VM_TYPE_SNP

#define KEPT SEV_UNTOUCHED

/* What brings SEV, SEV-ES and SNP guests into a state. */
#define SEV_STARTED  "init2 slot reg vcpu start"
#define SEV_MEASURED SEV_STARTED " data measure"
#define SEV_FINISHED SEV_MEASURED " finish"
#define ES_PROTECTED "init2 slot reg vcpu start data vmsa"
#define SNP_STARTED  "init2 slot private vcpu snp.start"
#define SNP_FINISHED SNP_STARTED " upd.normal snp.finish"

struct row {
	const char *name;
	uint64_t type;
	const char *before;
	const char *step;
	int rc;
	uint32_t fw; /* KEPT: the command reached no firmware */
};

static const struct row envelope[] = {
	{"3.2 gate 2: null argument", SEV, "", "op.null", 0, KEPT},
	{"3.2 gate 3: envelope unreadable", SEV, "", "op.fault", -EFAULT, KEPT},
	{"3.2 gate 6: initialized SNP, id < 100", SNP, "init2", "status.lupdate", -EPERM, KEPT},
	{"3.2 gate 6: a second INIT2 on SNP", SNP, "init2", "init2", -EPERM, KEPT},
	{"3.2 gate 6: unknown id below 100 on SNP", SNP, "init2", "op.23", -EPERM, KEPT},
	{"3.2 gate 6: not yet initialized SNP", SNP, "", "start", -ENOTTY, KEPT},
	{"3.2 gate 7: id 10", SEV, "init2", "op.10", -EINVAL, KEPT},
	{"3.2 gate 7: id 14", SEV, "init2", "op.14", -EINVAL, KEPT},
	{"3.2 gate 7: id 19", SEV, "init2", "op.19", -EINVAL, KEPT},
	{"3.2 gate 7: id 23", SEV, "init2", "op.23", -EINVAL, KEPT},
	{"3.2 gate 7: id 99", SEV, "init2", "op.99", -EINVAL, KEPT},
	{"3.2 gate 7: id 104", SNP, "init2", "op.104", -EINVAL, KEPT},
	{"3.3 MEASURE before START: fd 0", SEV, "init2", "measure", -EBADF, KEPT},
	{"3.3 stored fd: data after /dev/sev was closed", SEV, SEV_STARTED " close.sev", "data",
	 -EBADF, KEPT},
	{"3.3 stored fd: SNP finish after it was closed", SNP, SNP_STARTED " close.sev",
	 "snp.finish", -EBADF, KEPT},
};

static const struct row init2[] = {
	{"3.4 SEV", SEV, "", "init2", 0, KEPT},
	{"3.4 SEV-ES", ES, "", "init2", 0, KEPT},
	{"3.4 SNP", SNP, "", "init2", 0, KEPT},
	{"3.4 check 1: done already, SEV", SEV, "init2", "init2", -EINVAL, KEPT},
	{"3.4 check 1: done already, SEV-ES", ES, "init2", "init2", -EINVAL, KEPT},
	{"3.4 check 1: VM type 0", PLAIN, "", "init2", -EINVAL, KEPT},
	{"3.4 check 3: unreadable", SEV, "", "init2.fault", -EFAULT, KEPT},
	{"3.4 check 3 before 4: unreadable, with a vCPU", SEV, "vcpu", "init2.fault", -EFAULT,
	 KEPT},
	{"3.4 check 4: a vCPU exists", SNP, "vcpu", "init2", -EINVAL, KEPT},
	{"3.4 check 5: flags", SNP, "", "init2.flags", -EINVAL, KEPT},
	{"3.4 check 5: bit 0 of the features", SNP, "", "init2.snp_bit", -EINVAL, KEPT},
	{"3.4 check 5: unknown feature", SNP, "", "init2.unknown", -EINVAL, KEPT},
	{"3.4 features: SEV takes none", SEV, "", "init2.debug_swap", -EINVAL, KEPT},
	{"3.4 features: SEV-ES takes debug swap", ES, "", "init2.debug_swap", 0, KEPT},
	{"3.4 features: SEV-ES takes no secure TSC", ES, "", "init2.secure_tsc", -EINVAL, KEPT},
	{"3.4 features: SNP takes secure TSC", SNP, "", "init2.secure_tsc", 0, KEPT},
	{"3.4 GHCB: SEV has none", SEV, "", "init2.ghcb1", -EINVAL, KEPT},
	{"3.4 GHCB: SEV-ES may have version 1", ES, "", "init2.ghcb1", 0, KEPT},
	{"3.4 GHCB: SEV-ES may have version 2", ES, "", "init2.ghcb2", 0, KEPT},
	{"3.4 GHCB: SEV-ES has no version 3", ES, "", "init2.ghcb3", -EINVAL, KEPT},
	{"3.4 GHCB: SNP has no version 1", SNP, "", "init2.ghcb1", -EINVAL, KEPT},
	{"3.4 pads are not checked", SNP, "", "init2.pads", 0, KEPT},
	{"3.4 legacy: KVM_SEV_INIT on type 0", PLAIN, "", "init", 0, KEPT},
	{"3.4 legacy: KVM_SEV_ES_INIT on type 0", PLAIN, "", "es_init", 0, KEPT},
	{"3.4 legacy: KVM_SEV_INIT on type 2", SEV, "", "init", -EINVAL, KEPT},
	{"3.4 legacy: KVM_SEV_ES_INIT on type 3", ES, "", "es_init", -EINVAL, KEPT},
	{"8.2 legacy: twice", PLAIN, "init", "init", -EINVAL, KEPT},
	{"8.2 legacy: a vCPU exists", PLAIN, "vcpu", "init", -EINVAL, KEPT},
	{"8.2 legacy: initialized SNP", SNP, "init2", "init", -EPERM, KEPT},
};

static const struct row regions[] = {
	{"3.6.4 before INIT2", SEV, "slot", "reg", -ENOTTY, KEPT},
	{"3.6.4 size 0", SEV, "init2", "reg.empty", -EINVAL, KEPT},
	{"3.6.4 wrap", SEV, "init2", "reg.wrap", -EINVAL, KEPT},
	{"3.6.4 more pages than INT_MAX", SEV, "init2", "reg.huge", -EINVAL, KEPT},
	{"3.6.4 not mapped", SEV, "init2", "reg.unmapped", -ENOMEM, KEPT},
	{"3.6.4 twice", SEV, "init2 reg", "reg", 0, KEPT},
	{"3.6.4 twice, and taken back twice", SEV, "init2 reg reg unreg", "unreg", 0, KEPT},
	{"3.6.4 taken back too often", SEV, "init2 reg unreg", "unreg", -EINVAL, KEPT},
	{"3.6.4 taken back in part", SEV, "init2 reg", "unreg.part", -EINVAL, KEPT},
	{"3.6.4 unregister before INIT2", SEV, "", "unreg", -ENOTTY, KEPT},
	{"8.2 SNP accepts it", SNP, "init2", "reg", 0, KEPT},
};

static const struct row sev_launch_rows[] = {
	{"3.7 LAUNCH_START: not active", SEV, "", "start", -ENOTTY, KEPT},
	{"3.7 LAUNCH_START: unreadable", SEV, "init2", "start.fault", -EFAULT, KEPT},
	{"3.7 LAUNCH_START: blob of no length", SEV, "init2", "start.empty_blob", -EINVAL, KEPT},
	{"3.7 LAUNCH_START: blob too large", SEV, "init2", "start.large_blob", -EINVAL, KEPT},
	{"3.7 LAUNCH_START: blob unreadable", SEV, "init2", "start.blob_fault", -EFAULT, KEPT},
	{"3.7 LAUNCH_START: descriptor of /dev/kvm", SEV, "init2", "start.kvm_fd", -EBADF, KEPT},
	{"3.7 LAUNCH_START: no descriptor", SEV, "init2", "start.no_fd", -EBADF, KEPT},
	{"3.7 LAUNCH_START: policy wants a later API", SEV, "init2", "start.new_api", -EIO,
	 SIM_SEV_POLICY_FAILURE},
	{"3.7 LAUNCH_START: shares with nobody", SEV, "init2", "start.share", -EIO,
	 SIM_SEV_INVALID_GUEST},
	{"8.3 LAUNCH_START: ES policy for an ASID of SEV", SEV, "init2", "start.es", -EIO,
	 SIM_SEV_INVALID_ASID},
	{"8.3 LAUNCH_START: no ES policy for an ASID of SEV-ES", ES, "init2", "start.no_es", -EIO,
	 SIM_SEV_INVALID_ASID},
	{"8.3 LAUNCH_START: a second context for the ASID", SEV, "init2 start", "start", -EIO,
	 SIM_SEV_ASID_OWNED},
	{"8.3 LAUNCH_START: may be repeated after a failure", SEV, "init2", "start", 0, 0},
	{"3.7 UPDATE_DATA: not active", SEV, "", "data", -ENOTTY, KEPT},
	{"3.7 UPDATE_DATA: before START", SEV, "init2", "data", -EBADF, KEPT},
	{"3.7 UPDATE_DATA: unreadable", SEV, SEV_STARTED, "data.fault", -EFAULT, KEPT},
	{"3.7 UPDATE_DATA: length 0", SEV, SEV_STARTED, "data.empty", -EINVAL, KEPT},
	{"3.7 UPDATE_DATA: wrap", SEV, SEV_STARTED, "data.wrap", -EINVAL, KEPT},
	{"3.7 UPDATE_DATA: not mapped", SEV, SEV_STARTED, "data.unmapped", -ENOMEM, KEPT},
	{"3.7 UPDATE_DATA: read-only", SEV, SEV_STARTED, "data.read_only", -ENOMEM, KEPT},
	{"3.7 UPDATE_DATA: no multiple of 16", SEV, SEV_STARTED, "data.odd_size", -EIO,
	 SIM_SEV_INVALID_LEN},
	{"3.7 UPDATE_DATA: address not aligned", SEV, SEV_STARTED, "data.odd_address", -EIO,
	 SIM_SEV_INVALID_ADDRESS},
	{"8.3 UPDATE_DATA: LSECRET", SEV, SEV_MEASURED, "data", -EIO, SIM_SEV_INVALID_GUEST_STATE},
	{"8.3 UPDATE_DATA: RUNNING", SEV, SEV_FINISHED, "data", -EIO, SIM_SEV_INVALID_GUEST_STATE},
	{"3.7 UPDATE_VMSA: SEV", SEV, SEV_STARTED, "vmsa", -ENOTTY, KEPT},
	{"3.7 UPDATE_VMSA: SEV-ES", ES, "init2 vcpu vcpu start", "vmsa", 0, 0},
	{"3.7 UPDATE_VMSA: no vCPU", ES, "init2 start", "vmsa", 0, KEPT},
	{"3.7 UPDATE_VMSA: before START", ES, "init2 vcpu", "vmsa", -EBADF, KEPT},
	{"3.7 UPDATE_VMSA: twice", ES, ES_PROTECTED, "vmsa", -EINVAL, KEPT},
	{"3.7 UPDATE_VMSA: DR7", ES, "init2 vcpu start set.dr7", "vmsa", -EINVAL, KEPT},
	{"3.7 UPDATE_VMSA: guest debug", ES, "init2 vcpu start set.debug", "vmsa", -EINVAL, KEPT},
	{"8.3 UPDATE_VMSA: LSECRET", ES, "init2 vcpu start data measure", "vmsa", -EIO,
	 SIM_SEV_INVALID_GUEST_STATE},
	{"3.7 MEASURE: not active", SEV, "", "measure", -ENOTTY, KEPT},
	{"3.7 MEASURE: unreadable", SEV, SEV_STARTED, "measure.fault", -EFAULT, KEPT},
	{"3.7 MEASURE: length query", SEV, SEV_STARTED, "measure.length", -EIO,
	 SIM_SEV_INVALID_LEN},
	{"3.7 MEASURE: too small", SEV, SEV_STARTED, "measure.small", -EIO, SIM_SEV_INVALID_LEN},
	{"3.7 MEASURE: too large", SEV, SEV_STARTED, "measure.large", -EINVAL, KEPT},
	{"8.3 MEASURE: twice", SEV, SEV_MEASURED, "measure", -EIO, SIM_SEV_INVALID_GUEST_STATE},
	{"3.7 SECRET: good", SEV, SEV_MEASURED, "secret", 0, 0},
	{"8.3 SECRET: bad MAC", SEV, SEV_MEASURED, "secret.bad_mac", -EIO, SIM_SEV_BAD_MEASUREMENT},
	{"3.7 SECRET: header too short", SEV, SEV_MEASURED, "secret.short_header", -EIO,
	 SIM_SEV_INVALID_LEN},
	{"3.7 SECRET: empty header", SEV, SEV_MEASURED, "secret.no_header", -EINVAL, KEPT},
	{"3.7 SECRET: nothing", SEV, SEV_MEASURED, "secret.empty", -EINVAL, KEPT},
	{"8.3 SECRET: LUPDATE", SEV, SEV_STARTED, "secret", -EIO, SIM_SEV_INVALID_GUEST_STATE},
	{"8.3 SECRET: RUNNING", SEV, SEV_FINISHED, "secret", -EIO, SIM_SEV_INVALID_GUEST_STATE},
	{"3.7 FINISH: not active", SEV, "", "finish", -ENOTTY, KEPT},
	{"3.7 FINISH: before START", SEV, "init2", "finish", -EBADF, KEPT},
	{"8.3 FINISH: LUPDATE", SEV, SEV_STARTED " data", "finish", -EIO,
	 SIM_SEV_INVALID_GUEST_STATE},
	{"8.3 FINISH: LSECRET", SEV, SEV_MEASURED, "finish", 0, 0},
	{"3.7 FINISH: KVM asks for no VMSAs", ES, "init2 vcpu start data measure", "finish", 0, 0},
	{"8.3 FINISH: twice", SEV, SEV_FINISHED, "finish", -EIO, SIM_SEV_INVALID_GUEST_STATE},
	{"8.3 legacy SEV", PLAIN, "init slot reg vcpu start data measure", "finish", 0, 0},
};

static const struct row other_commands[] = {
	{"3.7 GUEST_STATUS: not active", SEV, "", "status.lupdate", -ENOTTY, KEPT},
	{"3.7 GUEST_STATUS: before START", SEV, "init2", "status.lupdate", -EBADF, KEPT},
	{"3.7 GUEST_STATUS: LUPDATE", SEV, SEV_STARTED, "status.lupdate", 0, 0},
	{"3.7 GUEST_STATUS: LSECRET", ES, ES_PROTECTED " measure", "status.lsecret", 0, 0},
	{"3.7 GUEST_STATUS: RUNNING", SEV, SEV_FINISHED, "status.running", 0, 0},
	{"3.7 DBG_DECRYPT", SEV, SEV_FINISHED, "decrypt", 0, 0},
	{"3.7 DBG_ENCRYPT", SEV, SEV_FINISHED, "encrypt", 0, 0},
	{"3.7 DBG: length 0", SEV, SEV_FINISHED, "decrypt.empty", -EINVAL, KEPT},
	{"3.7 DBG: null", SEV, SEV_FINISHED, "decrypt.null", -EINVAL, KEPT},
	{"3.7 DBG: wrap", SEV, SEV_FINISHED, "decrypt.wrap", -EINVAL, KEPT},
	{"3.7 DBG: policy NODBG", SEV, "init2 slot reg vcpu start.no_debug data", "decrypt", -EIO,
	 SIM_SEV_POLICY_FAILURE},
	{"3.7 DBG: not active", SEV, "", "decrypt", -ENOTTY, KEPT},
	{"3.7 ATTESTATION_REPORT: query", SEV, SEV_FINISHED, "report.query", -EIO,
	 SIM_SEV_INVALID_LEN},
	{"3.7 ATTESTATION_REPORT", SEV, SEV_FINISHED, "report", 0, 0},
	{"8.3 ATTESTATION_REPORT: too large", SEV, SEV_FINISHED, "report.large", -EINVAL, KEPT},
	{"8.3 RECEIVE_UPDATE_DATA: not active", SEV, "", "receive_update", -EINVAL, KEPT},
	{"8.3 SEND_START: not active", SEV, "", "migrate", -ENOTTY, KEPT},
};

static const struct row snp_launch_rows[] = {
	{"3.8 ENABLE_REQ_CERTS", SNP, "init2", "certs", 0, KEPT},
	{"3.8 ENABLE_REQ_CERTS: before INIT2", SNP, "", "certs", -EINVAL, KEPT},
	{"3.8 ENABLE_REQ_CERTS: a vCPU exists", SNP, "init2 vcpu", "certs", -EINVAL, KEPT},
	{"8.2 ENABLE_REQ_CERTS: not SNP", ES, "init2", "certs", -EINVAL, KEPT},
	{"3.8 START: before INIT2", SNP, "", "snp.start", -ENOTTY, KEPT},
	{"3.8 START: SEV-ES", ES, "init2", "snp.start", -ENOTTY, KEPT},
	{"3.8 START: unreadable", SNP, "init2", "snp.start.fault", -EFAULT, KEPT},
	{"3.8 START: a context exists", SNP, "init2 snp.start", "snp.start", -EINVAL, KEPT},
	{"3.8 START: flags", SNP, "init2", "snp.start.flags", -EINVAL, KEPT},
	{"3.8 START: pads are not checked", SNP, "init2", "snp.start.pads", 0, 0},
	{"3.8 START: migration agent", SNP, "init2", "snp.start.migrate", -EINVAL, KEPT},
	{"3.8 START: unknown policy bit", SNP, "init2", "snp.start.unknown", -EINVAL, KEPT},
	{"3.8 START: bit 17", SNP, "init2", "snp.start.bit_17", -EINVAL, KEPT},
	{"3.8 START: policy without SMT", SNP, "init2", "snp.start.no_smt", -EIO,
	 SIM_SEV_POLICY_FAILURE},
	{"3.8 START: policy wants a later ABI", SNP, "init2", "snp.start.new_api", -EIO,
	 SIM_SEV_POLICY_FAILURE},
	{"3.8 START: bad descriptor", SNP, "init2", "snp.start.kvm_fd", -ENOTTY, KEPT},
	{"3.8 UPDATE 1: before INIT2", SNP, "", "upd.normal", -EINVAL, KEPT},
	{"3.8 UPDATE 1: no context", SNP, "init2 slot private", "upd.normal", -EINVAL, KEPT},
	{"3.8 UPDATE 2: unreadable", SNP, SNP_STARTED, "upd.fault", -EFAULT, KEPT},
	{"3.8 UPDATE 3: length 0", SNP, SNP_STARTED, "upd.empty", -EINVAL, KEPT},
	{"3.8 UPDATE 3: length not aligned", SNP, SNP_STARTED, "upd.odd_size", -EINVAL, KEPT},
	{"3.8 UPDATE 3: flags", SNP, SNP_STARTED, "upd.flags", -EINVAL, KEPT},
	{"3.8 UPDATE 3: type 0", SNP, SNP_STARTED, "upd.type_0", -EINVAL, KEPT},
	{"3.8 UPDATE 3: type 2", SNP, SNP_STARTED, "upd.type_2", -EINVAL, KEPT},
	{"3.8 UPDATE 3: type 7", SNP, SNP_STARTED, "upd.type_7", -EINVAL, KEPT},
	{"3.8 UPDATE 3: source not aligned", SNP, SNP_STARTED, "upd.odd_source", -EINVAL, KEPT},
	{"3.8 UPDATE 3: ZERO has no source", SNP, SNP_STARTED, "upd.zero.odd_source", 0, KEPT},
	{"3.8 UPDATE 3: pads are not checked", SNP, SNP_STARTED, "upd.pads", 0, KEPT},
	{"3.8 UPDATE 4: no slot", SNP, SNP_STARTED, "upd.no_slot", -EINVAL, KEPT},
	{"3.8 UPDATE 5: no source", SNP, SNP_STARTED, "upd.no_source", -EIO, 0},
	{"3.8 UPDATE 5: source not mapped", SNP, SNP_STARTED, "upd.unmapped", -EIO, 0},
	{"3.8 UPDATE 5: page not private", SNP, "init2 slot snp.start", "upd.normal", -EIO, 0},
	{"3.8 UPDATE 5: the page is loaded", SNP, SNP_STARTED " upd.normal", "upd.normal", -EIO, 0},
	{"3.8 UPDATE 5: bad descriptor", SNP, SNP_STARTED, "upd.kvm_fd", -EIO, 0},
	{"3.8 UPDATE 5: guest_memfd closed", SNP, SNP_STARTED " close.gmem", "upd.normal", -EIO, 0},
	{"3.8 UPDATE: NORMAL", SNP, SNP_STARTED, "upd.normal", 0, KEPT},
	{"3.8 UPDATE: ZERO", SNP, SNP_STARTED, "upd.zero", 0, KEPT},
	{"3.8 UPDATE: UNMEASURED", SNP, SNP_STARTED, "upd.unmeasured", 0, KEPT},
	{"3.8 UPDATE: SECRETS", SNP, SNP_STARTED, "upd.secrets", 0, KEPT},
	{"3.8 UPDATE: CPUID", SNP, SNP_STARTED, "upd.cpuid", 0, KEPT},
	{"8.4 UPDATE: CPUID that the firmware corrects", SNP, SNP_STARTED, "upd.cpuid.vmx", -EIO,
	 SIM_SEV_INVALID_PARAM},
	{"7.7 UPDATE: CPUID source is read-only", SNP, SNP_STARTED, "upd.cpuid.read_only", -EIO, 0},
	{"3.8 UPDATE 6: clipped at the slot's end", SNP, SNP_STARTED, "upd.past_end", 0, KEPT},
	{"8.5 UPDATE: again after the page was punched", SNP, SNP_STARTED " upd.normal punch",
	 "upd.normal", 0, KEPT},
	{"3.8 UPDATE: after FINISH", SNP, SNP_FINISHED, "upd.zero", -EIO,
	 SIM_SEV_INVALID_GUEST_STATE},
	{"3.8 FINISH 1: before INIT2", SNP, "", "snp.finish", -ENOTTY, KEPT},
	{"3.8 FINISH 1: no context", SNP, "init2", "snp.finish", -EINVAL, KEPT},
	{"3.8 FINISH 1: unreadable", SNP, SNP_STARTED, "snp.finish.fault", -EFAULT, KEPT},
	{"3.8 FINISH 1: flags", SNP, SNP_STARTED, "snp.finish.flags", -EINVAL, KEPT},
	{"3.8 FINISH: pads are not checked", SNP, SNP_STARTED, "snp.finish.pads", 0, 0},
	{"3.8 FINISH 4: bad descriptor", SNP, SNP_STARTED, "snp.finish.kvm_fd", -EBADF, KEPT},
	{"3.8 FINISH 4: DR7", SNP, SNP_STARTED " set.dr7", "snp.finish", -EINVAL, KEPT},
	{"3.8 FINISH 5: null ID block", SNP, SNP_STARTED, "snp.finish.no_block", -EINVAL, 0},
	{"3.8 FINISH 5: ID block unreadable", SNP, SNP_STARTED, "snp.finish.block_fault", -EFAULT,
	 0},
	{"3.8 FINISH 6: ID block without signature", SNP, SNP_STARTED, "snp.finish.bad_block", -EIO,
	 SIM_SEV_BAD_SIGNATURE},
	{"3.8 FINISH", SNP, SNP_STARTED, "snp.finish", 0, 0},
	{"3.8 FINISH: no vCPU", SNP, "init2 snp.start", "snp.finish", 0, 0},
	{"3.8 FINISH: twice", SNP, SNP_FINISHED, "snp.finish", -EINVAL, KEPT},
	{"3.8 FINISH: twice, no vCPU", SNP, "init2 snp.start snp.finish", "snp.finish", -EIO,
	 SIM_SEV_INVALID_GUEST_STATE},
	{"3.8 PRE_FAULT: before FINISH", SNP, SNP_STARTED, "pre_fault", -EOPNOTSUPP, KEPT},
	{"3.8 PRE_FAULT: after FINISH", SNP, SNP_FINISHED, "pre_fault", 0, KEPT},
};

static const struct row protected_state[] = {
	{"4.8 GET_REGS: SEV", SEV, SEV_FINISHED, "get.regs", 0, KEPT},
	{"4.8 GET_REGS: SEV-ES", ES, ES_PROTECTED, "get.regs", -EINVAL, KEPT},
	{"4.8 GET_REGS: SNP", SNP, SNP_FINISHED, "get.regs", -EINVAL, KEPT},
	{"4.8 GET_REGS: SNP before protection", SNP, SNP_STARTED, "get.regs", 0, KEPT},
	{"4.8 SET_REGS: SEV-ES", ES, ES_PROTECTED, "set.regs", -EINVAL, KEPT},
	{"4.8 SET_REGS: SNP", SNP, SNP_FINISHED, "set.regs", -EINVAL, KEPT},
	{"4.8 GET_SREGS: SEV-ES", ES, ES_PROTECTED, "get.sregs", -EINVAL, KEPT},
	{"4.8 GET_SREGS: SNP", SNP, SNP_FINISHED, "get.sregs", -EINVAL, KEPT},
	{"4.8 GET_SREGS2: SNP", SNP, SNP_FINISHED, "get.sregs2", -EINVAL, KEPT},
	{"4.8 GET_DEBUGREGS: SEV-ES", ES, ES_PROTECTED, "get.debugregs", -EINVAL, KEPT},
	{"4.8 GET_DEBUGREGS: SNP", SNP, SNP_FINISHED, "get.debugregs", -EINVAL, KEPT},
	{"4.8 GET_XCRS: SEV-ES", ES, ES_PROTECTED, "get.xcrs", -EINVAL, KEPT},
	{"4.8 GET_FPU: SEV-ES", ES, ES_PROTECTED, "get.fpu", -EINVAL, KEPT},
	{"4.8 GET_FPU: SNP", SNP, SNP_FINISHED, "get.fpu", 0, KEPT},
	{"4.8 GET_XSAVE: SEV-ES", ES, ES_PROTECTED, "get.xsave", -EINVAL, KEPT},
	{"4.8 GET_XSAVE: SNP", SNP, SNP_FINISHED, "get.xsave", 0, KEPT},
	{"4.8 SET_GUEST_DEBUG: SEV-ES", ES, ES_PROTECTED, "set.debug", -EINVAL, KEPT},
	{"4.8 SET_GUEST_DEBUG: SNP", SNP, SNP_FINISHED, "set.debug", -EINVAL, KEPT},
	{"4.8 GET_MSRS of EFER before the first KVM_RUN", SNP, SNP_FINISHED, "get.efer", 0, KEPT},
	{"4.8 SMI: SEV-ES", ES, "init2 vcpu", "smi", -ENOTTY, KEPT},
	{"4.8 SMI: SNP", SNP, "init2 vcpu", "smi", -ENOTTY, KEPT},
	{"4.8 SET_TSC_KHZ: SNP with secure TSC", SNP, "init2.secure_tsc vcpu", "tsc_khz", -EINVAL,
	 KEPT},
	{"4.8 SET_TSC_KHZ: SNP", SNP, "init2 vcpu", "tsc_khz", 0, KEPT},
	{"4.8 GET_MP_STATE: SNP", SNP, SNP_FINISHED, "get.mp_state", 0, KEPT},
	{"4.8 GET_VCPU_EVENTS: SNP", SNP, SNP_FINISHED, "get.events", 0, KEPT},
	{"4.8 legacy SEV-ES: GET_REGS is not refused", PLAIN,
	 "es_init slot vcpu start.es data vmsa", "get.regs", 0, KEPT},
	{"4.8 legacy SEV-ES: GET_FPU is not refused", PLAIN, "es_init slot vcpu start.es data vmsa",
	 "get.fpu", 0, KEPT},
	{"4.8 legacy SEV-ES: SET_GUEST_DEBUG is", PLAIN, "es_init slot vcpu start.es data vmsa",
	 "set.debug", -EINVAL, KEPT},
	{"3.5 a vCPU after FINISH is not protected", SNP,
	 "init2 slot private snp.start snp.finish vcpu", "get.regs", 0, KEPT},
};

static void check(const struct row *row)
{
	struct sev_guest guest;
	int rc;

	sev_open(&guest, row->type, NULL);
	sev_steps(&guest, row->before);
	rc = sev_step(&guest, row->step);
	ck_assert_msg(rc == row->rc && guest.fw == row->fw,
		      "%s: %d with status %#x, expected %d with %#x", row->name, rc, guest.fw,
		      row->rc, row->fw);
	sev_close(&guest);
}

#define TABLE(name)                                                                                \
	START_TEST(test_##name)                                                                    \
	{                                                                                          \
		check(&(name)[_i]);                                                                \
	}                                                                                          \
	END_TEST

TABLE(envelope)
TABLE(init2)
TABLE(regions)
TABLE(sev_launch_rows)
TABLE(other_commands)
TABLE(snp_launch_rows)
TABLE(protected_state)

#define ADD(name)                                                                                  \
	tcase_add_loop_test(tcase, test_##name, 0, (int)(sizeof(name) / sizeof((name)[0])))

int main(void)
{
	Suite *suite = suite_create("sev_commands");
	TCase *tcase = tcase_create("rows");

	ADD(envelope);
	ADD(init2);
	ADD(regions);
	ADD(sev_launch_rows);
	ADD(other_commands);
	ADD(snp_launch_rows);
	ADD(protected_state);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
