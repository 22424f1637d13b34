# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # what a case says of itself is for ../table.sh
# Node: an HTTP server in a cluster of two processes that share its listener, clients over both families, keep-alive and
# pipes, datagrams, a name, and children of every kind. Its event loop makes system calls by number.
program="Node's http, net, dgram, cluster"
needs='node:nodejs'
version() { node --version; }
setup() {
    cat >server.js <<'END_OF_FILE'
const cluster = require("cluster"), http = require("http");
if (cluster.isPrimary) {
    let ready = 0;
    for (let i = 0; i < 2; i++)
        cluster.fork();
    cluster.on("listening", () => { if (++ready == 2) console.log("two workers listen") });
    process.on("SIGTERM", () => cluster.disconnect(() => process.exit(0)));
} else {
    http.createServer((request, answer) => {
        let size = 0;
        request.on("data", part => size += part.length);
        request.on("end", () => answer.end(`${request.method} ${request.url} ${size} from ${request.socket.remoteAddress}\n`));
    }).listen(8000, "::").on("error", error => { console.log(error.message); process.exit(3) });
}
END_OF_FILE
    cat >client.js <<'END_OF_FILE'
const http = require("http"), net = require("net"), dgram = require("dgram"), child = require("child_process");
const agent = new http.Agent({ keepAlive: true });
const ask = (options, body) => new Promise(done => {
    const request = http.request({ port: 8000, ...options }, answer => {
        let text = "";
        answer.on("data", part => text += part).on("end", () => done(`${answer.statusCode} ${text.trim()}`));
    });
    request.on("error", error => done(`${error.code} ${error.syscall}`)).end(body);
});
const datagram = () => new Promise(done => {
    const to = dgram.createSocket("udp4"), from = dgram.createSocket("udp4");
    to.on("message", (text, source) => { to.close(); from.close(); done(`${text} from ${source.address}`) });
    to.bind(0, "127.0.0.1", () => from.send(["one ", "datagram"], to.address().port, "127.0.0.1"));
});
const pipe = () => new Promise(done => {
    const server = net.createServer(socket => socket.end("through a pipe")).listen("pipe", () =>
        net.connect("pipe").on("data", text => { server.close(); done(String(text)) }));
});
(async () => {
    console.log(await ask({ host: "127.0.0.1", path: "/four" }));
    console.log(await ask({ host: "::1", path: "/six" }));
    console.log(await ask({ host: "localhost", method: "POST", path: "/body" }, Buffer.alloc(300000)));
    const many = await Promise.all(Array.from({ length: 40 }, () => ask({ host: "127.0.0.1", path: "/many", agent })));
    console.log(new Set(many));
    console.log(await ask({ host: "127.0.0.1", port: 8009 }));
    console.log(await ask({ host: "nowhere.invalid" }));
    console.log(await datagram(), await pipe());
    console.log(String(child.execSync("echo shell; exit 0")), child.spawnSync("cat", { input: "cat" }).stdout.toString());
    const worker = child.fork(process.argv[1], ["child"]);
    worker.on("message", text => { console.log("child says", text); agent.destroy() });
    if ((await ask({ host: "127.0.0.1", path: "/" })).startsWith("E"))
        process.exitCode = 4;
})();
END_OF_FILE
    sed -i '1i if (process.argv[2] == "child") { process.send("hello"); process.exit(0); }' client.js
}
run() {
    status=125
    serve node server.js
    if wait_for 20 grep -q 'two workers listen' server.log; then
        node client.js
        status=$?
        kill "$SERVED"
        wait "$SERVED"
        echo "the server ends with $?"
    else
        wait "$SERVED"
    fi
    cat server.log
    return "$status"
}
shows='^200 POST /body 300000 from ::(1|ffff:127.0.0.1)'
refusing='deny_to = [ "127.0.0.1:8000/tcp" ];'
refused_status=4
refused_shows='^EACCES connect'
