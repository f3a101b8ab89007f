/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sequences that are written by hand. */
#include "diff.h"

#define SNP_MEMORY   "gmem slot_gmem slot_gmem=1 attributes attributes=1 "
#define VCPUS        "vcpu vcpu=1 cpuid cpuid=0,1 set=1 set=1,1 "
#define SNP_VM       "create_vm enable_cap enable_cap=2 " SNP_MEMORY "init2 "
#define SEV_VM(type) "create_vm=" type " enable_cap slot slot=1 init2 "

/* What random sequences are made from: a launch of each kind. */
const char *const diff_launches[] = {
	SNP_VM "certs " VCPUS
	       "snp_start update=1 update cpuid_page=1 snp_finish status run map_run run",
	SNP_VM "snp_start update update=4,1 update=2,3 snp_finish=1 vcpu",
	SNP_VM "snp_start " VCPUS
	       "update=3,2 update=9,1 snp_finish pre_fault punch=1 close_vcpu get",
	SEV_VM("1") VCPUS
	"region start data data=1 vmsa measure secret status finish status decrypt",
	SEV_VM("1") VCPUS "start data vmsa measure finish map_run run get=1 set msr",
	SEV_VM("2") VCPUS
	"region start data measure secret finish status decrypt encrypt region=0,1",
	"create_vm=3 enable_cap slot init " VCPUS "start data measure finish get set",
	"create_vm=3 enable_cap slot init=1 " VCPUS "start=1 data vmsa measure finish get set msr",
	"create_vm=3 irqchip pit tss tss=0,1 slot " VCPUS
	"routing irqfd ioeventfd get set map_run run",
	"create_vm=4 enable_cap " SNP_MEMORY VCPUS "routing irqfd pre_fault punch map_run run",
	/* ASIDs run out at the third of a kind. */
	SNP_VM
	"snp_start init2.1 create_vm.1 init2.1 snp_start.1 create_vm.2=1 init2.2 create_vm.3=2 "
	"init2.3 close_vm init2.2 start.2 status.2",
	"create_vm=2 init2 start create_vm.1=2 init2.1 start.1 create_vm.2=2 init2.2 close_vm "
	"init2.2 "
	"start.2 status.1 status.2 create_vm.3=1 init2.3 start.3",
};
const unsigned diff_launch_count = COUNT(diff_launches);

/* What random sequences are unlikely to find. */
const char *const diff_scripts[] = {
	/* A vCPU, its run mapping, a guest_memfd: each keeps the VM, and with it the ASID. */
	SNP_VM "vcpu create_vm.1=1 init2.1 close_vm create_vm.2=1 init2.2 close_vcpu init2.2 "
	       "close_gmem init2.2",
	"create_vm=1 vcpu map_run create_vm.1=1 init2.1 init2 create_vm=1 init2",
	"create_vm=1 init2 vcpu map_run close_vm close_vcpu create_vm.1=1 init2.1 create_vm.2=1 "
	"init2.2 "
	"map_run init2.2",
	/* A guest_memfd is one VM's; an eventfd, too. */
	SNP_VM "create_vm.1 gmem.1 slot_gmem=5,0,3 slot_gmem.1",
	"create_vm=3 irqchip create_vm.1=3 irqchip.1 irqfd irqfd.1 irqfd=0,0,1 irqfd.1",
	/* All of a page's types, twice each, and with each source. */
	SNP_VM "snp_start update update update=2,1 update=2 update=9,2 update=10,3 update=3,4,1",
	SNP_VM "snp_start update=2,4,2 update=2,4,2 update=2,4,1 update=10,4,1",
	SNP_VM "snp_start update=4 update=5 update=6 update=7 update=8 update=11",
	SNP_VM
	"snp_start update=0,0,0,1 update=0,0,0,2 update=0,0,0,3 update=0,0,0,4 update=0,0,0,5 "
	"update=0,0,0,6 update=0,0,0,7 update",
	SNP_VM "snp_start attributes=2,1 update attributes=2 update",
	SNP_VM "snp_start update punch=0 update attributes=2,1 attributes=2 update",
	SNP_VM "snp_start update snp_finish=1,0,1 snp_finish update",
	SNP_VM "snp_start update snp_finish=4 snp_finish=5 snp_finish=6 snp_finish=2 snp_finish=3 "
	       "snp_finish=0,0,2 snp_finish=1",
	SNP_VM VCPUS
	"snp_start update snp_finish=5 snp_finish run get get=1 get=2 get=3 get=4 get=5 get=6 "
	"get=7 get=8 get=9 set set=1 set=2 set=3 set=4 set=5 set=6 set=7 set=8 set=9",
	SEV_VM("1") VCPUS
	"start data vmsa vmsa measure get get=1 get=2 get=3 get=4 get=5 get=6 get=7 get=8 "
	"get=9 set set=1 set=2 set=3 set=4 set=5 set=6 set=7 set=8 set=9 debug debug=1",
	"create_vm=3 slot init=1 " VCPUS
	"start=1 data vmsa measure get get=1 get=2 get=3 get=4 get=5 get=6 "
	"get=7 get=8 get=9 set set=1 set=2 set=3 set=4 set=5 set=6 set=7 set=8 set=9 debug debug=1",
	/* Each firmware command fails once. */
	SNP_VM "inject=3,0 snp_start inject=1,1 snp_start inject=4,2 snp_start snp_start inject "
	       "update update "
	       "inject_later=0,3,2 update=1,2 inject=2,4 snp_finish snp_finish inject=11",
	SEV_VM("1") "vcpu inject=5 start inject=6 start start inject=7 data data inject=8 vmsa "
		    "vmsa inject=9 "
		    "measure measure inject=10 finish finish inject=11",
	SEV_VM("2") "start measure=1 measure=2 measure=0,1 measure=0,2 measure=4 measure report "
		    "report=1 "
		    "report=2 report=0,1 report=0,2 report=3",
	"sev_attribute sev_attribute=1 sev_attribute=2 sev_attribute=3 sev_attribute=0,1 "
	"sev_attribute=0,2 "
	"sev_attribute=0,0,1 sev_attribute=3,0,1 platform platform=1 platform=2 platform=3 "
	"platform=0,1 "
	"platform=1,1 platform=0,2 platform=1,2",
	NULL,
};
