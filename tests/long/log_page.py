#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Uses the pages of `sockade log --html` in Chromium: log_page.py HOSTILE LARGE EMPTY [NOSCRIPT]

Prints `pass NAME`, or `fail NAME: what was seen`.
"""
import sys
import time

from browser import Browser


def check(name, seen, wanted=True):
    print(f"pass {name}" if seen == wanted else f"fail {name}: {seen!r} in place of {wanted!r}", flush=True)


def count(browser, selector):
    return browser.run(f"document.querySelectorAll({selector!r}).length")


def shown(browser, number):
    """Whether so many events match, a moment later."""
    browser.wait(f"document.documentElement.dataset.shown === '{number}'", 5)
    return int(browser.run("document.documentElement.dataset.shown"))


def quiet(browser, name, url):
    check(f"{name}: no error, nothing said", browser.said, [])
    check(f"{name}: nothing asked for", browser.requests, [url])


def hostile(browser, url):
    browser.open(url)
    check("hostile: all events match", shown(browser, 600), 600)
    check("hostile: a page of rows", count(browser, "#events tbody tr.event"), 200)
    browser.run("document.querySelector('#more').click()")
    browser.wait("document.querySelectorAll('#events tbody tr.event').length === 400", 5)
    check("hostile: and one more", count(browser, "#events tbody tr.event"), 400)
    check("hostile: no element of theirs", count(browser, "img, body script:not([nonce]):not(#data)"), 0)
    check("hostile: the title is ours", browser.run("document.title"), "Sockade: who talked to whom")
    titles = browser.run("[...document.querySelectorAll('#summary td.program')].map(cell => cell.title).join('\\n')")
    check("hostile: a script's text is text", '/tmp/</script><script>document.title="taken"</script>' in titles)
    check("hostile: an element's too", '/tmp/"><img src=x onerror=document.title="taken">' in titles)
    text = browser.run("document.body.innerText")
    check("hostile: nothing turns the direction of writing, or hides", [c for c in "\u202e\u2028\u0007\u001b" if c in text], [])
    quiet(browser, "hostile", url)


def graph(browser, url):
    browser.open(url)
    check("large: the newest match", shown(browser, 20000), 20000)
    check("large: the graph's programs", count(browser, "#graph .node.program"), 8)
    check("large: its peers", count(browser, "#graph .node.peer"), 20)
    check("large: its edges", count(browser, "#graph path.edge") >= 20)
    bars = browser.run("[...document.querySelectorAll('#time-line rect.deny')].length")
    check("large: bars of what was denied", 30 < bars < 121)
    check("large: the time's axis has labels", browser.run(
        "[...document.querySelectorAll('#time-line text')].filter(text => /^\\d\\d:\\d\\d$/.test(text.textContent)).length > 3"))
    check("large: said to be the newest of more", "newest 20,000 of 25,000" in browser.run("document.querySelector('#note').textContent"))
    began = time.monotonic()
    browser.run("document.querySelector('#search').value = 'node'; document.querySelector('#search').dispatchEvent(new Event('input'))")
    browser.wait("document.documentElement.dataset.shown !== '20000'")
    took = time.monotonic() - began
    check(f"large: a search is answered at once ({took:.2f} s)", took < 1.5)


def search(browser, url):
    everything = shown(browser, 20000)
    browser.press("Escape")
    check("search: Escape shows all again", shown(browser, 20000), 20000)
    browser.press("/", "/")
    check("search: / leads there", browser.run("document.activeElement.id"), "search")
    for letter in "metadata curl":
        browser.press(letter, letter)
    browser.wait("document.querySelectorAll('#graph .node.program').length === 1", 5)
    some = int(browser.run("document.documentElement.dataset.shown"))
    check("search: fewer events match", 100 < some < everything / 10)
    check("search: the graph follows", count(browser, "#graph .node"), 2)
    check("search: so does the summary", count(browser, "#summary tbody tr"), 1)
    check("search: and the address", browser.run("location.hash"), "#q=metadata+curl")
    browser.run("document.querySelector('#events tr.event').focus()")
    browser.press("Enter", "\r")
    detail = browser.run("document.querySelector('#events tr.detail').innerText")
    check("search: Enter on a row shows the line to add", '{ action = "allow"; to = "169.254.169.254"; proto = "tcp"; port = 80; }' in detail)
    check("search: and the rule with its place", 'rule "no-metadata", /home/ada/.config/sockade/policy.conf:9' in detail)
    browser.open(url + "#q=no+such+thing")
    browser.wait("document.documentElement.dataset.shown === '0'", 5)
    check("search: none", browser.run("document.querySelector('#empty').innerText").startswith("No event matches"))
    browser.open(url + "#from=-1e300&to=x&v=%00&q=%3Cimg%20src=x%3E")
    browser.wait("document.documentElement.dataset.shown === '0'", 5)
    check("search: an address that is nonsense does no harm", count(browser, "img"), 0)
    check("search: nor is anything said", browser.said, [])
    browser.open(url + "#v=drop,would")
    browser.wait("document.documentElement.dataset.shown > 0", 5)
    check("verdicts: by the address", browser.run(
        "[...new Set([...document.querySelectorAll('#events td.verdict')].map(cell => cell.textContent))].sort().join()"), "drop,would-deny")
    browser.run("[...document.querySelectorAll('#chips button')].find(chip => chip.innerText.startsWith('drop')).click()")
    browser.wait("!document.querySelector('#events td.verdict.drop')", 5)
    check("verdicts: by a button", browser.run("location.hash"), "#v=would")


def drag(browser, url):
    browser.open(url)
    shown(browser, 20000)
    box = browser.run("(box => [box.left, box.top, box.width])(document.querySelector('#time-line').getBoundingClientRect())")
    left, top, width = box
    browser.mouse("mouseMoved", left + width * .3, top + 60)
    check("time line: pointing at it tells", "deny" in browser.run("document.querySelector('#tip').textContent"))
    browser.mouse("mousePressed", left + width * .3, top + 60, button="left", clickCount=1)
    browser.mouse("mouseMoved", left + width * .5, top + 60, button="left")
    browser.mouse("mouseReleased", left + width * .5, top + 60, button="left", clickCount=1)
    browser.wait("location.hash.startsWith('#from=')", 5)
    browser.wait("document.documentElement.dataset.shown !== '20000'", 5)
    some = int(browser.run("document.documentElement.dataset.shown"))
    check("time line: a drag chooses a time", 1000 < some < 10000)
    browser.run("document.querySelector('#time-clear').click()")
    check("time line: and back", shown(browser, 20000), 20000)
    browser.run("document.querySelector('#graph .node.program').dispatchEvent(new MouseEvent('click'))")
    browser.wait("document.querySelectorAll('#graph .node.program').length === 1", 5)
    check("graph: a click on a node searches for it", browser.run("document.querySelector('#search').value").startswith("/usr/"))


def main():
    pages = ["file://" + page for page in sys.argv[1:4]]
    with Browser() as browser:
        hostile(browser, pages[0])
        graph(browser, pages[1])
        search(browser, pages[1])
        drag(browser, pages[1])
        browser.open(pages[2])
        check("empty: said so", browser.run("document.querySelector('#empty').innerText").startswith("Nothing was logged"))
        check("empty: nothing else", count(browser, "section:not([hidden]), .controls:not([hidden])"), 0)
        quiet(browser, "empty", pages[2])
        # Its policy holds: what would be asked for is refused by the page itself.
        browser.run("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/'}))")
        check("a script that ran could ask for nothing", browser.wait("true") and any(
            "Content Security Policy" in said for said in browser.said))
        # Without scripts.
        browser.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.said.clear()
        browser.call("Page.navigate", url=pages[0])
        time.sleep(1)
        root = browser.call("DOM.getDocument")["root"]["nodeId"]
        source = browser.call("DOM.getOuterHTML", nodeId=root)["outerHTML"]
        check("without scripts: that is told", '<noscript><p class="note">This page' in source)
        check("without scripts: the summary is there", source.count("<td class=\"endpoint\">") > 50)
        check("without scripts: nothing else is", 'id="events-section" hidden' in source)
    print("done")


main()
