/* SPDX-License-Identifier: MIT */
/* The policy language: what right texts come to, and what wrong ones are told, with the line it stands in. */
#include "tests/unit/reading.h"

#include <sys/socket.h>

static const struct rule *rule_named(const char *name)
{
    for (size_t i = 0; i < policy.rule_count; i++) {
        if (policy.rules[i].name && strcmp(policy.rules[i].name, name) == 0)
            return &policy.rules[i];
    }
    fail_msg("no rule '%s'", name);
    return NULL;
}

static void smallest(void **state)
{
    (void)state;
    assert_true(read_whole("version = 1; deny_to = [ \"169.254.169.254\" ];"));
    assert_int_equal(policy.rule_count, 1);
    assert_int_equal(policy.mode, MODE_ENFORCE);
    const struct rule *rule = &policy.rules[0];
    assert_int_equal(rule->kind, DIRECTION_TO);
    assert_int_equal(rule->chain, CHAIN_GENERAL);
    assert_int_equal(rule->action, ACTION_DENY);
    assert_int_equal(rule->protos, PROTO_ANY);
    assert_int_equal(rule->port_count, 0);
    assert_int_equal(rule->error, 0);
    assert_null(rule->name);
    assert_string_equal(rule->place.file, "policy.conf");
    assert_int_equal(rule->place.line, 1);
    assert_true(covers(rule->cover, "169.254.169.254") && covers(rule->cover, "::ffff:169.254.169.254"));
    assert_false(covers(rule->cover, "169.254.169.253") || rule->covers_all);
    /* what is not written is not written */
    assert_int_equal(policy.settings.default_action[DIRECTION_TO], -1);
    assert_int_equal(policy.settings.default_loopback, -1);
    assert_int_equal(policy.settings.log_limit, -1);
    assert_null(policy.settings.log_to);
    assert_false(policy.settings.log_given);
}

static void nothing_at_all(void **state)
{
    (void)state;
    assert_false(read_whole(""));
    assert_string_equal(told(), "policy.conf: 'version' is missing; write 'version = 1;'\n");
    read_whole("version = 2;");
    assert_string_equal(told(), "policy.conf:1: version 2 is unknown; this program reads version 1\n");
    read_whole("\n\nversion = \"1\";");
    assert_string_equal(told(), "policy.conf:3: 'version' must be a number, not a text\n");
    reads("");
}

static void every_key_of_a_rule(void **state)
{
    (void)state;
    reads("rules = (\n"
          "  { name = \"one\"; reason = \"because\"; action = \"deny\"; to = \"any\"; except = [ \"loopback\" ];\n"
          "    proto = \"tcp\"; port = ( 25, 465, \"2525-2526\", \"466\" ); errno = \"EHOSTUNREACH\"; log = true; },\n"
          "  { name = \"two\"; action = \"allow\"; from = ( \"10.0.0.1-10.0.0.9\", \"2001:db8::/32\" ); port = 22; "
          "audit = "
          "true; },\n"
          "  { name = \"three\"; action = \"drop\"; to = \"any\"; proto = [ \"udp\", \"icmp\" ]; },\n"
          "  { name = \"four\"; action = \"deny\"; on = [ \"any\", \"unix:/run/*.sock\", \"unix:@a\" ]; except = "
          "\"unix:/run/x.sock\"; },\n"
          "  { name = \"five\"; action = \"deny\"; family = [ \"packet\", \"vsock\" ]; }\n"
          ");");
    const struct rule *one = rule_named("one");
    assert_string_equal(one->reason, "because");
    assert_int_equal(one->error, EHOSTUNREACH);
    assert_true(one->log && !one->audit);
    assert_int_equal(one->protos, PROTO_TCP);
    assert_int_equal(one->port_count, 3); /* 465 and 466 touch */
    assert_int_equal(one->ports[1].first, 465);
    assert_int_equal(one->ports[1].last, 466);
    assert_true(covers(one->cover, "192.0.2.1") && covers(one->cover, "2001:db8::1"));
    assert_false(covers(one->cover, "127.0.0.1") || covers(one->cover, "::1") || one->covers_all);
    assert_int_equal(one->place.line, 3);

    const struct rule *two = rule_named("two");
    assert_int_equal(two->kind, DIRECTION_FROM);
    assert_int_equal(two->action, ACTION_ALLOW);
    assert_int_equal(two->protos, PROTO_WITH_PORTS);
    assert_true(two->audit && !two->log && covers(two->cover, "10.0.0.9") && !covers(two->cover, "10.0.0.10"));

    const struct rule *three = rule_named("three");
    assert_int_equal(three->action, ACTION_DROP);
    assert_int_equal(three->protos, PROTO_UDP | PROTO_ICMP);
    assert_true(three->covers_all);

    const struct rule *four = rule_named("four");
    assert_int_equal(four->kind, DIRECTION_ON);
    assert_int_equal(four->path_count, 2);
    assert_string_equal(four->paths[0], "/run/*.sock");
    assert_string_equal(four->paths[1], "@a");
    assert_string_equal(four->path_excepts[0], "/run/x.sock");
    assert_true(four->covers_all);

    const struct rule *five = rule_named("five");
    assert_int_equal(five->kind, KIND_FAMILY);
    assert_int_equal(five->family_count, 2);
    assert_int_equal(five->families[0], AF_PACKET);
    assert_int_equal(five->error, 0);
}

static void settings(void **state)
{
    (void)state;
    reads("mode = \"audit\";\n"
          "default = { outbound = \"deny\"; inbound = \"allow\"; listen = \"deny\"; loopback = \"deny\"; };\n"
          "icmp = { translate = \"never\"; hint = false; pretend_root = true; };\n"
          "log = { to = \"file:~/e-%u-%p.jsonl\"; what = \"all\"; limit = 50; max_size = \"16M\"; };\n"
          "unprotected = \"deny\";\n"
          "programs = ( { exe = [ \"/usr/bin/curl\", \"/opt/*/python*\" ]; default = { outbound = \"allow\"; };\n"
          "  log = { max_size = 5000000000L; };\n"
          "  rules = ( { action = \"deny\"; to = \"any\"; } ); } );\n");
    assert_int_equal(policy.mode, MODE_AUDIT);
    assert_int_equal(policy.settings.default_action[DIRECTION_TO], DEFAULT_DENY);
    assert_int_equal(policy.settings.default_action[DIRECTION_FROM], DEFAULT_ALLOW);
    assert_int_equal(policy.settings.default_action[DIRECTION_ON], DEFAULT_DENY);
    assert_int_equal(policy.settings.default_loopback, DEFAULT_DENY);
    assert_int_equal(policy.settings.icmp_translate, TRANSLATE_NEVER);
    assert_int_equal(policy.settings.icmp_hint, 0);
    assert_int_equal(policy.settings.icmp_pretend_root, 1);
    assert_string_equal(policy.settings.log_to, "file:~/e-%u-%p.jsonl");
    assert_int_equal(policy.settings.log_what, LOG_ALL);
    assert_int_equal(policy.settings.log_limit, 50);
    assert_int_equal(policy.settings.log_max_size, 16 << 20);
    assert_true(policy.settings.log_given);
    assert_int_equal(policy.settings.unprotected, UNPROTECTED_DENY);
    assert_int_equal(policy.program_count, 1);
    assert_int_equal(policy.programs[0].exe_count, 2);
    assert_string_equal(policy.programs[0].exes[1], "/opt/*/python*");
    assert_int_equal(policy.programs[0].settings.default_action[DIRECTION_TO], DEFAULT_ALLOW);
    assert_int_equal(policy.programs[0].settings.default_action[DIRECTION_ON], -1);
    assert_true(policy.programs[0].settings.log_max_size == 5000000000LL);
    assert_int_equal(policy.rules[0].chain, CHAIN_PROGRAMS);
}

static void sets(void **state)
{
    (void)state;
    reads("sets = { all = [ \"@office\", \"@guests\" ]; office = \"10.20.0.0/16\"; guests = ( \"private\", \"::1\" );\n"
          "  none = [ ]; };\n"
          "rules = ( { name = \"r\"; action = \"deny\"; to = [ \"@all\", \"192.0.2.1\" ]; except = \"@office\"; } );\n"
          "deny_from = ( \"@guests:22/tcp\" );");
    const struct rule *rule = rule_named("r");
    assert_true(covers(rule->cover, "172.16.0.1") && covers(rule->cover, "::1") && covers(rule->cover, "192.0.2.1"));
    assert_false(covers(rule->cover, "10.20.3.4"));
    assert_int_equal(rule->set_count, 1);
    assert_string_equal(policy.sets[rule->sets[0]].name, "all");
    assert_int_equal(policy.rules[1].ports[0].first, 22);
    assert_int_equal(policy.rules[1].protos, PROTO_TCP);
    assert_true(policy.sets[1].used && policy.sets[2].used && !policy.sets[3].used);
    says("sets = { a = \"@b\";\n b = \"@c\";\n c = \"@a\"; };",
         "policy.conf:4: set '@a' names itself, if not at once then by others\n");
    says("sets = { a = [ \"unix:/run/x\",\n \"@bee\" ]; bees = [ 5 ]; c = { files = \"x\"; }; d = 7; };",
         "policy.conf:2: 'unix:/run/x' cannot stand in a set; name it in the rule itself\n"
         "policy.conf:3: unknown set '@bee'; did you mean '@bees'?\n"
         "policy.conf:3: an element of 'bees' must be a text in quotes, not a number\n"
         "policy.conf:3: unknown key 'files'; did you mean 'file'?\n"
         "policy.conf:3: set 'c' lacks its list; write file = \"...\"\n"
         "policy.conf:3: 'd' must be a text in quotes, not a number\n");
    says("sets = ( \"a\" );", "policy.conf:2: 'sets' must be a group { }, not a list ( )\n");
}

static void shorthand_stands_behind_the_rules(void **state)
{
    (void)state;
    reads("deny_to = [ \"192.0.2.0/24\",\n  \"203.0.113.7:8000-8999/tcp\",\n  \"[2001:db8::/32]:443\"\n];\n"
          "deny_from = \"unix:/run/x\"; deny_on = [ \"any:10000/tcp\", \"10.0.0.1-10.0.0.9:80\" ];\n"
          "rules = ( { name = \"first\"; action = \"allow\"; to = \"any\"; } );");
    assert_int_equal(policy.rule_count, 7);
    assert_string_equal(policy.rules[0].name, "first");
    assert_int_equal(policy.rules[1].place.line, 2);
    assert_int_equal(policy.rules[2].place.line, 3);
    assert_int_equal(policy.rules[2].ports[0].last, 8999);
    assert_int_equal(policy.rules[3].place.line, 4);
    assert_int_equal(policy.rules[3].protos, PROTO_WITH_PORTS);
    assert_string_equal(policy.rules[4].paths[0], "/run/x");
    assert_int_equal(policy.rules[5].kind, DIRECTION_ON);
    assert_true(policy.rules[5].covers_all);
    assert_true(covers(policy.rules[6].cover, "10.0.0.5"));
    says("deny_to = [ \"10.0.0.1:80\",\n \"2001:db8::1:443\",\n \"any:x\", \"\" ];\ndeny_on = 5;",
         "policy.conf:3: deny_to: '2001:db8::1:443' may end in a port or not; write '[2001:db8::1]:443' or "
         "'[2001:db8::1:443]'\n"
         "policy.conf:4: deny_to: 'x' is no port from 1 to 65535 and no range of them; the form is "
         "ADDRESS[:PORT[-PORT]][/PROTO]\n"
         "policy.conf:4: deny_to: '' names no address; the form is ADDRESS[:PORT[-PORT]][/PROTO]\n"
         "policy.conf:5: 'deny_on' must be a text in quotes, not a number\n");
}

static void command_line(void **state)
{
    (void)state;
    reads("sets = { office = \"10.20.0.0/16\"; };\nrules = ( { action = \"deny\"; to = \"@office\"; } );");
    assert_true(policy_add_endpoint(&policy, "--deny-to", "192.0.2.1:443/tcp", &messages));
    assert_true(policy_add_endpoint(&policy, "--allow-from", "@office", &messages));
    assert_true(policy_add_endpoint(&policy, "--deny-on", "any:80", &messages));
    assert_string_equal(told(), "");
    const struct rule *first = &policy.rules[1], *second = &policy.rules[2];
    assert_int_equal(first->chain, CHAIN_COMMAND_LINE);
    assert_string_equal(first->name, "--deny-to 192.0.2.1:443/tcp");
    assert_string_equal(first->place.file, "command line");
    assert_int_equal(first->place.line, 1);
    assert_int_equal(second->action, ACTION_ALLOW);
    assert_int_equal(second->kind, DIRECTION_FROM);
    assert_int_equal(second->place.line, 2);
    assert_true(covers(second->cover, "10.20.0.1"));
    assert_false(policy_add_endpoint(&policy, "--deny-to", "10.0.0.1/8:80", &messages));
    assert_false(policy_add_endpoint(&policy, "--deny-at", "10.0.0.1", &messages));
    assert_false(policy_add_endpoint(&policy, "--allow-to", "@offices", &messages));
    assert_string_equal(told(),
                        "command line: '10.0.0.1/8' has host bits set; write '10.0.0.0/8', or '10.0.0.1' for the one "
                        "address\n"
                        "command line: unknown option '--deny-at'\n"
                        "command line: unknown set '@offices'; did you mean '@office'?\n");
    forget();
    policy_init(&policy); /* without any text */
    assert_true(policy_add_endpoint(&policy, "--deny-to", "any", &messages));
    assert_true(policy.rules[0].covers_all);
}

static void addresses(void **state)
{
    (void)state;
    rule_says("action = \"deny\"; to = \"10.1.2.3/8\";",
              "'10.1.2.3/8' has host bits set; write '10.0.0.0/8', or '10.1.2.3' for the one address");
    rule_says("action = \"deny\"; to = \"10.0.0.0/33\";",
              "the prefix length in '10.0.0.0/33' must be a number from 0 to 32");
    rule_says("action = \"deny\"; to = \"2001:db8::/129\";",
              "the prefix length in '2001:db8::/129' must be a number from 0 to 128");
    rule_says(
        "action = \"deny\"; to = \"0.0.0.0\";",
        "'0.0.0.0' as a destination is this machine; write 'loopback' for that, or '0.0.0.0/0', '::/0' or 'any' for "
        "every address");
    rule_says(
        "action = \"deny\"; to = \"::/128\";",
        "'::/128' as a destination is this machine; write 'loopback' for that, or '0.0.0.0/0', '::/0' or 'any' for "
        "every address");
    rule_says("action = \"deny\"; from = \"0.0.0.0\";",
              "warning: '0.0.0.0' is no peer's address; write '0.0.0.0/0', '::/0' or 'any' for every address");
    rule_says("action = \"deny\"; to = \"fe80::1%eth0\";",
              "'fe80::1%eth0' names a zone, which cannot be matched; write 'fe80::1'");
    rule_says("action = \"deny\"; to = \"192.0.2.1-2001:db8::1\";",
              "the range '192.0.2.1-2001:db8::1' goes from one family to the other; write two");
    rule_says("action = \"deny\"; to = \"www.example.org\";",
              "'www.example.org' is a host name or no address at all; names change, so write the addresses");
    rule_says("action = \"deny\"; to = \"loopbak\";", "unknown address 'loopbak'; did you mean 'loopback'?");
    rule_says("action = \"deny\"; to = \"10.0.*.*\";",
              "'10.0.*.*' is no address; write a CIDR instead of '*', such as '192.0.2.0/24'");
    rule_says("action = \"deny\"; to = \"192.0.2.1:80\";",
              "'192.0.2.1:80' holds more than an address; write '192.0.2.1', and the rest with the keys 'port' and "
              "'proto'");
    rule_says("action = \"deny\"; to = \"[::1]\";",
              "'[::1]' holds more than an address; write '::1', and the rest with the keys 'port' and 'proto'");
    rule_says("action = \"deny\"; to = \"/run/x\";", "'/run/x' is no address; write 'unix:/run/x' for a Unix socket");
    rule_says("action = \"deny\"; to = \"unix:run/x\";",
              "'unix:run/x' is relative; write the whole path, 'unix:/...', or 'unix:@run/x' for an abstract name");
    rule_says("action = \"deny\"; to = \"unix:\";", "'unix:' names no socket; write 'unix:/path' or 'unix:@name'");
    rule_says("action = \"deny\"; to = \"\";", "an address in 'to' is empty; write 'any' for every address");
    rule_says("action = \"deny\"; to = \"1.2.3.4.5\";",
              "'1.2.3.4.5' in 'to' is no address; write an address, a CIDR, a range a-b, a @set or a name such as "
              "'loopback'");
    reads("rules = ( { action = \"deny\"; on = [ \"0.0.0.0\", \"::\" ]; } );");
    reads("rules = ( { action = \"deny\"; to = [ \"0.0.0.0/0\", \"::/0\", \"0.0.0.0/8\" ]; } );");
    assert_true(policy.rules[0].covers_all);
    reads("rules = ( { action = \"deny\"; to = \"::ffff:192.0.2.0/120\"; } );");
    assert_true(covers(policy.rules[0].cover, "192.0.2.255"));
    says("sets = { s = \"0.0.0.0\"; t = \"@s\"; }; rules = ( { action = \"deny\"; on = \"@s\"; },\n"
         "{ action = \"deny\"; to = \"@t\"; }, { action = \"deny\"; to = \"t\"; } );",
         "policy.conf:3: '@t' holds 0.0.0.0 or ::, which as a destination is this machine; write 'loopback' for that, "
         "or "
         "'0.0.0.0/0', '::/0' or 'any' for every address\n"
         "policy.conf:3: unknown address 't'; did you mean '@t'?\n");
}

/* `localhost` is answered by /etc/hosts, so no packet leaves. */
static void host_names_are_shown_as_addresses(void **state)
{
    const char *hosts = file_text("/etc/hosts");

    (void)state;
    if (!hosts || !strstr(hosts, "localhost"))
        skip();
    forget();
    policy_resolve_names_in_hints = true;
    assert_false(policy_read_text(&policy, "version = 1; deny_to = [ \"localhost\" ];", "policy.conf", &messages));
    policy_resolve_names_in_hints = false;
    const char *text = told();
    assert_non_null(strstr(text, "policy.conf:1: 'localhost' is a host name, and names change; write its addresses"));
    assert_true(strstr(text, "\"127.0.0.1\"") || strstr(text, "\"::1\""));
}

static void what_cannot_stand_together(void **state)
{
    (void)state;
    says("rules = ( { action = \"deny\"; to = \"any\";\n from = \"any\"; } );",
         "policy.conf:3: 'from' stands beside 'to'; a rule has one of 'to', 'from', 'on' and 'family': make two rules "
         "of "
         "it\n");
    rule_says("action = \"deny\";", "the rule names no peer; write one of 'to', 'from', 'on' and 'family'");
    rule_says("to = \"any\";", "the rule lacks 'action'; write action = \"deny\", \"drop\" or \"allow\"");
    rule_says("action = \"allow\"; to = \"any\"; errno = \"EIO\";",
              "'errno' is for action 'deny'; 'allow' has none of its choice");
    rule_says("action = \"drop\"; to = \"any\"; errno = \"EIO\";",
              "'errno' is for action 'deny'; 'drop' has none of its choice");
    rule_says("action = \"drop\"; on = \"any\";", "'drop' is for 'to' and 'from'; with 'on' write 'deny'");
    rule_says("action = \"drop\"; family = \"packet\";", "'drop' is for 'to' and 'from'; with 'family' write 'deny'");
    rule_says("action = \"deny\"; family = \"packet\"; port = 80;",
              "'port' is for addresses; leave it out of a 'family' rule");
    rule_says("action = \"deny\"; family = \"packet\"; proto = \"tcp\";",
              "'proto' is for addresses; leave it out of a 'family' rule");
    rule_says("action = \"deny\"; family = \"packet\"; except = \"any\";",
              "'except' is for addresses; leave it out of a 'family' rule");
    rule_says("action = \"deny\"; to = \"any\"; port = 80; proto = [ \"tcp\", \"icmp\" ];",
              "'port' cannot stand with proto icmp, icmp6 or raw, which have none; make two rules of it");
    rule_says("action = \"deny\"; to = \"unix:/run/x\"; port = 80;",
              "a Unix socket has no port; give 'unix:/run/x' a rule of its own");
    rule_says("action = \"deny\"; to = \"unix:/run/x\"; proto = \"tcp\";",
              "a Unix socket has no protocol; give 'unix:/run/x' a rule of its own");
    rule_says("action = \"deny\"; to = \"any\"; errno = \"EAGAIN\";",
              "errno 'EAGAIN' makes programs try for ever or take it for success; choose another, such as 'EACCES'");
    reads("rules = ( { action = \"deny\"; to = \"any\"; proto = \"any\"; port = 80; } );");
    assert_int_equal(policy.rules[0].protos, PROTO_WITH_PORTS);
}

static void unknown_words(void **state)
{
    (void)state;
    says("rules = (\n  { action = \"deny\"; to = \"any\";\n    prot = \"tcp\"; }\n);",
         "policy.conf:4: unknown key 'prot'; did you mean 'proto'?\n");
    rule_says("action = \"dney\"; to = \"any\";", "'action' cannot be 'dney'; did you mean 'deny'?");
    rule_says("action = \"block\"; to = \"any\";", "'action' cannot be 'block'; it is 'allow', 'deny' or 'drop'");
    rule_says("action = \"deny\"; to = \"any\"; proto = \"tpc\";", "unknown proto 'tpc'; did you mean 'tcp'?");
    rule_says("action = \"deny\"; to = \"any\"; proto = \"ospf\";",
              "unknown proto 'ospf'; it is 'tcp', 'udp', 'icmp', 'icmp6', 'sctp', 'raw' or 'any'");
    rule_says("action = \"deny\"; to = \"any\"; errno = \"EACCESS\";",
              "unknown errno 'EACCESS'; did you mean 'EACCES'?");
    rule_says("action = \"deny\"; to = \"any\"; errno = \"nonsense\";",
              "unknown errno 'nonsense'; the manual lists them");
    rule_says("action = \"deny\"; family = \"intet6\";", "unknown family 'intet6'; did you mean 'inet6'?");
    rule_says("action = \"deny\"; to = \"@feed\";", "unknown set '@feed'; name it in 'sets'");
    rule_says(
        "action = \"deny\"; to = \"any\"; name = \"a\\x1b[1m\"; colour = 3;",
        "unknown key 'colour'; a rule knows 'name', 'action', 'to', 'from', 'on', 'family', 'except', 'port', 'proto', "
        "'errno', 'reason', 'log' or 'audit'");
    says("mod = \"audit\";\nmode = \"loud\";", "policy.conf:2: unknown key 'mod'; did you mean 'mode'?\n"
                                               "policy.conf:3: 'mode' cannot be 'loud'; it is 'enforce', 'audit' or "
                                               "'off'\n");
    says("default = { outbond = \"deny\"; inbound = \"drop\"; };",
         "policy.conf:2: unknown key 'outbond'; did you mean 'outbound'?\n"
         "policy.conf:2: 'inbound' cannot be 'drop'; it is 'allow' or 'deny'\n");
    says("unprotected = \"ignore\";",
         "policy.conf:2: 'unprotected' cannot be 'ignore'; it is 'deny', 'warn' or 'allow'\n");
}

static void wrong_kinds(void **state)
{
    (void)state;
    rule_says("action = 5; to = \"any\";", "'action' must be a text in quotes, not a number");
    rule_says("action = \"deny\"; to = 10.5;", "'to' must be a text in quotes, not a number with a point");
    rule_says("action = \"deny\"; to = [ 1 ];", "an element of 'to' must be a text in quotes, not a number");
    rule_says("action = \"deny\"; to = { a = 1; };", "'to' must be one value, an array or a list, not a group { }");
    rule_says("action = \"deny\"; to = ( ( \"any\" ) );",
              "an element of 'to' must be a text in quotes, not a list ( )");
    rule_says("action = \"deny\"; to = [ ];", "'to' is empty; leave the key out, or name what it is about");
    rule_says("action = \"deny\"; to = \"any\"; port = [ ];",
              "'port' is empty; leave the key out, or name what it is about");
    rule_says("action = \"deny\"; to = \"any\"; proto = ( );",
              "'proto' is empty; leave the key out, or name what it is about");
    rule_says("action = \"deny\"; to = \"any\"; log = 1;", "'log' must be true or false, not a number");
    rule_says("action = \"deny\"; to = \"any\"; name = \"\";", "'name' is empty; leave it out or name the rule");
    says("rules = { action = \"deny\"; };",
         "policy.conf:2: 'rules' must be a list of groups: rules = ( { ... }, { ... } );\n");
    says("rules = (\n 5,\n \"x\"\n);", "policy.conf:3: an element of 'rules' must be a group { }, not a number\n"
                                       "policy.conf:4: an element of 'rules' must be a group { }, not a text\n");
    says("default = \"deny\";", "policy.conf:2: 'default' must be a group { }, not a text\n");
    says("icmp = { translate = true; hint = \"yes\"; };",
         "policy.conf:2: 'translate' must be a text in quotes, not true or false\n"
         "policy.conf:2: 'hint' must be true or false, not a text\n");
}

static void ports(void **state)
{
    (void)state;
    says("rules = ( { action = \"deny\"; to = \"any\"; port = ( 0,\n 65536,\n -1, \"90-80\",\n \"http\", 22.5 ); } );",
         "policy.conf:2: 'port' must be a number from 1 to 65535, not 0\n"
         "policy.conf:3: 'port' must be a number from 1 to 65535, not 65536\n"
         "policy.conf:4: 'port' must be a number from 1 to 65535, not -1\n"
         "policy.conf:4: '90-80' is no port from 1 to 65535 and no range such as \"8000-8999\"\n"
         "policy.conf:5: 'http' is no port from 1 to 65535 and no range such as \"8000-8999\"\n"
         "policy.conf:5: an element of 'port' must be a number, not a number with a point\n");
    /* libconfig would make port 80 of it */
    rule_says("action = \"deny\"; to = \"any\"; port = 4294967376;",
              "the number '4294967376' needs more than 32 bits; write '4294967376L' if it is meant");
    rule_says("action = \"deny\"; to = \"any\"; port = 4294967376L;",
              "'port' must be a number from 1 to 65535, not 4294967376");
    reads("rules = ( { action = \"deny\"; to = \"any\"; port = [ 80, 443, 81 ]; } );");
    assert_int_equal(policy.rules[0].port_count, 2);
    reads("rules = ( { action = \"deny\"; to = \"any\"; port = \"1-65535\"; } );");
}

static void logs(void **state)
{
    (void)state;
    says("log = { to = \"file:events\"; what = \"denid\"; limit = 0; max_size = \"16X\"; };",
         "policy.conf:2: the path in 'file:events' must be absolute or start with '~/'\n"
         "policy.conf:2: 'what' cannot be 'denid'; did you mean 'denied'?\n"
         "policy.conf:2: 'limit' must be a number from 1 to 1000000, not 0\n"
         "policy.conf:2: 'max_size' '16X' is no size; write bytes, or a text such as '64K', '16M' or '1G'\n");
    says("log = { to = \"file:/var/log/%h\"; };",
         "policy.conf:2: the path in 'file:/var/log/%h' may hold '%p' (process) and '%u' (user), no other '%'\n");
    says("log = { to = \"file:/var/log/\"; };",
         "policy.conf:2: the path in 'file:/var/log/' ends in a slash and so names no file\n");
    says("log = { to = \"/var/log/x\"; };",
         "policy.conf:2: 'to' '/var/log/x' lacks its kind; write 'file:/var/log/x'\n");
    says("log = { to = \"sysog\"; };", "policy.conf:2: 'to' cannot be 'sysog'; did you mean 'syslog'?\n");
    says("log = { max_size = \"9999999999G\"; };",
         "policy.conf:2: 'max_size' '9999999999G' is no size; write bytes, or a text such as '64K', '16M' or '1G'\n");
    says("log = { max_size = -5; };",
         "policy.conf:2: 'max_size' must be a number from 1 to 1125899906842624, not -5\n");
    reads("log = { to = \"syslog\"; max_size = 4096; };");
    reads("log = { to = \"stderr\"; max_size = \"1G\"; };");
    assert_int_equal(policy.settings.log_max_size, 1 << 30);
}

static void programs(void **state)
{
    (void)state;
    says("programs = (\n  { exe = \"curl\"; deny_to = \"any\"; },\n  { rules = ( ); },\n  { exe = [ ]; }\n);",
         "policy.conf:3: unknown key 'deny_to'; an entry of 'programs' knows 'exe', 'rules', 'default', 'icmp', 'log' "
         "or "
         "'unprotected'\n"
         "policy.conf:3: exe 'curl' is not absolute; write the whole path, such as '/usr/bin/curl'\n"
         "policy.conf:4: the entry lacks 'exe'; write exe = \"/path/of/program\"\n"
         "policy.conf:5: 'exe' is empty; name a program, or leave the entry out\n");
    reads("programs = ( { exe = \"/a\"; }, { exe = \"/b\"; rules = ( { action = \"deny\"; to = \"any\"; } ); } );\n"
          "rules = ( { action = \"allow\"; to = \"any\"; } );");
    assert_int_equal(policy.rules[0].chain, CHAIN_GENERAL);
    assert_int_equal(policy.rules[1].chain, CHAIN_PROGRAMS + 1);
}

static void warnings(void **state)
{
    (void)state;
    says("rules = ( { name = \"x\"; action = \"deny\"; to = \"10.0.0.1\"; },\n { name = \"x\"; action = \"deny\"; to = "
         "\"10.0.0.2\"; } );\nprograms = ( { exe = \"/a\"; rules = ( { name = \"x\"; action = \"deny\"; to = \"any\"; "
         "} ); } );",
         "policy.conf:3: warning: rule name 'x' stands twice; the log cannot tell it from the one at policy.conf:2\n");
    assert_int_equal(messages.errors, 0);
    says("sets = { none = [ ]; };\nrules = ( { action = \"deny\"; to = \"10.0.0.1\"; except = \"private\"; },\n"
         "{ action = \"deny\"; to = \"@none\"; },\n{ action = \"deny\"; to = \"any\"; except = \"unix:/x\"; } );",
         "policy.conf:3: warning: the rule matches nothing: 'except' takes out all that it names\n"
         "policy.conf:4: warning: the rule matches nothing: its sets are empty\n"
         "policy.conf:5: warning: 'except' names a Unix socket, and the rule names none\n");
    assert_int_equal(policy.rule_count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(every_key_of_a_rule),
        cmocka_unit_test(settings),
        cmocka_unit_test(sets),
        cmocka_unit_test(shorthand_stands_behind_the_rules),
        cmocka_unit_test(command_line),
        cmocka_unit_test(addresses),
        cmocka_unit_test(host_names_are_shown_as_addresses),
        cmocka_unit_test(what_cannot_stand_together),
        cmocka_unit_test(unknown_words),
        cmocka_unit_test(wrong_kinds),
        cmocka_unit_test(ports),
        cmocka_unit_test(logs),
        cmocka_unit_test(programs),
        cmocka_unit_test(warnings),
    };

    return cmocka_run_group_tests(tests, NULL, forget_after);
}
