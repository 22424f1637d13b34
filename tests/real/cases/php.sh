# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# PHP: its own server with workers, and its curl extension, streams and sockets asking it. PHP opens each extension with
# RTLD_DEEPBIND, which walks past a preloaded object's names: the refused request goes through the extension.
program='PHP: curl, streams, php -S'
needs='php:php-cli /usr/lib/php/*/curl.so:php-curl'
version() { php --version; }
quick=yes
setup() {
    mkdir www
    cat >www/index.php <<'END_OF_FILE'
<?php
echo $_SERVER["REQUEST_METHOD"], " ", $_SERVER["REMOTE_ADDR"], " ", strlen(file_get_contents("php://input")), "\n";
END_OF_FILE
    cat >ask.php <<'END_OF_FILE'
<?php
function by_curl(string $url, array $more = []): void
{
    $handle = curl_init($url);
    curl_setopt_array($handle, $more + [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 5]);
    $body = curl_exec($handle);
    echo $body === false ? curl_errno($handle) . " " . preg_replace('/after \d+ ms/', 'after T ms', curl_error($handle)) . "\n"
        : curl_getinfo($handle, CURLINFO_RESPONSE_CODE) . " " . $body;
}
by_curl("http://127.0.0.1:8080/");
by_curl("http://127.0.0.1:8080/", [CURLOPT_POSTFIELDS => str_repeat("x", 100000)]);
by_curl("http://localhost:8080/", [CURLOPT_INTERFACE => "127.0.0.6"]);
by_curl("http://127.0.0.1:8089/");
by_curl("http://nowhere.invalid/");
$many = curl_multi_init();
$handles = array_map(fn() => curl_init("http://127.0.0.1:8080/"), range(1, 8));
foreach ($handles as $handle) {
    curl_setopt($handle, CURLOPT_RETURNTRANSFER, true);
    curl_multi_add_handle($many, $handle);
}
do {
    curl_multi_exec($many, $running);
    curl_multi_select($many, 0.1);
} while ($running);
echo "together: ", implode(" ", array_unique(array_map(fn($handle) => trim(curl_multi_getcontent($handle)), $handles))), "\n";
echo "stream: ", file_get_contents("http://127.0.0.1:8080/");
$client = stream_socket_client("tcp://127.0.0.1:8080", $number, $text, 5);
if ($client) {
    fwrite($client, "GET / HTTP/1.0\r\n\r\n");
    echo strtok(stream_get_contents($client), "\r"), "\n";
} else {
    echo "$number $text\n";
}
$server = stream_socket_server("tcp://127.0.0.1:8082");
$one = stream_socket_client("tcp://127.0.0.1:8082");
$two = stream_socket_accept($server);
fwrite($one, "to oneself\n");
echo fgets($two);
echo @stream_socket_client("tcp://127.0.0.1:8089", $number, $text) ? "open" : "$number $text", "\n";
echo implode(" ", gethostbynamel("localhost")), "\n";
passthru("echo a child");
exit(file_get_contents("http://127.0.0.1:8080/") ? 0 : 7);
END_OF_FILE
}
run() {
    serve php -n -S 127.0.0.1:8080 -t www
    ready 8080 || return
    php ask.php
}
normal() { free_of_times; }
shows='^200 POST 127.0.0.1 100000'
refusing='deny_to = [ "127.0.0.1:8080/tcp" ];'
refused_status=7
refused_shows='^7 Failed to connect to 127.0.0.1 port 8080'
