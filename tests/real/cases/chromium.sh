# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # what a case says of itself is for ../table.sh
# Chromium with its sandbox (a zygote in user and network namespaces, processes under seccomp filters that kill) loads a page of
# another local server, whose script asks for a file and paints; Electron programs are the same inside. Refused: an error page.
program='Chromium, sandboxed'
needs='chromium:chromium /usr/bin/python3:python3'
seconds=120
version() { chromium --version; }
setup() {
    mkdir www
    echo 'fetched' >www/data
    cat >www/index.html <<'END_OF_FILE'
<!DOCTYPE html><title>page</title><canvas id=canvas width=8 height=8></canvas><p id=result>nothing</p><script>
addEventListener("load", async () => {
    const text = await (await fetch("/data")).text();
    const worker = new Worker(URL.createObjectURL(new Blob(["postMessage(6 * 7)"])));
    const answer = await new Promise(done => { worker.onmessage = event => done(event.data) });
    canvas.getContext("2d").fillRect(0, 0, 4, 4);
    result.textContent = text.trim() + " " + answer + " " + canvas.getContext("2d").getImageData(1, 1, 1, 1).data[3];
});
</script>
END_OF_FILE
    serve "$PYTHON" -m http.server --bind :: --directory www 8000
    ready 8000
}
under_a_filter() {
    grep -q -s 'Seccomp:[[:space:]]*2' /proc/[0-9]*/status
}
run() {
    chromium --headless --disable-gpu --no-first-run --user-data-dir="$HOME/profile" --virtual-time-budget=20000 \
        --timeout=60000 --dump-dom http://127.0.0.1:8000/ >page 2>errors &
    bare wait_for 60 under_a_filter && echo 'a process is under a seccomp filter'
    wait $!
    echo "status $?"
    grep -o 'id="result">[^<]*' page
    grep -o -E 'Page load failed: .*|.*seccomp-bpf failure.*|.*FATAL.*' errors
    true
}
shows='^id="result">fetched 42 255'
refusing='deny_to = [ "127.0.0.1:8000/tcp" ];'
refused_status=0
refused_shows='^Page load failed: net::ERR_NETWORK_ACCESS_DENIED'
