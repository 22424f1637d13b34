/* SPDX-License-Identifier: MIT */
/* Policies in files: places across @includes, lists, what is a source, whom to trust, and the texts of the system. */
#include "tests/unit/reading.h"

/* Reads scratch/policy.conf with the judgement of owners and modes. */
static bool read_file(void)
{
    forget();
    policy_resolve_names_in_hints = false;
    return policy_read_file(&policy, in_scratch("policy.conf"), false, &messages);
}

static bool read_system(void)
{
    forget();
    policy_resolve_names_in_hints = false;
    return policy_read_system(&policy, scratch, false, &messages);
}

/* The messages with the scratch folder's name taken out. */
static const char *told_here(void)
{
    static char out[1 << 16];
    const char *text = told();
    size_t length = strlen(scratch), size = 0;

    while (*text) {
        if (strncmp(text, scratch, length) == 0 && text[length] == '/')
            text += length + 1;
        out[size++] = *text++;
    }
    out[size] = '\0';
    return out;
}

static const struct source *source_named(const char *name)
{
    for (size_t i = 0; i < policy.source_count; i++) {
        if (strcmp(policy.sources[i].path, in_scratch(name)) == 0)
            return &policy.sources[i];
    }
    return NULL;
}

static int make(void **state)
{
    return scratch_make(state);
}

static int clear(void **state)
{
    forget();
    return scratch_remove(state);
}

static void what_was_read_is_a_source(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(mkdir(in_scratch("lists"), 0700), 0);
    write_text("lists/a", "192.0.2.0/24\n2001:db8::/32\n");
    write_text("lists/b", "198.51.100.7\n198.51.100.7\n198.51.100.7/32\n");
    write_text("more.conf", "rules = ( { name = \"r\"; action = \"deny\"; to = [ \"@feed\", \"@gone\" ]; } );\n");
    write_text("policy.conf", "version = 1;\nsets = { feed = { file = [ \"lists/a\", \"lists/b\" ]; };\n"
                              "gone = { file = \"lists/gone\"; optional = true; }; same = { file = \"lists/a\"; }; };\n"
                              "@include \"more.conf\"\ndeny_to = [ \"@feed\" ];\n");
    assert_true(read_file());
    assert_string_equal(told_here(), "");
    assert_int_equal(policy.rule_count, 2);
    assert_true(covers(policy.rules[0].cover, "192.0.2.9") && covers(policy.rules[0].cover, "198.51.100.7"));
    assert_string_equal(policy.rules[0].place.file, in_scratch("more.conf"));
    assert_int_equal(policy.rules[0].place.line, 1);
    assert_int_equal(policy.rules[1].place.line, 5);
    assert_int_equal(policy.source_count, 5);
    assert_int_equal(stat(in_scratch("more.conf"), &st), 0);
    const struct source *source = source_named("more.conf");
    assert_non_null(source);
    assert_int_equal(source->kind, SOURCE_FILE);
    assert_true(source->inode == st.st_ino && source->size == (uint64_t)st.st_size);
    assert_true(source->mtime_ns == (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
    assert_true(source->ctime_ns == (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec);
    assert_int_equal(source_named("lists/gone")->kind, SOURCE_ABSENT);
    assert_int_equal(policy.sets[0].file_count, 2);
    assert_int_equal(policy.sets[0].files[0].entries, 2);
    assert_int_equal(policy.sets[0].files[1].entries, 3);
    assert_int_equal(policy.sets[0].files[1].merge.duplicates, 2);
    assert_int_equal(policy.sets[0].entries, 3);
    assert_int_equal(policy.sets[0].merge.duplicates, 0);
    assert_true(policy.sets[0].from_list && policy.sets[1].from_list && policy.sets[1].file_count == 0);
}

static void places_across_includes(void **state)
{
    (void)state;
    write_text("inner.conf", "# one\n\n  { action = \"deny\"; to = \"inner\"; }\n");
    write_text("middle.conf", "{ action = \"deny\"; to = \"middle\"; },\n\t@include \"inner.conf\"\n");
    write_text("policy.conf",
               "version = 1;\nrules = (\n  @include \"middle.conf\"\n  ,\n  { action = \"deny\"; to =\n \"outer\"; },\n"
               " /* a\n comment @include \"x\" */ { action = \"deny\"; to = [ \"any\", # @include \"y\"\n \"last\"\n\n"
               "\n ]; }\n);\nwhat = 1;\n");
    assert_false(read_file());
    assert_string_equal(
        told_here(),
        "policy.conf:5: 'outer' is a host name or no address at all; names change, so write the "
        "addresses\n"
        "policy.conf:9: 'last' is a host name or no address at all; names change, so write the addresses\n"
        "policy.conf:14: unknown key 'what'; a policy knows 'version', 'mode', 'default', 'sets', 'rules', "
        "'programs', 'deny_to', 'deny_from', 'deny_on', 'icmp', 'log' or 'unprotected'\n"
        "middle.conf:1: 'middle' is a host name or no address at all; names change, so write the "
        "addresses\n"
        "inner.conf:3: 'inner' is a host name or no address at all; names change, so write the "
        "addresses\n");
}

static void includes_that_fail(void **state)
{
    (void)state;
    write_text("loop.conf", "@include \"loop.conf\"\n");
    write_text("policy.conf",
               "version = 1;\n@include \"loop.conf\"\n@include \"absent.conf\"\nmode = @include \"x\"\n");
    assert_false(read_file());
    assert_string_equal(told_here(), "loop.conf:1: @include 'loop.conf' is nested more than 10 deep\n"
                                     "policy.conf:3: cannot @include 'absent.conf': no such file\n"
                                     "policy.conf:4: '@' stands for @include alone, at the start of a line: @include "
                                     "\"FILE\"\n");
}

static void syntax(void **state)
{
    (void)state;
    says("mode = \"audit;\nx = 1;", "policy.conf:2: a text is not closed in its line; write '\"' at its end\n");
    says("a = 1;\n/* never\nclosed",
         "policy.conf:3: a comment begins here and is never closed; write '*/' at its end\n");
    says("rules = (\n { action = \"deny\"; },\n);",
         "policy.conf:4: a comma stands in front of ')'; leave it out behind the last element\n");
    says("rules = (\n {\n }\n {\n }\n);", "policy.conf:5: a comma is missing between '}' and '{'\n");
    says("deny_to = [ \"10.0.0.1\"\n \"10.0.0.2\" ];", "policy.conf:3: a comma is missing in front of this text\n");
    says("rules = (\n { a = 1;\n);", "policy.conf:4: ')' cannot close the '{' of line 3\n");
    says("rules = (\n { a = 1; }\n", "policy.conf:2: '(' is never closed\n");
    says("mode = \"audit\";\n};", "policy.conf:3: '}' closes nothing\n");
    says("mode \"audit\";", "policy.conf:2: syntax error near 'mode \"audit\";'\n");
    says("mode = \"audit\";\nmode = \"off\";",
         "policy.conf:3: a key stands twice in one group, near 'mode = \"off\";'\n");
    says("mode = ", "policy.conf:3: syntax error: the text ends too early\n");
    says("deny_to = [ 1, \"x\" ];", "policy.conf:2: mismatched element type in array near 'deny_to = [ 1, \"x\" ];'\n");
    says("log = { to = \"stderr\\x00\"; };", "policy.conf:2: a text cannot hold a NUL byte\n");
    reads("mode = \"au\"\n \"dit\"; # a comment at the end, without a newline");
    assert_int_equal(policy.mode, MODE_AUDIT);
    read_whole("\xef\xbb\xbfversion = 1;\r\ndeny_to = [ \"10.0.0.1\" ];\r\n");
    assert_string_equal(told(), "");
    char deep[300];
    memset(deep, '(', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    char text[400];
    snprintf(text, sizeof(text), "x = %s", deep);
    says(text, "policy.conf:2: brackets are nested more than 64 deep\n");
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    assert_false(read_file());
    assert_string_equal(told_here(), "policy.conf: the policy does not exist\n");
    assert_int_equal(mkfifo(in_scratch("policy.conf"), 0600), 0);
    assert_false(read_file()); /* and does not wait for a writer */
    assert_string_equal(told_here(), "policy.conf: the file is no regular file\n");
    assert_int_equal(unlink(in_scratch("policy.conf")), 0);
    assert_int_equal(mkdir(in_scratch("policy.conf"), 0700), 0);
    assert_false(read_file());
    assert_string_equal(told_here(), "policy.conf: the file is no regular file\n");
    assert_int_equal(rmdir(in_scratch("policy.conf")), 0);
    file_write(in_scratch("policy.conf"), "version = 1;\nmo\0de = 1;", 22);
    assert_false(read_file());
    assert_string_equal(told_here(), "policy.conf:2: a NUL byte stands in the text\n");
    write_text("policy.conf", "");
    assert_int_equal(truncate(in_scratch("policy.conf"), (64 << 20) + 1), 0);
    assert_false(read_file());
    assert_string_equal(told_here(), "policy.conf: the file is larger than 64 MiB\n");
    write_text("policy.conf", "version = 1;\nsets = {\n a = { file = \"gone\"; };\n b = { file = [ \"..\" ]; }; };");
    assert_false(read_file());
    assert_string_equal(told_here(),
                        "policy.conf:3: list 'gone' does not exist; write optional = true if it may be absent\n"
                        "policy.conf:4: '..' is no regular file\n");
}

static void mistakes_of_a_list(void **state)
{
    (void)state;
    write_text("list", "192.0.2.1\nrubbish\n10.0.0.1/8\n");
    write_text("policy.conf", "version = 1;\nsets = { a = { file = \"list\"; }; };\ndeny_to = [ \"@a\" ];");
    assert_false(read_file());
    assert_string_equal(
        told_here(), "list:2: 'rubbish' is no address, CIDR or range; names and other words do not belong in a list\n"
                     "list:3: warning: 1 of 2 entries have host bits set, the first one here; they were read as the "
                     "whole network\n");
}

static void who_is_trusted(void **state)
{
    (void)state;
    write_text("part.conf", "mode = \"audit\";\n");
    write_text("list", "192.0.2.1\n");
    write_text("policy.conf", "version = 1;\n@include \"part.conf\"\nsets = { a = { file = \"list\"; }; };\n");
    assert_true(read_file());
    assert_int_equal(chmod(in_scratch("list"), 0666), 0);
    assert_int_equal(chmod(in_scratch("part.conf"), 0602), 0);
    assert_false(read_file());
    assert_non_null(strstr(told_here(), "policy.conf:2: 'part.conf' is not trusted: "));
    assert_int_equal(chmod(in_scratch("part.conf"), 0600), 0);
    assert_false(read_file());
    assert_non_null(strstr(told_here(), "policy.conf:3: 'list' is not trusted: "));
    assert_int_equal(chmod(in_scratch("list"), 0600), 0);
    assert_int_equal(chmod(in_scratch("policy.conf"), 0646), 0);
    assert_false(read_file());
    assert_non_null(strstr(told_here(), "policy.conf: the file is not trusted: "));
    forget();
    assert_true(policy_read_file(&policy, in_scratch("policy.conf"), true, &messages));
}

static void the_system_layer(void **state)
{
    (void)state;
    assert_true(read_system()); /* nothing there is no policy */
    assert_int_equal(policy.source_count, 2);
    assert_int_equal(source_named("policy.conf")->kind, SOURCE_ABSENT);
    assert_int_equal(source_named("policy.d")->kind, SOURCE_ABSENT);
    assert_true(policy.system);

    assert_int_equal(mkdir(in_scratch("policy.d"), 0755), 0);
    write_text("policy.conf",
               "version = 1;\ndeny_to = [ \"@late\" ];\nrules = ( { name = \"a\"; action = \"deny\"; to = "
               "\"10.0.0.1\"; } );\nmode = \"audit\";\n");
    write_text("policy.d/20.conf",
               "version = 1; sets = { late = [ \"10.0.0.3\" ]; };\nrules = ( { name = \"c\"; action = "
               "\"deny\"; to = \"10.0.0.2\"; } );\ndeny_to = [ \"10.0.0.9\" ];\n");
    write_text("policy.d/10.conf", "version = 1;\nrules = ( { name = \"b\"; action = \"deny\"; to = \"@late\"; } );\n");
    write_text("policy.d/README", "not a policy");
    write_text("policy.d/.hidden.conf", "not a policy");
    assert_true(read_system());
    assert_string_equal(told_here(), "");
    assert_int_equal(policy.rule_count, 5);
    assert_string_equal(policy.rules[0].name, "a");
    assert_string_equal(policy.rules[1].name, "b");
    assert_string_equal(policy.rules[2].name, "c");
    assert_true(covers(policy.rules[3].cover, "10.0.0.3") && covers(policy.rules[4].cover, "10.0.0.9"));
    assert_int_equal(source_named("policy.d")->kind, SOURCE_FOLDER);
    assert_int_equal(policy.source_count, 4);
}

static void what_stands_twice_in_the_system_layer(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_scratch("policy.d"), 0755), 0);
    write_text("policy.conf", "version = 1;\nmode = \"audit\";\nlog = { to = \"syslog\"; };\nsets = { a = [ ]; };\n");
    write_text("policy.d/10.conf", "\nmode = \"off\"; sets = {\n a = [ ]; };\nlog = { };\n");
    assert_false(read_system());
    assert_string_equal(told_here(), "policy.d/10.conf: 'version' is missing; write 'version = 1;'\n"
                                     "policy.d/10.conf:2: 'mode' stands twice in this layer; it stands already at "
                                     "policy.conf:2\n"
                                     "policy.d/10.conf:3: set 'a' stands twice in this layer; it stands already at "
                                     "policy.conf:4\n"
                                     "policy.d/10.conf:4: 'log' stands twice in this layer; it stands already at "
                                     "policy.conf:3\n");
}

static void folders_in_which_others_write(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_scratch("policy.d"), 0755), 0);
    write_text("policy.d/10.conf", "version = 1;\n");
    assert_true(read_system());
    assert_int_equal(chmod(in_scratch("policy.d"), 0777), 0);
    assert_false(read_system());
    assert_non_null(strstr(told_here(), "policy.d: the folder is not trusted: "));
    assert_int_equal(chmod(in_scratch("policy.d"), 0755), 0);
    assert_int_equal(chmod(scratch, 0777), 0);
    assert_false(read_system());
    assert_non_null(strstr(told_here(), ": the folder is not trusted: "));
    assert_int_equal(chmod(scratch, 0700), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_read_is_a_source, make, clear),
        cmocka_unit_test_setup_teardown(places_across_includes, make, clear),
        cmocka_unit_test_setup_teardown(includes_that_fail, make, clear),
        cmocka_unit_test(syntax),
        cmocka_unit_test_setup_teardown(files_that_cannot_be_read, make, clear),
        cmocka_unit_test_setup_teardown(mistakes_of_a_list, make, clear),
        cmocka_unit_test_setup_teardown(who_is_trusted, make, clear),
        cmocka_unit_test_setup_teardown(the_system_layer, make, clear),
        cmocka_unit_test_setup_teardown(what_stands_twice_in_the_system_layer, make, clear),
        cmocka_unit_test_setup_teardown(folders_in_which_others_write, make, clear),
    };

    return cmocka_run_group_tests(tests, NULL, forget_after);
}
