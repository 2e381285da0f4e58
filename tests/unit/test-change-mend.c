/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-boot.h"

#include <errno.h>

#include "change/makers.h"

struct fixture {
	struct arena arena;
	struct root root;
	struct host host;
	struct boot boot;
	struct plan plan;
	struct subject_set set;
	struct error error;
};

static void begin(struct fixture *fixture, void **state)
{
	*fixture = (struct fixture){ .root = ROOT_NONE };
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-" RELEASE " root=/dev/sda1 intremap=off\n");
	fake_file(state, "/boot/grub/grub.cfg", "");
	fake_file(state, "/usr/sbin/update-grub", "");
	fake_file(state, "/usr/sbin/update-initramfs", "");
	fake_file(state, "/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"intremap=off\"\n");
	open_system(state, &fixture->root, true);
	boot_read(&fixture->root, &fixture->arena, RELEASE, &fixture->boot);
	plan_begin(&fixture->plan, &fixture->root, &fixture->arena);
	fixture->host.cpu.vendor = CPU_INTEL;
	fixture->host.kernel.cmdline_file.path = "/proc/cmdline";
	fixture->set = (struct subject_set){ .host = &fixture->host, .boot = &fixture->boot };
}

static void end(struct fixture *fixture)
{
	root_close(&fixture->root);
	arena_release(&fixture->arena);
}

static int mend(struct fixture *fixture, const char *id, enum verdict verdict, enum actor actor)
{
	struct evidence evidence = { "/proc/cmdline", "intremap=off" };
	const struct finding finding = { .check = check_find(id),
					 .verdict = verdict,
					 .summary = "summary",
					 .remedy = "remedy",
					 .actor = actor,
					 .evidence = &evidence,
					 .evidence_count = 1 };
	assert_non_null(finding.check);
	return make_mend(&fixture->plan, &fixture->set, &finding, &fixture->error);
}

static void a_failed_check_gets_its_change(void **state)
{
	struct fixture fixture;
	begin(&fixture, state);
	assert_int(mend(&fixture, "iommu-active", VERDICT_FAIL, ACTOR_ADMINISTRATOR), 0);
	assert_int(fixture.plan.count, 2);
	assert_string_equal(fixture.plan.items[0].check, "iommu-active");
	assert_contains(change_text(&fixture.arena, &fixture.plan.items[0]), "intel_iommu=on");
	end(&fixture);
	begin(&fixture, state);
	assert_int(mend(&fixture, "interrupt-remapping-not-disabled", VERDICT_FAIL, ACTOR_ADMINISTRATOR), 0);
	assert_contains(change_text(&fixture.arena, &fixture.plan.items[0]), "+GRUB_CMDLINE_LINUX_DEFAULT=\"\"\n");
	end(&fixture);
	begin(&fixture, state);
	fixture.host.cpu.vendor = CPU_AMD;
	assert_int(mend(&fixture, "kvm-nested", VERDICT_FAIL, ACTOR_ADMINISTRATOR), 0);
	assert_contains(change_text(&fixture.arena, &fixture.plan.items[0]), "+options kvm_amd nested=1\n");
	end(&fixture);
}

static void nothing_is_done_for_what_passes_and_nothing_is_claimed_for_the_rest(void **state)
{
	struct fixture fixture;
	begin(&fixture, state);
	assert_int(mend(&fixture, "iommu-active", VERDICT_PASS, ACTOR_NOBODY), 0);
	assert_int(fixture.plan.count, 0);
	assert_int(fixture.plan.notes.count, 1);
	assert_int(mend(&fixture, "iommu-active", VERDICT_UNKNOWN, ACTOR_NOBODY), -ENOTSUP);
	assert_int(mend(&fixture, "iommu-active", VERDICT_NA, ACTOR_NOBODY), -ENOTSUP);
	end(&fixture);
}

static void what_others_must_do_is_left_to_them(void **state)
{
	struct fixture fixture;
	begin(&fixture, state);
	assert_int(mend(&fixture, "iommu-active", VERDICT_FAIL, ACTOR_FIRMWARE), -ENOTSUP);
	assert_contains(fixture.error.text, "remedy");
	assert_int(mend(&fixture, "iommu-groups", VERDICT_FAIL, ACTOR_ADMINISTRATOR), -ENOTSUP);
	fixture.host.cpu.vendor = CPU_AMD;
	assert_int(mend(&fixture, "iommu-active", VERDICT_FAIL, ACTOR_ADMINISTRATOR), -ENOTSUP);
	assert_int(fixture.plan.count, 0);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(a_failed_check_gets_its_change),
		test_in_folder(nothing_is_done_for_what_passes_and_nothing_is_claimed_for_the_rest),
		test_in_folder(what_others_must_do_is_left_to_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
