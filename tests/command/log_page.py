#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Takes a page of `sockade log --html` apart as a browser would: log_page.py PAGE

Prints what it asks of others, what may run in it, how many rows and events it holds, and what its programs are called.
"""
import html.parser
import json
import re
import sys


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.path, self.texts, self.policy, self.nonces, self.strange, self.rows = [], {}, "", set(), [], 0

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in ("meta", "input", "br", "link", "img"):
            self.path.append(tag)
        if tag in ("img", "link", "iframe", "object", "embed", "base", "form", "audio", "video", "a"):
            self.strange.append(tag)
        self.strange += [f"{tag} {name}" for name in attributes if name.startswith("on") or name in ("src", "href", "style")]
        self.policy = attributes.get("content") if attributes.get("http-equiv") == "Content-Security-Policy" else self.policy
        if tag in ("script", "style"):
            self.nonces.add(attributes.get("nonce") or attributes.get("type"))
        self.rows += self.path[-2:] == ["tbody", "tr"]
        self.cell = attributes.get("class")

    def handle_endtag(self, tag):
        if tag in self.path:
            while self.path.pop() != tag:
                pass

    def handle_data(self, data):
        if self.path:
            key = self.cell if self.path[-1] == "td" else self.path[-1]
            self.texts.setdefault(key, []).append(data)


def main():
    with open(sys.argv[1], "rb") as file:
        source = file.read().decode("utf-8")
    page = Page()
    page.feed(source)
    page.close()
    scripts = page.texts["script"]
    data = json.loads(scripts[0])
    nonce = re.search(r"'nonce-([0-9a-f]{32})'", page.policy).group(1)
    print("policy", page.policy.replace(nonce, "N"))
    print("nonces", *sorted("N" if one == nonce else one for one in page.nonces))
    print("strange", *page.strange)
    print("scripts", len(scripts), *sorted(set(re.findall(r"https?:[^\"'\s]*|\bfetch\b|XMLHttpRequest|innerHTML|\beval\b|WebSocket|"
                                                           r"insertAdjacentHTML|document\.write", scripts[1]))))
    print("rows", page.rows, "events", len(data["events"]), "all", data["all"], "left out", data["left_out"], "version", data["v"])
    print("title", *page.texts["title"])
    raw = source[source.index('id="data">'):source.index("</script>", source.index('id="data">'))]
    print("raw", *sorted(set(re.findall("[<>&\u2028\u2029]", raw[len('id="data">'):]))))
    for name in sorted({data["strings"][event[2]] for event in data["events"] if event[2] >= 0}):
        print("data", ascii(name))
    for name in sorted(set(page.texts.get("program", []))):
        print("cell", ascii(name))


main()
