// SPDX-License-Identifier: MIT
// What the page shows of its events. Texts are other people's: they become text nodes and nothing else.
"use strict";
(() => {
const $ = id => document.getElementById(id);
const data = JSON.parse($("data").textContent);
/* What would turn the direction of writing, or cannot be seen, stands as an escape. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const strings = data.strings.map(one => one.replace(UNSEEN, unseen => "\\u" + unseen.charCodeAt(0).toString(16).padStart(4, "0")));
const text = number => number < 0 ? "" : strings[number];
const KINDS = ["deny", "drop", "error", "would", "warn", "allow"];
const KIND_NAMES = {would: "would be refused", warn: "unprotected"};
const PAGE = 200;          // rows of the table of events at a time
const NODES = 28;          // programs and peers in the graph; the rest stand together
const REST = "\u2026 others";

const kindOf = verdict => KINDS.includes(verdict) ? verdict : verdict.startsWith("would-") ? "would" : "error";
const baseOf = path => path.slice(path.lastIndexOf("/") + 1) || path;
const number = value => value.toLocaleString("en");
const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

const events = data.events.map(([time, pid, exe, op, where, peer, verdict, rule, because, remedy]) => ({
    time, pid, exe: text(exe) || "?", op: text(op), where: text(where), peer: text(peer), verdict: text(verdict),
    rule: text(rule), because: text(because), remedy: text(remedy), kind: kindOf(text(verdict)),
}));
for (const event of events) {
    event.hay = [event.exe, event.pid, event.op, event.where, event.verdict, event.rule, event.because].join("\n").toLowerCase();
    const [direction] = event.where.split(" ", 1);
    event.direction = direction;
    event.endpoint = event.where.slice(direction.length + 1);
}
/* What names the programs looked up, by the address that was the answer. */
const names = new Map(events.filter(event => event.direction === "name").map(event => [event.peer, event.endpoint.split(" is ")[0]]));
events.sort((a, b) => (a.time ?? 0) - (b.time ?? 0));

/* Elements */

const SVG = "http://www.w3.org/2000/svg";
function fillIn(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
        if (name === "class")
            element.setAttribute("class", value);
        else if (value !== null && value !== undefined)
            element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
}
const make = (name, attributes, ...children) => fillIn(document.createElement(name), attributes, children);
const draw = (name, attributes, ...children) => fillIn(document.createElementNS(SVG, name), attributes, children);

const tip = $("tip");
function tipShow(content, x, y) {
    tip.textContent = content;
    tip.hidden = false;
    const width = tip.offsetWidth, height = tip.offsetHeight;
    tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - width - 8)) + "px";
    tip.style.top = (y + 18 + height > innerHeight ? Math.max(8, y - height - 12) : y + 18) + "px";
}
function tipOn(element, content) {
    element.addEventListener("pointermove", e => tipShow(content(), e.clientX, e.clientY));
    element.addEventListener("pointerleave", () => { tip.hidden = true; });
    element.addEventListener("focus", () => {
        const box = element.getBoundingClientRect();
        tipShow(content(), box.left + box.width / 2, box.top + box.height / 2);
    });
    element.addEventListener("blur", () => { tip.hidden = true; });
}
function pressed(element, action) {
    element.addEventListener("click", action);
    element.addEventListener("keydown", e => {
        if (e.key === "Enter" || e.key === " ") {
            e.preventDefault();
            action();
        }
    });
}

/* What is wanted: kept in the page's fragment, so that it can be kept as a link */

const wanted = {words: "", kinds: new Set(KINDS), from: null, to: null};
let limit = PAGE;

function wantedRead() {
    const fragment = new URLSearchParams(location.hash.slice(1));
    wanted.words = fragment.get("q") || "";
    const kinds = (fragment.get("v") || "").split(",").filter(kind => KINDS.includes(kind));
    wanted.kinds = new Set(kinds.length ? kinds : KINDS);
    const from = Number(fragment.get("from")), to = Number(fragment.get("to"));
    const isTime = fragment.has("from") && from < to && Math.abs(from) < 1e14 && Math.abs(to) < 1e14;
    [wanted.from, wanted.to] = isTime ? [from, to] : [null, null];
    $("search").value = wanted.words;
}
function wantedChanged() {
    const fragment = new URLSearchParams();
    if (wanted.words)
        fragment.set("q", wanted.words);
    if (wanted.kinds.size < KINDS.length)
        fragment.set("v", [...wanted.kinds].join(","));
    if (wanted.from !== null) {
        fragment.set("from", wanted.from);
        fragment.set("to", wanted.to);
    }
    history.replaceState(null, "", "#" + fragment);
    limit = PAGE;
    showSoon();
}
function search(words) {
    wanted.words = wanted.words === words ? "" : words;
    $("search").value = wanted.words;
    wantedChanged();
}
/* A word that holds blanks stands between quotes. */
const wordsOf = line => (line.toLowerCase().match(/"[^"]*"?|[^\s"]+/g) || []).map(word => word.replaceAll('"', "")).filter(Boolean);
const quoted = name => name.includes(" ") ? `"${name}"` : name;

/* Times */

const pad = (value, width = 2) => String(value).padStart(width, "0");
const dayOf = date => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
const clockOf = date => `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
const momentOf = time => time === null ? "?" : `${dayOf(new Date(time))} ${clockOf(new Date(time))}`;

/* The time line */

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
               1209600, 2592000, 7776000, 31536000].map(seconds => seconds * 1000);
/* Steps begin at local midnight, so that days do. */
const floorTo = (time, step) => {
    const shift = new Date(time).getTimezoneOffset() * 60000;
    return Math.floor((time - shift) / step) * step + shift;
};
function niceMost(most) {
    const power = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
    return most <= 1 ? 1 : [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map(factor => factor * power).find(value => value >= most && value % 2 === 0);
}
function binsOf(list, from, to) {
    const span = Math.max(to - from, 30000);
    const step = STEPS.find(one => span / one <= 120) || STEPS[STEPS.length - 1];
    const first = floorTo(from - (span - (to - from)) / 2, step);
    const bins = [];
    for (let time = first; time <= from + span && bins.length < 500; time += step)
        bins.push({time, all: 0, deny: 0, drop: 0, error: 0, would: 0, warn: 0, allow: 0});
    for (const event of list) {
        const bin = event.time === null ? null : bins[Math.floor((event.time - first) / step)];
        if (bin) {
            bin[event.kind]++;
            bin.all++;
        }
    }
    return {bins, step};
}
function timeTicks(bins, step, x) {
    const end = bins[bins.length - 1].time + step, span = end - bins[0].time;
    const apart = STEPS.find(one => one >= step && span / one <= 9) || STEPS[STEPS.length - 1];
    const ticks = [];
    for (let time = floorTo(bins[0].time + apart - 1, apart); time < end && ticks.length < 12; time += apart) {
        const date = new Date(time);
        const midnight = date.getHours() + date.getMinutes() + date.getSeconds() === 0;
        ticks.push({x: x(time), label: midnight || apart >= 86400000 ? dayOf(date) : apart < 60000 ? clockOf(date) : clockOf(date).slice(0, 5)});
    }
    return ticks;
}
function binTip(bin, step) {
    const parts = KINDS.filter(kind => bin[kind]).map(kind => `${number(bin[kind])} ${KIND_NAMES[kind] || kind}`);
    return `${momentOf(bin.time)} to ${clockOf(new Date(bin.time + step))}\n${parts.join(", ") || "no event"}`;
}
function showTimes(list) {
    const known = list.filter(event => event.time !== null);
    $("time-section").hidden = known.length === 0;
    $("time-clear").hidden = wanted.from === null;
    if (known.length === 0)
        return;
    const from = wanted.from ?? known[0].time, to = wanted.to ?? known[known.length - 1].time;
    const {bins, step} = binsOf(known, from, to);
    const W = 1080, H = 190, left = 44, bottom = 26, top = 8;
    const most = niceMost(Math.max(...bins.map(bin => bin.all)));
    const width = (W - left) / bins.length;
    const x = time => left + (time - bins[0].time) / step * width;
    const y = count => H - bottom - count / most * (H - bottom - top);
    const svg = draw("svg", {viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "Events over time, by verdict"});
    for (const part of most > 1 ? [0, .5, 1] : [0, 1]) {
        svg.append(draw("line", {class: part ? "grid" : "axis", x1: left, x2: W, y1: y(most * part), y2: y(most * part)}),
                   draw("text", {class: "faint", x: left - 10, y: y(most * part) + 4, "text-anchor": "end"}, number(most * part)));
    }
    for (const tick of timeTicks(bins, step, x)) {
        svg.append(draw("line", {class: "axis", x1: tick.x, x2: tick.x, y1: H - bottom, y2: H - bottom + 5}),
                   draw("text", {class: "faint", x: Math.min(tick.x, W - 34), y: H - 4, "text-anchor": "middle"}, tick.label));
    }
    for (const bin of bins) {
        let below = 0;
        const gap = width > 5 ? 1 : 0;
        for (const kind of KINDS) {
            if (bin[kind] === 0)
                continue;
            const height = Math.max(y(below) - y(below + bin[kind]), 1);
            svg.append(draw("rect", {class: kind, x: x(bin.time) + gap, y: y(below) - height, width: Math.max(width - 2 * gap, 1), height,
                                     rx: Math.min(1.5, width / 4)}));
            below += bin[kind];
        }
    }
    svg.append(...binHits(bins, step, width, H - bottom, x, svg));
    $("time-line").replaceChildren(svg);
    $("time-aside").textContent = `events per ${stepWords(step)}; drag over a part to look closer`;
}
function stepWords(step) {
    const [size, word] = [[86400000, "day"], [3600000, "hour"], [60000, "minute"], [1000, "second"]].find(([unit]) => step % unit === 0);
    return step === size ? word : plural(step / size, word);
}
/* Invisible columns to point at; a drag from one to another chooses the time between them. */
function binHits(bins, step, width, height, x, svg) {
    const chosen = draw("rect", {class: "chosen", y: 0, height, width: 0});
    let began = null;
    const range = bin => [Math.min(began.time, bin.time), Math.max(began.time, bin.time) + step];
    addEventListener("pointerup", () => { began = null; }, {once: true});
    const hits = bins.map(bin => {
        const hit = draw("rect", {class: "hit", x: x(bin.time), y: 0, width, height});
        tipOn(hit, () => binTip(bin, step));
        hit.addEventListener("pointerdown", e => {
            began = bin;
            e.preventDefault();
        });
        hit.addEventListener("pointerenter", () => {
            if (began === null)
                return;
            const [from, to] = range(bin);
            chosen.setAttribute("x", x(from));
            chosen.setAttribute("width", x(to) - x(from));
        });
        hit.addEventListener("pointerup", () => {
            if (began !== null) {
                [wanted.from, wanted.to] = range(bin);
                tip.hidden = true;
                wantedChanged();
            }
        });
        return hit;
    });
    return [...hits, chosen];
}

/* The graph */

function peerOf(event) {
    return event.direction === "to" || event.direction === "from" ? event.peer || event.where : event.where;
}
/* The most frequent names, at most NODES of them. */
function namesOf(counts) {
    const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name);
    return new Set(sorted.slice(0, sorted.length > NODES ? NODES - 1 : NODES));
}
function countBy(list, key) {
    const counts = new Map();
    for (const event of list)
        counts.set(key(event), (counts.get(key(event)) || 0) + 1);
    return counts;
}
function graphOf(list) {
    const programs = namesOf(countBy(list, event => event.exe)), peers = namesOf(countBy(list, peerOf));
    const edges = new Map();
    for (const event of list) {
        const program = programs.has(event.exe) ? event.exe : REST, peer = peers.has(peerOf(event)) ? peerOf(event) : REST;
        const key = JSON.stringify([program, peer]);
        let edge = edges.get(key);
        if (!edge)
            edges.set(key, edge = {program, peer, count: 0, kinds: {}, wheres: new Map()});
        edge.count++;
        edge.kinds[event.kind] = (edge.kinds[event.kind] || 0) + 1;
        edge.wheres.set(event.where, (edge.wheres.get(event.where) || 0) + 1);
    }
    for (const edge of edges.values())
        edge.kind = KINDS.find(kind => edge.kinds[kind]);
    return [...edges.values()].sort((a, b) => a.count - b.count);
}
/* Nodes of one side, each at the mean of those that it is joined to, so that few edges cross. */
function columnOf(edges, side, place) {
    const nodes = new Map();
    for (const edge of edges) {
        let node = nodes.get(edge[side]);
        if (!node)
            nodes.set(edge[side], node = {name: edge[side], count: 0, pull: 0, kinds: {}});
        node.count += edge.count;
        node.pull += edge.count * (place ? place.get(edge[side === "peer" ? "program" : "peer"]) : 0);
        for (const [kind, count] of Object.entries(edge.kinds))
            node.kinds[kind] = (node.kinds[kind] || 0) + count;
    }
    const order = place ? (a, b) => a.pull / a.count - b.pull / b.count : (a, b) => b.count - a.count;
    return [...nodes.values()].sort((a, b) => (a.name === REST) - (b.name === REST) || order(a, b) || b.count - a.count || (a.name < b.name ? -1 : 1));
}
const placesOf = nodes => new Map(nodes.map((node, i) => [node.name, (i + .5) / nodes.length]));
const clip = (name, most) => name.length > most ? name.slice(0, most / 2 - 1) + "\u2026" + name.slice(-(most / 2)) : name;
const kindsTip = kinds => KINDS.filter(kind => kinds[kind]).map(kind => `${number(kinds[kind])} ${KIND_NAMES[kind] || kind}`).join(", ");

function drawNode(node, side, x, y, shared) {
    const left = side === "program";
    const label = left && node.name !== REST && !shared.has(baseOf(node.name)) ? baseOf(node.name) : node.name;
    const radius = 3.5 + Math.min(4.5, Math.log10(node.count + 1) * 1.4);
    const kind = KINDS.find(one => node.kinds[one]);
    const group = draw("g", {class: `node ${side}`, tabindex: 0, role: "button", "aria-label": `${node.name}: ${plural(node.count, "event")}`},
        draw("circle", {class: kind, cx: x, cy: y, r: radius}),
        draw("text", {x: left ? x - 16 : x + 16, y: y + 4.5, "text-anchor": left ? "end" : "start"},
            clip(label, 44), ...(names.has(node.name) ? [draw("tspan", {dx: 8}, clip(names.get(node.name), 32))] : []),
            draw("tspan", {dx: 8}, number(node.count))));
    tipOn(group, () => `${node.name}\n${kindsTip(node.kinds)}`);
    if (node.name !== REST)
        pressed(group, () => search(quoted(node.name)));
    return group;
}
function drawEdge(edge, x1, y1, x2, y2, most) {
    const bend = (x2 - x1) * .45;
    const width = 1.3 + Math.min(11, Math.max(most - 1, 0)) * Math.sqrt(edge.count / most);
    const path = draw("path", {class: `edge ${edge.kind}`, "stroke-width": width.toFixed(2),
                               d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`});
    tipOn(path, () => {
        const wheres = [...edge.wheres].sort((a, b) => b[1] - a[1]);
        const lines = wheres.slice(0, 6).map(([where, count]) => `${where}: ${number(count)}`);
        return [`${edge.program} \u2194 ${edge.peer}`, kindsTip(edge.kinds), ...lines,
                ...(wheres.length > 6 ? [`and ${wheres.length - 6} more`] : [])].join("\n");
    });
    return path;
}
function showGraph(list) {
    /* A name that was looked up, or a socket that may be made, is nobody's peer yet. */
    const edges = graphOf(list.filter(event => event.where && event.direction !== "name" && !(event.direction === "family" && event.kind === "allow")));
    $("graph-section").hidden = edges.length === 0;
    if (edges.length === 0)
        return;
    const first = columnOf(edges, "program", null);
    const peers = columnOf(edges, "peer", placesOf(first)), programs = columnOf(edges, "program", placesOf(peers));
    const rows = Math.max(peers.length, programs.length), row = 27, top = 28, W = 1080;
    const H = top + Math.max(rows, 2) * row + 6, x1 = 300, x2 = 690;
    const placed = nodes => new Map(nodes.map((node, i) => [node.name, top + (i + .5) * (H - top - 6) / nodes.length]));
    const y1 = placed(programs), y2 = placed(peers), most = edges[edges.length - 1].count;
    const names = programs.map(node => baseOf(node.name)), shared = new Set(names.filter((name, i) => names.indexOf(name) !== i));
    const svg = draw("svg", {viewBox: `0 0 ${W} ${H}`, role: "group", "aria-label": "Programs and the peers they talked to"},
        draw("text", {class: "caption", x: x1 - 16, y: 12, "text-anchor": "end"}, "program"),
        draw("text", {class: "caption", x: x2 + 16, y: 12}, "peer"));
    const paths = edges.map(edge => drawEdge(edge, x1, y1.get(edge.program), x2, y2.get(edge.peer), most));
    svg.append(...paths);
    const groups = [...programs.map(node => [node.name, "program", drawNode(node, "program", x1, y1.get(node.name), shared)]),
                    ...peers.map(node => [node.name, "peer", drawNode(node, "peer", x2, y2.get(node.name), shared)])];
    const near = (name, side) => {
        const joined = edges.filter(edge => name === null || edge[side] === name);
        svg.classList.toggle("picked", name !== null);
        edges.forEach((edge, i) => paths[i].classList.toggle("near", name !== null && edge[side] === name));
        for (const [other, otherSide, group] of groups)
            group.classList.toggle("near", joined.some(edge => edge[otherSide] === other));
    };
    for (const [name, side, group] of groups) {
        svg.append(group);
        group.addEventListener("pointerenter", () => near(name, side));
        group.addEventListener("pointerleave", () => near(null));
        group.addEventListener("focus", () => near(name, side));
        group.addEventListener("blur", () => near(null));
    }
    $("graph").replaceChildren(svg);
    const left = peers.some(node => node.name === REST) || programs.some(node => node.name === REST);
    $("graph-aside").textContent = `coloured by the strictest verdict, as wide as frequent${left ? "; the rarest stand together" : ""}`;
}

/* Tables */

function programCell(exe, pid) {
    const base = baseOf(exe), folder = exe.slice(0, exe.length - base.length);
    return make("td", {class: "program", title: exe}, make("b", {}, base),
                ...(pid === undefined ? [make("span", {}, folder && folder !== exe ? " " + folder.replace(/\/$/, "") : "")]
                                      : [make("span", {class: "pid"}, ` ${pid}`)]));
}
function showSummary(list) {
    const rows = new Map();
    for (const event of list) {
        if (event.direction === "name")
            continue;
        const key = JSON.stringify([event.exe, event.where, event.verdict]);
        let row = rows.get(key);
        if (!row)
            rows.set(key, row = {...event, count: 0, first: event.time, last: event.time});
        row.count++;
        row.first = row.first ?? event.time;
        row.last = event.time ?? row.last;
    }
    const sorted = [...rows.values()].sort((a, b) => b.count - a.count || (a.exe + a.where < b.exe + b.where ? -1 : 1));
    const shown = sorted.slice(0, PAGE), most = sorted.length ? sorted[0].count : 1;
    $("summary").tBodies[0].replaceChildren(...shown.map(row => {
        const bar = make("span", {class: `bar ${row.kind}`});
        bar.style.width = Math.max(2, 110 * row.count / most) + "px";
        return make("tr", {}, programCell(row.exe), make("td", {class: "direction"}, row.direction), make("td", {class: "endpoint"}, row.endpoint),
                    make("td", {class: `verdict ${row.kind}`}, row.verdict), make("td", {class: "count"}, number(row.count)), make("td", {class: "share"}, bar),
                    make("td", {class: "time"}, momentOf(row.first)), make("td", {class: "time"}, momentOf(row.last)));
    }));
    $("summary-aside").textContent = sorted.length > shown.length ? `the ${shown.length} most frequent of ${number(sorted.length)}`
                                                                  : plural(sorted.length, "row");
    $("summary").closest("section").hidden = sorted.length === 0;
}
function detailRow(event) {
    const list = make("dl", {});
    const add = (name, value) => { if (value) list.append(make("dt", {}, name), make("dd", {}, make("code", {}, value))); };
    add("because", event.because);
    add("to allow", event.remedy);
    add("program", event.exe);
    return make("tr", {class: "detail"}, make("td", {colspan: 6}, list));
}
function eventRow(event) {
    const row = make("tr", {class: "event", tabindex: 0, "aria-expanded": "false"}, make("td", {class: "time"}, momentOf(event.time)), programCell(event.exe, event.pid),
        make("td", {}, event.op), make("td", {class: "where"}, make("em", {}, event.direction), " ", event.endpoint),
        make("td", {class: `verdict ${event.kind}`}, event.verdict), make("td", {class: "rule"}, event.rule));
    pressed(row, () => {
        const open = row.classList.toggle("open");
        row.setAttribute("aria-expanded", open);
        if (open)
            row.after(detailRow(event));
        else
            row.nextSibling.remove();
    });
    return row;
}
function showEvents(list) {
    const newest = list.slice(-limit).reverse();
    $("events").tBodies[0].replaceChildren(...newest.map(eventRow));
    $("events-section").hidden = list.length === 0;
    $("shown").textContent = `${plural(list.length, "event")}${list.length < events.length ? ` of ${number(events.length)}` : ""}, the newest first`;
    $("more").hidden = newest.length >= list.length;
    $("more").textContent = `Show ${number(Math.min(PAGE, list.length - newest.length))} more`;
}

/* Around them */

function showTiles(list) {
    const refused = list.filter(event => event.kind === "deny" || event.kind === "drop").length;
    const would = list.filter(event => event.kind === "would").length;
    const tiles = [["Events", list.length, ""], ["Refused", refused, refused ? "deny" : ""], ...(would ? [["Would be refused", would, ""]] : []),
                   ["Programs", new Set(list.map(event => event.exe)).size, ""],
                   ["Peers", new Set(list.filter(event => event.direction === "to" || event.direction === "from").map(peerOf)).size, ""]];
    $("tiles").replaceChildren(...tiles.map(([name, value, kind]) => make("div", {class: kind}, make("dt", {}, name), make("dd", {}, number(value)))));
    $("tiles").hidden = events.length === 0;
}
function showChips() {
    const counts = countBy(events, event => event.kind);
    $("chips").replaceChildren(...KINDS.filter(kind => counts.get(kind)).map(kind => {
        const chip = make("button", {type: "button", "aria-pressed": wanted.kinds.has(kind)}, make("i", {class: kind}), KIND_NAMES[kind] || kind,
                          make("b", {}, number(counts.get(kind))));
        chip.addEventListener("click", () => {
            if (!wanted.kinds.delete(kind))
                wanted.kinds.add(kind);
            wantedChanged();
        });
        return chip;
    }));
}
function showNote() {
    const notes = [];
    if (data.left_out)
        notes.push(`${plural(data.left_out, "more event")} left out by the policy's log.limit: the counts are that much too small.`);
    if (data.all > events.length)
        notes.push(`These are the newest ${number(events.length)} of ${number(data.all)} events.`);
    if (data.unreadable)
        notes.push(`${plural(data.unreadable, "line")} of the log could not be read.`);
    $("note").textContent = notes.join(" ");
    $("note").hidden = notes.length === 0;
}
function showEmpty(list) {
    const empty = $("empty");
    empty.hidden = list.length > 0;
    empty.replaceChildren(...(events.length === 0
        ? [make("b", {}, "Nothing was logged"), "A policy's log begins with the first refusal."]
        : [make("b", {}, "No event matches"), "Press Escape to see all of them again."]));
}
function show() {
    const words = wordsOf(wanted.words);
    const others = events.filter(event => wanted.kinds.has(event.kind) && words.every(word => event.hay.includes(word)));
    const list = wanted.from === null ? others
        : others.filter(event => event.time !== null && event.time >= wanted.from && event.time < wanted.to);
    showTiles(list);
    showChips();
    showTimes(list);
    showGraph(list);
    showSummary(list);
    showEvents(list);
    showEmpty(list);
    document.documentElement.dataset.shown = list.length;
}
let waiting = 0;
function showSoon() {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(show);
}

$("search").addEventListener("input", () => {
    wanted.words = $("search").value;
    wantedChanged();
});
$("more").addEventListener("click", () => {
    limit += PAGE;
    showSoon();
});
$("time-clear").addEventListener("click", () => {
    wanted.from = wanted.to = null;
    wantedChanged();
});
addEventListener("hashchange", () => {
    wantedRead();
    showSoon();
});
addEventListener("keydown", e => {
    if (e.key === "/" && document.activeElement !== $("search") && !e.ctrlKey && !e.metaKey && !e.altKey) {
        e.preventDefault();
        $("search").focus();
    } else if (e.key === "Escape") {
        Object.assign(wanted, {words: "", kinds: new Set(KINDS), from: null, to: null});
        $("search").value = "";
        tip.hidden = true;
        wantedChanged();
    }
});
$("controls").hidden = events.length === 0;
wantedRead();
showNote();
show();
})();
