/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <time.h>

#include "vm/mapping.h"
#include "vm/proxmox-args.h"
#include "vm/proxmox-keys.h"
#include "vm/proxmox.h"

static const struct release newest = { { 0 } };

static void parse(struct arena *arena, const char *text, struct release release, struct proxmox_config *ret)
{
	proxmox_config_parse(arena, slice_of(text), release, ret);
}

static const char *value_of(const struct proxmox_config *config, const char *key)
{
	const char *value = proxmox_get(&config->sections[0], key);
	return value ? value : "(none)";
}

static void assert_problem(const struct proxmox_config *config, size_t index, const char *part)
{
	if (index >= config->problems.count)
		fail_msg("there are %zu problems only; wanted: %s", config->problems.count, part);
	assert_contains(config->problems.items[index], part);
}

static void keeps_lines_and_spelling(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct proxmox_config config;
	parse(&arena, "# a note\n\ncores:4\nkvm:   off  \t\r\nonboot: 1\nmemory: 007\n", newest, &config);
	const struct proxmox_entry *entry = proxmox_find(&config.sections[0], "kvm");
	assert_int(entry->line, 4);
	assert_slice(entry->spelling, "off");
	assert_string_equal(entry->value, "0");
	assert_string_equal(value_of(&config, "cores"), "4");
	assert_int(config.settings, 3);
	assert_int(config.problems.count, 1);
	assert_problem(&config, 0,
		       "line 6: 'memory': Proxmox VE does not take its value: '007' is no value for 'current'");
	assert_string_equal(config.sections[0].description, " a note");
}

static void the_last_of_a_name_that_is_taken_is_in_force(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct proxmox_config config;
	parse(&arena, "machine: pc\nmachine: q35\nmachine: bogus\nciuser: a\nciuser: \"b\"\n", newest, &config);
	assert_string_equal(value_of(&config, "machine"), "q35");
	assert_string_equal(value_of(&config, "ciuser"), "b");
	assert_int(config.sections[0].count, 5);
	assert_int(config.sections[0].in_force_count, 2);
	assert_int(config.problems.count, 1);
}

static void knows_sections_of_all_kinds(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct proxmox_config config;
	parse(&arena,
	      "cores: 1\n[pending]\ncores: 2\n[special:cloudinit]\nname: was\n[Snap-1]\n#then\ncores: 3\nsnapstate: "
	      "delete\n[x]\ncores: 4\nbogus\n[PENDING] \t\ncores: 5\n",
	      newest, &config);
	assert_int(config.count, 6);
	assert_string_equal(value_of(&config, "cores"), "1");
	const struct proxmox_section *snapshot = proxmox_find_section(&config, PROXMOX_SNAPSHOT, "Snap-1");
	assert_string_equal(proxmox_get(snapshot, "cores"), "3");
	assert_string_equal(snapshot->description, "then");
	assert_int(snapshot->line, 6);
	assert_string_equal(proxmox_get(proxmox_find_section(&config, PROXMOX_SPECIAL, "cloudinit"), "name"), "was");
	/* The later one of a name takes the place of the other. */
	assert_string_equal(proxmox_get(proxmox_find_section(&config, PROXMOX_PENDING, ""), "cores"), "5");
	assert_null(proxmox_find_section(&config, PROXMOX_SNAPSHOT, "x"));
	assert_problem(&config, 0, "line 10: Proxmox VE knows no section 'x'");
	assert_problem(&config, 1, "line 12: 'bogus' is no setting");
	assert_problem(&config, 2, "line 2: section 'PENDING' stands again at line 13");
}

static void an_old_release_reads_on_behind_an_unknown_heading(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct proxmox_config config;
	parse(&arena, "cores: 1\n[x]\ncores: 2\n", (struct release){ { 8, 3, 10 } }, &config);
	assert_string_equal(value_of(&config, "cores"), "2");
	assert_problem(&config, 0, "line 2: '[x]' is no setting");
	parse(&arena, "cores: 1\n[x]\ncores: 2\n", (struct release){ { 8, 3, 11 } }, &config);
	assert_string_equal(value_of(&config, "cores"), "1");
}

static void decodes_descriptions(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct proxmox_config config;
	parse(&arena, "#one%3A%zz%00\ncores: 1\n#two  \ndescription: three%0Afour\n", newest, &config);
	assert_string_equal(config.sections[0].description, "one:%zz\xef\xbf\xbd\ntwo  \nthree\nfour");
	assert_string_equal(config.sections[0].description_encoded, "one%3A%25zz%00%0Atwo  %0Athree%0Afour");
	/* What is no UTF-8 is replaced: once for each character that was begun. Blanks at the end are all of Unicode's. */
	parse(&arena, "#%c3%a9\xff\xe2\x82\n#%C2%A0%E3%80%80\n", newest, &config);
	assert_string_equal(config.sections[0].description_encoded, "%C3%A9%EF%BF%BD%EF%BF%BD");
	parse(&arena, "#\n#  \n", newest, &config);
	assert_string_equal(config.sections[0].description, "");
	parse(&arena, " # no comment: it does not begin the line\n", newest, &config);
	assert_null(config.sections[0].description);
	assert_problem(&config, 0, "line 1");
}

static void reads_blank_values_as_perl_does(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct proxmox_config config;
	parse(&arena, "boot:   \ntags:\nargs:  \ncores: 1", newest, &config);
	assert_string_equal(value_of(&config, "boot"), " ");
	assert_string_equal(value_of(&config, "cores"), "1");
	assert_string_equal(value_of(&config, "args"), " ");
	assert_int(config.problems.count, 1);
	assert_problem(&config, 0, "line 2: 'tags:'");
	/* Of several trailing characters a carriage return counts as a blank; alone it spoils the value. */
	parse(&arena, "boot:\r\ncores: 2\r\n", newest, &config);
	assert_problem(&config, 0, "carriage return");
	assert_string_equal(value_of(&config, "cores"), "2");
}

static void applies_pending_changes(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct proxmox_config config;
	struct proxmox_section merged;
	parse(&arena,
	      "#old\nballoon: 0\ncores: 2\nmachine: q35\nname: vm\n\n[PENDING]\nmachine: q35,viommu=intel\n"
	      "hostpci0: 01:00\ndelete: balloon;!name , nothing\n",
	      newest, &config);
	const struct proxmox_section *pending = proxmox_find_section(&config, PROXMOX_PENDING, "");
	assert_true(proxmox_deletes(pending, "balloon"));
	assert_true(proxmox_deletes(pending, "name"));
	assert_false(proxmox_deletes(pending, "nam"));
	assert_false(proxmox_deletes(NULL, "name"));
	proxmox_apply_pending(&arena, &config, &merged);
	assert_int(merged.in_force_count, 3);
	assert_string_equal(merged.in_force[0].key, "cores");
	assert_string_equal(merged.in_force[1].key, "hostpci0");
	assert_string_equal(proxmox_get(&merged, "machine"), "q35,viommu=intel");
	assert_int(proxmox_find(&merged, "machine")->line, 8);
	assert_null(proxmox_find(&merged, "delete"));
	assert_string_equal(merged.description, "old");
	assert_string_equal(value_of(&config, "machine"), "q35");
	parse(&arena, "delete: cores\ncores: 1\n", newest, &config);
	assert_problem(&config, 0, "[PENDING] only");
	assert_null(proxmox_find(&config.sections[0], "delete"));
}

static void knows_settings_by_name_and_number(void **state)
{
	(void)state;
	static const char *const known[] = { "hostpci0", "hostpci15", "net31", "scsi30", "unused255", "numa",
					     "numa7",    "smbios1",   "rng0",  "memory", "amd-sev",   "virtiofs9" };
	static const char *const unknown[] = { "hostpci16",
					       "hostpci",
					       "hostpci00",
					       "net32",
					       "smbios0",
					       "rng1",
					       "cores1",
					       "machin",
					       "",
					       "numa8",
					       "0",
					       "net4294967296",
					       "averyveryveryverylongnamethatnobodyhas0" };
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!proxmox_find_key(known[i]))
			fail_msg("%s is not known", known[i]);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		if (proxmox_find_key(unknown[i]))
			fail_msg("%s is known", unknown[i]);
	assert_int(proxmox_find_key("numa")->type, PROXMOX_BOOLEAN);
	assert_int(proxmox_find_key("numa0")->type, PROXMOX_TEXT);
}

/* A line, the first release that takes it, and the one before that does not. */
static void knows_since_when_a_setting_is_taken(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		struct release then;
		struct release before;
	} examples[] = {
		{ "machine: q35,viommu=intel,aw-bits=39", { { 9, 0, 21 } }, { { 9, 0, 20 } } },
		{ "machine: q35,enable-s3=1", { { 8, 3, 10 } }, { { 8, 3, 9 } } },
		{ "cpu: host,guest-phys-bits=39", { { 9, 0, 18 } }, { { 9, 0, 17 } } },
		{ "cpu: host,level=30", { { 9, 1, 14 } }, { { 9, 1, 13 } } },
		{ "hostpci0: mapping=gpu", { { 8, 0, 4 } }, { { 8, 0, 3 } } },
		{ "hostpci0: 01:00,driver=keep", { { 9, 0, 25 } }, { { 9, 0, 24 } } },
		{ "hostpci0: 01:00,vendor-id=0x10de", { { 7, 1, 5 } }, { { 7, 1, 4 } } },
		{ "affinity: 0-3", { { 7, 2, 7 } }, { { 7, 2, 6 } } },
		{ "amd-sev: std", { { 8, 3, 0 } }, { { 8, 2, 6 } } },
	};
	AUTO_ARENA arena = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct proxmox_config config;
		parse(&arena, examples[i].line, examples[i].then, &config);
		if (config.settings != 1)
			fail_msg("%s", config.problems.items[0]);
		parse(&arena, examples[i].line, examples[i].before, &config);
		if (config.settings)
			fail_msg("taken: %s", examples[i].line);
		assert_int(config.problems.count, 1);
	}
}

static void knows_machine_types(void **state)
{
	(void)state;
	static const char *const good[] = { "pc",
					    "q35",
					    "pc-q35-8.1",
					    "pc-q35-8.1+pve0",
					    "pc-i440fx-5.1",
					    "pc-7.2+pve12.pxe",
					    "pc-q35-4.0.1.pxe",
					    "virt",
					    "virt-9.0+pve1",
					    "virt+pve0",
					    "type=q35",
					    "viommu=virtio",
					    "viommu=intel,type=q35",
					    "q35,enable-s4=0,viommu=intel" };
	static const char *const bad[] = {
		"q36",         "pc-q35-8",     "pc-q35-8.1+pve", "pc-q35-8.1 ,viommu=intel",
		"q35+pve0",    "pc-q35-8.1.x", "q35,viommu=amd", "q35,aw-bits=31",
		"q35,viommu=", "type=q35,pc",  "virt-9",         "pc-q35-10.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
	};
	AUTO_ARENA arena = { 0 };
	struct proxmox_config config;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		parse(&arena, arena_printf(&arena, "machine: %s", good[i]), newest, &config);
		if (config.settings != 1)
			fail_msg("%s", config.problems.items[0]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		parse(&arena, arena_printf(&arena, "machine: %s", bad[i]), newest, &config);
		if (config.settings)
			fail_msg("taken: machine: %s", bad[i]);
	}
	/* Before 8.1.2 it was any text. */
	parse(&arena, "machine: q35,viommu=intel", (struct release){ { 8, 1, 1 } }, &config);
	assert_int(config.settings, 1);
}

static void checks_values_of_all_types(void **state)
{
	(void)state;
	static const char *const good[] = { "cpu: host,flags=+pcid;-spec-ctrl",
					    "cpu: cputype=max,hidden=yes",
					    "cpu: host,phys-bits=host",
					    "cpulimit: 1.5",
					    "cores: 012",
					    "hostpci0: 10000:e1:00.0;01:00",
					    "hostpci0: 01:00,mdev=nvidia-63",
					    "memory: current=2048" };
	static const char *const bad[] = { "cpu: host,flags=+vmx",
					   "cpu: host,flags=+aes;-svm",
					   "cpu: host,phys-bits=65",
					   "cpulimit: 1.",
					   "cores: four",
					   "cores: -1",
					   "onboot: 2",
					   "hostpci0: 1:00.0",
					   "hostpci0: 01:00.g",
					   "hostpci0: 0000:0A:00",
					   "hostpci0: 01:00.0;",
					   "hostpci0: 01:00,mdev=a/b",
					   "memory: 8",
					   "hostpc0: 01:00",
					   "Cores: 4",
					   "cpu: host,reported-model=EPYC" };
	AUTO_ARENA arena = { 0 };
	struct proxmox_config config;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		parse(&arena, good[i], newest, &config);
		if (config.settings != 1)
			fail_msg("%s", config.problems.items[0]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		parse(&arena, bad[i], newest, &config);
		if (config.settings || config.problems.count != 1)
			fail_msg("taken: %s", bad[i]);
	}
	parse(&arena, "ciuser: \"a\"\nsearchdomain: \"\"\nargs: \"-m 1\"\n", newest, &config);
	assert_string_equal(value_of(&config, "ciuser"), "a");
	assert_string_equal(value_of(&config, "searchdomain"), "");
	assert_string_equal(value_of(&config, "args"), "\"-m 1\"");
	parse(&arena, "cdrom: none\n", newest, &config);
	assert_string_equal(value_of(&config, "ide2"), "none");
}

static void splits_args_as_perl_does(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *words; /* each ended by a bar; NULL: all is dropped */
	} examples[] = {
		{ "a b  c", "a|b|c|" },
		{ " lead trail  ", "lead|trail|" },
		{ "a 'b c' d\"e f\"g", "a|b c|de fg|" },
		{ "'it\\'s' x", "it\\'s|x|" },
		{ "'a\\b' \"a\\b\" a\\b", "a\\b|ab|ab|" },
		{ "a '' b \"\"", "a||b||" },
		{ "a\\ b c", "a b|c|" },
		{ "\"a\\\"b\" '#' $x ;", "a\"b|#|$x|;|" },
		{ "x=y'z w',\"q\"", "x=yz w,q|" },
		{ "a \"open", NULL },
		{ "a'b", NULL },
		{ "a \\", NULL },
		{ "", "" },
	};
	AUTO_ARENA arena = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct list words;
		struct buffer got = { .arena = &arena };
		bool taken = proxmox_split_args(&arena, examples[i].text, &words);
		assert_int(taken, examples[i].words != NULL);
		buffer_puts(&got, "");
		for (size_t j = 0; taken && j < words.count; j++)
			buffer_printf(&got, "%s|", words.items[j]);
		if (taken)
			assert_string_equal(got.text, examples[i].words);
	}
}

static void reads_mappings(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct mappings mappings;
	mappings_parse(
		&arena,
		slice_of(
			"# none\n\ngpu\n\tdescription a b\n\tmap id=10de:2204,iommugroup=15,node=pve1,path=0000:01:00\n"
			"\tmap node=pve2,path=0000:41:00.0;0000:41:00.1,id=10de:2204\n\tmap bogus\n\nvgpu\n"
			"\tmdev 1\ntwo words\n\tmap node=a,path=b,id=c\n"),
		&mappings);
	assert_int(mappings.count, 2);
	const struct mapping *gpu = mappings_find(&mappings, "gpu");
	assert_int(gpu->count, 2);
	assert_string_equal(gpu->places[0].path, "0000:01:00");
	assert_string_equal(gpu->places[0].group, "15");
	assert_string_equal(gpu->places[1].node, "pve2");
	assert_null(gpu->places[1].group);
	assert_int(gpu->places[1].line, 6);
	assert_true(mappings_find(&mappings, "vgpu")->mdev);
	assert_int(mappings_find(&mappings, "vgpu")->count, 0);
	assert_null(mappings_find(&mappings, "none"));
	assert_int(mappings.problems.count, 2);
	assert_contains(mappings.problems.items[0], "line 7: map of 'gpu'");
	assert_contains(mappings.problems.items[1], "line 11: no mapping is called 'two words'");
}

/* pmxcfs takes no file of more than 1 MiB: settings, headings, comments and rubbish of that size. */
static void a_mebibyte_takes_no_time(void **state)
{
	(void)state;
	static const char *const lines[] = { "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n",
					     "x: y\n",
					     "[snap]\n",
					     "#%41%42 a description\n",
					     "[x]\n",
					     "a\n",
					     "delete: a,b\n" };
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO_ARENA arena = { 0 };
		struct buffer text = { .arena = &arena };
		struct proxmox_config config;
		while (text.length < (1U << 20))
			buffer_puts(&text, lines[i]);
		clock_t before = clock();
		proxmox_config_parse(&arena, (struct slice){ text.text, text.length }, newest, &config);
		/* 50 ms, and room for the sanitizers that these tests run under. */
		if (clock() - before > CLOCKS_PER_SEC)
			fail_msg("%s takes %ld ms", lines[i], (long)((clock() - before) / (CLOCKS_PER_SEC / 1000)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_lines_and_spelling),
		cmocka_unit_test(the_last_of_a_name_that_is_taken_is_in_force),
		cmocka_unit_test(knows_sections_of_all_kinds),
		cmocka_unit_test(an_old_release_reads_on_behind_an_unknown_heading),
		cmocka_unit_test(decodes_descriptions),
		cmocka_unit_test(reads_blank_values_as_perl_does),
		cmocka_unit_test(applies_pending_changes),
		cmocka_unit_test(knows_settings_by_name_and_number),
		cmocka_unit_test(knows_since_when_a_setting_is_taken),
		cmocka_unit_test(knows_machine_types),
		cmocka_unit_test(checks_values_of_all_types),
		cmocka_unit_test(splits_args_as_perl_does),
		cmocka_unit_test(reads_mappings),
		cmocka_unit_test(a_mebibyte_takes_no_time),
	};
	return cmocka_run_group_tests_name("vm-proxmox", tests, NULL, NULL);
}
