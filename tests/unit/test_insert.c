/* SPDX-License-Identifier: MIT */
/* Rules put into a text: where, with which commas, and what stays as it was. */
#include "config/insert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_insert(const char *text, const char *rules, const char *comments, const char *expected)
{
    const struct insertion insertion = {rules, comments};
    char *out = rules_insert(text, &insertion);

    if (expected == NULL)
        assert_null(out);
    else
        assert_string_equal(out, expected);
    free(out);
}

static void behind_the_last_rule(void **state)
{
    (void)state;
    assert_insert("rules = (\n  { a = 1; }\n);\n", "  { b = 2; }\n", "",
                  "rules = (\n  { a = 1; },\n  { b = 2; }\n);\n");
    assert_insert("rules = (\n  { a = 1; }  # the last one\n  /* more */\n);\n", "  { b = 2; }\n", "",
                  "rules = (\n  { a = 1; },  # the last one\n  /* more */\n  { b = 2; }\n);\n");
    assert_insert("rules : ( { a = ( 1, 2 ); } );", "  { b = 2; }\n", "",
                  "rules : ( { a = ( 1, 2 ); }, \n  { b = 2; }\n);");
    assert_insert("rules\n=\n(\n  { a = 1; }\n  )\nx = 1;\n", "  { b = 2; }\n", "  # c\n",
                  "rules\n=\n(\n  { a = 1; },\n  { b = 2; }\n  # c\n  )\nx = 1;\n");
}

static void into_an_empty_list(void **state)
{
    (void)state;
    assert_insert("rules = ();", "  { b = 2; }\n", "", "rules = (\n  { b = 2; }\n);");
    assert_insert("rules = (\n  # none yet\n);\n", "  { b = 2; }\n", "", "rules = (\n  # none yet\n  { b = 2; }\n);\n");
}

static void a_list_of_its_own(void **state)
{
    (void)state;
    assert_insert("version = 1;\n", "  { b = 2; }\n", "", "version = 1;\n\nrules = (\n  { b = 2; }\n);\n");
    assert_insert("version = 1", "  { b = 2; }\n", "", "version = 1\n\nrules = (\n  { b = 2; }\n);\n");
    assert_insert("# rules = ( );\ns = \"rules = (\";\n", "  { b = 2; }\n", "",
                  "# rules = ( );\ns = \"rules = (\";\n\nrules = (\n  { b = 2; }\n);\n");
}

/* What only looks like the list, or its end. */
static void the_right_one(void **state)
{
    (void)state;
    assert_insert("p = ( { rules = ( { x = 1; } ); } );\nrules = (\n  { s = \")\\\"\"; } // )\n);\n", "  { b = 2; }\n",
                  "",
                  "p = ( { rules = ( { x = 1; } ); } );\nrules = (\n  { s = \")\\\"\"; }, // )\n  { b = 2; }\n);\n");
    assert_insert("my_rules = ( 1 );\n", "  { b = 2; }\n", "", "my_rules = ( 1 );\n\nrules = (\n  { b = 2; }\n);\n");
}

static void comments_alone_need_no_comma(void **state)
{
    (void)state;
    assert_insert("rules = (\n  { a = 1; }\n);\n", "", "  # c\n", "rules = (\n  { a = 1; }\n  # c\n);\n");
}

static void lines_end_as_the_text_has_them(void **state)
{
    (void)state;
    assert_insert("rules = (\r\n  { a = 1; }\r\n);\r\n", "  { b = 2; }\n", "",
                  "rules = (\r\n  { a = 1; },\r\n  { b = 2; }\r\n);\r\n");
}

static void broken_texts_are_refused(void **state)
{
    (void)state;
    assert_insert("rules = ( { a = 1; }", "  { b = 2; }\n", "", NULL);
    assert_insert("rules = ) (", "  { b = 2; }\n", "", NULL);
    assert_insert("x = [ 1, 2;\n", "  { b = 2; }\n", "", NULL);
    assert_insert("rules = ( \"", "  { b = 2; }\n", "", NULL);
    assert_insert("rules = ( /* ", "  { b = 2; }\n", "", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_the_last_rule),
        cmocka_unit_test(into_an_empty_list),
        cmocka_unit_test(a_list_of_its_own),
        cmocka_unit_test(the_right_one),
        cmocka_unit_test(comments_alone_need_no_comma),
        cmocka_unit_test(lines_end_as_the_text_has_them),
        cmocka_unit_test(broken_texts_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
