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

static int mend(struct fixture *fixture, const char *id, enum verdict verdict, enum actor actor, struct mend mend)
{
	struct finding finding = { .check = check_find(id),
				   .verdict = verdict,
				   .summary = "summary",
				   .remedy = "remedy",
				   .actor = actor,
				   .mends = &mend,
				   .mend_count = 1 };
	assert_non_null(finding.check);
	return make_mend(&fixture->plan, &fixture->set, &finding, &fixture->error);
}

static int mend_as_administrator(struct fixture *fixture, const char *id, struct mend wanted)
{
	return mend(fixture, id, VERDICT_FAIL, ACTOR_ADMINISTRATOR, wanted);
}

static void each_kind_of_mend_is_made(void **state)
{
	struct fixture fixture;
	begin(&fixture, state);
	assert_int(mend_as_administrator(&fixture, "iommu-default",
					 (struct mend){ MEND_SET_PARAMETER, NULL, "intel_iommu=on iommu=pt", 0 }),
		   0);
	assert_int(fixture.plan.count, 2);
	assert_string_equal(fixture.plan.items[0].check, "iommu-default");
	assert_contains(change_text(&fixture.arena, &fixture.plan.items[0]), " intel_iommu=on iommu=pt\"");
	assert_int(mend_as_administrator(&fixture, "interrupt-remapping-not-disabled",
					 (struct mend){ MEND_REMOVE_PARAMETER, NULL, "intremap=off", 0 }),
		   0);
	assert_int(fixture.plan.count, 3);
	assert_string_equal(fixture.plan.items[2].check, "iommu-default, interrupt-remapping-not-disabled");
	assert_int(mend_as_administrator(&fixture, "kvm-nested",
					 (struct mend){ MEND_MODULE_OPTION, "kvm_amd", "nested=1", 0 }),
		   0);
	assert_contains(change_text(&fixture.arena, &fixture.plan.items[2]), "+options kvm_amd nested=1\n");
	end(&fixture);
	begin(&fixture, state);
	assert_int(mend_as_administrator(&fixture, "boot-initramfs-current", (struct mend){ .kind = MEND_INITRAMFS }),
		   0);
	assert_int(mend_as_administrator(&fixture, "boot-parameters-in-force", (struct mend){ .kind = MEND_BOOT }), 0);
	assert_int(fixture.plan.count, 2);
	assert_string_equal(change_text(&fixture.arena, &fixture.plan.items[1]), "update-grub\n");
	end(&fixture);
}

static void a_line_is_taken_out_only_where_it_is_what_was_seen(void **state)
{
	struct fixture fixture;
	begin(&fixture, state);
	fake_file(state, "/etc/modprobe.d/old.conf", "# VirtualBox\nblacklist kvm_intel\noptions kvm ignore_msrs=1\n");
	struct mend line = { MEND_LINE, "/etc/modprobe.d/old.conf", "blacklist", 2 };
	assert_int(mend_as_administrator(&fixture, "boot-modules-allowed", line), 0);
	assert_contains(change_text(&fixture.arena, &fixture.plan.items[0]),
			" # VirtualBox\n-blacklist kvm_intel\n options kvm ignore_msrs=1\n");
	end(&fixture);
	begin(&fixture, state);
	line.line = 3;
	assert_int(mend_as_administrator(&fixture, "boot-modules-allowed", line), -ENOTSUP);
	line.line = 9;
	assert_int(mend_as_administrator(&fixture, "boot-modules-allowed", line), -ENOTSUP);
	line.where = "/usr/lib/modprobe.d/old.conf";
	assert_int(mend_as_administrator(&fixture, "boot-modules-allowed", line), -ENOTSUP);
	assert_contains(fixture.error.text, "a package's");
	assert_int(fixture.plan.count, 0);
	end(&fixture);
}

static void lines_of_the_command_line_become_one(void **state)
{
	static const struct {
		const char *before;
		const char *after; /* NULL: refused */
	} cases[] = {
		{ "root=/dev/sda1 quiet\nintel_iommu=on iommu=pt\n\n",
		  "root=/dev/sda1 quiet intel_iommu=on iommu=pt\n" },
		{ "root=/dev/sda1\nroot=/dev/sda1 quiet", "root=/dev/sda1 quiet\n" },
		{ "root=/dev/sda1\nroot=/dev/sdb1\n", NULL },
		{ "root=/dev/sda1 intel_iommu=off\nintel_iommu=on\n", NULL },
		{ "root=/dev/sda1\n# intel_iommu=on\n", NULL },
		{ "root=/dev/sda1 console=tty0\nconsole=ttyS0\n", "root=/dev/sda1 console=tty0 console=ttyS0\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture fixture;
		begin(&fixture, state);
		fake_file(state, "/etc/kernel/cmdline", cases[i].before);
		int r = make_one_line(&fixture.plan, &fixture.boot, &fixture.error);
		assert_int(r, cases[i].after ? 0 : -ENOTSUP);
		if (cases[i].after)
			assert_string_equal(arena_strndup(&fixture.arena, fixture.plan.items[0].after.content.start,
							  fixture.plan.items[0].after.content.length),
					    cases[i].after);
		end(&fixture);
	}
}

static void a_mend_that_fails_half_way_leaves_the_plan_as_it_was(void **state)
{
	struct fixture fixture;
	begin(&fixture, state);
	struct mend mends[] = {
		{ MEND_SET_PARAMETER, NULL, "iommu=pt", 0 },
		{ MEND_SET_PARAMETER, NULL, "bad=\"word\"", 0 },
	};
	struct finding finding = { .check = check_find("iommu-default"),
				   .verdict = VERDICT_FAIL,
				   .summary = "summary",
				   .actor = ACTOR_ADMINISTRATOR,
				   .mends = mends,
				   .mend_count = 1 };
	assert_int(make_mend(&fixture.plan, &fixture.set, &finding, &fixture.error), 0);
	const char *was = change_text(&fixture.arena, &fixture.plan.items[0]);
	mends[0].what = "quiet";
	finding.mend_count = 2;
	assert_int(make_mend(&fixture.plan, &fixture.set, &finding, &fixture.error), -EINVAL);
	assert_int(fixture.plan.count, 2);
	assert_string_equal(change_text(&fixture.arena, &fixture.plan.items[0]), was);
	end(&fixture);
}

static void nothing_is_done_for_what_passes_and_nothing_is_claimed_for_the_rest(void **state)
{
	struct fixture fixture;
	const struct mend on = { MEND_SET_PARAMETER, NULL, "intel_iommu=on", 0 };
	begin(&fixture, state);
	assert_int(mend(&fixture, "iommu-default", VERDICT_PASS, ACTOR_NOBODY, on), 0);
	assert_int(fixture.plan.count, 0);
	assert_int(fixture.plan.notes.count, 1);
	assert_int(mend(&fixture, "iommu-default", VERDICT_UNKNOWN, ACTOR_NOBODY, on), -ENOTSUP);
	assert_int(mend(&fixture, "iommu-default", VERDICT_NA, ACTOR_NOBODY, on), -ENOTSUP);
	assert_int(mend(&fixture, "iommu-default", VERDICT_FAIL, ACTOR_FIRMWARE, on), -ENOTSUP);
	assert_contains(fixture.error.text, "remedy");
	assert_int(fixture.plan.count, 0);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(each_kind_of_mend_is_made),
		test_in_folder(a_line_is_taken_out_only_where_it_is_what_was_seen),
		test_in_folder(lines_of_the_command_line_become_one),
		test_in_folder(a_mend_that_fails_half_way_leaves_the_plan_as_it_was),
		test_in_folder(nothing_is_done_for_what_passes_and_nothing_is_claimed_for_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
